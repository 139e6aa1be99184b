"""When a check must hold: the timing words of `assert`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from kspec.expressions.durations import Duration
from kspec.marks import Node
from kspec.matching.progress import (
    Decision,
    Ever,
    Failed,
    Hold,
    Inconclusive,
    Never,
    Now,
    Passed,
    Progress,
    Settle,
)
from kspec.matching.transitions import Following, Transitions
from kspec.vocabulary import Reader, key

__all__ = [
    "Decision",
    "Failed",
    "Inconclusive",
    "Passed",
    "Progress",
    "Timing",
    "Transitions",
    "check",
]

_WORDS: Final = ("now", "hold", "settle", "ever", "never", "transitions")
_HISTORIC: Final = frozenset({"ever", "never", "transitions"})
_MACHINES: Final[dict[str, type[Progress]]] = {
    "eventually": Progress,
    "now": Now,
    "hold": Hold,
    "settle": Settle,
    "ever": Ever,
    "never": Never,
    "transitions": Following,
}
_TOGETHER: Final = frozenset({"never", "hold"})


@dataclass(frozen=True, slots=True)
class Timing:
    """When a check must hold; nothing means: now or later, until the timeout."""

    now: bool = key("Once, in the present state.", default=False)
    hold: Duration | None = key("Once true, it stays true for so long.", default=None)
    settle: Duration | None = key("At last, it stays true for so long.", default=None)
    ever: bool = key("Some revision since the spec began satisfies.", default=False)
    never: bool = key("No revision since the spec began satisfies.", default=False)
    transitions: Transitions | None = key("A path takes these values in order.", default=None)
    since: str | None = key("History begins with the start of this step (its id).", default=None)
    allow_gaps: bool = key("Judge by what was observed, despite gaps.", default=False)

    @property
    def name(self) -> str:
        """The word in use; `eventually` if none is."""
        if self.never:
            return "never"
        given = (word for word in _WORDS if getattr(self, word) is not None)
        return next((word for word in given if getattr(self, word) is not False), "eventually")

    @property
    def reads_history(self) -> bool:
        """Whether it is about the past too: all since the spec, or the step `since`, began."""
        return self.name in _HISTORIC

    @property
    def fits_negatives(self) -> bool:
        """Whether it gives what must not happen the time to happen, or asks for now only."""
        return self.name in {"now", "hold", "settle", "never"}

    def begin(self, at: float, deadline: float) -> Progress:
        """Start at a moment of the monotonic clock, with a deadline on it."""
        extra: dict[str, Any] = {}
        match self.name:
            case "hold" | "never":
                extra["hold"] = self.hold or 0.0
            case "settle":
                extra["settle"] = self.settle or 0.0
            case "transitions":
                extra["wanted"] = self.transitions
        kind = _MACHINES[self.name]
        return kind(at=at, deadline=deadline, allow_gaps=self.allow_gaps, **extra)


def check(body: Node, reader: Reader) -> None:
    """Report, at load, timing words that do not go together."""
    words = [word for word in _WORDS if word in body.map and body.map[word].value is not False]
    if len(words) > 1 and set(words) != _TOGETHER:
        second = words[1]
        reader.problem(
            body.key_marks.get(second, body.mark),
            f"'{words[0]}' and '{second}' exclude each other",
            hint="of the timing words only never and hold go together",
            width=len(second),
        )
    if "since" in body.map and not _HISTORIC & set(words):
        reader.problem(
            body.key_marks.get("since", body.mark),
            "since needs a word that reads history: ever, never or transitions",
            width=len("since"),
        )
    if "transitions" in words:
        _check_transitions(body, reader)


def _check_transitions(body: Node, reader: Reader) -> None:
    for word in ("resources", "match", "checks", "count", "every", "some", "none", "absent"):
        if word in body.map:
            reader.problem(
                body.key_marks.get(word, body.mark),
                f"transitions follows one path of one object, without '{word}'",
                width=len(word),
            )
    values = body.get("transitions", "values")
    if values is not None and not values.items:
        reader.problem(values.mark, "transitions needs values to look for")
