"""What is remembered of a run until its end: who failed why, what is left, how many of each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from kspec.reports.escape import one_line
from kspec.reports.text import Line, failure_lines, seconds
from kspec.results import Failure, RunFinished, Status

SYMBOLS: Final = {
    Status.PASSED: "✓",
    Status.FAILED: "✗",
    Status.ERROR: "✗",
    Status.SKIPPED: "-",
    Status.INCONCLUSIVE: "?",
}
BAD: Final = (Status.FAILED, Status.INCONCLUSIVE, Status.ERROR)
_WORDS: Final = {
    Status.PASSED: "passed",
    Status.FAILED: "failed",
    Status.INCONCLUSIVE: "inconclusive",
    Status.ERROR: "could not run",
    Status.SKIPPED: "skipped",
}
_NAMES_SHOWN: Final = 3


@dataclass(slots=True)
class Broken:
    """Cases that failed for the same reasons, to be explained once."""

    names: list[str]
    status: Status
    failures: tuple[Failure, ...]
    reason: str = ""

    def lines(self) -> Iterator[Line]:
        """The explanation under the names."""
        yield Line(f"{SYMBOLS[self.status]} {_some(self.names)}", self.status.value)
        for number, failure in enumerate(self.failures):
            if number:
                yield Line("")
            yield from (line.indented(2) for line in failure_lines(failure))
        if self.reason and not self.failures:
            yield Line(f"  {one_line(self.reason)}")


@dataclass(slots=True)
class Breakage:
    """All that failed so far."""

    found: list[Broken] = field(default_factory=list)

    def add(self, name: str, status: Status, failures: tuple[Failure, ...], reason: str) -> None:
        """Remember one; cases with equal failures are explained together."""
        for broken in self.found:
            if (broken.failures, broken.reason) == (failures, reason):
                broken.names.append(name)
                return
        self.found.append(Broken([name], status, failures, reason))

    def take(self) -> list[Broken]:
        """What was not taken before."""
        taken, self.found = self.found, []
        return taken


def totals(event: RunFinished, left: int) -> Line:
    """`11 passed, 1 failed in 12.3 s · left behind: nothing`."""
    counts = [
        f"{event.counts[status]} {word}"
        for status, word in _WORDS.items()
        if event.counts.get(status)
    ]
    interrupted = "interrupted: " if event.interrupted else ""
    behind = f"{left}, see above" if left else "nothing"
    told = ", ".join(counts) or "no spec ran"
    text = f"{interrupted}{told} in {seconds(event.duration)} · left behind: {behind}"
    return Line(text, _worst(event).value, len(f"{interrupted}{told}"))


def _worst(event: RunFinished) -> Status:
    bad = [status for status in BAD if event.counts.get(status)]
    return bad[0] if bad else (Status.ERROR if event.interrupted else Status.PASSED)


def _some(names: list[str]) -> str:
    shown = ", ".join(one_line(name) for name in names[:_NAMES_SHOWN])
    more = len(names) - _NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
