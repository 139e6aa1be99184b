"""The guardian's program: serves one owner until the socket between them closes."""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
import sys
from collections.abc import Collection

from kspec.guardian.rundir import remove_run, remove_unfinished, sweep, write_record
from kspec.guardian.spawning import Order, spawn
from kspec.guardian.table import (
    PROCESS_MARK,
    RUN_MARK,
    SUBREAPER,
    Table,
    await_end,
    descendants,
    end,
    marked,
    prctl,
)

LENGTH = 4
"""Bytes of a frame's length."""
_MOST_DESCRIPTORS = 253  # SCM_MAX_FD of the kernel
_KILL_PATIENCE = 1.0


class Guardian:
    """Starts, watches and ends processes for one owner."""

    def __init__(self, owner: socket.socket, directory: str, bases: list[str]) -> None:
        self._owner = owner
        self._directory = directory
        self._bases = bases
        self._run_id = os.path.basename(directory)  # noqa: PTH119 - pathlib costs 10 ms
        self._handle: int | None = None  # of the directory
        self._sweeper: int | None = None
        self._running: dict[int, int] = {}  # process id -> number
        self._leaders: dict[int, int] = {}  # number -> process id
        self._sweeping: set[int] = set()  # numbers whose descendants end with them
        self._null = os.open(os.devnull, os.O_RDWR)

    def serve(self, woken: int) -> bool:
        """Work until the owner says close (True), or it is dead or we are told to stop (False)."""
        poll = select.poll()
        poll.register(self._owner, select.POLLIN)
        poll.register(woken, select.POLLIN)
        while True:
            ready = {handle for handle, _ in poll.poll()}
            if woken in ready and set(os.read(woken, 4096)) - {signal.SIGCHLD}:
                return False
            self.reap()
            if self._owner.fileno() in ready:
                fields, handles = receive(self._owner)
                try:
                    if not fields or fields[0] == b"close":
                        return bool(fields)
                    self._obey(fields, handles)
                finally:
                    for handle in handles:
                        os.close(handle)

    def reap(self) -> None:
        """Collect all children that ended and tell the owner."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            number = self._running.pop(pid, None)
            if number is not None:
                self.tell("exited", number, status)
                if number in self._sweeping:
                    self._kill(number)

    def tell(self, *fields: object) -> None:
        """Send a frame; that the owner is dead we shall see at the next read."""
        body = "\0".join(map(str, fields)).encode()
        try:
            self._owner.sendall(len(body).to_bytes(LENGTH, "big") + body)
        except OSError:
            return

    def finish(self, *, asked: bool) -> None:
        """End and remove everything. If the owner asked for it, it waits for the sweeper too."""
        self._end_all(self._sweeper if asked else None)
        if asked and self._sweeper and not await_end([self._sweeper], _KILL_PATIENCE):
            self._end_all(None)
        if self._handle is None:
            remove_unfinished(self._directory)
        else:
            remove_run(self._directory, self._handle)

    def _end_all(self, spared: int | None) -> None:
        me = os.getpid()
        self._sweeping.clear()
        for pid in self._running:  # all that can be done on systems without /proc
            _signal_group(pid, signal.SIGKILL)

        def find(table: Table) -> set[int]:
            self.reap()
            return descendants(table, {me}) - {spared}

        end(find)
        if sys.platform != "linux":
            await_all()
        self.reap()

    def _obey(self, fields: list[bytes], handles: list[int]) -> None:
        number = int(fields[1])
        if fields[0] == b"here":
            self._handle = os.dup(handles[0])
            write_record(self._handle)
            self._sweeper = start_sweeper(self._bases, self._directory)
        elif fields[0] == b"spawn":
            self._spawn(number, fields[2:], handles)
        elif fields[0] == b"kill":
            self._kill(number)
        elif self._runs(number):
            _signal_group(self._leaders[number], int(fields[2]))

    def _runs(self, number: int) -> bool:
        """Whether it was not yet collected, so that its process id cannot be somebody else's."""
        return self._running.get(self._leaders.get(number, -1)) == number

    def _spawn(self, number: int, fields: list[bytes], handles: list[int]) -> None:
        sweeping, exe, cwd, targets, count, *rest = fields
        given = dict(zip(map(int, targets.split(b",") if targets else ()), handles, strict=True))
        env = dict(item.split(b"=", 1) for item in rest[int(count) :])
        env[RUN_MARK.encode()] = self._run_id.encode()
        env[PROCESS_MARK.encode()] = self._mark(number).encode()
        places = dict.fromkeys((0, 1, 2), self._null) | given
        try:
            pid = spawn(Order(exe, rest[: int(count)], env, cwd, places))
        except OSError as error:
            self.tell("failed", number, error.strerror, error.errno or errno.EIO)
            return
        # An id that a new process gets says nothing about an older process any more.
        self._leaders = {old: leader for old, leader in self._leaders.items() if leader != pid}
        self._running[pid] = number
        self._leaders[number] = pid
        if sweeping == b"1":
            self._sweeping.add(number)
        self.tell("started", number, pid)

    def _mark(self, number: int) -> str:
        return f"{self._run_id}.{number}"

    def _kill(self, number: int) -> None:
        """End a process and whatever came from it, then say so."""
        self._sweeping.discard(number)
        leader = self._leaders.get(number, -1)
        if self._runs(number):
            _signal_group(leader, signal.SIGKILL)
        end(marked(PROCESS_MARK, self._mark(number), os.getpid(), leader), _KILL_PATIENCE)
        self.reap()
        self.tell("gone", number)


