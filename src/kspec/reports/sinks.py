"""One stream of events to many reporters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from kspec.errors import ReportError
from kspec.results import Event
from kspec.vocabulary import ReportSink


class Sinks:
    """Gives every event to every reporter, and makes a reporter that fails fail the run.

    A reporter that raises gets no more events and is closed with the others, which go on.
    `close` closes all, then raises one `ReportError` that names every failure.
    """

    def __init__(self, sinks: Iterable[tuple[str, ReportSink]]) -> None:
        self._sinks = dict(sinks)
        self._working = dict(self._sinks)
        self._errors: dict[str, Exception] = {}

    @property
    def errors(self) -> dict[str, Exception]:
        """What went wrong so far, by reporter."""
        return dict(self._errors)

    def handle(self, event: Event) -> None:
        for name, sink in tuple(self._working.items()):
            self._try(name, partial(sink.handle, event))

    def close(self) -> None:
        """End all reports. May be called again; the failure is raised once."""
        sinks, self._sinks, self._working = self._sinks, {}, {}
        for name, sink in sinks.items():
            self._try(name, sink.close)
        if sinks and self._errors:
            reasons = "; ".join(f"{name}: {_reason(error)}" for name, error in self._errors.items())
            raise ReportError(f"a report could not be written: {reasons}")

    def _try(self, name: str, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:  # noqa: BLE001 - a plugin's reporter may raise anything
            self._errors.setdefault(name, error)
            self._working.pop(name, None)


def _reason(error: Exception) -> str:
    known = isinstance(error, ReportError | OSError)
    return str(error) if known else f"{type(error).__name__}: {error}"
