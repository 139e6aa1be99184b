"""What a wait looks at: a live stream, or lists at the moments of judging."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from kspec import clock
from kspec.snapshots import Gap, Moment, Object, Resource, Selection, Snapshot, uid_of

if TYPE_CHECKING:
    from kspec.cluster.client import Client
    from kspec.cluster.stream import Stream


class Source(Protocol):
    """Yields moments in order, and can be brought up to date."""

    async def begin(self) -> tuple[Moment, ...]:
        """The state now, or the history so far for words that read it."""
        ...

    async def more(self, until: float) -> tuple[Moment, ...]:
        """The next moments; empty when the time `until` came first."""
        ...

    async def confirm(self) -> tuple[Moment, ...]:
        """Moments up to a state that is known to be current."""
        ...

    def present(self) -> Snapshot:
        """The state as last seen."""
        ...

    @property
    def trouble(self) -> str | None:
        """Why nothing can be seen at present, if so."""
        ...


class LiveSource:
    """A hub's stream, seen through a selection; with its history from `since` if given."""

    def __init__(
        self, stream: Stream, selection: Selection, since: int | None, began: float
    ) -> None:
        self._stream = stream
        self._selection = selection
        self._since = since
        self._began = began
        self._position = stream.position

    async def begin(self) -> tuple[Moment, ...]:
        self._position = self._stream.position
        if self._since is None:
            return (self._stream.now(self._selection),)
        moments = self._stream.replay(self._selection, self._since)
        late = self._stream.opened_at > self._began
        unseen = Gap(self._began, self._stream.opened_at, "the watch was opened late")
        return (unseen, *moments) if late else moments

    async def more(self, until: float) -> tuple[Moment, ...]:
        try:
            async with asyncio.timeout_at(until):
                await self._stream.advance(self._position, self._selection)
        except TimeoutError:
            return ()
        return self._take()

    async def confirm(self) -> tuple[Moment, ...]:
        await self._stream.confirm()
        return self._take()

    def present(self) -> Snapshot:
        return self._stream.now(self._selection)

    def _take(self) -> tuple[Moment, ...]:
        moments, self._position = self._stream.since(self._selection, self._position)
        return moments

    @property
    def trouble(self) -> str | None:
        return self._stream.trouble


class ListedSource:
    """Lists when asked, and nothing between: for what no single stream shows."""

    trouble: str | None = None

    def __init__(self, read: Callable[[], Awaitable[tuple[Object, ...]]]) -> None:
        self._read = read
        self._latest = Snapshot((), 0, 0.0)

    def present(self) -> Snapshot:
        return self._latest

    async def begin(self) -> tuple[Moment, ...]:
        self._latest = Snapshot(await self._read(), 0, clock.now())
        return (self._latest,)

    async def more(self, until: float) -> tuple[Moment, ...]:
        await clock.pause(until - clock.now())
        return ()

    async def confirm(self) -> tuple[Moment, ...]:
        return await self.begin()


async def descendants(
    client: Client, owner: Object, kinds: Sequence[Resource], namespace: str | None
) -> tuple[Object, ...]:
    """Everything of these kinds that the owner's uid owns, at any depth, by metadata lists."""
    listings = await asyncio.gather(
        *(
            client.list(kind, namespace if kind.namespaced else None, metadata_only=True)
            for kind in kinds
        )
    )
    items = [
        {**item, "kind": kind.kind}
        for kind, listing in zip(kinds, listings, strict=True)
        for item in listing.items
    ]
    return owned_by(uid_of(owner), items)


def owned_by(uid: str, items: Sequence[Object]) -> tuple[Object, ...]:
    """Those of the items that the uid owns, directly or through others."""
    owners, found = {uid}, dict[str, Object]()
    grown = True
    while grown:
        fresh = {
            uid_of(item): item
            for item in items
            if uid_of(item) not in found and owners.intersection(_owners(item))
        }
        found.update(fresh)
        owners.update(fresh)
        grown = bool(fresh)
    return tuple(found.values())


def _owners(item: Object) -> set[str]:
    references = (item.get("metadata") or {}).get("ownerReferences") or ()
    return {str(reference.get("uid")) for reference in references}
