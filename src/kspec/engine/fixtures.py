"""Fixtures: each starts once per run, when a spec first needs it, and ends with its last user."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kspec import clock
from kspec.engine.failures import explain
from kspec.engine.fixture import Fixture
from kspec.engine.world import World
from kspec.errors import FixtureError, KspecError
from kspec.results import FixtureFinished, FixtureStarted, Notice, Status

if TYPE_CHECKING:
    from kspec.language.declarations import Case, FixtureDecl


@dataclass(slots=True)
class FixturePool:
    """The run's fixtures. `users` counts the cases that have yet to finish with each."""

    world: World
    declared: Mapping[str, FixtureDecl]
    users: Counter[str]
    starting: dict[str, asyncio.Task[Fixture]] = field(default_factory=dict)
    fixtures: dict[str, Fixture] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    left_behind: list[str] = field(default_factory=list)

    @classmethod
    def for_cases(
        cls, world: World, declared: Mapping[str, FixtureDecl], cases: Iterable[Case]
    ) -> FixturePool:
        """A pool that knows how many cases need each fixture."""
        pool = cls(world, declared, Counter())
        for case in cases:
            pool.users.update(pool.closure(case.spec.fixtures))
        return pool

    def closure(self, names: Iterable[str]) -> list[str]:
        """The fixtures and what they depend on, dependencies first, each once."""
        found: list[str] = []
        for name in names:
            before = self.closure(self.declared[name].fixtures)
            found += [one for one in (*before, name) if one not in found]
        return found

    async def acquire(self, names: Iterable[str]) -> Mapping[str, Any]:
        """Start what is not started; give what specs see of each. Raises FixtureError."""
        seen: dict[str, Any] = {}
        for name in self.closure(names):
            seen[name] = (await self._started(name)).visible
        return seen

    async def _started(self, name: str) -> Fixture:
        if name not in self.starting:
            self.order.append(name)
            self.starting[name] = asyncio.create_task(self._start(name), name=f"fixture {name}")
        task = self.starting[name]
        try:
            return await asyncio.shield(task)
        except FixtureError as error:
            # A new error for each waiter: one raised in several tasks would mix their traces.
            text = f"fixture {name}: {error.message}"
            raise FixtureError(
                text, output=error.output, mark=error.mark, hint=error.hint
            ) from error

    async def _start(self, name: str) -> Fixture:
        decl, emit, started = self.declared[name], self.world.emit, clock.now()
        emit(FixtureStarted(name))
        fixture = self.fixtures[name] = Fixture(self.world, decl)
        try:
            await fixture.start({one: self._visible(one) for one in decl.fixtures})
        except KspecError as error:
            failure = explain(error, decl.mark)
            emit(FixtureFinished(name, Status.ERROR, clock.now() - started, failure))
            raise FixtureError(
                failure.message, output=failure.output, mark=failure.mark, hint=failure.hint
            ) from error
        emit(FixtureFinished(name, Status.PASSED, clock.now() - started))
        return fixture

    def _visible(self, name: str) -> Mapping[str, Any]:
        return self.starting[name].result().visible

    def trouble(self, names: Iterable[str]) -> str | None:
        """Which of these fixtures has ended by itself since it was ready, and how."""
        for name in self.closure(names):
            task = self.starting.get(name)
            if task is not None and task.done() and not task.cancelled() and not task.exception():
                ended = task.result().ended
                if ended is not None:
                    return f"fixture {name}: {ended}"
        return None

    async def release(self, names: Iterable[str]) -> None:
        """A case is done with these; a fixture without users is stopped, dependents first."""
        for name in reversed(self.closure(names)):
            self.users[name] -= 1
            if self.users[name] == 0:
                await self._stop(name)

    async def close(self) -> None:
        """Stop what still runs, last started first."""
        for name in reversed(self.order):
            await self._stop(name)

    async def _stop(self, name: str) -> None:
        task = self.starting.pop(name, None)
        if task is None:
            return
        if not task.done():
            task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.exception()  # told already; asking keeps asyncio from telling again
        fixture = self.fixtures.pop(name, None)
        if fixture is None:
            return  # it was cancelled before it began
        try:
            await fixture.stop()
        except KspecError as error:
            self.world.emit(Notice(f"fixture {name}: {error.message}", "warning"))
        self.left_behind += fixture.left_behind
