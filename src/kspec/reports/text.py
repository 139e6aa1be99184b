"""A failure as lines of text: the one explanation, used by the terminal and by JUnit.

Most useful first: where and what, the line that asked, expected and actual with their difference,
how it changed while waiting, the likely cause, the end of the output, what to do.
Everything that comes from data is made harmless here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from kspec.marks import Mark
from kspec.matching.diff import difference
from kspec.matching.values import shown
from kspec.reports.escape import cap, one_line, visible
from kspec.results import Cause, Failure, Mismatch, Observation, Severity, Status

VALUE_WIDTH: Final = 88
"""Characters of a value that is shown whole, on one line."""
LONGEST_VALUE: Final = 4 * VALUE_WIDTH
"""Enough to know that it is too long for a line."""
MOST_MISMATCHES: Final = 20
OBSERVED: Final = 120
"""Characters of one entry of the history."""
FIRST_OBSERVATIONS: Final = 4
LAST_OBSERVATIONS: Final = 8
OUTPUT_LINES: Final = 20
_SIGNS: Final = {"-": "expected", "+": "actual"}


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text. `style` names what it is; it covers the first `width` characters, or all."""

    text: str
    style: str = ""
    width: int | None = None

    def indented(self, by: int) -> Line:
        """The same line further right."""
        width = None if self.width is None else self.width + by
        return Line(" " * by + self.text if self.text else "", self.style, width)


def failure_lines(failure: Failure, *, output_lines: int = OUTPUT_LINES) -> tuple[Line, ...]:
    """Explain one failure; `output_lines` bounds how much of a process's output is shown."""
    return (
        *_head(failure),
        *_excerpt(failure.excerpt),
        *_mismatches(failure),
        *_history(failure.history),
        *_causes(failure.causes),
        *_output(failure.output, output_lines),
        *_labelled("hint", failure.hint or "", "hint"),
    )


def summary(failure: Failure) -> str:
    """The failure on one line, without its place."""
    message = one_line(failure.message)
    if failure.status is Status.INCONCLUSIVE and "inconclusive" not in message:
        message = f"inconclusive: {message}"
    return message


def seconds(duration: float) -> str:
    """A duration for people: `0.4 s`, `2 min 05 s`."""
    if duration < 59.95:  # noqa: PLR2004 - what would be shown as 60.0 s
        return f"{duration:.1f} s"
    minutes, rest = divmod(round(duration), 60)
    return f"{minutes} min {rest:02d} s"


