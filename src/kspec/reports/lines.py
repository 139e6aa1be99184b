"""A run as lines for people: appended as events come, never redrawn."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any

from kspec.reports.escape import one_line
from kspec.reports.text import Line, counted, seconds
from kspec.reports.totals import BAD, SYMBOLS, Breakage, totals
from kspec.results import (
    CaseFinished,
    Event,
    FixtureFinished,
    FixtureStarted,
    Notice,
    RunFinished,
    RunStarted,
    Status,
    StepFinished,
    StepStarted,
)


class Verbosity(IntEnum):
    """How much is told."""

    QUIET = -1
    """Failures, warnings and the last line."""
    NORMAL = 0
    """Every spec and fixture."""
    STEPS = 1
    """With their steps."""
    ALL = 2
    """Steps also when they start."""


class RunLines:
    """Gives lines to `emit` as events come; failures are explained at the end, once each."""

    def __init__(
        self, emit: Callable[[Line], None], *, verbosity: int = Verbosity.NORMAL, columns: int = 80
    ) -> None:
        self._emit = emit
        self._verbosity = verbosity
        self._columns = columns
        self._breakage = Breakage()
        self._left: list[str] = []
        self._handlers: dict[type[Any], Callable[[Any], None]] = {
            RunStarted: self._run_started,
            Notice: self._notice,
            FixtureStarted: self._fixture_started,
            FixtureFinished: self._fixture_finished,
            StepStarted: self._step_started,
            StepFinished: self._step_finished,
            CaseFinished: self._case_finished,
            RunFinished: self._run_finished,
        }

    def handle(self, event: Event) -> None:
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    def close(self) -> None:
        """Tell what is not told yet, where a run ends without its last event."""
        self._explain()
        self._tell_left()

    def _run_started(self, event: RunStarted) -> None:
        if self._verbosity > Verbosity.QUIET:
            cluster, cases = one_line(event.cluster), counted(event.cases, "spec")
            self._say(f"kspec {event.kspec_version} · {cluster} · {cases}", "title")

    def _notice(self, event: Notice) -> None:
        message = one_line(event.message)
        if event.level == "warning":
            self._say(f"warning: {message}", "warning", len("warning:"))
        elif self._verbosity > Verbosity.QUIET:
            self._say(f"  {message}", "dim")

    def _fixture_started(self, event: FixtureStarted) -> None:
        if self._verbosity > Verbosity.QUIET:
            self._say(f"  fixture {one_line(event.fixture)}: starting", "dim")

    def _fixture_finished(self, event: FixtureFinished) -> None:
        name = f"fixture {one_line(event.fixture)}"
        if event.status in BAD:
            failures = (event.failure,) if event.failure else ()
            reason = "" if failures else "it failed"
            self._breakage.add(name, event.status, failures, reason)
            self._timed(f"{SYMBOLS[event.status]} {name}", event.duration, event.status)
        elif self._verbosity > Verbosity.QUIET:
            self._timed(f"  {name} ready", event.duration)

    def _step_started(self, event: StepStarted) -> None:
        if self._verbosity >= Verbosity.ALL:
            self._say(one_line(f"    {event.case.name}: {event.step}: starting"), "dim")

    def _step_finished(self, event: StepFinished) -> None:
        if self._verbosity < Verbosity.STEPS:
            return
        phase = "" if event.phase == "steps" else f"{event.phase}: "
        text = one_line(f"{event.case.name}: {phase}{event.step}")
        self._timed(f"    {SYMBOLS[event.status]} {text}", event.duration, event.status)

    def _case_finished(self, event: CaseFinished) -> None:
        name = one_line(event.case.name)
        self._left += event.left_behind
        if event.status in BAD:
            self._breakage.add(name, event.status, event.failures, event.reason)
        elif self._verbosity <= Verbosity.QUIET:
            return
        told = event.reason and not event.failures
        reason = f": {one_line(event.reason)}" if told else ""
        self._timed(f"{SYMBOLS[event.status]} {name}{reason}", event.duration, event.status)

    def _run_finished(self, event: RunFinished) -> None:
        self._explain()
        self._left += event.left_behind
        left = len(dict.fromkeys(self._left))
        self._tell_left()
        if self._verbosity > Verbosity.QUIET:
            self._say("")
        self._emit(totals(event, left))

    def _explain(self) -> None:
        for broken in self._breakage.take():
            self._say("")
            for line in broken.lines():
                self._emit(line)

    def _tell_left(self) -> None:
        commands, self._left = tuple(dict.fromkeys(self._left)), []
        if commands:
            self._say("")
            self._say("left behind; remove with:", "warning")
        for command in commands:
            self._say(f"  {one_line(command)}")

    def _timed(self, text: str, duration: float, status: Status | None = None) -> None:
        taken = seconds(duration)
        gap = max(2, self._columns - len(text) - len(taken))
        indent = len(text) - len(text.lstrip())
        style = status.value if status else "dim"
        self._say(f"{text}{' ' * gap}{taken}", style, indent + 1 if status else None)

    def _say(self, text: str, style: str = "", width: int | None = None) -> None:
        self._emit(Line(text, style, width))
