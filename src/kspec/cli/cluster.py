"""`kspec cluster`: the embedded control plane for other commands."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterable, Sequence

from kspec.errors import UsageError
from kspec.settings import EmbeddedSettings


def up(arguments: argparse.Namespace) -> int:
    """`kspec cluster up -- COMMAND`: the command's exit code."""
    argv = arguments.argv[1:] if arguments.argv[:1] == ["--"] else arguments.argv
    if not argv:
        raise UsageError("`kspec cluster up` needs a command", hint="kspec cluster up -- bash")
    settings = EmbeddedSettings(nodes=arguments.nodes, capacity=dict(_capacity(arguments.capacity)))
    return asyncio.run(_up(argv, settings))


async def _up(argv: Sequence[str], settings: EmbeddedSettings) -> int:
    from kspec.controlplane import run_command  # noqa: PLC0415 - keeps --help light
    from kspec.processes import Supervisor  # noqa: PLC0415 - as above

    async with await Supervisor.open(in_memory=True) as supervisor:
        return await run_command(argv, settings, supervisor)


def _capacity(texts: Iterable[str]) -> Iterable[tuple[str, str]]:
    for text in texts:
        name, equals, quantity = text.partition("=")
        if not equals or not name or not quantity:
            raise UsageError(f"--capacity {text}: write NAME=QUANTITY, as nvidia.com/gpu=8")
        yield name, quantity
