"""The one clock: everything that waits or measures asks here.

Inside a run, time is the event loop's, so that `kspec.testing`'s loop can make it virtual and
engine tests assert virtual seconds. Wall-clock time is for time stamps only and decides nothing.
"""

from __future__ import annotations

import asyncio
import datetime
from dataclasses import dataclass


def now() -> float:
    """Monotonic seconds of the running event loop."""
    return asyncio.get_running_loop().time()


def timestamp() -> str:
    """The wall clock in UTC as RFC 3339 with milliseconds, for reports."""
    moment = datetime.datetime.now(datetime.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


async def pause(seconds: float) -> None:
    """Let time pass: for back-off and for verbs that must poll, never to wait for a state."""
    await asyncio.sleep(max(0.0, seconds))  # noqa: TID251 - the one place where this is called


@dataclass(frozen=True, slots=True, order=True)
class Deadline:
    """A moment on this clock after which to stop."""

    at: float

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """So many seconds from now."""
        return cls(now() + seconds)

    @property
    def remaining(self) -> float:
        """Seconds left; 0 when it has passed."""
        return max(0.0, self.at - now())

    @property
    def passed(self) -> bool:
        """Whether it lies behind us."""
        return now() >= self.at

    def earlier(self, other: Deadline) -> Deadline:
        """The one that comes first."""
        return min(self, other)
