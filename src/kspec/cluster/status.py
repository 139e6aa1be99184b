"""Answers that are no success: which error they are, and whether to ask again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from kspec.errors import ApiError

if TYPE_CHECKING:
    from kspec.cluster.transport import Headers

EXCERPT: Final = 300
"""Characters shown of a body that is no Status."""
LONGEST_WAIT: Final = 60.0
"""Seconds: no server makes us wait longer than this before we ask again."""

_UNREACHABLE_WEBHOOK: Final = (
    "connection refused",
    "connection reset",
    "context deadline exceeded",
    "EOF",
    "i/o timeout",
    "no endpoints available",
    "no route to host",
    "no such host",
    "x509:",
)
"""What Go's HTTP client says in `failed calling webhook` while an operator is still starting;
`x509:` while its certificates are still being put in place."""


def error_of(status: int, headers: Headers, body: bytes, request: str) -> ApiError:
    """The error for an answer; its body may be a Status, other JSON, HTML or nothing."""
    return ApiError.from_status(
        status, _status_of(status, body), request=request, retry_after=retry_after(headers)
    )


def retry_after(headers: Headers) -> float | None:
    """Seconds from the Retry-After header. API servers send seconds; a date is ignored."""
    text = headers.get("retry-after", "").strip()
    return min(float(text), LONGEST_WAIT) if text.isdigit() else None


def _status_of(status: int, body: bytes) -> dict[str, Any]:
    text = body.decode("utf-8", "replace").strip()
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    if isinstance(data, dict) and (data.get("kind") == "Status" or "message" in data):
        return data
    shown = "".join(char if char.isprintable() else " " for char in text[:EXCERPT])
    return {"code": status, "message": f"HTTP {status}: {shown}" if shown else f"HTTP {status}"}


def gone(error: ApiError) -> bool:
    """Whether the revision asked for is no longer kept: 410, as a status or as an event."""
    return error.code == 410 or error.reason in {"Expired", "Gone"}  # noqa: PLR2004 - HTTP


def not_served(error: ApiError) -> bool:
    """Whether the path itself is unknown: no such kind (yet), rather than no such object."""
    nameless = not error.details.get("name")
    return error.code == 404 and nameless and not error.causes  # noqa: PLR2004 - HTTP


def webhook_unreachable(error: ApiError) -> bool:
    """Whether an admission or conversion webhook did not answer, as while its operator starts."""
    calling = "failed calling webhook" in error.message or "conversion webhook" in error.message
    return calling and any(text in error.message for text in _UNREACHABLE_WEBHOOK)


def worth_repeating(error: ApiError, *, read: bool) -> bool:
    """Whether to send the same request again.

    Reads whenever the server is in trouble; writes only where nothing can have been written.
    """
    if error.code in {429, 503} or webhook_unreachable(error):
        return True
    return error.transient if read else not_served(error)
