"""Virtual time: an event loop whose clock jumps to the next timer when nothing is ready.

A test that waits for ten minutes of back-off takes milliseconds, and can assert the seconds that
passed. Everything that asks `kspec.clock` (or the loop) for the time lives in this time.

What really happens outside of the loop is only partly awaited: work given to a thread
(`asyncio.to_thread`) holds the clock still until it is done; sockets, pipes and child processes
do not, so such tests belong under `asyncio.run`.
"""

from __future__ import annotations

import asyncio
import selectors
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar, TypeVarTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from concurrent.futures import Executor

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

GRACE: Final = 2.0
"""Real seconds in which a signal or a foreign thread may still wake a loop without timers."""
LIMIT: Final = 1_000_000.0
"""Virtual seconds that a run may last: a loop that only ever waits is a mistake."""


class VirtualTimeError(RuntimeError):
    """The test cannot go on: everything waits, or waits for ever and ever."""


def run(main: Coroutine[Any, Any, T], *, limit: float = LIMIT) -> T:
    """Run a coroutine as `asyncio.run` does, in virtual time that starts at 0.

    Raises VirtualTimeError when every task waits and no timer is set, or after `limit` virtual
    seconds.
    """
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(limit)) as runner:
        return runner.run(main)


class VirtualLoop(asyncio.SelectorEventLoop):
    """The loop behind `run`."""

    def __init__(self, limit: float = LIMIT) -> None:
        self._selector_in_time = _JumpingSelector(limit)
        super().__init__(self._selector_in_time)

    def time(self) -> float:
        """Virtual seconds since the start."""
        return self._selector_in_time.now

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """As usual, but the clock stands still until the work is done."""
        future = super().run_in_executor(executor, func, *args)
        self._selector_in_time.working += 1
        future.add_done_callback(self._worked)
        return future

    def _worked(self, _future: asyncio.Future[Any]) -> None:
        self._selector_in_time.working -= 1

    async def shutdown_default_executor(self, *args: Any) -> None:
        """As usual, in real time."""
        with self._selector_in_time.real():
            await super().shutdown_default_executor(*args)


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of waiting for `timeout` seconds it says that they have passed."""

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.now = 0.0
        self.working = 0
        self._limit = limit

    @contextmanager
    def real(self) -> Iterator[None]:
        """Wait for real meanwhile."""
        self.working += 1
        try:
            yield
        finally:
            self.working -= 1

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._ready(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if self.working:
            return self._ready(None)
        if timeout is None:
            return self._last_chance()
        self.now += timeout
        if self.now > self._limit:
            limit, self._limit = self._limit, float("inf")
            raise VirtualTimeError(f"still waiting after {limit:g} virtual seconds")
        return ready

    def _last_chance(self) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._ready(GRACE)
        if not ready:
            raise VirtualTimeError("every task waits, and no timer is set that could wake one")
        return ready

    def _ready(self, timeout: float | None) -> list[tuple[selectors.SelectorKey, int]]:
        found: list[tuple[selectors.SelectorKey, int]] = super().select(timeout)
        return found
