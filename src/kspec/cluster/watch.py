"""One list-and-watch that never lies: nested generators of typed marks.

`watch` lists, then follows; when its revision is lost (410) it says so with a Gap and lists
again. `_follow` keeps a connection from the last revision, and comes back after a disconnect, a
silence or a refusal, with growing delays. `_connection` is one connection. Revisions never go
back: what an API server with an older state answers is not believed.

https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
"""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from kspec import clock
from kspec.cluster import paths
from kspec.cluster.backoff import Backoff
from kspec.cluster.lists import Filter, adopt, list_all
from kspec.cluster.status import error_of, gone
from kspec.errors import ApiError, ClusterError, UnreachableError
from kspec.snapshots import Gap, Object, Resource, revision_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from kspec.cluster.calls import Caller
    from kspec.cluster.transport import StreamResponse

CONNECT: Final = 10.0
"""Seconds for a connection to be made."""
SILENCE: Final = 90.0
"""Seconds without a line after which a connection counts as dead. API servers send a bookmark
about every 60 s (`bookmarkFrequency` in the watch cache)."""
LASTS: Final = (240, 360)
"""Seconds that the server is asked to keep a watch, chosen at random: not all end together."""
STEADY: Final = 30.0
"""Seconds after which a connection that ends was a good one: no delay before the next."""
PERMANENT: Final = frozenset({401, 403, 404, 405})
"""HTTP codes that no patience changes, if they come before the first watch is open."""


@dataclass(frozen=True, slots=True)
class Listed:
    """All objects at one revision."""

    items: tuple[Object, ...]
    revision: int


@dataclass(frozen=True, slots=True)
class Changed:
    """One object was ADDED, MODIFIED or DELETED (then `object` is its last state)."""

    type: str
    object: Object
    revision: int
    size: int
    """Bytes on the wire."""


@dataclass(frozen=True, slots=True)
class Bookmark:
    """Everything up to this revision has been told."""

    revision: int


