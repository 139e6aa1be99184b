"""One started process, and how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from kspec.errors import ProcessError

_PATIENCE = 10.0  # seconds; longer than the guardian's own


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended: by itself with a code, or killed by a signal."""

    code: int | None
    signal: int | None = None

    @property
    def ok(self) -> bool:
        """Whether it ended by itself with code 0."""
        return self.code == 0

    @classmethod
    def from_status(cls, status: int) -> Exit:
        """Read the status that wait(2) gives."""
        code = os.waitstatus_to_exitcode(status)
        return cls(code) if code >= 0 else cls(None, -code)

    def __str__(self) -> str:
        """As in `exit code 3` and `killed by SIGKILL`."""
        if self.signal is None:
            return f"exit code {self.code}"
        with contextlib.suppress(ValueError):
            return f"killed by {signal.Signals(self.signal).name}"
        return f"killed by signal {self.signal}"


@dataclass(frozen=True, slots=True)
class Completed:
    """What `Supervisor.run` saw. `duration` is in seconds."""

    exit: Exit
    stdout: str
    stderr: str
    timed_out: bool
    duration: float


@dataclass(slots=True)
class Entry:
    """What the guardian has said about one process."""

    pid: int = 0
    failure: tuple[str, int] | None = None
    status: int | None = None
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    def release(self) -> None:
        """Let nobody wait any longer: nothing more will be said."""
        for event in (self.answered, self.ended, self.gone):
            event.set()


class Guarded(Protocol):
    """What a process needs of its supervisor."""

    lost: ProcessError | None

    def send(self, *fields: object) -> None:
        """Tell the guardian. Raises ProcessError if it is dead."""


class Process:
    """A started process. Its log, if it has one, holds standard output and error."""

    def __init__(
        self, owner: Guarded, number: int, entry: Entry, name: str, log: Path | None
    ) -> None:
        self.name = name
        self.log = log
        self._owner = owner
        self._number = number
        self._entry = entry

    @property
    def pid(self) -> int:
        """Its process id; somebody else's once it has ended."""
        return self._entry.pid

    async def wait(self) -> Exit:
        """Wait for its end. Raises ProcessError if nobody can know it: the guardian died."""
        await self._entry.ended.wait()
        if self._entry.status is None:
            raise self._owner.lost or ProcessError(f"{self.name}: the run ended first")
        return Exit.from_status(self._entry.status)

    async def stop(self, grace: float) -> Exit:
        """Ask its process group to end; after `grace` seconds kill it. Its descendants end too."""
        self._owner.send("signal", self._number, int(signal.SIGTERM))
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await self._entry.ended.wait()
        finally:
            self.kill()
        await self.wait_gone()
        return await self.wait()

    def kill(self) -> None:
        """Kill it and all its descendants; `wait_gone` tells when that is done."""
        with contextlib.suppress(ProcessError):  # a dead guardian took it along
            self._owner.send("kill", self._number)

    async def wait_gone(self) -> None:
        """After `kill`: wait until it and its descendants are gone, for at most 10 seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await self._entry.gone.wait()

    async def finish(self, seconds: float | None) -> bool:
        """Wait for it and all it started to be gone, and see to it; False if time ran out."""
        try:
            async with asyncio.timeout(seconds):
                await self._entry.gone.wait()
        except TimeoutError:
            self.kill()
            await self.wait_gone()
            return False
        except BaseException:
            self.kill()
            await self.wait_gone()
            raise
        return True
