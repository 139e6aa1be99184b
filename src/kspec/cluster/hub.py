"""All watches of one identity on one cluster, each shared by everyone who needs it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, TypeAlias

from kspec.cluster.feed import Feed
from kspec.cluster.log import LIMIT
from kspec.cluster.stream import Stream
from kspec.errors import ApiError, ClusterError

if TYPE_CHECKING:
    from kspec.cluster.client import Client
    from kspec.snapshots import Resource

LINGER: Final = 30.0
"""Seconds that a watch goes on without users: the next step or spec often wants the same."""

_Kind: TypeAlias = tuple[str, str]
_Key: TypeAlias = tuple[_Kind, str | None]


class Hub:
    """Makes streams.

    One watch per kind and scope: all namespaces at once where that is allowed, else one for each
    namespace (found out once per kind).
    """

    def __init__(self, client: Client, *, history: int = LIMIT, linger: float = LINGER) -> None:
        self._client = client
        self._history = history
        self._linger = linger
        self._feeds: dict[_Key, Feed] = {}
        self._users: dict[Feed, set[Stream]] = {}
        self._timers: dict[Feed, asyncio.TimerHandle] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._narrow: dict[_Kind, ApiError] = {}
        """Kinds that may not be watched in all namespaces, and the refusal."""
        self._closed = False

    def stream(self, resource: Resource, namespace: str | None = None) -> Stream:
        """A hold on the objects of a kind; of one namespace unless it is None.

        Returns at once; `Stream.listed` waits until it can be asked. Close it after use.
        """
        if self._closed:
            raise ClusterError("the connection to the cluster is closed")
        place = namespace if resource.namespaced else None
        scope = place if _kind(resource) in self._narrow else None
        stream = Stream(self, self._feed(resource, scope), resource, place)
        self._join(stream, stream.feed)
        return stream

    def release(self, stream: Stream) -> None:
        """Take note that a stream is no longer used (`Stream.close`)."""
        users = self._users.get(stream.feed, set())
        if stream in users:
            users.discard(stream)
            self._end_later(stream.feed)

    async def close(self) -> None:
        """End all watches. Who still waits gets a ClusterError."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        feeds = set(self._users)
        self._feeds.clear()
        self._users.clear()
        await asyncio.gather(*(feed.close() for feed in feeds), *self._ending)

    def _feed(self, resource: Resource, scope: str | None) -> Feed:
        key = (_kind(resource), scope)
        feed = self._feeds.get(key)
        if feed is None or feed.failure is not None:
            feed = Feed(self._client, resource, scope, limit=self._history, on_failure=self._failed)
            self._feeds[key] = feed
            self._users[feed] = set()
        return feed

    def _join(self, stream: Stream, feed: Feed) -> None:
        stream.feed = feed
        self._users[feed].add(stream)
        timer = self._timers.pop(feed, None)
        if timer is not None:
            timer.cancel()

    def _failed(self, feed: Feed) -> None:
        """Where all namespaces are forbidden, give each user a watch of its own namespace."""
        refusal = feed.failure
        if not isinstance(refusal, ApiError) or refusal.code != 403:  # noqa: PLR2004 - HTTP
            return
        if feed.namespace is not None or not feed.resource.namespaced or feed.log.began is not None:
            return
        self._narrow[_kind(feed.resource)] = refusal
        users = self._users.get(feed, set())
        for stream in [user for user in users if user.namespace is not None]:
            users.discard(stream)
            self._join(stream, self._feed(feed.resource, stream.namespace))
        if not users:
            self._end_later(feed)

    def _end_later(self, feed: Feed) -> None:
        if not self._users.get(feed) and not self._closed:
            loop = asyncio.get_running_loop()
            self._timers[feed] = loop.call_later(self._linger, self._end, feed)

    def _end(self, feed: Feed) -> None:
        self._timers.pop(feed, None)
        self._users.pop(feed, None)
        key = (_kind(feed.resource), feed.namespace)
        if self._feeds.get(key) is feed:
            del self._feeds[key]
        task = asyncio.create_task(feed.close())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def _kind(resource: Resource) -> _Kind:
    return resource.api_version, resource.plural
