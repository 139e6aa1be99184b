"""What a run tells: frozen records, plain JSON inside. Reporters see nothing else.

The engine emits `Event`s in order; masking happens once, where they enter the sink.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeAlias

from kspec.marks import Mark


class Status(StrEnum):
    """How a case, a step or a fixture ended."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    """It could not be judged: a cluster, a fixture or a tool failed, not a check."""
    SKIPPED = "skipped"
    INCONCLUSIVE = "inconclusive"
    """A gap in what was observed could change the answer; counts as failed."""


class Severity(StrEnum):
    """What a cause means for a wait."""

    TERMINAL = "terminal"
    BACKING_OFF = "backing-off"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One check that does not hold. `path` is where in the object, as kubectl's JSONPath."""

    message: str
    path: str = ""
    expected: Any = None
    actual: Any = None
    mark: Mark | None = None
    subject: str = ""
    """The object it is about, as `Kind namespace/name`."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One entry of how a value changed while it was waited for. `at` is seconds since the start."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something failed or cannot come true, as a rule found it."""

    reason: str
    message: str
    severity: Severity
    subject: str = ""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed step, explained."""

    message: str
    mark: Mark | None = None
    excerpt: str = ""
    mismatches: tuple[Mismatch, ...] = ()
    history: tuple[Observation, ...] = ()
    subject: str = ""
    causes: tuple[Cause, ...] = ()
    hint: str | None = None
    output: str = ""
    """The end of what a process wrote, where one is at fault."""
    status: Status = Status.FAILED


@dataclass(frozen=True, slots=True)
class CaseId:
    """One result: a spec, and the matrix combination that it ran with."""

    spec: str
    matrix: tuple[tuple[str, Any], ...] = ()

    @property
    def name(self) -> str:
        """`mpijob-hostfile[implementation=Intel]`."""
        inner = ",".join(f"{key}={value}" for key, value in self.matrix)
        return f"{self.spec}[{inner}]" if inner else self.spec


@dataclass(frozen=True, slots=True)
class RunStarted:
    run_id: str
    kspec_version: str
    timestamp: str
    cases: int
    cluster: str
    """Which cluster, and why that one."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a person wants to read while it runs."""

    message: str
    level: str = "info"
    """`info` or `warning`."""


@dataclass(frozen=True, slots=True)
class FixtureStarted:
    fixture: str


@dataclass(frozen=True, slots=True)
class FixtureFinished:
    fixture: str
    status: Status
    duration: float
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class CaseStarted:
    case: CaseId
    mark: Mark


@dataclass(frozen=True, slots=True)
class StepStarted:
    case: CaseId
    step: str
    mark: Mark


@dataclass(frozen=True, slots=True)
class StepFinished:
    case: CaseId
    step: str
    """Its name, or the verb and what it is about."""
    phase: str
    """`steps`, `finally` or `cleanup`."""
    mark: Mark
    status: Status
    duration: float
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class CaseFinished:
    case: CaseId
    mark: Mark
    status: Status
    duration: float
    timestamp: str
    """When it started."""
    labels: dict[str, str] = field(default_factory=dict)
    description: str = ""
    namespace: str = ""
    failures: tuple[Failure, ...] = ()
    reason: str = ""
    """Why it was skipped or could not run."""
    left_behind: tuple[str, ...] = ()
    """Commands that remove what clean-up could not."""


@dataclass(frozen=True, slots=True)
class RunFinished:
    timestamp: str
    duration: float
    counts: dict[str, int]
    """Cases by status."""
    interrupted: bool = False
    left_behind: tuple[str, ...] = ()


Event: TypeAlias = (
    RunStarted
    | Notice
    | FixtureStarted
    | FixtureFinished
    | CaseStarted
    | StepStarted
    | StepFinished
    | CaseFinished
    | RunFinished
)


def to_json(event: Event) -> dict[str, Any]:
    """The one codec: an event as plain JSON with its type's name under `event`."""
    return {"event": type(event).__name__, **dataclasses.asdict(event)}
