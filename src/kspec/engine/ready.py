"""When a fixture's process is ready."""

from __future__ import annotations

import asyncio
import http.client
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kspec import clock
from kspec.errors import FixtureError
from kspec.processes import Process, tail

if TYPE_CHECKING:
    from kspec.language.declarations import ReadyDecl

INTERVAL: Final = 0.1
"""Seconds between two requests: a process that gets ready has nothing to watch."""


async def wait_until_ready(
    ready: ReadyDecl | None, process: Process, log: Path, seconds: float
) -> None:
    """Ends when the process answers as asked. Raises FixtureError with its last log lines."""
    answering = asyncio.create_task(_answers(ready))
    ending = asyncio.create_task(process.wait())
    try:
        await asyncio.wait(
            {answering, ending}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        if ending.done():
            raise FixtureError(
                f"its process ended before it was ready: {ending.result()}", output=tail(log)
            )
        if not answering.done():
            raise FixtureError(
                f"its process was not ready within {seconds:g} s: {_asked(ready)}",
                output=tail(log),
            )
        answering.result()
    finally:
        answering.cancel()
        ending.cancel()


async def _answers(ready: ReadyDecl | None) -> None:
    if ready is None:
        return
    while not await asyncio.to_thread(_get, ready.http):
        await clock.pause(INTERVAL)


def _get(url: str) -> bool:
    """Whether a GET is answered with a status below 400."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=2)
    try:
        connection.request("GET", f"{parts.path or '/'}?{parts.query}".rstrip("?"))
        return connection.getresponse().status < http.client.BAD_REQUEST
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _asked(ready: ReadyDecl | None) -> str:
    return f"no answer at {ready.http}" if ready is not None else "nothing was asked"
