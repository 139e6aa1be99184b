"""A cluster ready for use."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from kspec.cluster.client import Client
from kspec.cluster.hub import Hub

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from kspec.cluster.transport import Transport


class Access(Protocol):
    """A way to a cluster: what `access` makes from a kubeconfig, in-cluster files and so on."""

    @property
    def server(self) -> str:
        """The API server's URL."""
        ...

    @property
    def describes(self) -> str:
        """Which cluster, and how it was chosen, in words."""
        ...

    @property
    def transport(self) -> Transport:
        """What reaches it."""
        ...

    async def close(self) -> None:
        """Close its connections."""
        ...


@dataclass(frozen=True, slots=True)
class Connection:
    """One cluster under one identity.

    `facilities` are what only some clusters can do (`audit`, simulated pods, ...), by name.
    """

    client: Client
    hub: Hub
    server: str
    description: str
    facilities: Mapping[str, Any] = field(default_factory=dict)


@asynccontextmanager
async def connect(
    access: Access, facilities: Mapping[str, Any] | None = None
) -> AsyncIterator[Connection]:
    """A connection for as long as it is needed. Nothing is sent until something is asked."""
    client = Client(access.transport)
    hub = Hub(client)
    try:
        yield Connection(client, hub, access.server, access.describes, facilities or {})
    finally:
        await hub.close()
        await access.close()