def _signal_group(leader: int, number: int) -> None:
    try:
        os.killpg(leader, number)
    except OSError:
        return  # it ended, or turned into somebody else's


def await_all() -> None:
    """Wait until all children have ended."""
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def receive(owner: socket.socket) -> tuple[list[bytes], list[int]]:
    """Read a frame and the descriptors that come with it; no fields at the end."""
    handles: list[int] = []
    try:
        head, handles, _, _ = socket.recv_fds(owner, LENGTH, _MOST_DESCRIPTORS)
        for handle in handles:
            os.set_inheritable(handle, False)
        head += _read(owner, LENGTH - len(head))
        body = _read(owner, int.from_bytes(head, "big"))
    except OSError:
        return [], handles
    return body.split(b"\0"), handles


def _read(owner: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        more = owner.recv(count - len(data))
        if not more:
            raise ConnectionResetError
        data += more
    return data


def start_sweeper(bases: Collection[str], own: str) -> int | None:
    """Finish what dead runs left, in a child, so that no process need wait; returns its id."""
    found = set()
    for base in bases:
        try:
            found |= {f"{base}/{name}" for name in os.listdir(base)}  # noqa: PTH208 - costs 10 ms
        except OSError:
            continue
    if found <= {own}:
        return None
    pid = os.fork()  # noqa: TID251 - this program is where processes are started
    if pid == 0:
        try:
            sweep(bases)
        finally:
            os._exit(0)
    return pid


def _listen_to_signals() -> int:
    """Return a descriptor from which the numbers of signals can be read."""
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    return woken


def main(arguments: list[str]) -> None:
    """Run as the guardian. Arguments: socket, path of the run's directory, all bases."""
    owner = socket.socket(fileno=int(arguments[0]))
    os.set_inheritable(owner.fileno(), False)
    prctl(SUBREAPER, 1)
    woken = _listen_to_signals()
    guardian = Guardian(owner, arguments[1], arguments[2:])
    asked = False
    try:
        asked = guardian.serve(woken)
    except Exception as error:  # noqa: BLE001 - whatever it is, nothing may be left behind
        guardian.tell("error", f"{type(error).__name__}: {error}")
    finally:
        guardian.finish(asked=asked)
