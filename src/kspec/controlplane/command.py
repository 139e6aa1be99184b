"""`kspec cluster up -- COMMAND`: a command with a cluster of its own."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from kspec.controlplane.up import start
from kspec.processes import Supervisor
from kspec.settings import EmbeddedSettings

_GRACE = 10.0
"""Seconds for the command to end when we are asked to."""


async def run_command(
    argv: Sequence[str], settings: EmbeddedSettings, supervisor: Supervisor
) -> int:
    """Run a command on a new control plane; returns its exit code, 128 + N after signal N.

    It has our standard streams, environment and directory, and KUBECONFIG. When this is
    cancelled it is asked to end. Raises as `start` and `Starting.ready`, and ToolMissingError.
    """
    _say(f"starting a control plane with {settings.nodes} fake nodes ...")
    plane = await (await start(supervisor, settings)).ready()
    _say(f"{plane.server}, KUBECONFIG={plane.kubeconfig}")
    process = await supervisor.start(
        argv,
        env={**os.environ, "KUBECONFIG": str(plane.kubeconfig)},
        cwd=Path.cwd(),
        pass_fds={0: 0, 1: 1, 2: 2},
        name=argv[0],
    )
    try:
        ended = await process.wait()
    except BaseException:
        await process.stop(_GRACE)
        raise
    finally:
        await plane.stop()
    return 128 + (ended.signal or signal.SIGKILL) if ended.code is None else ended.code


def _say(text: str) -> None:
    print(f"kspec: {text}", file=sys.stderr, flush=True)  # noqa: T201 - the command owns stdout
