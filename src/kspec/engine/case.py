"""Runs one case: namespace, steps, finally, clean-up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kspec import clock
from kspec.clock import Deadline
from kspec.engine.attempt import Attempt
from kspec.engine.cleanup import CleanUp
from kspec.engine.failures import explain
from kspec.engine.namespaces import default_account, prepare
from kspec.engine.steps import run_steps
from kspec.engine.watching import CaseStreams
from kspec.engine.world import World
from kspec.errors import KspecError
from kspec.language.scope import Scope
from kspec.results import CaseFinished, CaseStarted, Failure, Status
from kspec.snapshots import Revision
from kspec.vocabulary import Needs, Verb

if TYPE_CHECKING:
    from kspec.language.declarations import Case, StepDecl


@dataclass(slots=True)
class Report:
    """What becomes a CaseFinished."""

    failures: list[Failure] = field(default_factory=list)
    left_behind: list[str] = field(default_factory=list)
    namespace: str = ""
    interrupted: bool = False

    @property
    def status(self) -> Status:
        """The worst of its failures."""
        found = {failure.status for failure in self.failures}
        for status in (Status.FAILED, Status.INCONCLUSIVE, Status.ERROR):
            if status in found:
                return status
        return Status.ERROR if self.interrupted else Status.PASSED


async def run_case(
    world: World, case: Case, fixtures: Mapping[str, Any], drain: list[Revision]
) -> CaseFinished:
    """Run it and report it. Namespaces to be gone by the run's end are added to `drain`."""
    world.emit(CaseStarted(case.id, case.spec.mark))
    stamp, started = clock.timestamp(), clock.now()
    report = Report()
    try:
        await _run(world, case, fixtures, report, drain)
    except KspecError as error:
        report.failures.append(explain(error, case.spec.mark))
    except asyncio.CancelledError:
        report.interrupted = True
    finished = CaseFinished(
        case=case.id,
        mark=case.spec.mark,
        status=report.status,
        duration=clock.now() - started,
        timestamp=stamp,
        labels=dict(case.spec.labels),
        description=case.spec.description,
        namespace=report.namespace,
        failures=tuple(report.failures),
        reason="interrupted" if report.interrupted else "",
        left_behind=tuple(report.left_behind),
    )
    world.emit(finished)
    return finished


async def _run(
    world: World, case: Case, fixtures: Mapping[str, Any], report: Report, drain: list[Revision]
) -> None:
    spec = case.spec
    timeouts = spec.timeouts_over(world.settings.timeouts)
    wanted = spec.namespace.resolved(_scope(world, case, "", fixtures))
    deadline = Deadline.after(timeouts.step)
    report.namespace, namespace = await prepare(world, spec.name, wanted, deadline)
    cleanup = CleanUp(world.connection, report.namespace if namespace else None)
    if namespace is not None:
        cleanup.stack.append(namespace)
        drain.append(namespace)
    streams = CaseStreams(world.connection, report.namespace, clock.now())
    attempt = Attempt(
        world=world,
        case=case.id,
        file=spec.mark.file,
        namespace=report.namespace,
        streams=streams,
        cleanup=cleanup,
        scope=_scope(world, case, report.namespace, fixtures),
        deadline=Deadline.after(timeouts.spec),
        step_timeout=timeouts.step,
    )
    try:
        if namespace is not None:
            await default_account(world, report.namespace)
        await streams.open_early(needs_of(world, spec.steps).streams)
        streams.began = clock.now()  # history begins here: no step has run yet
        report.failures += await run_steps(attempt, spec.steps)
    finally:
        await _end(attempt, case, report, timeouts.cleanup)


async def _end(attempt: Attempt, case: Case, report: Report, seconds: float) -> None:
    """`onFailure`, `finally` and clean-up, within their own budget, also when interrupted."""
    attempt.deadline = Deadline.after(seconds)
    spec = case.spec
    if report.failures:
        await run_steps(attempt, spec.on_failure, "onFailure")
    report.failures += await run_steps(attempt, spec.finally_, "finally")
    if not attempt.world.settings.keep:
        await attempt.cleanup.run(seconds)
    report.left_behind += attempt.cleanup.left_behind
    attempt.streams.close()


def _scope(world: World, case: Case, namespace: str, fixtures: Mapping[str, Any]) -> Scope:
    allowed = world.settings.env
    return Scope(
        {
            "matrix": dict(case.id.matrix),
            "env": {name: world.environment.get(name) for name in allowed},
            "namespace": namespace,
            "run": {"id": world.run_id},
            "spec": {"name": case.spec.name},
            "fixtures": dict(fixtures),
            "steps": {},
        }
    ).with_vars(case.spec.vars)


def needs_of(world: World, steps: tuple[StepDecl, ...]) -> Needs:
    """What steps need, as far as can be known from them as written."""
    verbs = world.vocabulary.all(Verb)
    needs = Needs(cluster=False)
    for step in steps:
        needs = needs | verbs[step.verb].needs(step.body)
    return needs
