"""The seam between kspec and HTTP: everything that reaches an API server goes through it.

`live.LiveTransport` is the real one, `kspec.testing.ScriptedServer` its twin in memory.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

Query: TypeAlias = Sequence[tuple[str, str]]
"""Parameters as plain text; the transport encodes them."""
Headers: TypeAlias = Mapping[str, str]
"""By lower-case name."""
Json: TypeAlias = Any
"""Plain data: dicts, lists, scalars."""
NOTHING: Headers = {}


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer."""

    status: int
    headers: Headers
    body: bytes


@dataclass(frozen=True, slots=True)
class StreamResponse:
    """An answer that goes on. `lines` come without their line ends; the last may be cut off."""

    status: int
    headers: Headers
    lines: AsyncIterator[bytes]


class Transport(Protocol):
    """Sends requests to one API server under one identity.

    `path` is percent-encoded already (see `paths`). `body` is plain JSON data. An answer of any
    status is returned; no answer is an `errors.UnreachableError`.
    """

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        headers: Headers = NOTHING,
        body: Json = None,
        timeout: float,  # noqa: ASYNC109 - carried out by the transport's own machinery
    ) -> Response:
        """One request. `timeout` is in seconds, for everything together."""
        ...

    def stream(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        headers: Headers = NOTHING,
        connect_timeout: float,
    ) -> AbstractAsyncContextManager[StreamResponse]:
        """One request whose answer has no end. Reading it has no time limit of its own."""
        ...
