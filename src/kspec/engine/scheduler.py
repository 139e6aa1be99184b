"""Runs many cases: side by side, with locks, and stops them all when told to."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kspec import clock
from kspec.clock import Deadline
from kspec.engine.case import run_case
from kspec.engine.cleanup import command
from kspec.engine.failures import explain
from kspec.engine.fixtures import FixturePool
from kspec.engine.world import World
from kspec.errors import ClusterError, FixtureError
from kspec.results import CaseFinished, CaseStarted, Notice, RunFinished, Status
from kspec.snapshots import Revision, Selection

if TYPE_CHECKING:
    from kspec.language.declarations import Case, FixtureDecl


@dataclass(slots=True)
class Schedule:
    """One run's cases and their outcome."""

    world: World
    pool: FixturePool
    slots: asyncio.Semaphore
    locks: dict[str, asyncio.Lock] = field(default_factory=dict)
    drain: list[Revision] = field(default_factory=list)
    finished: list[CaseFinished] = field(default_factory=list)

    async def run(self, cases: Sequence[Case]) -> None:
        """All cases; those that are serial one by one after the others."""
        async with asyncio.TaskGroup() as group:
            for case in cases:
                if not case.spec.serial:
                    group.create_task(self._one(case), name=case.id.name)
        for case in cases:
            if case.spec.serial:
                # A task of its own, as above: a case ends by itself when it is cancelled, and
                # this task must go on knowing that it was.
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._one(case), name=case.id.name)

    async def _one(self, case: Case) -> None:
        names = case.spec.fixtures
        try:
            fixtures = await self.pool.acquire(names)
        except FixtureError as error:
            self._not_run(case, error)
        else:
            await self._locked(case, fixtures)
        finally:
            await self.pool.release(names)

    async def _locked(self, case: Case, fixtures: Mapping[str, object]) -> None:
        async with AsyncExitStack() as stack:
            for name in sorted(set(case.spec.locks)):
                await stack.enter_async_context(self.locks.setdefault(name, asyncio.Lock()))
            await stack.enter_async_context(self.slots)
            self.finished.append(await run_case(self.world, case, fixtures, self.drain))
        trouble = self.pool.trouble(case.spec.fixtures)
        if trouble is not None:
            self.world.emit(Notice(trouble, "warning"))

    def _not_run(self, case: Case, error: FixtureError) -> None:
        self.world.emit(CaseStarted(case.id, case.spec.mark))
        finished = CaseFinished(
            case=case.id,
            mark=case.spec.mark,
            status=Status.ERROR,
            duration=0.0,
            timestamp=clock.timestamp(),
            labels=dict(case.spec.labels),
            description=case.spec.description,
            failures=(explain(error, case.spec.mark),),
            reason=error.message,
        )
        self.finished.append(finished)
        self.world.emit(finished)


async def run_all(
    world: World, cases: Sequence[Case], fixtures: Mapping[str, FixtureDecl]
) -> RunFinished:
    """Run everything. Cancelling this task interrupts the run: what runs is cleaned up first."""
    started = clock.now()
    pool = FixturePool.for_cases(world, fixtures, cases)
    schedule = Schedule(world, pool, asyncio.Semaphore(world.settings.parallel))
    interrupted = False
    try:
        await schedule.run(cases)
    except asyncio.CancelledError:
        interrupted = True
    await pool.close()
    left = [*pool.left_behind, *(text for one in schedule.finished for text in one.left_behind)]
    if not world.ephemeral and not world.settings.keep:
        left += await drain(world, schedule.drain)
    counts = Counter(str(one.status) for one in schedule.finished)
    counts["not run"] = len(cases) - len(schedule.finished)
    return RunFinished(
        timestamp=clock.timestamp(),
        duration=clock.now() - started,
        counts={name: count for name, count in counts.items() if count},
        interrupted=interrupted,
        left_behind=tuple(left),
    )


async def drain(world: World, namespaces: Iterable[Revision]) -> list[str]:
    """Wait until the run's namespaces are gone; the commands for those that are not."""
    deadline = Deadline.after(world.settings.timeouts.cleanup)
    results = await asyncio.gather(*(_gone(world, one, deadline) for one in namespaces))
    return [text for text in results if text]


async def _gone(world: World, namespace: Revision, deadline: Deadline) -> str | None:
    stream = world.connection.hub.stream(namespace.resource, None)
    selection = Selection(name=namespace.name, uid=namespace.uid)
    try:
        async with asyncio.timeout_at(deadline.at):
            await stream.listed()
            await stream.until(selection, lambda seen: not seen.objects)
    except (TimeoutError, ClusterError) as error:
        why = "it is still terminating" if isinstance(error, TimeoutError) else str(error)
        return f"{command(namespace)}  # {why}"
    finally:
        stream.close()
    return None
