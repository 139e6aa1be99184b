"""The owner of all processes of one run."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import subprocess  # noqa: TID251 - the one place: it starts the guardian, which starts all others
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from kspec import guardian
from kspec.errors import ProcessError, UsageError
from kspec.guardian.rundir import make_run, remove_unfinished
from kspec.guardian.table import RUN_MARK, SUBREAPER, adopted, end, look, marked, prctl
from kspec.processes.channel import Channel
from kspec.processes.pipes import Capture, feed, hold
from kspec.processes.process import Completed, Entry, Process
from kspec.processes.surroundings import find_program, run_bases, start_error

_PATIENCE = 10.0  # seconds; longer than the guardian's own
_RUN_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
# Loads our folder as the package `kspec`, without its `__init__` and whatever lies beside it.
_BOOTSTRAP = (
    "import sys; kspec = type(sys)('kspec'); kspec.__path__ = [sys.argv[1]]; "
    "sys.modules['kspec'] = kspec; "
    "from kspec.guardian.program import main; main(sys.argv[2:])"
)
_guardians: set[int] = set()
"""The process ids of all guardians of this program."""


class Supervisor:
    """Owner of all processes of one run, and of its private directory. Made by `open`."""

    def __init__(self, directory: Path, bases: Sequence[Path]) -> None:
        self.run_id = directory.name
        self.directory = directory
        """0700 and ours; removed at the end, however that comes."""
        self.lost: ProcessError | None = None
        """Set when the guardian died before its time, and with it all processes."""
        self._entries: dict[int, Entry] = {}
        self._made = False
        self._closing = False
        self._closed = False
        self._finished = asyncio.Event()
        self._cleanup: asyncio.Task[None] | None = None
        self._channel = Channel(self._hear, self._on_end)
        try:
            self._guardian = self._start_guardian(bases)
        except BaseException:
            self._channel.close()
            raise
        _guardians.add(self._guardian.pid)
        seen = look(self._guardian.pid)
        self._started = seen.start if seen else 0
        prctl(SUBREAPER, 1)  # so that we inherit what a killed guardian leaves

    @classmethod
    async def open(cls, run_id: str | None = None, *, in_memory: bool = False) -> Self:
        """Start the guardian of a new run; it removes what it finds of dead runs meanwhile.

        The directory lies below $XDG_RUNTIME_DIR or the temporary directory; with `in_memory`
        in /dev/shm if that has 1 GiB of space. Raises ProcessError if none is to be had in
        private, UsageError if the id is no lower-case name of at most 40 characters.
        """
        name = run_id or os.urandom(5).hex()
        if not _RUN_ID.fullmatch(name) or name == os.environ.get(RUN_MARK):
            raise UsageError(f"'{name}' cannot be the id of a run")
        base, *others = run_bases(in_memory=in_memory)
        supervisor = cls(base / name, [base, *others])
        try:
            supervisor._make_directory()  # after the guardian: who dies between leaves nothing
        except BaseException:
            await supervisor.close()
            raise
        return supervisor

    async def __aenter__(self) -> Self:
        """Return itself, for `async with await Supervisor.open() as supervisor`."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it."""
        await self.close()

    async def start(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        stdin: bytes | int | None = None,
        log: Path | None = None,
        pass_fds: Mapping[int, int] | Sequence[int] = (),
        name: str = "",
    ) -> Process:
        """Start a process in a session of its own.

        `stdin` is what it reads, or an open descriptor; `log` is appended to; `pass_fds` maps the
        child's descriptors to ours. Raises ToolMissingError or ProcessError if it cannot start.
        """
        with contextlib.ExitStack() as held:
            if isinstance(pass_fds, Mapping):
                places = dict(pass_fds)
            else:
                places = {handle: handle for handle in pass_fds}
            places |= feed(stdin, self.directory, held)
            if log is not None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW
                places[1] = places[2] = hold(held, os.open(log, flags, 0o600))
            return await self._spawn(argv, env, cwd, places, name=name, log=log)

    async def run(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        stdin: bytes | None = None,
        timeout: float | None,  # noqa: ASYNC109 - the caller wants what was written until then
        limit: int = 1 << 20,
    ) -> Completed:
        """Run a process to its end, at most `timeout` seconds; whatever it started ends with it.

        Of each stream the first and the last `limit`/2 bytes are kept. Raises as `start` does.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        streams = [Capture(limit), Capture(limit)]
        with contextlib.ExitStack() as held:
            with contextlib.ExitStack() as passed:
                places = feed(stdin, self.directory, passed)
                for number, stream in enumerate(streams, 1):
                    readable, writable = os.pipe()
                    places[number] = hold(passed, writable)
                    stream.attach(readable, held)
                process = await self._spawn(argv, env, cwd, places, sweep=True)
            in_time = await process.finish(timeout)
            for stream in streams:
                stream.drain()
        out, err = (stream.text() for stream in streams)
        return Completed(await process.wait(), out, err, not in_time, loop.time() - began)

    async def close(self) -> None:
        """Kill all processes, remove the directory, wait for the guardian. May be repeated."""
        self._closing = True
        with contextlib.suppress(ProcessError):
            self.send("close")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                await self._finished.wait()
        if not self._finished.is_set():  # somebody stopped it
            self._guardian.kill()
            await self._finished.wait()
        if self._cleanup is not None:
            await self._cleanup
        if not self._closed:
            self._closed = True
            await asyncio.to_thread(self._guardian.wait)
            _guardians.discard(self._guardian.pid)
            self._channel.close()

    def send(self, *fields: object) -> None:
        """Tell the guardian; for `Process`. Raises ProcessError if it is dead."""
        if self.lost is not None:
            raise self.lost
        if not self._finished.is_set():
            self._channel.send(fields)

    async def _spawn(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        places: Mapping[int, int],
        *,
        sweep: bool = False,
        name: str = "",
        log: Path | None = None,
    ) -> Process:
        if self.lost is not None or self._closing:
            raise self.lost or ProcessError("the run has ended: nothing can be started")
        program = find_program(argv[0], env.get("PATH", ""), cwd)
        rest = [*argv, *(f"{key}={value}" for key, value in env.items())]
        if any("\0" in item for item in rest):
            raise ProcessError(f"{argv[0]}: an argument or a variable contains a NUL character")
        number = len(self._entries) + 1
        entry = self._entries[number] = Entry()
        process = Process(self, number, entry, name or Path(argv[0]).name, log)
        targets = ",".join(map(str, places))
        head = ["spawn", number, int(sweep), program, cwd, targets, len(argv)]
        self._channel.send([*head, *rest], places.values())
        try:
            await entry.answered.wait()
        except BaseException:
            process.kill()
            raise
        if entry.failure is not None:
            raise start_error(process.name, cwd, *entry.failure)
        if not entry.pid:
            raise self.lost or ProcessError(f"{process.name}: the run ended before it started")
        return process

    def _make_directory(self) -> None:
        base = self.directory.parent
        try:
            handle = make_run(str(base), self.run_id)
        except OSError as error:
            raise ProcessError(
                f"no private directory for this run in {base}: {error.strerror}",
                hint="look who owns it, or set TMPDIR to a directory of your own",
            ) from error
        self._made = True
        self._channel.send(["here", 0], [handle])
        os.close(handle)  # the lock is the guardian's now

    def _start_guardian(self, bases: Sequence[Path]) -> subprocess.Popen[bytes]:
        theirs = self._channel.theirs
        package = Path(guardian.__file__).parent.parent
        rest = [package, theirs.fileno(), self.directory, *bases]
        with theirs:
            return subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _BOOTSTRAP, *map(str, rest)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={},
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )

    def _hear(self, fields: list[str]) -> None:
        what, first, *more = fields
        if what == "error":
            self.lost = ProcessError(f"the guardian of this run failed: {first}")
            return
        entry = self._entries[int(first)]
        if what == "started":
            entry.pid = int(more[0])
            entry.answered.set()
        elif what == "failed":
            entry.failure = (more[0], int(more[1]))
            entry.answered.set()
        elif what == "exited":
            entry.status = int(more[0])
            entry.ended.set()
        else:
            entry.gone.set()

    def _on_end(self) -> None:
        """See the guardian's end: the one that was asked for, or its death before that."""
        if self.lost is None and not self._closing:
            self.lost = ProcessError(
                "the guardian of this run was killed, and all its processes with it",
                hint="is this machine short of memory?",
            )
        self._finished.set()
        for entry in self._entries.values():
            entry.release()
        loop = asyncio.get_running_loop()
        self._cleanup = loop.create_task(asyncio.to_thread(self._end_orphans))

    def _end_orphans(self) -> None:
        """Do what the guardian cannot any more; being a subreaper, we inherited its children.

        After an orderly end there is nothing to do.
        """
        if not self._made or not self.directory.exists():
            return
        by_mark = marked(RUN_MARK, self.run_id, os.getpid())
        by_descent = adopted(self._started, _guardians)
        ended = end(lambda table: {*by_mark(table), *by_descent(table)})
        entries = self._entries.values()
        for pid in ended | {entry.pid for entry in entries if entry.pid and entry.status is None}:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
        remove_unfinished(str(self.directory))