def counted(number: int, noun: str) -> str:
    """`1 spec`, `12 specs`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def show(value: Any) -> str:
    """A value as JSON on one line, so that the text "1" and the number 1 look different."""
    return one_line(shown(value, LONGEST_VALUE))


def _head(failure: Failure) -> Iterator[Line]:
    text = summary(failure)
    if failure.subject and not _mentions(text, failure.subject):
        text = f"{one_line(failure.subject)}: {text}"
    if failure.mark is None:
        yield Line(text, "title")
        return
    place = one_line(str(failure.mark))
    yield Line(f"{place}: {text}", "place", len(place) + 1)


def _mentions(text: str, subject: str) -> bool:
    """Whether a message already names `Kind namespace/name`, in whatever spelling."""
    name = re.split("[/ ]", subject)[-1]
    return re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-])", text) is not None


def _excerpt(excerpt: str) -> Iterator[Line]:
    for number, text in enumerate(visible(excerpt).splitlines()):
        yield Line(text, "caret" if number % 2 else "source")


def _mismatches(failure: Failure) -> Iterator[Line]:
    shown = failure.mismatches[:MOST_MISMATCHES]
    single = len(failure.mismatches) == 1
    for mismatch in shown:
        head = _mismatch_head(mismatch, failure)
        if not (single and _is_told(mismatch, failure)):
            yield Line(head, "title").indented(2)
        yield from (line.indented(2 if single else 4) for line in _values(mismatch))
    if len(failure.mismatches) > len(shown):
        yield Line(f"... and {len(failure.mismatches) - len(shown)} more", "dim").indented(2)


def _is_told(mismatch: Mismatch, failure: Failure) -> bool:
    return mismatch.message in failure.message and mismatch.path in failure.message


def _mismatch_head(mismatch: Mismatch, failure: Failure) -> str:
    other = mismatch.subject
    if not other or other == failure.subject or _mentions(failure.message, other):
        other = ""
    message = _message(mismatch)
    path = "" if mismatch.path in message else mismatch.path
    parts = (f"{other}:" if other else "", path, message)
    text = one_line(" ".join(part for part in parts if part))
    elsewhere = mismatch.mark is not None and mismatch.mark != failure.mark
    return f"{text}  ({_short(mismatch.mark, failure.mark)})" if elsewhere else text


def _message(mismatch: Mismatch) -> str:
    """What is wrong; without the values where they are too long and shown below anyway."""
    message = mismatch.message
    both = shown(mismatch.actual) in message and shown(mismatch.expected) in message
    if both and len(message) > VALUE_WIDTH + len(mismatch.path):
        return f"{mismatch.path or 'it'} is not as expected"
    return message


def _short(mark: Mark | None, beside: Mark | None) -> str:
    """A place, without the file that was just named."""
    if mark is not None and beside is not None and mark.file == beside.file:
        return f"line {mark.line}:{mark.column}"
    return one_line(str(mark))


def _values(mismatch: Mismatch) -> Iterator[Line]:
    expected, actual = mismatch.expected, mismatch.actual
    if expected is None and actual is None:
        return
    pair = (show(expected), show(actual))
    if actual is None and _says_absent(mismatch.message):
        yield from _pair(_shortened(expected), None)
    elif any(len(text) > VALUE_WIDTH for text in pair) or _is_text_block(expected, actual):
        yield from _long_values(expected, actual)
    elif not all(text in _message(mismatch) for text in pair):
        yield from _pair(*pair)


def _long_values(expected: Any, actual: Any) -> Iterator[Line]:
    lines = [visible(line) for line in difference(expected, actual)]
    if not lines:
        yield from _pair(_shortened(expected), _shortened(actual))
        return
    yield Line("difference (- expected, + actual):", "label")
    yield from (Line(line, _SIGNS.get(line[:1], "")).indented(2) for line in lines)


def _says_absent(message: str) -> bool:
    return "absent" in message or message.startswith("no ")


def _is_text_block(*values: Any) -> bool:
    return any(isinstance(value, str) and "\n" in value.strip() for value in values)


def _pair(expected: str, actual: str | None) -> Iterator[Line]:
    yield Line(f"expected  {expected}", "expected", 8)
    if actual is not None:
        yield Line(f"actual    {actual}", "actual", 6)


def _shortened(value: Any) -> str:
    return one_line(shown(value, VALUE_WIDTH))


def _history(history: Sequence[Observation]) -> Iterator[Line]:
    if not history:
        return
    yield Line("while waiting:", "label").indented(2)
    left_out = len(history) - FIRST_OBSERVATIONS - LAST_OBSERVATIONS
    if left_out <= 1:
        yield from _observations(history)
        return
    yield from _observations(history[:FIRST_OBSERVATIONS])
    yield Line(f"... {left_out} changes left out ...", "dim").indented(14)
    yield from _observations(history[-LAST_OBSERVATIONS:])


def _observations(history: Iterable[Observation]) -> Iterator[Line]:
    for entry in history:
        text = one_line(entry.text)
        yield Line(f"{f'+{entry.at:.1f} s':>10}  {_shortened_line(text)}", "dim", 10).indented(2)


def _shortened_line(text: str) -> str:
    return text if len(text) <= OBSERVED else f"{text[: OBSERVED - 4]} ..."


_CAUSE_LABELS: Final = {
    Severity.TERMINAL: "cause",
    Severity.BACKING_OFF: "likely cause",
    Severity.NOTE: "note",
}


def _causes(causes: Iterable[Cause]) -> Iterator[Line]:
    for cause in causes:
        told = f"{cause.reason}: {cause.message}" if cause.message else cause.reason
        text = f"{cause.subject}: {told}" if cause.subject else told
        yield from _labelled(_CAUSE_LABELS[cause.severity], text, "cause")
        yield from (Line(one_line(line)).indented(6) for line in cause.evidence)


def _labelled(label: str, text: str, style: str) -> Iterator[Line]:
    if not text:
        return
    first, *rest = visible(text).splitlines() or [""]
    yield Line(f"{label}: {first}", style, len(label) + 1).indented(2)
    yield from (Line(line).indented(6) for line in rest)


def _output(output: str, most: int) -> Iterator[Line]:
    lines = visible(cap(output)).rstrip("\n").split("\n")
    if not any(lines):
        return
    left_out = len(lines) - most
    more = f", {left_out} earlier ones left out" if left_out > 0 else ""
    yield Line(f"last lines of the output{more}:", "label").indented(2)
    yield from (Line(f"| {line}", "dim", 1).indented(4) for line in lines[-most:])
