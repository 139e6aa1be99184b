"""The timing words as state machines over the moments of a stream.

A machine is a frozen value: `observe`, `gap` and `tick` give the next one. Moments come in order.
What holds for each word is in docs/ under "Timing, defined"; in short, an answer is given only if
it is the same whatever may have happened in the gaps, else it is inconclusive.

What the driver must do:
- first observe the present state (for the words that read history: all of it), even if the
  snapshot is older than the begin;
- after a gap, observe the state again, even if it looks unchanged;
- report an interruption that is under way at `wake` as a gap before it ticks;
- `tick` no earlier than `wake`, and where `needs_confirmation` only after the stream was confirmed
  current past `wake`, with all revisions up to there observed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

from kspec.expressions.durations import show
from kspec.matching.checks import Verdict
from kspec.snapshots import Gap, Snapshot


@dataclass(frozen=True, slots=True)
class Passed:
    """It is so, whatever the gaps hide."""

    snapshot: Snapshot | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """It is not so. `snapshot` is the revision that decided, if one did."""

    reason: str
    snapshot: Snapshot | None = None


@dataclass(frozen=True, slots=True)
class Inconclusive:
    """What happened in a gap could change the answer."""

    reason: str


Decision: TypeAlias = Passed | Failed | Inconclusive


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A timing under way since `at`. The base is the default word: eventually."""

    at: float
    deadline: float
    allow_gaps: bool = False
    decision: Decision | None = None
    unseen: Gap | None = None
    """The first gap that matters."""
    latest: Verdict | None = None

    @property
    def wake(self) -> float | None:
        """When to call `tick`, if nothing decides before; None when it is decided."""
        return None if self.decision else self.deadline

    @property
    def needs_confirmation(self) -> bool:
        """Whether the stream must be confirmed current past `wake` before `tick`."""
        return False

    def observe(self, snapshot: Snapshot, verdict: Verdict) -> Progress:
        """The next revision, and what the check says about it."""
        if self.decision:
            return self
        following = replace(self, latest=verdict)
        return following._observe(snapshot, verdict, max(snapshot.at, self.at))  # noqa: SLF001 - the same class

    def gap(self, gap: Gap) -> Progress:
        """An interval in which revisions may have gone unobserved."""
        if self.decision or self.allow_gaps or not self._matters(gap):
            return self
        return self._gap(gap)

    def tick(self, at: float) -> Progress:
        """Time has come to `wake`."""
        return self if self.decision or self.wake is None or at < self.wake else self._tick(at)

    def _observe(self, snapshot: Snapshot, verdict: Verdict, at: float) -> Progress:
        if at > self.deadline:
            return self._too_late()
        if verdict.holds:
            return self._decide(Passed(snapshot))
        return self._unless_impossible(snapshot, verdict)

    def _matters(self, gap: Gap) -> bool:
        return gap.until > self.at

    def _gap(self, gap: Gap) -> Progress:
        return replace(self, unseen=self.unseen or gap)

    def _tick(self, _at: float) -> Progress:
        return self._too_late()

    def _decide(self, decision: Decision) -> Progress:
        return replace(self, decision=decision)

    def _unless_impossible(self, snapshot: Snapshot, verdict: Verdict) -> Progress:
        if verdict.kind != "impossible":
            return self
        return self._fail(f"it cannot come true: {verdict.summary}", snapshot)

    def _fail(self, reason: str, snapshot: Snapshot | None = None) -> Progress:
        """Fail, unless a gap may hide what would have made it pass."""
        if self.unseen:
            return self._decide(Inconclusive(f"{reason}; but {unobserved(self.unseen)}"))
        return self._decide(Failed(reason, snapshot))

    def _pass(self, snapshot: Snapshot | None = None) -> Progress:
        """Pass, unless a gap may hide what would have made it fail."""
        if self.unseen:
            return self._decide(
                Inconclusive(f"nothing is against it, but {unobserved(self.unseen)}")
            )
        return self._decide(Passed(snapshot))

    def _too_late(self) -> Progress:
        return self._fail(f"it was not so within {show(self.deadline - self.at)}{self._state()}")

    def _state(self) -> str:
        if self.latest is None:
            return "; nothing was observed"
        return f"; last: {self.latest.summary}" if self.latest.summary else ""


