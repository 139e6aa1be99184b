"""What a verb's `run` is given: narrow protocols, made by the engine for one step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from kspec.clock import Deadline
    from kspec.cluster.connection import Connection
    from kspec.language.declarations import StepDecl
    from kspec.matching.checks import Check, Verdict
    from kspec.matching.timing import Timing
    from kspec.processes import Completed
    from kspec.snapshots import Object, Resource, Revision, Selection
    from kspec.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Subject:
    """What a check is about, resolved: some objects of one kind in one scope."""

    resource: Resource
    selection: Selection
    title: str
    """As in the spec: `configmap/pi-config`, `pods app=web`."""

    @property
    def namespace(self) -> str | None:
        """The namespace that the objects live in; None for cluster-scoped kinds."""
        return self.selection.namespace


@dataclass(frozen=True, slots=True)
class Conclusion:
    """What a wait ended with, when it ended well."""

    verdict: Verdict
    objects: tuple[Object, ...]


class Watching(Protocol):
    """Waiting for checks, by watching. Raises StepFailedError when they do not come true."""

    async def conclude(
        self, subject: Subject, check: Check, timing: Timing, *, fail_fast: float | None = None
    ) -> Conclusion:
        """Drive `timing` over the subject's stream until it decides.

        `fail_fast` is the grace in seconds after which a terminal cause ends the wait (0: at
        once); None for goals that a failure would satisfy, and for negatives.
        """
        ...

    async def nothing_created_by(
        self, owner: Object, kinds: Sequence[Resource], timing: Timing, title: str
    ) -> None:
        """Drive `timing` over the owner's descendants of these kinds, which must be none."""
        ...

    async def present(self, subject: Subject) -> tuple[Object, ...]:
        """The objects now, on a stream that has reached this spec's last write to the kind."""
        ...


class Writes(Protocol):
    """Where a verb says what it changed, so that clean-up and later waits know."""

    def wrote(self, revision: Revision, *, created: bool) -> None:
        """An object was written; `created` ones are removed at the end."""
        ...

    def acted(self) -> None:
        """Something ran that may have changed anything (a script): streams catch up first."""
        ...


class ProcessRunner(Protocol):
    """Running a program on this machine for a step; refused with --no-exec."""

    async def __call__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        stdin: bytes | None = None,
        seconds: float,
    ) -> Completed: ...


class ReadManifests(Protocol):
    """Reading a file of objects, interpolated in the step's scope unless `raw`."""

    def __call__(self, name: str, *, raw: bool = False) -> list[Mapping[str, Any]]: ...


@dataclass(frozen=True, slots=True)
class Context:
    """One step's surroundings."""

    step: StepDecl
    connection: Connection
    namespace: str
    vocabulary: Vocabulary
    deadline: Deadline
    watching: Watching
    writes: Writes
    run_process: ProcessRunner
    locate: Callable[[str], Path]
    """A path from the step's file, inside the project, or PathError."""
    read_manifests: ReadManifests
    environment: Mapping[str, str]
    """What children of this step see besides the allow-listed: KUBECONFIG, NAMESPACE."""
    saw: Callable[[Object], None]
    """Tell of an object that came in otherwise than by a wait: a Secret's data is masked."""
    note: Callable[[str], None]
    """Say something that a person wants to read while it runs."""
