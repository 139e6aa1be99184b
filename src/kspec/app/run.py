"""One run: a cluster, a world, all cases, the reports, the exit code."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kspec import __version__, clock
from kspec.app.clusters import Choice, choose
from kspec.engine.installs import default_cache
from kspec.engine.scheduler import run_all
from kspec.engine.world import World
from kspec.masking import Masker, MaskingSink
from kspec.processes import Supervisor, child_env
from kspec.reports.sinks import Sinks
from kspec.results import Event, RunFinished, RunStarted
from kspec.settings import Settings
from kspec.snapshots import Object
from kspec.vocabulary import ReportSink, Vocabulary

if TYPE_CHECKING:
    from kspec.app.access import Reached
    from kspec.cluster.connection import Connection
    from kspec.controlplane import Starting
    from kspec.language.declarations import Case, FixtureDecl

PASSED: Final = 0
FAILED: Final = 1
INTERRUPTED: Final = 130


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run."""

    settings: Settings
    vocabulary: Vocabulary
    cases: tuple[Case, ...]
    fixtures: Mapping[str, FixtureDecl]


def run(plan: Plan, sinks: Sequence[tuple[str, ReportSink]]) -> int:
    """Run the plan and report it; the exit code."""
    masker = Masker(())
    reports = Sinks(sinks)
    sink = MaskingSink(reports, masker)
    try:
        finished = asyncio.run(_run(plan, sink.handle, masker.learn))
    except asyncio.CancelledError:
        return INTERRUPTED  # told twice to stop: clean-up was given up
    finally:
        reports.close()
    if finished.interrupted:
        return INTERRUPTED
    return PASSED if set(finished.counts) <= {"passed", "skipped"} else FAILED


async def _run(
    plan: Plan, emit: Callable[[Event], None], learn: Callable[[Object], None]
) -> RunFinished:
    choice = choose(plan.settings)
    async with AsyncExitStack() as stack:
        opened = await Supervisor.open(in_memory=choice.kind == "embedded")
        supervisor = await stack.enter_async_context(opened)
        connection, reached = await stack.enter_async_context(
            _cluster(choice, plan.settings, supervisor)
        )
        emit(_started(plan, supervisor.run_id, choice.why))
        world = World(
            run_id=supervisor.run_id,
            settings=plan.settings,
            vocabulary=plan.vocabulary,
            connection=connection,
            supervisor=supervisor,
            kubeconfig=reached.kubeconfig,
            cache=default_cache(),
            emit=emit,
            learn=learn,
            environment=_environment(plan.settings, reached.tools),
            ephemeral=choice.kind == "embedded",
        )
        finished = await _interruptible(plan, world)
    emit(finished)
    return finished


def _started(plan: Plan, run_id: str, cluster: str) -> RunStarted:
    return RunStarted(run_id, __version__, clock.timestamp(), len(plan.cases), cluster)


async def _interruptible(plan: Plan, world: World) -> RunFinished:
    """SIGINT and SIGTERM cancel the run, which then cleans up within its own budget."""
    task = asyncio.create_task(run_all(world, plan.cases, plan.fixtures))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


@asynccontextmanager
async def _cluster(
    choice: Choice, settings: Settings, supervisor: Supervisor
) -> AsyncIterator[tuple[Connection, Reached]]:
    starting = await _spawn(choice, settings, supervisor)
    # Imported after the spawn: the control plane starts while Python reads the client library.
    from kspec.app import access  # noqa: PLC0415

    reached = await access.reach(choice, starting, supervisor.directory)
    from kspec.cluster.connection import connect  # noqa: PLC0415

    async with connect(reached.access, reached.facilities) as connection:
        yield connection, reached


def _environment(settings: Settings, tools: Path | None) -> dict[str, str]:
    """What children see; the machine's own `kubectl` goes before ours."""
    allowed = child_env(settings.env, {})
    if tools is None:
        return allowed
    return {**allowed, "PATH": os.pathsep.join(filter(None, (allowed.get("PATH"), str(tools))))}


async def _spawn(choice: Choice, settings: Settings, supervisor: Supervisor) -> Starting | None:
    if choice.kind != "embedded":
        return None
    from kspec import controlplane  # noqa: PLC0415 - only where it is used

    return await controlplane.start(supervisor, settings.embedded)
