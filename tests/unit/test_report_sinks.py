"""Many reporters, one stream: one that fails fails the run, and the others go on."""

from __future__ import annotations

import pytest

from kspec.errors import ReportError
from kspec.reports import Sinks
from kspec.results import Notice


class Reporter:
    def __init__(self, *, fails=(), error=None):
        self.fails = fails
        self.error = error or ValueError("boom")
        self.got = []

    def handle(self, event):
        self.got.append(event.message)
        if "handle" in self.fails:
            raise self.error

    def close(self):
        self.got.append("closed")
        if "close" in self.fails:
            raise self.error


def test_every_reporter_gets_every_event():
    one, two = Reporter(), Reporter()
    sinks = Sinks([("one", one), ("two", two)])
    sinks.handle(Notice("a"))
    sinks.handle(Notice("b"))
    sinks.close()
    assert one.got == two.got == ["a", "b", "closed"]
    assert not sinks.errors


def test_a_reporter_that_raises_fails_the_run_and_the_others_go_on():
    bad, good = Reporter(fails={"handle"}), Reporter()
    sinks = Sinks([("bad", bad), ("good", good)])
    sinks.handle(Notice("a"))
    sinks.handle(Notice("b"))
    with pytest.raises(ReportError, match="bad: ValueError: boom"):
        sinks.close()
    assert bad.got == ["a", "closed"]
    assert good.got == ["a", "b", "closed"]
    assert list(sinks.errors) == ["bad"]


def test_a_reporter_that_cannot_close_fails_the_run():
    full = Reporter(fails={"close"}, error=OSError(28, "No space left on device"))
    good = Reporter()
    with pytest.raises(ReportError, match="No space left on device"):
        Sinks([("full", full), ("good", good)]).close()
    assert good.got == ["closed"]


def test_closing_again_does_nothing():
    bad = Reporter(fails={"close"})
    sinks = Sinks([("bad", bad)])
    with pytest.raises(ReportError):
        sinks.close()
    sinks.close()
    sinks.handle(Notice("late"))
    assert bad.got == ["closed"]
