"""`kspec run`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from kspec.settings import Settings
from kspec.vocabulary import Reporter, ReportSink, Vocabulary


def main(arguments: argparse.Namespace) -> int:
    """Load, then run; nothing touches a cluster before everything is read without mistakes."""
    from kspec.cli.project import load  # noqa: PLC0415 - keeps --version and --help light

    loaded = load(arguments)
    from kspec.app.run import Plan, run  # noqa: PLC0415 - as above

    plan = Plan(loaded.settings, loaded.vocabulary, loaded.cases, loaded.project.fixtures)
    return run(plan, list(_sinks(loaded.settings, loaded.vocabulary)))


def _sinks(settings: Settings, vocabulary: Vocabulary) -> Iterator[tuple[str, ReportSink]]:
    reporters = vocabulary.all(Reporter)
    yield "terminal", reporters["terminal"].open(settings.verbosity)
    if settings.junit is not None:
        yield "junit", reporters["junit"].open(settings.junit)
    if settings.jsonl is not None:
        yield "jsonl", reporters["jsonl"].open(settings.jsonl)
