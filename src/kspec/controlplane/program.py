"""Where the control plane's program is."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Final, cast

from kspec.errors import NoClusterError

VARIABLE: Final = "KSPEC_CONTROLPLANE"
PACKAGE: Final = "kspec_controlplane"
NAME: Final = "kspec-controlplane"
_CHECKOUT: Final = Path(__file__).parents[3] / "controlplane"


def find(environ: Mapping[str, str] = os.environ) -> Path:
    """The program: $KSPEC_CONTROLPLANE, else the installed wheel's, else this checkout's build.

    Raises NoClusterError if there is none, or the variable names no program.
    """
    named = environ.get(VARIABLE)
    if named:
        return _executable(Path(named).absolute())
    return _installed() or _built(environ) or _missing()


def _installed() -> Path | None:
    try:
        package = import_module(PACKAGE)
    except ModuleNotFoundError:
        return None
    path = cast(Path, package.path())
    return path if path.is_file() else None  # an editable install has none


def _built(environ: Mapping[str, str]) -> Path | None:
    """What `controlplane/build.py` made of exactly these sources."""
    if not (_CHECKOUT / "go.mod").is_file():
        return None
    builds = cache(environ).glob(f"{fingerprint(_CHECKOUT)}-*/{NAME}")
    return max(builds, key=lambda path: path.stat().st_mtime, default=None)


def cache(environ: Mapping[str, str]) -> Path:
    """The directory of finished builds; the same in `controlplane/build.py`."""
    home = Path(environ.get("HOME") or "~").expanduser()
    shared = Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "kspec"
    return Path(environ.get("KSPEC_CACHE") or shared) / "controlplane"


def fingerprint(sources: Path) -> str:
    """A hash of what the program is made from; the same in `controlplane/build.py`."""
    digest = hashlib.sha256()
    names = ["go.mod", "go.sum", "build.py", *(path.name for path in sources.glob("*.go"))]
    for name in sorted(names):
        content = (sources / name).read_bytes()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def _executable(path: Path) -> Path:
    if not (path.is_file() and os.access(path, os.X_OK)):
        raise NoClusterError(f"${VARIABLE} names no program that can be executed: {path}")
    return path


def _missing() -> Path:
    raise NoClusterError(
        "there is no cluster, and the embedded control plane is not installed",
        hint="pip install 'kspec[embedded]', or name a cluster with --context",
    )
