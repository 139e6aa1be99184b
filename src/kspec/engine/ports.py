"""Ports of this machine: free ones, and fixed ones that only one run may use at a time."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from kspec import clock
from kspec.clock import Deadline
from kspec.errors import FixtureError
from kspec.files import private_dir

INTERVAL: Final = 0.2
"""Seconds between two tries: neither a file lock nor a port tells when it is free."""
LEAVING: Final = 3.0
"""Seconds for which the process of a run that was just killed may still hold a port."""
LOOPBACK: Final = "127.0.0.1"


def free_ports(count: int) -> list[int]:
    """Ports of the loopback address that are free now, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind((LOOPBACK, 0))
        return [int(one.getsockname()[1]) for one in sockets]
    finally:
        for one in sockets:
            one.close()


class HeldPorts:
    """Locks on fixed ports, shared by all runs of this user; given back by `release`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._locks: list[int] = []

    async def hold(self, ports: Iterable[int], deadline: Deadline) -> None:
        """Wait until no other run holds them. Raises FixtureError if another program does."""
        for port in sorted(ports):
            await self._lock(port, deadline)
            await self._unused(port, Deadline.after(LEAVING))

    async def _lock(self, port: int, deadline: Deadline) -> None:
        private_dir(self._folder)
        file = os.open(self._folder / f"{port}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._locks.append(file)
        while not _try_lock(file):
            if deadline.passed:
                raise FixtureError(f"port {port} is held by another fixture or run of kspec")
            await clock.pause(INTERVAL)

    async def _unused(self, port: int, deadline: Deadline) -> None:
        while _listened_to(port):
            if deadline.passed:
                raise FixtureError(
                    f"port {port} is in use by another program",
                    hint=f"`ss -ltnp 'sport = :{port}'` shows which",
                )
            await clock.pause(INTERVAL)

    def release(self) -> None:
        """Let others have them."""
        while self._locks:
            os.close(self._locks.pop())


def _try_lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _listened_to(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex((LOOPBACK, port)) == 0
