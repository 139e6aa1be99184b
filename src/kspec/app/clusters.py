"""Which cluster a run uses, and why: said before anything is sent."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from kspec.errors import UsageError
from kspec.settings import Settings

EMBEDDED: Final = "embedded"
Kind = Literal["embedded", "kubeconfig", "in-cluster"]


@dataclass(frozen=True, slots=True)
class Choice:
    """A way to a cluster."""

    kind: Kind
    why: str
    kubeconfig: str | None = None
    """A file, or several as in KUBECONFIG."""
    context: str | None = None


def choose(settings: Settings, environ: Mapping[str, str] = os.environ) -> Choice:
    """In this order: --cluster, --context, a kubeconfig, --in-cluster, the embedded one."""
    if settings.cluster == EMBEDDED:
        return Choice("embedded", "embedded control plane (--cluster embedded)")
    if settings.cluster is not None:
        raise UsageError(
            f"there is no cluster named '{settings.cluster}'",
            hint="`--cluster embedded`, or `--context NAME` for one of the kubeconfig's",
        )
    path = _kubeconfig(settings, environ)
    if settings.context is not None:
        if path is None:
            raise UsageError(f"--context {settings.context}: there is no kubeconfig")
        return Choice("kubeconfig", f"context {settings.context} of {path}", path, settings.context)
    if path is not None:
        return Choice("kubeconfig", f"current context of {path}", path)
    if settings.in_cluster:
        return Choice("in-cluster", "in-cluster credentials (--in-cluster)")
    return Choice("embedded", "embedded control plane (no kubeconfig found)")


def _kubeconfig(settings: Settings, environ: Mapping[str, str]) -> str | None:
    named = environ.get("KUBECONFIG", "").split(os.pathsep)
    texts = [settings.kubeconfig] if settings.kubeconfig else [text for text in named if text]
    if texts:
        paths = [Path(text).expanduser() for text in texts]
        found = [str(path) for path in paths if path.is_file()]  # as kubectl, which needs not all
        if not found:
            raise UsageError(f"kubeconfig {paths[0]} does not exist")
        return os.pathsep.join(found)
    usual = Path(environ.get("HOME", "/")) / ".kube" / "config"
    return str(usual) if usual.is_file() else None
