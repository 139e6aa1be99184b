"""A short, readable difference of two values: `-` is what was expected, `+` what was there."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from kspec.expressions.segments import step
from kspec.matching.values import json_equal, shown

MOST_LINES: Final = 40
WIDEST: Final = 160
"""Characters of a line."""
_COMPARED: Final = 400
"""Items or lines of each side that are aligned; aligning takes quadratic time."""
_CONTEXT: Final = 2
_WHOLE: Final = 1 << 24


def difference(expected: Any, actual: Any) -> tuple[str, ...]:
    """The lines to show for two values that differ; empty for equal ones.

    Texts are compared line by line, lists by index, maps by key.
    """
    lines = list(islice(_values(expected, actual, ""), MOST_LINES + 1))
    if len(lines) > MOST_LINES:
        lines[MOST_LINES - 1 :] = ["  ... (more differences are not shown)"]
    return tuple(line if len(line) <= WIDEST else f"{line[: WIDEST - 3]}..." for line in lines)


def _values(expected: Any, actual: Any, path: str) -> Iterator[str]:
    if json_equal(expected, actual):
        return
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        yield from _maps(expected, actual, path)
    elif isinstance(expected, list | tuple) and isinstance(actual, list | tuple):
        yield from _lists(expected, actual, path)
    elif isinstance(expected, str) and isinstance(actual, str) and "\n" in expected + actual:
        if path:
            yield f"  {path}:"
        yield from _texts(expected, actual)
    else:
        yield _line("-", path, expected)
        yield _line("+", path, actual)


def _line(sign: str, path: str, value: Any) -> str:
    return f"{sign} {path + ': ' if path else ''}{shown(value, WIDEST)}"


def _maps(expected: Mapping[str, Any], actual: Mapping[str, Any], path: str) -> Iterator[str]:
    for key in dict.fromkeys((*expected, *actual)):
        inner = f"{path}{step(str(key))}"
        if key not in actual:
            yield _line("-", inner, expected[key])
        elif key not in expected:
            yield _line("+", inner, actual[key])
        else:
            yield from _values(expected[key], actual[key], inner)


def _lists(expected: Sequence[Any], actual: Sequence[Any], path: str) -> Iterator[str]:
    for tag, low, high, begin, end in _aligned(
        [shown(item, _WHOLE) for item in expected], [shown(item, _WHOLE) for item in actual]
    ):
        if tag == "replace" and high - low == end - begin:
            for offset in range(high - low):
                inner = f"{path}[{begin + offset}]"
                yield from _values(expected[low + offset], actual[begin + offset], inner)
        elif tag != "equal":
            yield from (_line("-", f"{path}[{i}]", expected[i]) for i in range(low, high))
            yield from (_line("+", f"{path}[{i}]", actual[i]) for i in range(begin, end))


def _texts(expected: str, actual: str) -> Iterator[str]:
    old, new = expected.split("\n"), actual.split("\n")
    for tag, low, high, begin, end in _aligned(old, new):
        if tag == "equal":
            yield from _context(old[low:high], first=low == 0, last=high == len(old))
        else:
            yield from (f"- {_visible(line)}" for line in old[low:high])
            yield from (f"+ {_visible(line)}" for line in new[begin:end])


def _visible(line: str) -> str:
    """The line, as JSON where its end would not be seen."""
    hidden = not line or line != line.strip() or not line.isprintable()
    return shown(line, WIDEST) if hidden else line


def _context(lines: Sequence[str], *, first: bool, last: bool) -> Iterator[str]:
    head = [] if first else lines[:_CONTEXT]
    tail = [] if last else lines[len(head) :][-_CONTEXT:]
    hidden = len(lines) - len(head) - len(tail)
    yield from (f"  {line}" for line in head)
    if hidden > 0:
        yield f"  ... ({hidden} equal line{'' if hidden == 1 else 's'})"
    yield from (f"  {line}" for line in tail)


def _aligned(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, int, int, int, int]]:
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    if start:
        yield "equal", 0, start, 0, start
    matcher = difflib.SequenceMatcher(
        None, old[start : start + _COMPARED], new[start : start + _COMPARED], autojunk=False
    )
    for tag, low, high, begin, end in matcher.get_opcodes():
        yield tag, low + start, high + start, begin + start, end + start
    low, begin = start + _COMPARED, start + _COMPARED
    if low < len(old) or begin < len(new):
        yield "replace", min(low, len(old)), len(old), min(begin, len(new)), len(new)
