"""What can go wrong with a scripted server, and what was asked of it."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kspec.cluster.transport import Query
    from kspec.snapshots import Resource


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came. `at` is in seconds of the loop's clock."""

    method: str
    path: str
    query: dict[str, str]
    at: float
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None

    @property
    def watch(self) -> bool:
        """Whether it opens a watch."""
        return self.query.get("watch") in {"true", "1"}

    @classmethod
    def of(
        cls, method: str, path: str, query: Query, at: float, headers: Any = (), body: Any = None
    ) -> Request:
        """From a transport's arguments."""
        return cls(method, path, dict(query), at, dict(headers), body)


@dataclass(slots=True)
class Answer:
    """A scripted answer, for the next `times` requests that it fits."""

    status: int
    method: str = ""
    path: str = ""
    watch: bool | None = None
    times: int = 1
    retry_after: int | None = None
    body: bytes = b""
    reason: str = ""

    def fits(self, request: Request) -> bool:
        """Whether it is meant for this request; `path` is any part of the path."""
        return (
            self.times > 0
            and self.method in {"", request.method}
            and self.path in request.path
            and self.watch in {None, request.watch}
        )

    @property
    def headers(self) -> dict[str, str]:
        """With Retry-After, if wanted."""
        return {} if self.retry_after is None else {"retry-after": str(self.retry_after)}


@dataclass(eq=False, slots=True)
class OpenWatch:
    """One open watch connection."""

    kind: Resource
    namespace: str
    revision: int
    ends_at: float
    bookmarks: bool
    injected: deque[bytes] = field(default_factory=deque)
    """Lines to send before anything else."""
    end: str = ""
    """How to end: `eof`, `reset`, `cut` (in the middle of a line)."""
    silent: bool = False
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    def stop(self, how: str) -> None:
        """End the connection."""
        self.end = how
        self.wake.set()

    def inject(self, event: dict[str, Any]) -> None:
        """Send an event out of order."""
        self.injected.append(json.dumps(event).encode())
        self.wake.set()
