"""What an assert expects of the objects at one revision, and the verdict about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, TypeAlias

from kspec.marks import Mark, Node
from kspec.matching.comparison import Comparison, Outcome
from kspec.matching.freshness import fresh
from kspec.matching.match import Lists, mismatches
from kspec.matching.matchers import Matcher
from kspec.results import Mismatch
from kspec.snapshots import Object, Snapshot, title
from kspec.vocabulary import Reader, key

__all__ = ["Check", "Comparison", "Condition", "Expectation", "Matcher", "Verdict", "check"]

Kind: TypeAlias = Literal["holds", "pending", "impossible"]
_MOST: Final = 50
"""Mismatches of one verdict."""
_LONGEST: Final = 200
"""Characters of a summary."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a check holds at one revision.

    `pending` may still come true; `impossible` cannot (`summary` says why). `objects` are those
    that it is about: the ones that fail, or the ones that hold. `summary` is the present state
    in one line, for the history of a wait.
    """

    kind: Kind
    mismatches: tuple[Mismatch, ...] = ()
    objects: tuple[Object, ...] = ()
    summary: str = ""
    bare: bool = False
    """It only asks whether the thing exists, so never having seen it is an answer."""

    @property
    def holds(self) -> bool:
        """Whether it is satisfied."""
        return self.kind == "holds"


class Check(Protocol):
    """Anything that judges a snapshot."""

    def evaluate(self, snapshot: Snapshot) -> Verdict: ...


@dataclass(frozen=True, slots=True)
class Condition:
    """What one object must be."""

    match: Node | None = key("A partial object: what is named must be so.", default=None)
    lists: Lists = key("How lists in match are compared.", default="byKey")
    checks: tuple[Comparison, ...] = key("Paths, compared.", default=())

    @property
    def empty(self) -> bool:
        """Whether nothing is said about an object itself."""
        return self.match is None and not self.checks

    def judge(self, item: Any) -> Outcome:
        """Whether the object, as far as its status counts, or a value of any type fulfils it."""
        is_object = isinstance(item, Mapping)
        counted, stale = fresh(item) if is_object else (item, None)
        subject = title(item) if is_object else "value"
        outcomes = [check.judge(counted, stale=stale, subject=subject) for check in self.checks]
        if self.match is not None:
            outcomes.insert(0, self._matched(counted, stale, subject))
        found = tuple(mismatch for outcome in outcomes for mismatch in outcome.mismatches)
        failing = [outcome for outcome in outcomes if outcome.mismatches]
        unknown = bool(failing) and all(outcome.unknown for outcome in failing)
        state = "; ".join(outcome.state for outcome in outcomes if outcome.state)
        return Outcome(found, state, unknown)

    def _matched(self, item: Object, stale: str | None, subject: str) -> Outcome:
        assert self.match is not None  # noqa: S101 - for mypy; the caller asked
        found = mismatches(self.match, item, lists=self.lists, subject=subject)
        about_status = [m for m in found if m.path.startswith(".status")]
        if stale and about_status:
            others = tuple(m for m in found if m not in about_status)
            note = Mismatch(stale, ".status", mark=about_status[0].mark, subject=subject)
            return Outcome((*others, note), stale, unknown=not others)
        return Outcome(found, "; ".join(m.message for m in found[:2]))

    @property
    def negative(self) -> bool:
        """Whether it holds only because something is absent."""
        checks = bool(self.checks) and all(check.negative for check in self.checks)
        return self.match is None and checks


@dataclass(frozen=True, slots=True)
class Expectation(Condition):
    """The What part of an assert; everything in it holds at one revision."""

    count: int | None = key("The number of objects.", default=None)
    at_least: int | None = key("The least number of objects.", default=None)
    at_most: int | None = key("The greatest number of objects.", default=None)
    every: Condition | None = key("What all of the objects must be.", default=None)
    some: Condition | None = key("What at least one object must be.", default=None)
    none: Condition | None = key("What no object may be.", default=None)
    absent: bool | None = key("That there is no such object.", default=None)

    @property
    def bare(self) -> bool:
        """Whether nothing is said: then the object must exist."""
        counts = (self.count, self.at_least, self.at_most)
        quantified = (self.every, self.some, self.none)
        return self.empty and all(part is None for part in (*counts, *quantified, self.absent))

    @property
    def negative(self) -> bool:
        """Whether it holds because something is absent, and so would hold at once."""
        own = () if self.empty else (Condition(self.match, self.lists, self.checks),)
        conditions = (*own, self.every, self.some)
        parts = [condition.negative for condition in conditions if condition is not None]
        parts += [self.count == 0] if self.count is not None else []
        parts += [self.at_least == 0] if self.at_least is not None else []
        parts += [True] if self.none is not None or self.absent else []
        return bool(parts) and all(parts)

    def evaluate(self, snapshot: Snapshot, *, single: bool, subject: str = "") -> Verdict:
        """The verdict about the selected objects.

        `single` is for a reference to one object. `subject` names what is looked for, as in
        `mpijob/pi` or `pods with role=worker`.
        """
        judging = _Judging(self, snapshot, single=single, subject=subject or "object")
        found = tuple(judging.mismatches())[:_MOST]
        kind: Kind = "pending" if found else "holds"
        about, summary = judging.about(found), judging.summary(found)[:_LONGEST]
        return Verdict(kind, found, about, summary, self.bare)

    def check(self, *, single: bool, title: str = "") -> Check:
        """This expectation as a check about certain objects; see `evaluate`."""
        return _Bound(self, single, title)


@dataclass(frozen=True, slots=True)
class _Bound:
    """An expectation and what it is about."""

    expectation: Expectation
    single: bool
    subject: str

    def evaluate(self, snapshot: Snapshot) -> Verdict:
        return self.expectation.evaluate(snapshot, single=self.single, subject=self.subject)


class _Judging:
    """One evaluation."""

    def __init__(
        self, asked: Expectation, snapshot: Snapshot, *, single: bool, subject: str
    ) -> None:
        self.asked = asked
        self.objects = snapshot.objects
        self.complete = snapshot.complete
        self.single = single
        self.subject = subject
        self.failing: list[Object] = []
        self.states: list[str] = []

    def mismatches(self) -> Iterator[Mismatch]:
        asked = self.asked
        if asked.absent:
            yield from self._absent()
            return
        yield from self._counted()
        if self.single and not self.objects and asked.count != 0:
            yield self._plain(f"{self.subject} does not exist")
            return
        if not asked.empty:
            yield from self._all(asked)
        if asked.every is not None:
            yield from self._all(asked.every)
        if asked.some is not None:
            yield from self._some(asked.some)
        if asked.none is not None:
            yield from self._none(asked.none)
        if asked.bare and not self.objects:
            yield self._plain(f"{self.subject}: there are none")

    def _absent(self) -> Iterator[Mismatch]:
        for item in self.objects:
            self.failing.append(item)
            yield Mismatch(f"{title(item)} exists", subject=title(item))
        if not self.objects and not self.complete:
            yield self._incomplete()

    def _counted(self) -> Iterator[Mismatch]:
        asked, number = self.asked, len(self.objects)
        there = f"{self.subject}: there {'is' if number == 1 else 'are'} {number}"
        if asked.count is not None and number != asked.count:
            yield self._plain(f"{there}, not {asked.count}", asked.count, number)
        if asked.at_least is not None and number < asked.at_least:
            yield self._plain(f"{there}, not at least {asked.at_least}", asked.at_least, number)
        if asked.at_most is not None and number > asked.at_most:
            yield self._plain(f"{there}, not at most {asked.at_most}", asked.at_most, number)
        if (asked.count is not None or asked.at_most is not None) and not self.complete:
            yield self._incomplete()

    def _vacuous(self) -> bool:
        return not self.objects and self.asked.count is None and self.asked.at_least is None

    def _all(self, condition: Condition) -> Iterator[Mismatch]:
        if self._vacuous():
            yield self._nothing()
        elif not self.single and not self.complete:
            yield self._incomplete()
        for item in self.objects:
            outcome = self._judge(condition, item)
            if outcome.mismatches:
                self.failing.append(item)
                yield from outcome.mismatches

    def _some(self, condition: Condition) -> Iterator[Mismatch]:
        if not self.objects:
            yield self._nothing()
            return
        outcomes = [self._judge(condition, item) for item in self.objects]
        if all(outcome.mismatches for outcome in outcomes):
            self.failing.extend(self.objects)
            yield self._plain(f"{self.subject}: none of the {len(outcomes)} is as 'some' asks")
            yield from min((outcome.mismatches for outcome in outcomes), key=len)

    def _none(self, condition: Condition) -> Iterator[Mismatch]:
        if self._vacuous():
            yield self._nothing()
        elif not self.complete:
            yield self._incomplete()
        for item in self.objects:
            outcome = self._judge(condition, item)
            if outcome.unknown:
                yield from outcome.mismatches
            elif not outcome.mismatches:
                self.failing.append(item)
                text = f"{title(item)} is what none may be: {outcome.state or 'it matches'}"
                yield Mismatch(text, subject=title(item), mark=_mark(condition))

    def _judge(self, condition: Condition, item: Object) -> Outcome:
        outcome = condition.judge(item)
        if outcome.state:
            prefix = "" if self.single else f"{title(item)}: "
            self.states.append(f"{prefix}{outcome.state}")
        return outcome

    def _nothing(self) -> Mismatch:
        return self._plain(f"{self.subject}: no object matches")

    def _incomplete(self) -> Mismatch:
        return self._plain(f"{self.subject}: not all are known, a gap hides some")

    def _plain(self, text: str, expected: int | None = None, actual: int | None = None) -> Mismatch:
        return Mismatch(text, "", expected, actual, None, self.subject)

    def about(self, found: tuple[Mismatch, ...]) -> tuple[Object, ...]:
        """The failing objects, or all where none is to blame."""
        return tuple(self.failing) if found and self.failing else self.objects

    def summary(self, found: tuple[Mismatch, ...]) -> str:
        """The present state in one line."""
        if self.single:
            if not self.objects:
                return "absent"
            state = "; ".join(self.states)
            return state or (found[0].message if found else "exists")
        number = f"{len(self.objects)} object{'' if len(self.objects) == 1 else 's'}"
        if self.failing and found:
            number += f", {len(self.failing)} not as asked"
        state = next((m.message for m in found if m.path), "")
        return f"{number}; {state}" if state else number


def _mark(condition: Condition) -> Mark | None:
    if condition.checks:
        return condition.checks[0].mark
    return condition.match.mark if condition.match else None


_FOR_ONE = ("match", "checks")
_FOR_MANY = ("count", "atLeast", "atMost", "every", "some", "none")


def check(body: Node, reader: Reader, *, single: bool) -> None:
    """Report, at load, what the types of an Expectation's keys cannot tell."""
    for word in _FOR_ONE if not single else ():
        if word in body.map:
            reader.problem(
                _place(body, word),
                f"{word} on many objects says not which of them are meant",
                hint=f"write every: {{{word}: ...}}, or some: or none:",
                width=len(word),
            )
    for word in ("every", "some", "none") if single else ():
        if word in body.map:
            reader.problem(
                _place(body, word),
                f"{word} is for many objects, and this is one",
                hint="write match: or checks:, or name many with resources:",
                width=len(word),
            )
    if "absent" in body.map:
        _check_absent(body, reader)
    if "lists" in body.map and "match" not in body.map:
        reader.problem(_place(body, "lists"), "lists is about match, and there is none")
    for word in ("every", "some", "none"):
        _check_condition(body.map.get(word), word, reader)


def _check_absent(body: Node, reader: Reader) -> None:
    if body.map["absent"].value is False:
        reader.problem(
            body.map["absent"].mark,
            "absent: false says nothing",
            hint="leave it out: it must exist",
        )
    for word in (*_FOR_ONE, *_FOR_MANY):
        if word in body.map:
            reader.problem(_place(body, word), f"{word} of what is absent cannot be checked")


def _check_condition(node: Node | None, word: str, reader: Reader) -> None:
    if node is not None and isinstance(node.value, Mapping) and not {*_FOR_ONE} & {*node.map}:
        reader.problem(node.mark, f"{word} needs match or checks")


def _place(body: Node, word: str) -> Mark:
    return body.key_marks.get(word, body.map[word].mark)