@dataclass(frozen=True, slots=True)
class Connected:
    """The server accepted the watch: earlier trouble is over."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """It does not work at present, and is tried again."""

    reason: str


Mark: TypeAlias = Listed | Changed | Bookmark | Connected | Trouble | Gap


@dataclass(slots=True)
class Source:
    """What is watched, and how far it was told."""

    caller: Caller
    resource: Resource
    namespace: str | None = None
    revision: int = 0
    told_at: float = 0.0
    """When the last mark came that moved the revision."""
    listed: bool = False
    connections: int = 0
    """Watches that the server accepted."""
    open: bool = False
    """Whether the last of them still is."""
    renewing: bool = False
    timer: asyncio.Timeout | None = field(default=None, repr=False)
    """Runs out when the present connection counts as dead."""

    def renew(self) -> None:
        """Replace the open connection at once, in case it is dead. Nothing is lost by it."""
        if self.timer is not None:
            self.renewing = True
            self.timer.reschedule(clock.now())

    def asked_to_renew(self) -> bool:
        """Whether the open connection is to be replaced."""
        return self.renewing

    def moved(self, revision: int) -> bool:
        """Take note of a revision; False if it is none that comes later."""
        if revision <= self.revision and self.listed:
            return False
        self.revision, self.told_at, self.listed = revision, clock.now(), True
        return True


class _LostError(Exception):
    """The server no longer has what came after our revision."""


async def watch(source: Source) -> AsyncGenerator[Mark, None]:
    """For ever: list, then follow. Raises only what is permanent, before the first watch opens."""
    backoff = Backoff()
    lost = ""
    while True:
        async with aclosing(_listing(source, lost)) as marks:
            async for mark in marks:
                yield mark
        began = clock.now()
        try:
            async with aclosing(_follow(source)) as marks:
                async for mark in marks:
                    yield mark
        except _LostError as error:
            lost = f"the watch was lost: {error}"
        yield Trouble(lost)
        if clock.now() - began >= STEADY:
            backoff.reset()
        await clock.pause(backoff.next())


async def _listing(source: Source, lost: str) -> AsyncGenerator[Mark, None]:
    """Trouble until a list succeeds, then a Gap if something was lost, then Listed."""
    backoff = Backoff()
    since = source.told_at
    while True:
        try:
            listing = await list_all(
                source.caller.once, source.resource, source.namespace, Filter()
            )
        except (ApiError, UnreachableError) as error:
            delay = _delay(source, error, backoff)
            yield Trouble(str(error))
        else:
            if listing.revision >= source.revision:
                break
            delay = backoff.next()
            yield Trouble(
                f"the API server lists revision {listing.revision}, "
                f"older than {source.revision}, which it told before"
            )
        await clock.pause(delay)
    if lost:
        yield Gap(since, clock.now(), lost)
    source.revision, source.told_at, source.listed = listing.revision, clock.now(), True
    yield Listed(listing.items, listing.revision)


async def _follow(source: Source) -> AsyncGenerator[Mark, None]:
    """Connection after connection from the last revision on. Raises _LostError."""
    backoff = Backoff()
    while True:
        began, revision = clock.now(), source.revision
        failure: ClusterError | None = None
        try:
            async with aclosing(_connection(source)) as marks:
                async for mark in marks:
                    yield mark
        except (ApiError, UnreachableError) as error:
            failure = error
        if isinstance(failure, ApiError) and gone(failure):
            raise _LostError(failure.message)
        if source.renewing:
            source.renewing = False
            continue
        steady = clock.now() - began >= STEADY
        if steady or source.revision > revision:
            backoff.reset()
        if failure is not None:
            yield Trouble(str(failure))
        if failure is not None or not steady:
            await clock.pause(_delay(source, failure, backoff))


def _delay(source: Source, failure: ClusterError | None, backoff: Backoff) -> float:
    """Seconds until the next attempt. Raises the failure if it is permanent."""
    if isinstance(failure, ApiError):
        if failure.code in PERMANENT and not source.connections:
            raise failure
        return backoff.next(failure.retry_after)
    return backoff.next()


async def _connection(source: Source) -> AsyncGenerator[Mark, None]:
    """One watch request, to its end."""
    async with AsyncExitStack() as stack:
        response = await _opened(source, stack)
        source.connections += 1
        source.open = True
        try:
            yield Connected()
            async for line in _lines(source, response):
                mark = _mark(source, line)
                if mark is not None:
                    yield mark
        finally:
            source.open = False


async def _opened(source: Source, stack: AsyncExitStack) -> StreamResponse:
    path = paths.collection(source.resource, source.namespace)
    seconds = random.randint(*LASTS)  # noqa: S311 - spreads load, no secret
    request = source.caller.transport.stream(
        "GET",
        path,
        query=[
            ("watch", "true"),
            ("resourceVersion", str(source.revision)),
            ("allowWatchBookmarks", "true"),
            ("timeoutSeconds", str(seconds)),
        ],
        connect_timeout=CONNECT,
    )
    try:
        async with asyncio.timeout(SILENCE):
            response = await stack.enter_async_context(request)
            if response.status == 200:  # noqa: PLR2004 - HTTP
                return response
            body = b"\n".join([line async for line in response.lines])
    except TimeoutError as error:
        raise UnreachableError(f"WATCH {path}: no answer in {SILENCE:g} s") from error
    raise error_of(response.status, response.headers, body, f"WATCH {path}")


async def _lines(source: Source, response: StreamResponse) -> AsyncIterator[bytes]:
    """The lines, as long as they keep coming."""
    lines = aiter(response.lines)
    while not source.asked_to_renew():
        try:
            async with asyncio.timeout(SILENCE) as source.timer:
                line = await anext(lines)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            if source.asked_to_renew():
                return
            raise UnreachableError("the watch fell silent") from error
        finally:
            source.timer = None
        yield line


def _mark(source: Source, line: bytes) -> Mark | None:
    """What a line says; None for what was told before, or says nothing."""
    if not line.strip():
        return None
    try:
        event: dict[str, Any] = json.loads(line)
        kind, item = event["type"], event["object"]
    except (ValueError, KeyError, TypeError) as error:
        raise UnreachableError("the watch broke off in the middle of an event") from error
    if kind == "ERROR":
        code = int(item.get("code") or 500)
        raise ApiError.from_status(code, item, request=f"WATCH {source.resource.plural}")
    revision = revision_of(item)
    if not source.moved(revision):
        return None
    if kind == "BOOKMARK":
        return Bookmark(revision)
    return Changed(kind, adopt(item, source.resource), revision, len(line))
