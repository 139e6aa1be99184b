"""Runs specs on a scripted server in virtual time: for tests of verbs, of plugins and of kspec.

    server = ScriptedServer()

    async def script(server: ScriptedServer) -> None:
        await clock.pause(1.5)
        server.put({"apiVersion": "v1", "kind": "Pod", ...})

    events = run_spec(TEXT, server, folder=tmp_path, script=script)
    assert events.case.status == "passed"
    assert events.steps[0].duration == 1.5

Minutes of waiting take milliseconds, and the seconds that passed can be asserted exactly.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from kspec.app import plugins
from kspec.cluster.connection import Connection, connect
from kspec.engine.expect import check_expect
from kspec.engine.scheduler import run_all
from kspec.engine.world import World
from kspec.errors import ProcessError
from kspec.language.declarations import Project, cases
from kspec.language.discover import load_project
from kspec.results import CaseFinished, Event, Failure, RunFinished, StepFinished
from kspec.settings import Settings
from kspec.snapshots import Resource
from kspec.testing.server import ScriptedServer
from kspec.testing.virtual import run

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from kspec.cluster.transport import Response, StreamResponse, Transport
    from kspec.processes import Supervisor
    from kspec.vocabulary import Vocabulary

Script = Callable[[ScriptedServer], Awaitable[None]]
"""What happens in the cluster while the specs run; it begins with them, at 0 s."""

ACCOUNTS: Final = Resource(
    "",
    "v1",
    "ServiceAccount",
    "serviceaccounts",
    True,
    "serviceaccount",
    ("sa",),
    ("create", "delete", "get", "list", "patch", "update", "watch"),
)


class Events(list[Event]):
    """The events of a run in order, the run's own end last."""

    @property
    def cases(self) -> dict[str, CaseFinished]:
        """How each case ended, by its name, in the order of their ends."""
        return {event.case.name: event for event in self if isinstance(event, CaseFinished)}

    @property
    def case(self) -> CaseFinished:
        """How the only case ended. ValueError unless there is exactly one."""
        (only,) = self.cases.values()
        return only

    @property
    def steps(self) -> list[StepFinished]:
        """How the steps ended, those of `finally` included."""
        return [event for event in self if isinstance(event, StepFinished)]

    @property
    def failure(self) -> Failure:
        """The only failure of the only case. ValueError unless there is exactly one."""
        (only,) = self.case.failures
        return only

    @property
    def finished(self) -> RunFinished:
        """How the run ended."""
        return next(event for event in self if isinstance(event, RunFinished))


def run_spec(
    text: str,
    server: ScriptedServer,
    *,
    folder: Path,
    script: Script | None = None,
    settings: Settings | None = None,
    interrupt_at: float | None = None,
    vocabulary: Vocabulary | None = None,
) -> Events:
    """Write `text` to `folder`/spec.yaml and run its cases, with clean-up, in virtual time.

    `interrupt_at` is when the run is told to stop, as by Ctrl-C, in seconds from its start. The
    vocabulary is by default that of the command line: the built-ins and all installed plugins.
    No process is started: a step that wants one fails with a ProcessError. Raises LoadError for
    mistakes in the text, and what the script raises.
    """
    file = folder / "spec.yaml"
    file.write_text(text, encoding="utf-8")
    words = vocabulary or plugins.vocabulary(plugins.load())
    project = load_project((file,), folder, words, check_expect=check_expect)
    chosen = settings or Settings(paths=(file,), root=folder)
    stage = _Stage(server, project, words, chosen, folder)
    return run(stage.run(script, interrupt_at))


@dataclass(frozen=True, slots=True)
class _Stage:
    """What one `run_spec` is made of."""

    server: ScriptedServer
    project: Project
    vocabulary: Vocabulary
    settings: Settings
    folder: Path

    async def run(self, script: Script | None, interrupt_at: float | None) -> Events:
        events = Events()
        self.server.add_kind(ACCOUNTS)
        chosen = [case for spec in self.project.specs for case in cases(spec)]
        async with connect(_Scripted(_Accounts(self.server))) as connection:
            world = self._world(connection, events)
            running = asyncio.create_task(run_all(world, chosen, self.project.fixtures))
            if interrupt_at is not None:
                asyncio.get_running_loop().call_later(interrupt_at, running.cancel)
            acting = asyncio.create_task(_act(script, self.server))
            try:
                events.append(await running)
            finally:
                acting.cancel()
                await asyncio.wait([acting])
            if not acting.cancelled():
                acting.result()
        return events

    def _world(self, connection: Connection, events: Events) -> World:
        return World(
            run_id="test",
            settings=self.settings,
            vocabulary=self.vocabulary,
            connection=connection,
            supervisor=cast("Supervisor", NoProcesses(self.folder)),
            kubeconfig=self.folder / "kubeconfig",
            cache=self.folder / "cache",
            emit=events.append,
            learn=lambda _item: None,
            environment={},
        )


async def _act(script: Script | None, server: ScriptedServer) -> None:
    if script is not None:
        await script(server)


@dataclass(frozen=True, slots=True)
class NoProcesses:
    """Stands where the supervisor is: no process runs in virtual time."""

    directory: Path

    def run(self, argv: tuple[str, ...], **_options: Any) -> Coroutine[Any, Any, Any]:
        """Refuses. Raises ProcessError when awaited."""
        return self._refuse(argv)

    def start(self, argv: tuple[str, ...], **_options: Any) -> Coroutine[Any, Any, Any]:
        """Refuses. Raises ProcessError when awaited."""
        return self._refuse(argv)

    async def _refuse(self, argv: tuple[str, ...]) -> None:
        raise ProcessError(f"{argv[0]} was not run: processes do not run in virtual time")


@dataclass(frozen=True, slots=True)
class _Scripted:
    """The way to a scripted server."""

    transport: Transport
    server: str = "https://scripted"
    describes: str = "a scripted server"

    async def close(self) -> None:
        """Nothing is open."""


@dataclass(frozen=True, slots=True)
class _Accounts:
    """Gives new namespaces their default service account, as a controller does."""

    server: ScriptedServer

    async def request(self, method: str, path: str, **options: Any) -> Response:
        """See `Transport.request`."""
        response = await self.server.request(method, path, **options)
        created = 201
        if method == "POST" and path == "/api/v1/namespaces" and response.status == created:
            for namespace in self.server.objects("namespaces"):
                self._give(namespace["metadata"]["name"])
        return response

    def _give(self, namespace: str) -> None:
        if not self.server.objects(ACCOUNTS.plural, namespace):
            metadata = {"name": "default", "namespace": namespace}
            self.server.put({"apiVersion": "v1", "kind": ACCOUNTS.kind, "metadata": metadata})

    def stream(
        self, method: str, path: str, **options: Any
    ) -> AbstractAsyncContextManager[StreamResponse]:
        """See `Transport.stream`."""
        return self.server.stream(method, path, **options)
