"""Runs one step: resolve, read, run, expect, outputs."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kspec import clock
from kspec.api import Context
from kspec.clock import Deadline
from kspec.engine.attempt import Attempt
from kspec.engine.expect import check_refusal, check_results, not_refused, refusal
from kspec.engine.failures import explain, step_title
from kspec.engine.watching import StepWatching
from kspec.errors import KspecError, LoadError
from kspec.language.reader import Reader
from kspec.results import Failure, Notice, Status, StepFinished, StepStarted
from kspec.vocabulary import Results, Rule, Verb

if TYPE_CHECKING:
    from kspec.language.declarations import StepDecl

OVERRUN: Final = 5.0
"""Seconds that a step may run past its timeout, to end what it runs and say why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a step ended."""

    status: Status
    failure: Failure | None = None


async def run_steps(
    attempt: Attempt, steps: Sequence[StepDecl], phase: str = "steps"
) -> tuple[Failure, ...]:
    """Run steps in order until one fails (`continueOnError` goes on). The failures."""
    failures: list[Failure] = []
    for decl in steps:
        outcome = await run_step(attempt, decl, phase)
        if outcome.failure is not None:
            failures.append(outcome.failure)
            if not decl.options.continue_on_error and phase == "steps":
                break
    return tuple(failures)


async def run_step(attempt: Attempt, decl: StepDecl, phase: str) -> Outcome:
    """Run one step and report it."""
    emit, title, started = attempt.world.emit, step_title(decl), clock.now()
    emit(StepStarted(attempt.case, title, decl.mark))
    try:
        outcome = await _outcome(attempt, decl.resolved(attempt.scope))
    except KspecError as error:
        failure = explain(error, decl.verb_mark, len(decl.verb))
        outcome = Outcome(failure.status, failure)
    except Exception as error:  # noqa: BLE001 - a plugin's verb may raise anything; the run goes on
        outcome = Outcome(Status.ERROR, _internal(error, decl))
    duration = clock.now() - started
    emit(
        StepFinished(
            attempt.case, title, phase, decl.mark, outcome.status, duration, outcome.failure
        )
    )
    return outcome


def _internal(error: Exception, decl: StepDecl) -> Failure:
    """A mistake in a verb, not in the spec: what it was and where in the verb's code."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{Path(frame.filename).name}:{frame.lineno}"
    text = f"internal error in `{decl.verb}`: {type(error).__name__}: {error} ({place})"
    hint = "this is a mistake in kspec or in a plugin; please report it"
    failure = explain(KspecError(text, hint=hint), decl.verb_mark, len(decl.verb))
    return replace(failure, status=Status.ERROR)


async def _outcome(attempt: Attempt, decl: StepDecl) -> Outcome:
    options = decl.options
    if options.if_ is not None and not attempt.scope.evaluate(options.if_):
        return Outcome(Status.SKIPPED)
    if options.id:
        attempt.streams.mark_step(options.id)
    timeout = options.timeout or attempt.step_timeout
    deadline = Deadline.after(timeout).earlier(attempt.deadline)
    try:
        async with asyncio.timeout_at(deadline.at + OVERRUN):
            results = await _execute(attempt, decl, deadline)
    except TimeoutError:
        raise KspecError(f"the step did not end within {timeout:g} s") from None
    _keep_outputs(attempt, decl, results)
    return Outcome(Status.PASSED)


async def _execute(attempt: Attempt, decl: StepDecl, deadline: Deadline) -> Results:
    vocabulary = attempt.world.vocabulary
    verb = vocabulary.all(Verb)[decl.verb]
    reader = Reader(vocabulary, mode="run")
    body = attempt.scope.resolve(decl.body, literal=verb.literal)
    model = reader.read(verb.model, body)
    expect = attempt.scope.resolve(decl.options.expect) if decl.options.expect else None
    expected_error = refusal(expect, reader)
    if reader.problems:
        raise LoadError(reader.problems)
    context = _context(attempt, decl, deadline)
    try:
        results = await verb.run(model, context)
    except KspecError as error:
        if expected_error is None or expect is None:
            raise
        check_refusal(expected_error, error, expect)
        return {}
    if expected_error is not None and expect is not None:
        raise not_refused(expect)
    check_results(expect, results, reader)
    return results


def _context(attempt: Attempt, decl: StepDecl, deadline: Deadline) -> Context:
    world = attempt.world
    return Context(
        step=decl,
        connection=world.connection,
        namespace=attempt.namespace,
        vocabulary=world.vocabulary,
        deadline=deadline,
        watching=StepWatching(attempt.streams, deadline, world.vocabulary.all(Rule), world.learn),
        saw=world.learn,
        writes=attempt,
        run_process=attempt.run_process,
        locate=attempt.locate,
        read_manifests=attempt.read_manifests,
        environment=attempt.environment,
        note=lambda text: world.emit(Notice(text)),
    )


def _keep_outputs(attempt: Attempt, decl: StepDecl, results: Results) -> None:
    options = decl.options
    outputs: dict[str, Any] = {
        name: attempt.scope.evaluate(node, results) for name, node in options.outputs.items()
    }
    if options.id:
        attempt.scope = attempt.scope.with_step(options.id, outputs)
