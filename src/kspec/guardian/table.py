"""The process table: who descends from whom, who belongs to a run, and ending exactly those."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Collection

RUN_MARK = "KSPEC_RUN_ID"
"""The environment variable that every process of a run carries; its value is the run's id."""
PROCESS_MARK = "KSPEC_PROCESS"
"""As above; the value is the run's id, a dot and the number of the process within the run."""
PATIENCE = 5.0
"""Seconds after which we stop waiting for killed processes (they hang in the kernel)."""
KILL_ON_PARENT_DEATH = 1
"""PR_SET_PDEATHSIG of linux/prctl.h"""
SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER of linux/prctl.h"""


def prctl(option: int, value: int) -> bool:
    """Set a property of this process; False where that is not possible."""
    if sys.platform != "linux":
        return False
    return bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)


class Seen:
    """A living process. Its id with its start time is unique; the id alone is recycled."""

    __slots__ = ("parent", "pid", "session", "start")

    def __init__(self, pid: int, parent: int, session: int, start: int) -> None:
        self.pid = pid
        self.parent = parent
        self.session = session
        self.start = start
        """Clock ticks since boot."""


Table = dict[int, Seen]
Find = Callable[[Table], Collection[int]]


def look(pid: int) -> Seen | None:
    """Return the process with this id; None if there is none or it is a zombie.

    Fields as in proc_pid_stat(5): after the name come state, ppid, pgrp, session, ...; the 18th
    is the number of threads, above 1 for a "zombie" of which only the first thread ended.
    """
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123 - pathlib costs 10 ms
            text = file.read()
    except OSError:
        return None
    fields = text[text.rindex(b")") + 2 :].split()
    if fields[0] in (b"Z", b"X") and int(fields[17]) <= 1:
        return None
    return Seen(pid, int(fields[1]), int(fields[3]), int(fields[19]))


def processes() -> Table:
    """All living processes (Linux; elsewhere none)."""
    try:
        names = os.listdir("/proc")  # noqa: PTH208 - pathlib costs 10 ms
    except OSError:
        return {}
    seen = (look(int(name)) for name in names if name.isdigit())
    return {process.pid: process for process in seen if process}


def descendants(table: Table, roots: Collection[int]) -> set[int]:
    """Return the ids of all processes below the roots, without the roots."""
    children: dict[int, list[int]] = {}
    for process in table.values():
        children.setdefault(process.parent, []).append(process.pid)
    found: set[int] = set()
    queue = list(roots)
    while queue:
        for pid in children.get(queue.pop(), ()):
            if pid not in found:
                found.add(pid)
                queue.append(pid)
    return found


def carries(pid: int, name: str, value: str) -> bool:
    """Whether the process was started with this variable in its environment."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123 - pathlib costs 10 ms
            return f"{name}={value}".encode() in file.read().split(b"\0")
    except OSError:
        return False


def marked(name: str, value: str, below: int | None = None, leader: int = -1) -> Find:
    """Find the processes that carry a mark, and their descendants.

    With `below`, only descendants of that process count, and those count too that are in the
    session of `leader`: they may have been started with an empty environment.
    """

    def find(table: Table) -> set[int]:
        among = table.keys() if below is None else descendants(table, {below})
        session = {pid for pid in among if table[pid].session == leader}
        found = session | {pid for pid in among if carries(pid, name, value)}
        return found | descendants(table, found)

    return find


def adopted(after: int, except_for: Collection[int]) -> Find:
    """Find the children, and what descends from them, that we have because their parents ended.

    Told by having started `after` that (clock ticks), in another session than ours.
    """
    me, ours = os.getpid(), os.getsid(0)

    def find(table: Table) -> set[int]:
        found = {
            seen.pid
            for seen in table.values()
            if seen.parent == me and seen.session != ours and seen.start > after
        } - set(except_for)
        return found | descendants(table, found)

    return find


def send_signal(process: Seen, number: int) -> bool:
    """Signal exactly this process; False if it is gone, even if another one has its id now."""
    handle = _open(process.pid)
    try:
        now = look(process.pid)
        if now is None or now.start != process.start:
            return False
        if handle is not None:
            signal.pidfd_send_signal(handle, number)
        else:
            os.kill(process.pid, number)  # an old kernel: a window of microseconds remains
    except ProcessLookupError:
        return False
    finally:
        if handle is not None:
            os.close(handle)
    return True


def _open(pid: int) -> int | None:
    """Return a descriptor that stands for a process, if it lives and the kernel has such."""
    try:
        return os.pidfd_open(pid)
    except (OSError, AttributeError):
        return None


def end(find: Find, patience: float = PATIENCE) -> set[int]:
    """Kill what `find` picks from the process table until it picks nothing more.

    Returns the ids that were signalled. Leaves alone what it may not signal, and gives up after
    `patience` seconds.
    """
    limit = time.monotonic() + patience
    ended: set[int] = set()
    refused: set[int] = set()
    while time.monotonic() < limit:
        table = processes()
        chosen = {pid: table[pid] for pid in find(table) if pid in table and pid not in refused}
        if not chosen:
            break
        for pid, process in chosen.items():
            try:
                send_signal(process, signal.SIGKILL)
                ended.add(pid)
            except PermissionError:
                refused.add(pid)
        await_end([pid for pid in chosen if pid not in refused], 0.05)
    return ended


def await_end(pids: Collection[int], seconds: float) -> bool:
    """Return True as soon as one of these processes has ended, False after so many seconds."""
    poll = select.poll()
    handles = [handle for handle in map(_open, pids) if handle is not None]
    for handle in handles:
        poll.register(handle, select.POLLIN)
    try:
        return len(handles) < len(pids) or bool(poll.poll(seconds * 1000))
    finally:
        for handle in handles:
            os.close(handle)
