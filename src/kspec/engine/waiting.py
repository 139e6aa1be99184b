"""The one wait: drives a `Timing` over the moments of a source until it decides.

`assert`, `wait` and `events` differ only in what is checked and when.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from kspec import clock
from kspec.clock import Deadline
from kspec.engine.sources import Source
from kspec.errors import StepFailedError, UnreachableError
from kspec.matching.checks import Check, Verdict
from kspec.matching.timing import Failed, Inconclusive, Passed, Progress, Timing
from kspec.results import Cause, Failure, Observation, Severity, Status
from kspec.snapshots import Gap, Moment, Object, Snapshot

KEPT: Final = 12
"""Observations that a failure shows: the first few and the latest."""

CONFIRMATION: Final = 10.0
"""Seconds in which a watch must prove that it is current; else the answer is inconclusive."""

Inspect = Callable[[Object], Iterable[Cause]]


@dataclass(slots=True)
class Wait:
    """One wait in progress. `grace` is None where a terminal cause must not end it."""

    check: Check
    timing: Timing
    deadline: Deadline
    title: str
    inspect: Inspect
    grace: float | None = None
    observed: list[Observation] = field(default_factory=list)
    verdict: Verdict | None = None
    snapshot: Snapshot | None = None
    causes: tuple[Cause, ...] = ()
    doomed_at: float | None = None
    started: float = 0.0

    async def run(self, source: Source) -> tuple[Verdict, Snapshot]:
        """The verdict and the snapshot that decided, or StepFailedError."""
        self.started = clock.now()
        progress = self.timing.begin(self.started, self.deadline.at)
        progress = self._feed(progress, await source.begin(), source)
        while progress.decision is None:
            progress = await self._next(progress, source)
        return self._conclude(progress)

    async def _next(self, progress: Progress, source: Source) -> Progress:
        wake = self.deadline.at if progress.wake is None else progress.wake
        until = wake if self.doomed_at is None else min(wake, self.doomed_at)
        if clock.now() < until:
            return self._feed(progress, await source.more(until), source)
        if self.doomed_at is not None and clock.now() >= self.doomed_at:
            raise StepFailedError(self._failure(f"it cannot come true: {self._why()}"))
        if progress.needs_confirmation:
            progress = await self._confirmed(progress, source)
        if progress.decision is None and source.trouble is not None:
            raise UnreachableError(f"{self.title} could not be judged: {source.trouble}")
        return progress.tick(clock.now())

    async def _confirmed(self, progress: Progress, source: Source) -> Progress:
        began = clock.now()
        try:
            async with asyncio.timeout(CONFIRMATION):
                moments = await source.confirm()
        except TimeoutError:
            gap = Gap(began, clock.now(), "the watch could not be confirmed current")
            return progress.gap(gap)
        return self._feed(progress, moments, source)

    def _feed(self, progress: Progress, moments: Sequence[Moment], source: Source) -> Progress:
        for moment in moments:
            if progress.decision is not None:
                return progress
            if isinstance(moment, Gap):
                progress = progress.gap(moment)
                self._note(moment.until, f"(unobserved: {moment.reason})")
            else:
                progress = self._judge(progress, moment)
        if moments and isinstance(moments[-1], Gap) and progress.decision is None:
            progress = self._judge(progress, source.present())
        return progress

    def _judge(self, progress: Progress, snapshot: Snapshot) -> Progress:
        verdict = self.check.evaluate(snapshot)
        self.snapshot, self.verdict = snapshot, verdict
        self._note(snapshot.at, verdict.summary)
        self._look_for_doom(verdict, snapshot)
        return progress.observe(snapshot, verdict)

    def _look_for_doom(self, verdict: Verdict, snapshot: Snapshot) -> None:
        causes = [cause for item in snapshot.objects for cause in self.inspect(item)]
        self.causes = tuple(causes)
        terminal = any(cause.severity is Severity.TERMINAL for cause in causes)
        if self.grace is None or not terminal or verdict.holds:
            self.doomed_at = None
        elif self.doomed_at is None:
            self.doomed_at = clock.now() + self.grace

    def _note(self, at: float, text: str) -> None:
        if not self.observed or self.observed[-1].text != text:
            self.observed.append(Observation(max(0.0, round(at - self.started, 3)), text))
            if len(self.observed) > KEPT:
                del self.observed[KEPT // 2]

    def _why(self) -> str:
        return "; ".join(f"{cause.subject} {cause.message}" for cause in self.causes)

    def _conclude(self, progress: Progress) -> tuple[Verdict, Snapshot]:
        match progress.decision:
            case Passed() if self.verdict is not None and self.snapshot is not None:
                return self.verdict, self.snapshot
            case Inconclusive(reason=reason):
                raise StepFailedError(self._failure(reason, status=Status.INCONCLUSIVE))
            case Failed(reason=reason):
                raise StepFailedError(self._failure(reason))
            case _:
                raise StepFailedError(self._failure("nothing was observed"))

    def _failure(self, reason: str, status: Status = Status.FAILED) -> Failure:
        return Failure(
            message=f"{self.title}: {reason}",
            mismatches=self.verdict.mismatches if self.verdict else (),
            history=tuple(self.observed),
            subject=self.title,
            causes=self.causes,
            status=status,
        )
