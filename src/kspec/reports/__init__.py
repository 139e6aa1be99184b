"""How a run is told: to people on a terminal, to CI systems as JUnit, to programs as JSON lines.

Reporters see `results` events and nothing else. rich and junit-xml are imported when they are used.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from kspec.api.hooks import hookimpl
from kspec.reports.jsonl import JSONL
from kspec.reports.junit import JUNIT
from kspec.reports.sinks import Sinks
from kspec.reports.terminal import TERMINAL, TerminalOptions
from kspec.vocabulary import Reporter

REPORTERS: Final[tuple[Reporter, ...]] = (TERMINAL, JUNIT, JSONL)

__all__ = ["REPORTERS", "Sinks", "TerminalOptions", "kspec_reporters"]


@hookimpl
def kspec_reporters() -> Iterable[Reporter]:
    """All built-in reporters."""
    return REPORTERS
