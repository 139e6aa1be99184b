"""One user's hold on a shared watch: the present, the history and what comes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from kspec.cluster.currency import written
from kspec.errors import ClusterError
from kspec.snapshots import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

    from kspec.cluster.feed import Feed
    from kspec.cluster.hub import Hub
    from kspec.snapshots import Moment, Resource, Revision, Selection


class Stream:
    """The objects of one kind, in one namespace or in all: made by `Hub.stream`.

    Positions count the entries of its history: what changed, and gaps. Questions are answered
    from memory, at once; only the coroutines wait. All of these raise `errors.ClusterError` when
    the watch cannot be (forbidden, unknown kind) or was closed; trouble that may pass is waited
    out, and told by `trouble`.
    """

    def __init__(self, hub: Hub, feed: Feed, resource: Resource, namespace: str | None) -> None:
        self.resource = resource
        self.namespace = namespace
        self.feed = feed
        """The watch behind it; the hub may put a narrower one in its place before it is listed."""
        self._hub = hub

    @property
    def opened_at(self) -> float:
        """From when on everything is shown: when the first list came (infinite before).

        In seconds of `clock.now`.
        """
        began = self.feed.log.began
        return math.inf if began is None else began

    @property
    def position(self) -> int:
        """The number of the last entry; it grows with each. 0 before the first list."""
        return self.feed.log.position

    @property
    def trouble(self) -> str | None:
        """Why nothing comes at present and for how long, or None."""
        return self.feed.trouble

    async def listed(self) -> None:
        """Wait for the first list. Raises ClusterError when there cannot be one."""
        await self._listed()

    def now(self, selection: Selection) -> Snapshot:
        """The present, as far as it is known."""
        return self.feed.log.now(self._within(selection))

    def replay(self, selection: Selection, since: int) -> tuple[Moment, ...]:
        """The state at a position, then each later moment.

        Moments are the Snapshots in which the selection changed, and Gaps. It starts with a Gap
        if that position is no longer kept.
        """
        return self.feed.log.replay(self._within(selection), since)

    def since(self, selection: Selection, position: int) -> tuple[tuple[Moment, ...], int]:
        """The moments after a position, without the state at it, and the position reached."""
        return self.feed.log.since(self._within(selection), position), self.position

    async def advance(self, position: int, selection: Selection | None = None) -> int:
        """Wait for an entry after a position; gives the position reached.

        With a selection only an entry that concerns it, or a gap, ends the wait: many can wait
        on a busy stream at little cost.
        """
        feed = await self._listed()
        return await feed.advance(position, self._within(selection) if selection else None)

    async def reached(self, revision: Revision) -> None:
        """Wait until the stream shows a write.

        That is its revision; for a delete without one, that the uid is gone.
        """
        feed = await self._listed()
        log = feed.log
        if not revision.deleted or revision.number is not None or self._is_there(revision):
            await feed.progress_until(lambda: written(log, revision))
        elif log.removed(revision.uid) is None:
            await self.confirm()  # not even its creation was shown: it may be yet to come
            await feed.progress_until(lambda: not self._is_there(revision))

    async def confirm(self) -> float:
        """Make sure that the stream is current.

        Gives a time, not before this call, up to which it shows everything. The metadata of the
        scope is listed, consistently. If the watch has not come that far by itself (it hears of
        its own kind only) it connects anew, which it survives only if it is alive, and must then
        show every listed object at that revision or later and none that is gone. Calls at the
        same time share this.
        """
        feed = await self._listed()
        return await feed.confirm(self.namespace)

    async def until(self, selection: Selection, predicate: Callable[[Snapshot], bool]) -> Snapshot:
        """The present if it satisfies, else the first later Snapshot that does."""
        feed = await self._listed()
        chosen = self._within(selection)
        position, snapshot = feed.log.position, feed.log.now(chosen)
        if predicate(snapshot):
            return snapshot
        while True:
            reached = await feed.advance(position, chosen)
            for moment in feed.log.since(chosen, position):
                if isinstance(moment, Snapshot) and predicate(moment):
                    return moment
            position = reached

    def close(self) -> None:
        """Let go. The watch ends some time after its last user has."""
        self._hub.release(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    async def _listed(self) -> Feed:
        """The watch behind, once it is listed; a narrower one if this one was forbidden."""
        while True:
            feed = self.feed
            try:
                await feed.listed()
            except ClusterError:
                if self.feed is feed:
                    raise
            else:
                return feed

    def _within(self, selection: Selection) -> Selection:
        """Confined to our namespace."""
        if self.namespace is None or selection.namespace is not None:
            return selection
        return replace(selection, namespace=self.namespace)

    def _is_there(self, revision: Revision) -> bool:
        item = self.feed.log.get((revision.namespace or "", revision.name))
        return item is not None and item["metadata"].get("uid") == revision.uid
