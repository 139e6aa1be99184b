"""The chosen way to a cluster, made ready, and a kubeconfig for children."""

from __future__ import annotations

from collections.abc import Mapping
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


async def reach(
    choice: Choice, starting: Starting | None, directory: Path
) -> tuple[Access, Mapping[str, Any], Path]:
    """The access, the facilities of the cluster, and the kubeconfig that children are given."""
    if starting is not None:
        plane = await starting.ready()
        way = access.explicit(
            plane.server,
            ca=plane.ca,
            certificate=plane.certificate,
            key=plane.key,
            describes=choice.why,
        )
        return way, {"crds": crds}, plane.kubeconfig
    if choice.kind == "in-cluster":
        return access.in_cluster(), {}, directory / "no-kubeconfig"
    if choice.kubeconfig is None:
        raise ClusterError("there is no kubeconfig")
    way = await access.from_kubeconfig(str(choice.kubeconfig), choice.context)
    ours = directory / "kubeconfig"
    write_atomic(ours, access.context_file(str(choice.kubeconfig), choice.context), 0o600)
    return way, {}, ours
