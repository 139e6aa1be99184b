"""Lengths of time as Go and Kubernetes write them: `90s`, `1h2m3.5s`, `500ms`, `2d`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from kspec.marks import Node
    from kspec.vocabulary import Reader, Vocabulary

# https://pkg.go.dev/time#ParseDuration, and days, in which kubectl shows ages.
_SECONDS: Final = {
    "ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3,
    "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0,
}  # fmt: skip
_PART: Final = re.compile(r"(\d{1,15}(?:\.\d{0,9})?|\.\d{1,9})(ns|us|µs|μs|ms|s|m|h|d)")
_LONGEST: Final = 64
SCHEMA_PATTERN: Final = r"^-?((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d))+$|^0$"


def duration(value: Any) -> float:
    """Seconds. Raises ValueError with a reason that reads well; a bare number is refused."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("is no duration: write 90s, 5m or 1h30m")  # noqa: TRY004 - one error for what is no duration
    text = str(value).strip()
    if text == "0":
        return 0.0
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        raise ValueError(f"{text} has no unit: write {text}s for seconds")
    sign, body = (-1.0, text[1:]) if text.startswith("-") else (1.0, text)
    parts = list(_PART.finditer(body)) if len(body) <= _LONGEST else []
    if not body or "".join(part.group(0) for part in parts) != body:
        raise ValueError(f"'{text[:_LONGEST]}' is no duration: write 90s, 5m or 1h30m")
    return sign * sum(float(part.group(1)) * _SECONDS[part.group(2)] for part in parts)


def show(seconds: float) -> str:
    """A length of time for messages: `1.2 s`, `2 s`, `95 s`."""
    return f"{round(seconds, 3):g} s" if seconds < 1e6 else f"{seconds:.0f} s"  # noqa: PLR2004 - above, :g writes 1e+06


class Duration(float):
    """Seconds, read from text with a unit; never negative."""

    __slots__ = ()

    @classmethod
    def __read__(cls, node: Node, reader: Reader) -> Duration | None:
        """Read it; what is no duration is a problem."""
        if reader.deferred(node):
            return None
        try:
            seconds = duration(node.plain if node.plain is not None else node.value)
        except ValueError as error:
            reader.problem(node.mark, str(error).removeprefix("is "))
            return None
        if seconds < 0:
            reader.problem(node.mark, "a duration here cannot be negative")
            return None
        return cls(seconds)

    @classmethod
    def __json_schema__(cls, vocabulary: Vocabulary) -> dict[str, Any]:
        """A string such as 90s."""
        return {"type": ["string", "integer"], "pattern": SCHEMA_PATTERN, "maximum": 0}
