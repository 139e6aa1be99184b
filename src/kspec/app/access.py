"""The chosen way to a cluster, made ready, and a kubeconfig for children."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kspec.app.clusters import Choice
from kspec.cluster import access
from kspec.cluster.access import Access
from kspec.controlplane import crds
from kspec.errors import ClusterError
from kspec.files import write_atomic

if TYPE_CHECKING:
    from kspec.controlplane import Starting


@dataclass(frozen=True, slots=True)
class Reached:
    """A cluster at hand."""

    access: Access
    facilities: Mapping[str, Any]
    kubeconfig: Path
    """What children are given."""
    tools: Path | None = None
    """A folder with `kubectl` and `helm`, for machines that have none."""


async def reach(choice: Choice, starting: Starting | None, directory: Path) -> Reached:
    """Make the way to the chosen cluster. `directory` is the run's own, for what it writes."""
    if starting is not None:
        plane = await starting.ready()
        way = access.explicit(
            plane.server,
            ca=plane.ca,
            certificate=plane.certificate,
            key=plane.key,
            describes=choice.why,
        )
        return Reached(way, {"crds": crds}, plane.kubeconfig, _tools(plane.program, directory))
    if choice.kind == "in-cluster":
        return Reached(access.in_cluster(), {}, directory / "no-kubeconfig")
    if choice.kubeconfig is None:
        raise ClusterError("there is no kubeconfig")
    way = await access.from_kubeconfig(str(choice.kubeconfig), choice.context)
    ours = directory / "kubeconfig"
    write_atomic(ours, access.context_file(str(choice.kubeconfig), choice.context), 0o600)
    return Reached(way, {}, ours)


def _tools(program: Path, directory: Path) -> Path:
    """The control plane's program is also `kubectl` and `helm`, by the name that it is called."""
    folder = directory / "bin"
    folder.mkdir(mode=0o700)
    for name in ("kubectl", "helm"):
        (folder / name).symlink_to(program)
    return folder
