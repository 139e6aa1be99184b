"""Our end of the socket to the guardian: frames out, with descriptors, and frames in."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable, Iterable

from kspec.guardian.program import LENGTH

Heard = Callable[[list[str]], None]


class Channel:
    """Sends and receives frames without ever waiting."""

    def __init__(self, hear: Heard, on_end: Callable[[], None]) -> None:
        """Call `hear` with the fields of each frame, and `on_end` once when the other end closes.

        `theirs` is the guardian's end, to be passed on and closed.
        """
        self._hear = hear
        self._on_end = on_end
        self._outbox: list[tuple[bytes, list[int]]] = []
        self._inbox = bytearray()
        self._loop = asyncio.get_running_loop()
        self._ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._ours.setblocking(False)
        self._loop.add_reader(self._ours, self._read)

    def send(self, fields: Iterable[object], handles: Iterable[int] = ()) -> None:
        """Send a frame, after those that wait. The descriptors may be closed at once."""
        body = b"\0".join(os.fsencode(str(item)) for item in fields)
        frame = len(body).to_bytes(LENGTH, "big") + body
        self._outbox.append((frame, [os.dup(handle) for handle in handles]))
        self._flush()

    def close(self) -> None:
        """Close our end, which is the guardian's sign to end."""
        self._loop.remove_reader(self._ours)
        self._loop.remove_writer(self._ours)
        for _, handles in self._outbox:
            _close_all(handles)
        self._outbox.clear()
        self._ours.close()
        self.theirs.close()

    def _flush(self) -> None:
        self._loop.remove_writer(self._ours)
        while self._outbox:
            frame, handles = self._outbox[0]
            try:
                sent = socket.send_fds(self._ours, [frame], handles)
            except BlockingIOError:
                self._loop.add_writer(self._ours, self._flush)
                return
            except OSError:
                sent = len(frame)  # nobody listens any more, which `_read` sees
            _close_all(handles)
            if sent == len(frame):
                del self._outbox[0]
            else:
                self._outbox[0] = (frame[sent:], [])

    def _read(self) -> None:
        try:
            data = self._ours.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._loop.remove_reader(self._ours)
            self._on_end()
        self._inbox += data
        while fields := self._next_frame():
            self._hear(fields)

    def _next_frame(self) -> list[str]:
        size = LENGTH + int.from_bytes(self._inbox[:LENGTH], "big")
        if len(self._inbox) < max(size, LENGTH):
            return []
        body = self._inbox[LENGTH:size].decode(errors="replace")
        del self._inbox[:size]
        return body.split("\0")


def _close_all(handles: Iterable[int]) -> None:
    for handle in handles:
        os.close(handle)
