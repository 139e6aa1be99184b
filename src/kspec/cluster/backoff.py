"""How long to wait before the next attempt."""

from __future__ import annotations

import random
from typing import Final

from kspec.cluster.status import LONGEST_WAIT

FIRST: Final = 0.1
"""Seconds before the second attempt."""
CAP: Final = 5.0
"""Seconds: short, because people wait for a test, and a test cluster has few clients."""


class Backoff:
    """Delays that double, with jitter so that many clients do not come back together."""

    def __init__(self, first: float = FIRST, cap: float = CAP) -> None:
        self._first = first
        self._cap = cap
        self._failures = 0

    def next(self, at_least: float | None = None) -> float:
        """Seconds to wait now. `at_least` is what the server asked for (Retry-After)."""
        delay = min(self._cap, self._first * 2.0 ** min(self._failures, 16))
        self._failures += 1
        jittered = delay * random.uniform(0.5, 1.5)  # noqa: S311 - spreads load, no secret
        return max(jittered, min(at_least or 0.0, LONGEST_WAIT))

    def reset(self) -> None:
        """It went well."""
        self._failures = 0
