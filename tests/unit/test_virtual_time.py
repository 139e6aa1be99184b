from __future__ import annotations

import asyncio
import time

import pytest

from kspec import clock
from kspec.testing import VirtualTimeError, run


def test_an_hour_takes_no_time():
    async def main() -> float:
        before = clock.now()
        await clock.pause(3600)
        return clock.now() - before

    started = time.monotonic()
    assert run(main()) == 3600
    assert time.monotonic() - started < 2


def test_timers_fire_in_order():
    async def main() -> list[tuple[float, int]]:
        seen: list[tuple[float, int]] = []

        async def note(delay: float) -> None:
            await clock.pause(delay)
            seen.append((clock.now(), int(delay)))

        await asyncio.gather(*(note(delay) for delay in (30, 1, 20)))
        return seen

    assert run(main()) == [(1, 1), (20, 20), (30, 30)]


def test_waiting_for_nothing_is_an_error():
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(VirtualTimeError, match="no timer"):
        run(main())


def test_an_endless_loop_ends():
    async def main() -> None:
        while True:
            await clock.pause(10)

    with pytest.raises(VirtualTimeError, match="1000 virtual seconds"):
        run(main(), limit=1000)


def test_a_thread_holds_the_clock():
    async def main() -> float:
        async with asyncio.timeout(5):
            await asyncio.to_thread(_spin)
        return clock.now()

    assert run(main()) == 0


def _spin() -> None:
    end = time.monotonic() + 0.05
    while time.monotonic() < end:
        pass
