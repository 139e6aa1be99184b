"""One fixture's life: install, set-up steps, a supervised process, tear-down."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from kspec import clock
from kspec.clock import Deadline
from kspec.engine import installs
from kspec.engine.attempt import Attempt
from kspec.engine.cleanup import CleanUp
from kspec.engine.ports import HeldPorts, free_ports
from kspec.engine.ready import wait_until_ready
from kspec.engine.steps import run_steps
from kspec.engine.watching import CaseStreams
from kspec.engine.world import World
from kspec.errors import FixtureError, UnknownKindError
from kspec.language.declarations import FixtureDecl, ProcessDecl
from kspec.language.scope import Scope
from kspec.processes import Process, tail
from kspec.results import CaseId, Notice

NAMESPACE: Final = "default"
"""Where a fixture's objects go that name no namespace."""
GRACE: Final = 5.0
"""Seconds between SIGTERM and SIGKILL when a fixture's process is stopped."""


@dataclass(slots=True)
class Fixture:
    """A fixture of the run. `visible` is what specs see as `fixtures.NAME`."""

    world: World
    decl: FixtureDecl
    visible: dict[str, Any] = field(default_factory=dict)
    ended: str | None = None
    """How its process ended by itself, if it did."""
    left_behind: list[str] = field(default_factory=list)
    _attempt: Attempt | None = None
    _process: Process | None = None
    _watcher: asyncio.Task[None] | None = None
    _ports: HeldPorts | None = None

    async def start(self, others: Mapping[str, Any]) -> None:
        """Everything until it is ready. Raises KspecError."""
        if await self._served_already():
            return
        installed = await self._install()
        own = self._own_scope(installed)
        self.visible = {"ports": own["ports"], "outputs": {}}
        attempt = self._attempt = self._make_attempt(own, others, installed)
        failures = await run_steps(attempt, self.decl.setup)
        if failures:
            raise _failed_setup(failures[0].message, self.decl)
        if self.decl.process is not None:
            await self._run_process(attempt)

    async def _served_already(self) -> bool:
        apis = self.decl.provides.apis
        if not apis:
            return False
        for api in apis:
            api_version, _, kind = api.rpartition("/")
            try:
                await self.world.connection.client.resolve(kind, api_version)
            except UnknownKindError:
                return False
        text = f"fixture {self.decl.name}: {', '.join(apis)} is served already; used as it is"
        self.world.emit(Notice(text))
        return True

    async def _install(self) -> installs.Installed | None:
        wanted = self.decl.install
        if wanted is None:
            return None
        world = self.world
        if world.settings.no_exec:
            raise FixtureError("--no-exec forbids installing and running it on this machine")
        return await installs.install(
            installs.request(
                go=wanted.go, module=wanted.module, version=wanted.version, pip=wanted.pip
            ),
            world.supervisor,
            cache=world.cache,
            progress=lambda text: world.emit(Notice(f"fixture {self.decl.name}: {text}")),
        )

    def _own_scope(self, installed: installs.Installed | None) -> dict[str, Any]:
        process = self.decl.process
        names = process.ports if process is not None else ()
        folder = {"dir": str(installed.dir), "bin": str(installed.bin)} if installed else {}
        return {
            "kubeconfig": str(self.world.kubeconfig),
            "ports": dict(zip(names, free_ports(len(names)), strict=True)),
            "install": folder,
        }

    def _make_attempt(
        self, own: dict[str, Any], others: Mapping[str, Any], installed: installs.Installed | None
    ) -> Attempt:
        world, timeouts = self.world, self.world.settings.timeouts
        roots = {
            "fixture": own,
            "fixtures": dict(others),
            "env": {name: world.environment.get(name) for name in world.settings.env},
            "run": {"id": world.run_id},
            "namespace": NAMESPACE,
            "steps": {},
        }
        return Attempt(
            world=world,
            case=CaseId(f"fixture {self.decl.name}"),
            file=self.decl.mark.file,
            namespace=NAMESPACE,
            streams=CaseStreams(world.connection, NAMESPACE, clock.now()),
            cleanup=CleanUp(world.connection),
            scope=Scope(roots),
            deadline=Deadline.after(timeouts.spec),
            step_timeout=timeouts.step,
            readable=(installed.dir,) if installed else (),
        )

    async def _run_process(self, attempt: Attempt) -> None:
        if self.world.settings.no_exec:
            raise FixtureError("--no-exec forbids running its process on this machine")
        process = ProcessDecl.concrete(self.decl, attempt.scope, self.world.vocabulary)
        self._ports = HeldPorts(self.world.cache / "ports")
        await self._ports.hold(process.fixed_ports, Deadline.after(self.decl.timeout))
        log = self.world.supervisor.directory / f"fixture-{self.decl.name}.log"
        started = await self.world.supervisor.start(
            process.command,
            env={**attempt.environment, **process.env},
            cwd=attempt.locate(process.working_dir),
            log=log,
            name=self.decl.name,
        )
        self._process = started
        self._watcher = asyncio.create_task(self._watch(started, log))
        await wait_until_ready(process.ready, started, log, self.decl.timeout)

    async def _watch(self, process: Process, log: Path) -> None:
        done = await process.wait()
        self.ended = f"its process ended with {done}; its last lines:\n{tail(log)}"

    async def stop(self) -> None:
        """Stop the process, run the tear-down, remove what the set-up created."""
        if self._watcher is not None:
            self._watcher.cancel()
        if self._process is not None:
            await self._process.stop(GRACE)
        if self._ports is not None:
            self._ports.release()
        attempt, self._attempt = self._attempt, None
        if attempt is None:
            return
        attempt.deadline = Deadline.after(self.world.settings.timeouts.cleanup)
        await run_steps(attempt, self.decl.teardown, "teardown")
        if not self.world.ephemeral and not self.world.settings.keep:
            await attempt.cleanup.run(self.world.settings.timeouts.cleanup)
        self.left_behind += attempt.cleanup.left_behind
        attempt.streams.close()


def _failed_setup(message: str, decl: FixtureDecl) -> FixtureError:
    return FixtureError(f"its set-up failed: {message}", mark=decl.mark)
