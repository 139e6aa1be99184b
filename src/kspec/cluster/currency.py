"""Whether a watch is current: against a write, or against a consistent list."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from kspec import clock
from kspec.cluster.backoff import Backoff
from kspec.cluster.log import key_of
from kspec.snapshots import Revision, revision_of, uid_of

if TYPE_CHECKING:
    from kspec.cluster.client import Client
    from kspec.cluster.feed import Feed
    from kspec.cluster.lists import Listing
    from kspec.cluster.log import Key, Log

TURNS: Final = 3
"""Turns of the event loop in which what lies in the watch's socket already is read, parsed and
entered: it may be about objects that were there too shortly for any list."""


class Confirmations:
    """Confirms one feed. Callers at the same time share one list: the next to begin."""

    def __init__(self, client: Client, feed: Feed) -> None:
        self._client = client
        self._feed = feed
        self._promised: dict[str | None, asyncio.Task[float]] = {}
        self._under_way: dict[str | None, asyncio.Task[float]] = {}

    async def confirm(self, namespace: str | None) -> float:
        """See `Stream.confirm`."""
        task = self._promised.get(namespace)
        if task is None:
            task = asyncio.create_task(self._next(namespace), name="confirm")
            task.add_done_callback(_noticed)
            self._promised[namespace] = task
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Leave off."""
        tasks = {*self._promised.values(), *self._under_way.values()}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _next(self, namespace: str | None) -> float:
        try:
            if namespace in self._under_way:
                await asyncio.wait([self._under_way[namespace]])
        finally:
            task = self._promised.pop(namespace)
        self._under_way[namespace] = task
        try:
            return await self._list_and_agree(namespace)
        finally:
            del self._under_way[namespace]

    async def _list_and_agree(self, namespace: str | None) -> float:
        asked_at, log = clock.now(), self._feed.log
        listing = await self._consistent(namespace)
        await _turns()
        agreement = _Agreement(log, listing, namespace)
        while log.revision < listing.revision:
            connection = await self._feed.renewed()
            await self._feed.progress_until(agreement.reached)
            await _turns()
            if self._feed.holds(connection):  # and did not end at once, saying 410
                break
        return asked_at

    async def _consistent(self, namespace: str | None) -> Listing:
        """A list that is not older than what the watch has told: some API server may be behind."""
        backoff, floor = Backoff(), self._feed.log.revision
        while True:
            listing = await self._client.list(self._feed.resource, namespace, metadata_only=True)
            if listing.revision >= floor:
                return listing
            await clock.pause(backoff.next())


async def _turns() -> None:
    """Let what has arrived be read."""
    for _ in range(TURNS):
        await clock.pause(0)


def _noticed(task: asyncio.Task[float]) -> None:
    """Take note of an error that no waiter is left to see."""
    if not task.cancelled():
        task.exception()


class _Agreement:
    """Whether a log shows at least what a list says; what is settled is not asked again."""

    def __init__(self, log: Log, listing: Listing, namespace: str | None) -> None:
        self._log = log
        self._revision = listing.revision
        self._awaited = [(key_of(item), uid_of(item), revision_of(item)) for item in listing.items]
        listed = {uid for _, uid, _ in self._awaited}
        self._vanishing = [
            (key_of(item), uid_of(item))
            for item in log.objects(namespace)
            if uid_of(item) not in listed and revision_of(item) <= listing.revision
        ]

    def reached(self) -> bool:
        log = self._log
        if log.revision >= self._revision:
            return True
        self._awaited = [each for each in self._awaited if not shows(log, *each)]
        self._vanishing = [(key, uid) for key, uid in self._vanishing if _uid_at(log, key) == uid]
        return not self._awaited and not self._vanishing


def written(log: Log, revision: Revision) -> bool:
    """Whether a log shows a write. For a delete without a number: the uid's removal was seen."""
    key = (revision.namespace or "", revision.name)
    if revision.number is not None:
        return log.revision >= revision.number or shows(log, key, revision.uid, revision.number)
    if revision.deleted:
        return log.removed(revision.uid) is not None
    return True


def shows(log: Log, key: Key, uid: str, number: int) -> bool:
    """Whether a log shows an object at that revision or later, or its removal."""
    item = log.get(key)
    if item is not None and uid_of(item) == uid and revision_of(item) >= number:
        return True
    return log.removed(uid) is not None


def _uid_at(log: Log, key: Key) -> str:
    item = log.get(key)
    return uid_of(item) if item is not None else ""
