"""A small API server in memory, on the transport seam, that fails on request.

It discovers, gets, lists in pages, watches with bookmarks, applies, creates, patches and deletes,
with resourceVersions, finalizers, owners and definitions of kinds. Tests write to it directly
(`put`, `remove`), look at what it was asked (`requests`, `count`), and script what goes wrong:

    server = ScriptedServer()
    client = Client(server)
    server.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {...}})
    server.answer(429, watch=True, retry_after=7)
    server.disconnect()

It keeps the loop's time, so under `kspec.testing.run` seconds can be asserted.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal, NoReturn

from kspec import clock
from kspec.cluster.transport import NOTHING, Headers, Json, Query, Response, StreamResponse
from kspec.errors import ApiError, UnreachableError
from kspec.testing import handlers
from kspec.testing.faults import Answer, OpenWatch, Request
from kspec.testing.store import Happening, Store, refusal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from kspec.snapshots import Object, Resource


class ScriptedServer:
    """See the module. Attributes may be set at any time."""

    def __init__(self) -> None:
        self.store = Store()
        self.requests: list[Request] = []
        self.latency = 0.0
        """Seconds before every answer."""
        self.down = ""
        """While not empty, nothing answers, and this is why."""
        self.bookmark_every: float = 60.0
        """Seconds between the bookmarks of a watch."""
        self.aggregated = True
        """Whether discovery has the aggregated form."""
        self.expire_as: Literal["event", "status"] = "event"
        """How a watch is told that its revision is gone."""
        self.denied: set[tuple[str, str, str]] = set()
        """Verb, plural and namespace (empty: all at once) that get a 403."""
        self._answers: list[Answer] = []
        self._stale_by = 0
        self._watches: set[OpenWatch] = set()

    # The cluster's content, from behind

    @property
    def revision(self) -> int:
        """Of the latest change."""
        return self.store.revision

    def add_kind(self, kind: Resource) -> None:
        """Serve one more kind."""
        self.store.kinds[kind.name] = kind

    def put(self, manifest: Object) -> Object:
        """Create an object, or replace it as a whole, status included."""
        written = self.store.write(self.store.kind_of(manifest), manifest)
        self._wake()
        return written

    def remove(self, kind: str, name: str, namespace: str = "") -> Object:
        """Delete an object; `kind` is a plural, with its group if it has one."""
        resource = self.store.kinds[kind]
        item = self.store.get(resource, (namespace, name))
        if item is None:
            raise KeyError(f"{kind} {namespace}/{name}")
        last = self.store.delete(resource, item)
        self._wake()
        return last

    def objects(self, kind: str, namespace: str = "") -> list[Object]:
        """What is there."""
        return self.store.objects(self.store.kinds[kind], namespace)

    # What was asked

    def count(self, method: str = "", path: str = "", *, watch: bool | None = None) -> int:
        """Requests so far; `path` is any part of the path."""
        question = Answer(0, method=method, path=path, watch=watch)
        return sum(question.fits(request) for request in self.requests)

    @property
    def watching(self) -> int:
        """Open watches."""
        return len(self._watches)

    # What goes wrong

    def answer(
        self,
        status: int,
        *,
        method: str = "",
        path: str = "",
        watch: bool | None = None,
        times: int = 1,
        retry_after: int | None = None,
        body: bytes = b"",
        reason: str = "",
    ) -> None:
        """Give this answer to the next `times` requests that fit."""
        self._answers.append(Answer(status, method, path, watch, times, retry_after, body, reason))

    def disconnect(self, how: Literal["eof", "reset", "cut"] = "eof") -> None:
        """End the open watches: properly, by a reset, or in the middle of an event."""
        for watch in self._watches:
            watch.stop(how)

    def silence(self) -> None:
        """Let the open watches say nothing more, without an end: half-open connections."""
        for watch in self._watches:
            watch.silent = True

    def expire(self) -> None:
        """Forget the history, as compaction does: older revisions are gone (410).

        Open watches go on; with `disconnect` they come back to a 410.
        """
        self.store.compacted = self.store.revision

    def error_event(self, code: int, reason: str = "", message: str = "scripted") -> None:
        """Send an ERROR event to the open watches, then end them."""
        status = {"kind": "Status", "code": code, "reason": reason, "message": message}
        for watch in self._watches:
            watch.inject({"type": "ERROR", "object": status})
            watch.stop("eof")

    def replay_event(self, happening: Happening) -> None:
        """Send an old event once more: what a confused server does."""
        for watch in self._watches:
            watch.inject({"type": happening.type, "object": happening.object})

    def stale_list(self, by: int) -> None:
        """Answer the next list from a state so many revisions ago."""
        self._stale_by = by

    # The transport

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        headers: Headers = NOTHING,
        body: Json = None,
        timeout: float,  # noqa: ASYNC109 - the protocol's
    ) -> Response:
        """See `Transport.request`."""
        request = Request.of(method, path, query, clock.now(), headers, body)
        self.requests.append(request)
        try:
            async with asyncio.timeout(timeout):
                await self._arrive()
        except TimeoutError:
            raise UnreachableError(f"no answer in {timeout:g} s") from None
        scripted = self._scripted(request)
        if scripted is not None:
            return Response(scripted.status, scripted.headers, scripted.body)
        try:
            response = handlers.handle(self, request)
        except ApiError as error:
            response = handlers.refused(error)
        self._wake()
        return response

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        headers: Headers = NOTHING,
        connect_timeout: float,  # noqa: ARG002 - connections take no time here
    ) -> AsyncIterator[StreamResponse]:
        """See `Transport.stream`."""
        request = Request.of(method, path, query, clock.now(), headers)
        self.requests.append(request)
        await self._arrive()
        scripted = self._scripted(request)
        if scripted is not None:
            yield StreamResponse(scripted.status, scripted.headers, _one(scripted.body))
            return
        try:
            watch = handlers.open_watch(self, request)
        except ApiError as error:
            refused = handlers.refused(error)
            yield StreamResponse(refused.status, refused.headers, _one(refused.body))
            return
        self._watches.add(watch)
        try:
            yield StreamResponse(200, {}, self._lines(watch))
        finally:
            self._watches.discard(watch)

    def take_stale(self) -> int:
        """How far back the next list is to look; asked once."""
        by, self._stale_by = self._stale_by, 0
        return by

    async def _arrive(self) -> None:
        if self.latency:
            await clock.pause(self.latency)
        if self.down:
            raise UnreachableError(self.down, sent=False)

    def _scripted(self, request: Request) -> Answer | None:
        for answer in self._answers:
            if answer.fits(request):
                answer.times -= 1
                return answer if answer.body else _with_body(answer)
        return None

    def _wake(self) -> None:
        for watch in self._watches:
            watch.wake.set()

    async def _lines(self, watch: OpenWatch) -> AsyncIterator[bytes]:
        bookmark_at = clock.now() + self.bookmark_every
        while True:
            lines = self._pending(watch)
            for line in lines:
                yield line
            if lines:
                continue  # more may have come meanwhile, and a bookmark must not pass it
            if watch.end:
                if watch.end == "cut":
                    yield b'{"type": "MODIFIED", "obj'
                elif watch.end == "reset":
                    _reset()
                return
            if clock.now() >= watch.ends_at and not watch.silent:
                return
            if clock.now() >= bookmark_at:
                bookmark_at = clock.now() + self.bookmark_every
                if watch.bookmarks and not watch.silent:
                    watch.revision = self.store.revision
                    yield handlers.bookmark(watch)
            await _sleep(watch, min(bookmark_at, watch.ends_at) - clock.now())

    def _pending(self, watch: OpenWatch) -> list[bytes]:
        """What is to be sent now."""
        watch.wake.clear()
        if watch.silent:
            return []
        lines = list(watch.injected)
        watch.injected.clear()
        if watch.end:
            return lines
        for happening in self.store.history.get(watch.kind.name, []):
            if happening.revision > watch.revision:
                watch.revision = happening.revision
                if handlers.inside(happening.object, watch.namespace):
                    event = {"type": happening.type, "object": happening.object}
                    lines.append(json.dumps(event).encode())
        return lines


async def _sleep(watch: OpenWatch, seconds: float) -> None:
    """Until something happens, or a silent connection is given up."""
    try:
        async with asyncio.timeout(None if watch.silent else seconds):
            await watch.wake.wait()
    except TimeoutError:
        pass


async def _one(body: bytes) -> AsyncIterator[bytes]:
    yield body


def _reset() -> NoReturn:
    raise UnreachableError("connection reset by peer")


def _with_body(answer: Answer) -> Answer:
    error = refusal(answer.status, answer.reason, "scripted")
    answer.body = handlers.refused(error).body
    return answer
