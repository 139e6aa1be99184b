"""JSONPath over plain JSON: one path in, the nodes that it selects out.

The dialect is that of `segments` and `filters`. Paths to a single value are walked directly;
all others are evaluated by jsonpath-ng, which is imported only then.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from kspec.errors import ExpressionError
from kspec.expressions.segments import LONGEST, Scanner, Segment, name_segment, scan, unescape

if TYPE_CHECKING:
    from kspec.marks import Node
    from kspec.vocabulary import Reader, Vocabulary

_ABSENT: Final = object()
_ORDERED_STRINGS: Final = re.compile(r"[<>]=? '")


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled path. `text` is as written."""

    text: str
    segments: tuple[Segment, ...]

    @property
    def singular(self) -> bool:
        """Whether it leads to at most one value: no wildcard, filter, slice, union or `..`."""
        return all(segment.singular for segment in self.segments)

    @property
    def shown(self) -> str:
        """The path as kubectl writes it, for messages."""
        return shown(self.segments)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is doubtful about it."""
        return tuple(
            f"[?({segment.value})] compares strings by their characters, so '2Gi' > '10Gi'"
            for segment in self.segments
            if segment.kind == "filter" and _ORDERED_STRINGS.search(segment.engine)
        )

    @property
    def reads_status(self) -> bool:
        """Whether it looks at `.status`."""
        first = self.segments[0] if self.segments else None
        return first is None or first.kind != "name" or first.deep or first.value == "status"

    @property
    def trunk(self) -> Path:
        """The longest beginning that leads to at most one value."""
        count = next(
            (i for i, segment in enumerate(self.segments) if not segment.singular),
            len(self.segments),
        )
        return self.prefix(count)

    def prefix(self, count: int) -> Path:
        """The path of the first `count` segments."""
        segments = self.segments[:count]
        return Path(shown(segments), segments)

    def find(self, data: Any) -> list[Any]:
        """The values that it selects, in order; empty if there are none."""
        if self.singular:
            value = _walk(self.segments, data)
            return [] if value is _ABSENT else [value]
        engine = _engine("".join((".." if s.deep else "") + s.engine for s in self.segments))
        return [match.value for match in engine.find(data)]

    @classmethod
    def __read__(cls, node: Node, reader: Reader) -> Path | None:
        """Read it from a string; what does not parse is a problem at its column."""
        if reader.deferred(node):
            return None
        if not isinstance(node.value, str):
            reader.problem(node.mark, "a JSONPath is a string, as in .status.phase")
            return None
        try:
            path = compile(node.value)
        except ExpressionError as error:
            at = f" at character {error.offset + 1}" if error.offset is not None else ""
            reader.problem(
                node.mark, f"JSONPath '{node.value}': {error.message}{at}", hint=error.hint
            )
            return None
        for warning in path.warnings:
            reader.warning(node.mark, warning)
        return path

    @classmethod
    def __json_schema__(cls, vocabulary: Vocabulary) -> dict[str, Any]:
        """A string."""
        return {"type": "string", "description": "A JSONPath, as in .status.phase"}


def shown(segments: tuple[Segment, ...]) -> str:
    """Segments as a kubectl path; `.` for the object itself."""
    return "".join(segment.shown for segment in segments) or "."


@lru_cache(maxsize=4096)
def compile(text: str) -> Path:  # noqa: A001 - as in re.compile: used with the module's name
    """Parse a path. Raises ExpressionError with the offset in `text`."""
    if len(text) > LONGEST:
        raise ExpressionError(f"the path is longer than {LONGEST} characters")
    start, end = _strip_braces(text)
    scanner = Scanner(text, start, end)
    segments = _first(scanner) + scan(scanner)
    scanner.skip_space()
    if not scanner.done:
        raise _leftover(scanner)
    path = Path(text, tuple(segments))
    if any(segment.kind == "filter" for segment in segments):
        _checked(path)
    return path


def _strip_braces(text: str) -> tuple[int, int]:
    end = len(text.rstrip())
    start = len(text) - len(text.lstrip())
    if start >= end:
        raise ExpressionError("the path is empty", offset=0, hint="write .status.phase")
    word = re.match(r"\{\s*(range|end)\b", text[start:end])
    if word or "{end}" in text:
        raise ExpressionError(
            "range ... end is a template, not a path",
            offset=start,
            hint="write {.items[*].name} for a list, and check it with each: or any:",
        )
    if text[start] != "{":
        return start, end
    if text[end - 1] != "}":
        raise ExpressionError("'}' is missing", offset=end)
    start, end = start + 1, end - 1
    if "}" in text[start:end] and "{" in text[text.index("}", start) :]:
        raise ExpressionError(
            "this is a template of several paths; a check reads one",
            offset=text.index("}", start) + 1,
        )
    while end > start and text[end - 1].isspace():
        end -= 1
    while start < end and text[start].isspace():
        start += 1
    return start, end


def _first(scanner: Scanner) -> list[Segment]:
    """What stands before the first dot: `$`, `@`, nothing, or a key as in kubectl's `status.x`."""
    if scanner.take("$") or scanner.take("@"):
        return []
    word = re.compile(r"(?:\\.|[\w/-])+").match(scanner.text, scanner.at, scanner.end)
    if not word:
        return []
    start, scanner.at = scanner.at, word.end()
    return [name_segment(unescape(word.group(0)), start, scanner.at)]


def _leftover(scanner: Scanner) -> ExpressionError:
    if scanner.peek("{") or scanner.peek("}"):
        return scanner.fail("braces only stand around the whole path")
    if scanner.peek("(") or scanner.peek("|"):
        return scanner.fail(
            f"'{scanner.rest}' is not JSONPath", hint="functions and pipes exist in jmespath:"
        )
    return scanner.fail(
        f"'{scanner.rest}' is not expected here", hint="put unusual keys into ['...']"
    )


def _checked(path: Path) -> None:
    try:
        path.find({})
    except ExpressionError:
        raise
    except Exception as error:  # whatever the engine raises on a filter is its parse error
        first = next(segment for segment in path.segments if segment.kind == "filter")
        raise ExpressionError(
            f"the filter [?({first.value})] is not valid", offset=first.offset
        ) from error


@lru_cache(maxsize=4096)
def _engine(text: str) -> Any:
    from jsonpath_ng.ext import parser  # noqa: PLC0415 - 70 ms that singular paths do not need

    return parser.parse(f"${text}")


def _walk(segments: tuple[Segment, ...], data: Any) -> Any:
    value = data
    for segment in segments:
        key = segment.value
        if isinstance(key, str):
            if not isinstance(value, Mapping) or key not in value:
                return _ABSENT
            value = value[key]
        elif isinstance(key, int):
            if not isinstance(value, list | tuple) or not -len(value) <= key < len(value):
                return _ABSENT
            value = value[key]
    return value