def unobserved(gap: Gap) -> str:
    """What a gap means, in a sentence."""
    return f"{show(gap.until - gap.since)} went unobserved ({gap.reason})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Now(Progress):
    """Once, on a stream that is confirmed current."""

    snapshot: Snapshot | None = None

    @property
    def wake(self) -> float | None:
        return None if self.decision else self.at

    @property
    def needs_confirmation(self) -> bool:
        return True

    def _observe(self, snapshot: Snapshot, verdict: Verdict, at: float) -> Progress:  # noqa: ARG002 - the base's
        return replace(self, snapshot=snapshot, unseen=None)

    def _tick(self, _at: float) -> Progress:
        if self.unseen:
            return self._decide(Inconclusive(unobserved(self.unseen)))
        if self.latest is not None and self.latest.holds:
            return self._decide(Passed(self.snapshot))
        return self._decide(Failed(f"it is not so{self._state()}", self.snapshot))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold(Progress):
    """It becomes true by the deadline, and from then stays true for `hold` seconds."""

    hold: float
    since: float | None = None
    before: Gap | None = None
    """The first gap before it was seen to hold."""

    @property
    def end(self) -> float | None:
        """When it has held long enough."""
        return None if self.since is None else self.since + self.hold

    @property
    def wake(self) -> float | None:
        return None if self.decision else self.deadline if self.end is None else self.end

    @property
    def needs_confirmation(self) -> bool:
        return self.since is not None

    def _observe(self, snapshot: Snapshot, verdict: Verdict, at: float) -> Progress:
        if self.since is not None:
            return self if verdict.holds else self._broken(snapshot, verdict, at)
        if at > self.deadline:
            return self._too_late()
        if verdict.holds:
            return replace(self, since=at, before=self.unseen)
        return self._unless_impossible(snapshot, verdict)

    def _tick(self, _at: float) -> Progress:
        return self._too_late() if self.since is None else self._pass()

    def _broken(self, snapshot: Snapshot, verdict: Verdict, at: float) -> Progress:
        assert self.since is not None  # noqa: S101 - for mypy; the caller asked
        held = at - self.since
        reason = f"it held for {show(held)} of {show(self.hold)}, then broke: {verdict.summary}"
        if held >= self.hold:
            reason = (
                f"it was broken when the stream was next confirmed current, {show(held)} after "
                f"it began to hold: {verdict.summary}"
            )
        if self.before and at - self.before.since >= self.hold:
            # It may have become true, and held for long enough, before it was seen to hold.
            return self._decide(Inconclusive(f"{reason}; but {unobserved(self.before)}"))
        return self._decide(Failed(reason, snapshot))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settle(Progress):
    """At some time within the deadline it was true for `settle` seconds without a break."""

    settle: float
    since: float | None = None
    breaks: int = 0

    @property
    def end(self) -> float | None:
        """When it will have settled, if that is in time."""
        end = None if self.since is None else self.since + self.settle
        return end if end is not None and end <= self.deadline else None

    @property
    def wake(self) -> float | None:
        return None if self.decision else self.deadline if self.end is None else self.end

    @property
    def needs_confirmation(self) -> bool:
        return self.end is not None

    def _observe(self, snapshot: Snapshot, verdict: Verdict, at: float) -> Progress:
        if verdict.holds:
            return self if self.since is not None else replace(self, since=at)
        restarted = replace(self, since=None, breaks=self.breaks + (self.since is not None))
        return restarted._unless_impossible(snapshot, verdict)  # noqa: SLF001 - the same class

    def _gap(self, gap: Gap) -> Progress:
        # A break may hide in it, so the clock starts again at what is seen next.
        return replace(self, unseen=self.unseen or gap, since=None)

    def _tick(self, _at: float) -> Progress:
        if self.end is not None:
            return self._decide(Passed())
        times = f" (it broke {self.breaks} time{'' if self.breaks == 1 else 's'})"
        text = f"it did not stay so for {show(self.settle)} within {show(self.deadline - self.at)}"
        return self._fail(f"{text}{times if self.breaks else ''}{self._state()}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ever(Progress):
    """Some revision of history, or one until the deadline, satisfies."""

    def _matters(self, gap: Gap) -> bool:  # noqa: ARG002 - the base's
        return True

    def _too_late(self) -> Progress:
        return self._fail(f"no revision was so{self._state()}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Never(Progress):
    """No revision of history, nor one within `hold` seconds from now, satisfies."""

    hold: float = 0.0
    seen: bool = False
    """Whether there was anything to judge; without that it is vacuous."""

    @property
    def wake(self) -> float | None:
        return None if self.decision else self.at + self.hold

    @property
    def needs_confirmation(self) -> bool:
        return True

    def _matters(self, gap: Gap) -> bool:  # noqa: ARG002 - the base's
        return True

    def _observe(self, snapshot: Snapshot, verdict: Verdict, at: float) -> Progress:
        if verdict.holds:
            when = (
                show(at - self.at) + " after the step began" if snapshot.at > self.at else "before"
            )
            return self._decide(Failed(f"it was so, {when}: {verdict.summary}", snapshot))
        return replace(self, seen=self.seen or verdict.bare or bool(snapshot.objects))

    def _tick(self, _at: float) -> Progress:
        if self.seen:
            return self._pass()
        return self._fail("there was never such an object, so never says nothing about it")
