"""Requests that get an answer: sent, repeated while that makes sense, read as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from kspec import clock
from kspec.clock import Deadline
from kspec.cluster.backoff import Backoff
from kspec.cluster.status import error_of, worth_repeating
from kspec.errors import ApiError, ClusterError, UnreachableError

if TYPE_CHECKING:
    from kspec.cluster.transport import Headers, Json, Query, Response, Transport

PATIENCE: Final = 30.0
"""Seconds in which a request is repeated if its caller sets no deadline (a step's default)."""
ONE_ANSWER: Final = 60.0
"""Seconds for one answer: as long as an API server works on a request (--request-timeout)."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request, and whether sending it twice is the same as sending it once."""

    method: str
    path: str
    query: Query = ()
    headers: Headers = field(default_factory=dict)
    body: Json = None
    idempotent: bool = True

    @property
    def title(self) -> str:
        """Method and path, for messages."""
        return f"{self.method} {self.path}"


class Caller:
    """Sends calls over a transport."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    async def once(self, call: Call, seconds: float = ONE_ANSWER) -> Response:
        """One attempt. Raises ApiError for any status but a success, or UnreachableError."""
        response = await self.transport.request(
            call.method,
            call.path,
            query=call.query,
            headers=call.headers,
            body=call.body,
            timeout=seconds,
        )
        if not 200 <= response.status < 300:  # noqa: PLR2004 - HTTP's successes
            raise error_of(response.status, response.headers, response.body, call.title)
        return response

    async def send(self, call: Call, deadline: Deadline | None = None) -> Response:
        """As `once`, repeated until the deadline while the server cannot answer yet."""
        deadline = deadline or Deadline.after(PATIENCE)
        backoff = Backoff()
        while True:
            try:
                return await self.once(call, min(ONE_ANSWER, max(1.0, deadline.remaining)))
            except (ApiError, UnreachableError) as error:
                if not _again(call, error):
                    raise
                asked = error.retry_after if isinstance(error, ApiError) else None
                delay = backoff.next(asked)
                if delay >= deadline.remaining:
                    raise
            await clock.pause(delay)


def _again(call: Call, error: ApiError | UnreachableError) -> bool:
    if isinstance(error, UnreachableError):
        return call.idempotent or not error.sent
    return worth_repeating(error, read=call.method == "GET")


def json_of(response: Response, call: Call) -> dict[str, Any]:
    """The answer's JSON object. Raises ClusterError if it is none."""
    try:
        data = json.loads(response.body)
    except ValueError as error:
        raise ClusterError(f"{call.title}: the answer is no JSON: {error}") from error
    if not isinstance(data, dict):
        raise ClusterError(f"{call.title}: the answer is no JSON object")
    return data
