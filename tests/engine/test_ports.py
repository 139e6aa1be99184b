from __future__ import annotations

import asyncio
import socket

import pytest

from kspec.clock import Deadline
from kspec.engine.ports import HeldPorts, free_ports
from kspec.errors import FixtureError
from kspec.testing import run


def test_free_ports_are_all_different():
    assert len(set(free_ports(20))) == 20


def test_a_second_holder_waits_for_the_first(tmp_path):
    async def main():
        (port,) = free_ports(1)
        first, second = HeldPorts(tmp_path / "ports"), HeldPorts(tmp_path / "ports")
        await first.hold([port], Deadline.after(1))
        waiting = asyncio.create_task(second.hold([port], Deadline.after(60)))
        done, _ = await asyncio.wait([waiting], timeout=10)
        assert not done
        first.release()
        await waiting
        second.release()

    run(main())


def test_it_gives_up_at_the_deadline(tmp_path):
    async def main():
        (port,) = free_ports(1)
        first, second = HeldPorts(tmp_path / "ports"), HeldPorts(tmp_path / "ports")
        await first.hold([port], Deadline.after(1))
        with pytest.raises(FixtureError, match=f"port {port} is held by another fixture or run"):
            await second.hold([port], Deadline.after(5))
        first.release()
        second.release()

    run(main())


def test_a_port_that_another_program_uses_is_named(tmp_path):
    async def main():
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            ports = HeldPorts(tmp_path / "ports")
            with pytest.raises(FixtureError, match=f"port {port} is in use by another program"):
                await ports.hold([port], Deadline.after(5))
            ports.release()

    run(main())
