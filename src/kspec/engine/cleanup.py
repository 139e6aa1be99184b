"""Removing what a spec created, last first, and naming what could not be removed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from kspec.errors import KspecError
from kspec.snapshots import Revision, Selection

if TYPE_CHECKING:
    from kspec.cluster.connection import Connection

LAST_CHANCE: Final = 5.0
"""Seconds for what one object that does not go has kept waiting, all at once."""


@dataclass(slots=True)
class CleanUp:
    """A stack of created objects. What existed before never gets onto it."""

    connection: Connection
    own_namespace: str | None = None
    """Objects in here go with their namespace."""
    stack: list[Revision] = field(default_factory=list)
    left_behind: list[str] = field(default_factory=list)

    def created(self, revision: Revision) -> None:
        """Remember an object to remove."""
        if not (self.own_namespace and revision.namespace == self.own_namespace):
            self.stack.append(revision)

    async def run(self, seconds: float) -> None:
        """Remove everything, last first, within so many seconds. Never raises KspecError.

        What one object that does not go has kept waiting then gets LAST_CHANCE seconds more.
        """
        try:
            async with asyncio.timeout(seconds):
                while self.stack:
                    await self._remove(self.stack[-1])
                    self.stack.pop()
        except TimeoutError:
            self.left_behind.append(f"{command(self.stack.pop())}  # it is still there")
            await asyncio.gather(*(self._last_chance(one) for one in reversed(self.stack)))
            self.stack.clear()

    async def _last_chance(self, revision: Revision) -> None:
        try:
            async with asyncio.timeout(LAST_CHANCE):
                await self._remove(revision)
        except TimeoutError:
            self.left_behind.append(f"{command(revision)}  # it is still there")

    async def _remove(self, revision: Revision) -> None:
        try:
            gone = await remove(self.connection, revision)
            if not gone.deleted or revision.resource.kind == "Namespace":
                return  # a namespace takes 5 s to go: the run drains them all at once
            await self._gone(gone)
        except KspecError as error:
            self.left_behind.append(f"{command(revision)}  # {error.message}")

    async def _gone(self, revision: Revision) -> None:
        stream = self.connection.hub.stream(revision.resource, revision.namespace)
        selection = Selection(revision.namespace, revision.name, revision.uid or None)
        try:
            await stream.listed()
            await stream.until(selection, lambda seen: not seen.objects)
        finally:
            stream.close()


async def remove(connection: Connection, revision: Revision) -> Revision:
    """Delete an object if it is still the one with this uid."""
    answer = await connection.client.delete(
        revision.resource, revision.name, revision.namespace, uid=revision.uid or None
    )
    return Revision(
        revision.resource,
        revision.namespace,
        revision.name,
        revision.uid,
        None,
        deleted=answer is not None,
    )


def command(revision: Revision) -> str:
    """The kubectl command that removes it."""
    place = f" --namespace {revision.namespace}" if revision.namespace else ""
    return f"kubectl delete {revision.resource.name} {revision.name}{place}"
