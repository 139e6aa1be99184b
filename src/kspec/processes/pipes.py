"""What goes into a process and what comes out of it."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

_CHUNK = 1 << 16
_PIPE_CHUNKS = 16  # a pipe holds at most 1 MiB, /proc/sys/fs/pipe-max-size


def hold(held: contextlib.ExitStack, handle: int) -> int:
    """Let the stack close a descriptor."""
    held.callback(os.close, handle)
    return handle


def feed(stdin: bytes | int | None, folder: Path, held: contextlib.ExitStack) -> dict[int, int]:
    """Return the places for standard input: an unnamed file of these bytes, a descriptor, none.

    A file, unlike a pipe, needs nobody to write while the process reads, or does not read.
    """
    if stdin is None:
        return {}
    if isinstance(stdin, int):
        return {0: stdin}
    handle = hold(held, _unnamed_file(folder))
    with os.fdopen(handle, "wb", closefd=False) as file:
        file.write(stdin)
    os.lseek(handle, 0, os.SEEK_SET)
    return {0: handle}


def _unnamed_file(folder: Path) -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("stdin")
    path = folder / f".stdin-{os.urandom(8).hex()}"
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    path.unlink()
    return handle


class Capture:
    """Beginning and end, `limit`/2 bytes each, of what comes through a pipe."""

    def __init__(self, limit: int) -> None:
        self._half = max(1, limit // 2)
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0
        self._handle = -1

    def attach(self, handle: int, held: contextlib.ExitStack) -> None:
        """Read from a pipe whenever there is something, until the stack ends."""
        loop = asyncio.get_running_loop()
        self._handle = hold(held, handle)
        os.set_blocking(handle, False)
        loop.add_reader(handle, self._on_readable, loop)
        held.callback(loop.remove_reader, handle)

    def drain(self) -> None:
        """Take what is in the pipe, but no more than fits into one: somebody may still write."""
        for _ in range(_PIPE_CHUNKS):
            if not self._take():
                break

    def text(self) -> str:
        """Return what was kept, with a line that says how much was not."""
        self._cut()
        gap = f"\n... {self._dropped} bytes left out ...\n".encode() if self._dropped else b""
        return (self._head + gap + self._tail).decode(errors="replace")

    def _on_readable(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._take() == b"":
            loop.remove_reader(self._handle)

    def _take(self) -> bytes | None:
        """Read once; returns None if there is nothing yet and no bytes at the end."""
        try:
            data = os.read(self._handle, _CHUNK)
        except BlockingIOError:
            return None
        room = self._half - len(self._head)
        self._head += data[:room]
        self._tail += data[room:]
        if len(self._tail) > 2 * self._half:
            self._cut()
        return data

    def _cut(self) -> None:
        surplus = max(0, len(self._tail) - self._half)
        self._dropped += surplus
        del self._tail[:surplus]
