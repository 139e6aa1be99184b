"""Starting a control plane, and knowing when it can be used."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kspec.controlplane import program
from kspec.errors import NoClusterError, ProcessError
from kspec.processes import child_env, tail

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kspec.controlplane.config import Plan
    from kspec.processes import Process, Supervisor
    from kspec.settings import EmbeddedSettings

START_LIMIT: Final = 120.0
"""Seconds; on two idle cores it takes 1.5."""
_START_GC: Final = "1000"
"""GOGC while starting, 0.15 s faster than with 400; the program itself bounds the memory."""
_CHUNK: Final = 1 << 16
_numbers = itertools.count()


@dataclass(frozen=True, slots=True)
class ControlPlane:
    """A control plane that takes writes, for as long as its supervisor's run."""

    server: str
    """`https://127.0.0.1:PORT`"""
    ca: bytes
    """In PEM, as what follows."""
    certificate: bytes
    """Of a user who may do everything (group system:masters)."""
    key: bytes
    kubeconfig: Path
    """For programs: the same user; 0600 in `directory`."""
    directory: Path
    program: Path
    """It is also `kubectl` and `helm`, by its first argument."""
    process: Process

    async def stop(self) -> None:
        """End it at once, with all its data. May be repeated."""
        self.process.kill()
        await self.process.wait_gone()


class Starting:
    """A control plane on its way: work of another kind can be done meanwhile."""

    def __init__(
        self, directory: Path, binary: Path, process: Process, plan: Plan, ours: socket.socket
    ) -> None:
        self.directory = directory
        self.events: list[dict[str, Any]] = []
        """What the program has told so far; `at` is in seconds since its start."""
        self._binary = binary
        self._process = process
        self._plan = plan
        self._decided = asyncio.Event()
        self._talk = asyncio.create_task(self._converse(ours, plan.document))

    async def ready(self) -> ControlPlane:
        """Wait until it takes writes. Raises ProcessError with the end of its log if it fails."""
        try:
            async with asyncio.timeout(START_LIMIT):
                await self._decided.wait()
        except TimeoutError:
            raise self._failure(f"takes no writes after {START_LIMIT:.0f} s") from None
        server = self._told("listening", "server")
        if not self._told("ready", "at"):
            parts = (self._told("failed", "component"), self._told("failed", "error"))
            raise self._failure(": ".join(filter(None, parts)) or str(await self._process.wait()))
        return ControlPlane(
            server=server,
            ca=self._plan.ca.encode(),
            certificate=self._plan.admin.certificate.encode(),
            key=self._plan.admin.key.encode(),
            kubeconfig=self.directory / "kubeconfig",
            directory=self.directory,
            program=self._binary,
            process=self._process,
        )

    async def _converse(self, ours: socket.socket, document: bytes) -> None:
        """Say what to do, then listen. The program ends when the socket closes."""
        loop = asyncio.get_running_loop()
        rest = b""
        try:
            with ours, contextlib.suppress(OSError):
                await loop.sock_sendall(ours, document)
                while data := await loop.sock_recv(ours, _CHUNK):
                    *lines, rest = (rest + data).split(b"\n")
                    self._hear(lines)
        finally:
            self._decided.set()

    def _hear(self, lines: list[bytes]) -> None:
        for line in lines:
            event = json.loads(line)
            self.events.append(event)
            if event["event"] in {"ready", "failed"}:
                self._decided.set()

    def _told(self, event: str, key: str) -> str:
        return next((str(item[key]) for item in self.events if item["event"] == event), "")

    def _failure(self, reason: str) -> ProcessError:
        log = self.directory / "log"
        return ProcessError(f"the embedded control plane did not start: {reason}", output=tail(log))


async def start(supervisor: Supervisor, settings: EmbeddedSettings) -> Starting:
    """Spawn a control plane and tell it what to be; returns before it is ready.

    Raises NoClusterError if its program or `cryptography` is not installed, ProcessError if the
    program cannot be started.
    """
    binary = program.find()
    directory = supervisor.directory / f"controlplane-{next(_numbers)}"
    directory.mkdir(mode=0o700)
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    try:
        with theirs:
            process = await supervisor.start(
                [str(binary), "up"],
                env=child_env((), _runtime(os.environ)),
                cwd=directory,
                stdin=theirs.fileno(),
                log=directory / "log",
                name="control plane",
            )
        # The program needs 0.1 s to begin, in which we import what makes the keys.
        return Starting(directory, binary, process, _plan(settings), ours)
    except BaseException:
        ours.close()
        raise


def _runtime(environ: Mapping[str, str]) -> dict[str, str]:
    """What tunes Go's runtime: few collections while it starts, and what its developers set."""
    passed = {key: environ[key] for key in ("GODEBUG", "GOTRACEBACK") if key in environ}
    return {"GOGC": _START_GC, **passed}


def _plan(settings: EmbeddedSettings) -> Plan:
    try:
        # Costs 0.1 s, so it comes after the spawn.
        from kspec.controlplane.config import plan  # noqa: PLC0415 - see above
    except ModuleNotFoundError as error:
        if error.name != "cryptography":
            raise
        raise NoClusterError(
            "the embedded control plane needs the package cryptography",
            hint="pip install 'kspec[embedded]'",
        ) from None
    return plan(settings)
