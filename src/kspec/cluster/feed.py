"""One watch at work: its marks enter a log, and wake those who wait for them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeAlias

from kspec import clock
from kspec.cluster import watch
from kspec.cluster.currency import Confirmations
from kspec.cluster.log import LIMIT, Entry, Log
from kspec.cluster.selected import touches
from kspec.errors import ClusterError
from kspec.snapshots import Gap, Resource, Selection

if TYPE_CHECKING:
    from collections.abc import Callable

    from kspec.cluster.client import Client

IMPATIENCE: Final = 5.0
"""Seconds after which a watch that should have told something counts as dead and is renewed."""

_Waiters: TypeAlias = dict[str | None, set["_Waiter"]]


class _Waiter:
    """Someone who waits for an entry about a selection (any entry if it is None)."""

    def __init__(self, selection: Selection | None) -> None:
        self.selection = selection
        self.future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def offer(self, entry: Entry) -> None:
        """Wake up if the entry concerns us."""
        if not self.future.done() and (self.selection is None or touches(self.selection, entry)):
            self.future.set_result(None)


class Feed:
    """The watch of one kind in one scope (namespace, or None for all), shared by streams."""

    def __init__(
        self,
        client: Client,
        resource: Resource,
        namespace: str | None,
        *,
        limit: int = LIMIT,
        on_failure: Callable[[Feed], None] = lambda _feed: None,
    ) -> None:
        self.resource = resource
        self.namespace = namespace
        self.log = Log(limit)
        self.failure: BaseException | None = None
        """What ended it. Nothing more comes."""
        self._on_failure = on_failure
        self._confirmations = Confirmations(client, self)
        self._source = watch.Source(client.calls, resource, namespace)
        self._trouble: tuple[float, str] | None = None
        self._waiters: _Waiters = {}
        self._progress: set[asyncio.Future[None]] = set()
        name = f"watch {resource.name} in {namespace or 'all namespaces'}"
        self._task = asyncio.create_task(self._run(), name=name)

    @property
    def trouble(self) -> str | None:
        """Why nothing comes at present, and since when."""
        if self._trouble is None:
            return None
        since, reason = self._trouble
        return f"no news of {self.resource.plural} since {clock.now() - since:.0f} s: {reason}"

    async def listed(self) -> None:
        """Wait for the first list. Raises what makes it impossible."""
        await self.progress_until(lambda: self.log.began is not None)

    async def advance(self, position: int, selection: Selection | None = None) -> int:
        """Wait for an entry after the position (about the selection); gives the new position."""
        while not self._has_news(position, selection):
            self._raise_failure()
            await self._entry(selection)
        return self.log.position

    async def progress_until(self, reached: Callable[[], bool]) -> None:
        """Wait until something is so; it is asked again after each mark."""
        while not reached():
            self._raise_failure()
            future = asyncio.get_running_loop().create_future()
            self._progress.add(future)
            try:
                await self._impatiently(future)
            finally:
                self._progress.discard(future)

    async def renewed(self) -> int:
        """Let the watch connect anew, and wait until it has; gives the connection's number."""
        before = self._source.connections
        self._source.renew()
        await self.progress_until(lambda: self._source.connections > before)
        return self._source.connections

    def holds(self, connection: int) -> bool:
        """Whether that connection is still open."""
        return self._source.open and self._source.connections == connection

    async def confirm(self, namespace: str | None) -> float:
        """See `Stream.confirm`."""
        return await self._confirmations.confirm(namespace)

    async def close(self) -> None:
        """End the watch."""
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._confirmations.close()

    def _has_news(self, position: int, selection: Selection | None) -> bool:
        if selection is None:
            return self.log.position > position
        return self.log.touched(selection, position)

    async def _entry(self, selection: Selection | None) -> None:
        waiter = _Waiter(selection)
        place = self._waiters.setdefault(selection.namespace if selection else None, set())
        place.add(waiter)
        try:
            await waiter.future
        finally:
            place.discard(waiter)

    async def _impatiently(self, future: asyncio.Future[None]) -> None:
        """Wait; after a while let the watch connect anew, in case the connection is dead."""
        try:
            async with asyncio.timeout(IMPATIENCE):
                await future
        except TimeoutError:
            self._source.renew()

    def _raise_failure(self) -> None:
        if self.failure is not None:
            raise self.failure

    async def _run(self) -> None:
        try:
            async for mark in watch.watch(self._source):
                self._take(mark)
        except asyncio.CancelledError:
            self.failure = ClusterError("the watch was closed")
            raise
        except Exception as error:  # noqa: BLE001 - handed to everyone who waits
            self.failure = error
            self._on_failure(self)
        finally:
            self._wake_all()

    def _take(self, mark: watch.Mark) -> None:
        match mark:
            case watch.Trouble(reason):
                since = self._trouble[0] if self._trouble else clock.now()
                self._trouble = (since, reason)
                return
            case watch.Connected():
                self._trouble = None
            case _:
                self._tell(self._entered(mark))
        self._wake_progress()

    def _entered(self, mark: watch.Mark) -> tuple[Entry, ...]:
        log, at = self.log, clock.now()
        match mark:
            case watch.Listed(items, revision):
                return log.listing(items, revision, at)
            case watch.Changed(kind, item, revision, size):
                return log.change(item, revision, at, deleted=kind == "DELETED", size=size)
            case watch.Bookmark(revision):
                log.progress(revision, at)
            case Gap():
                return log.gap(mark)
        return ()

    def _tell(self, entries: tuple[Entry, ...]) -> None:
        for entry in entries:
            for place in self._places(entry):
                for waiter in self._waiters.get(place, ()):
                    waiter.offer(entry)

    def _places(self, entry: Entry) -> set[str | None]:
        """Where those wait whom an entry may concern; a gap concerns all."""
        if entry.gap is not None:
            return set(self._waiters)
        return {None, *(change.key[0] for change in entry.changes)}

    def _wake_progress(self) -> None:
        for future in self._progress:
            if not future.done():
                future.set_result(None)

    def _wake_all(self) -> None:
        self._wake_progress()
        for place in self._waiters.values():
            for waiter in place:
                if not waiter.future.done():
                    waiter.future.set_result(None)
