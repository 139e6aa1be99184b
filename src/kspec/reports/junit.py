"""JUnit XML: one suite per spec file, one test case per result.

The dialect is what the JUnit readers of GitHub's actions, GitLab and Jenkins have in common: flat
suites, a unique class name and name, `file` and `line` on the test case, at most one failure or
error element, and its message also in its text. Everything is made harmless and bounded before
junit-xml sees it, since that library breaks on lone surrogates and drops failures without text.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final

from kspec.marks import Mark
from kspec.reports import target
from kspec.reports.escape import cap, no_attachments, one_line, visible
from kspec.reports.text import failure_lines, seconds, summary
from kspec.reports.totals import BAD, SYMBOLS
from kspec.results import (
    CaseFinished,
    CaseStarted,
    Event,
    Failure,
    FixtureFinished,
    RunFinished,
    RunStarted,
    Status,
    StepFinished,
)
from kspec.vocabulary import Reporter

if TYPE_CHECKING:
    from junit_xml import TestCase, TestSuite

FIXTURES: Final = "fixtures"
"""The suite of fixtures that failed."""

MESSAGE_LIMIT: Final = 1000
"""Characters of a `message` attribute; the element's text has everything."""

_SHORTEST: Final = 1e-6
"""Seconds; junit-xml writes no time at all for 0."""


@dataclass(frozen=True, slots=True)
class _Case:
    """One test case, ready to be written."""

    suite: str
    classname: str
    name: str
    status: Status
    duration: float = 0.0
    mark: Mark | None = None
    timestamp: str = ""
    failures: tuple[Failure, ...] = ()
    reason: str = ""
    out: str = ""
    err: str = ""


class JunitReport:
    """Gathers results and writes them at the end of the run, whichever way it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._run: RunStarted | None = None
        self._end: RunFinished | None = None
        self._running: dict[str, CaseStarted] = {}
        self._steps: dict[str, list[str]] = {}
        self._cases: list[_Case] = []
        self._written = False

    def handle(self, event: Event) -> None:
        match event:
            case RunStarted():
                self._run = event
            case CaseStarted():
                self._running[event.case.name] = event
            case StepFinished():
                self._steps.setdefault(event.case.name, []).append(_step(event))
            case CaseFinished():
                self._finish(event)
            case FixtureFinished() if event.status in BAD:
                self._cases.append(_fixture(event))
            case RunFinished():
                self._end = event
                self._write()
            case _:
                pass

    def close(self) -> None:
        """Write what there is, if the run ended without its last event."""
        if not self._written:
            self._write()

    def _finish(self, event: CaseFinished) -> None:
        name = event.case.name
        self._running.pop(name, None)
        steps = self._steps.pop(name, [])
        namespace = [f"namespace {event.namespace}"] if event.namespace else []
        case = _Case(
            suite=event.mark.file,
            classname=classname(event.mark.file),
            name=name,
            status=event.status,
            duration=event.duration,
            mark=event.mark,
            timestamp=event.timestamp,
            failures=event.failures,
            reason=event.reason,
            out="\n".join((*namespace, *steps)),
            err=_left(event.left_behind),
        )
        self._cases.append(case)

    def _write(self) -> None:
        self._written = True
        unfinished = [_interrupted(event) for event in self._running.values()]
        text = _document(_suites([*self._cases, *unfinished], self._properties(), self._end))
        target.write(self._path, text)

    def _properties(self) -> dict[str, str]:
        properties: dict[str, str] = {}
        if self._run:
            properties["kspec.version"] = self._run.kspec_version
            properties["kspec.run"] = self._run.run_id
            properties["kspec.cluster"] = one_line(self._run.cluster)
        if self._end is None or self._end.interrupted:
            properties["kspec.interrupted"] = "true"
        return properties


def open_junit(path: str | Path) -> JunitReport:
    """Start a report that will be written to `path`. Raises ReportError if it cannot be."""
    target.prepare(Path(path))
    return JunitReport(Path(path))


def classname(file: str) -> str:
    """`specs/mpi/hostfile.yaml` as `specs.mpi.hostfile`: Jenkins makes packages of the dots."""
    path = PurePath(file)
    names = [*path.parts[:-1], path.stem]
    parts = [name.replace(".", "_") for name in names if name not in {"", "/", ".."}]
    return ".".join(parts) or "kspec"


def _step(event: StepFinished) -> str:
    phase = "" if event.phase == "steps" else f"{event.phase}: "
    return f"{SYMBOLS[event.status]} {phase}{event.step}  {seconds(event.duration)}"


def _fixture(event: FixtureFinished) -> _Case:
    return _Case(
        suite=FIXTURES,
        classname=FIXTURES,
        name=event.fixture,
        status=event.status,
        duration=event.duration,
        mark=event.failure.mark if event.failure else None,
        failures=(event.failure,) if event.failure else (),
    )


def _interrupted(event: CaseStarted) -> _Case:
    return _Case(
        suite=event.mark.file,
        classname=classname(event.mark.file),
        name=event.case.name,
        status=Status.ERROR,
        mark=event.mark,
        reason="the run was interrupted before this spec ended",
    )


def _left(commands: Sequence[str]) -> str:
    return "\n".join(("left behind; remove with:", *commands)) if commands else ""


def _suites(
    cases: Iterable[_Case], properties: dict[str, str], end: RunFinished | None
) -> list[TestSuite]:
    from junit_xml import TestSuite  # noqa: PLC0415 - only when a report is written

    by_suite: dict[str, list[_Case]] = {}
    for case in sorted(cases, key=_place):
        by_suite.setdefault(case.suite, []).append(case)
    left = _left(end.left_behind if end else ())
    if not by_suite:
        by_suite["kspec"] = []
    suites = []
    for number, (name, members) in enumerate(by_suite.items()):
        suite = TestSuite(
            _safe(name),
            _test_cases(members),
            timestamp=min((case.timestamp for case in members if case.timestamp), default=None),
            properties={key: _safe(value) for key, value in properties.items()},
            file=_safe(name) if members and members[0].suite != FIXTURES else None,
            stderr=_log(left) if number == 0 else None,
        )
        suites.append(suite)
    return suites


def _place(case: _Case) -> tuple[bool, str, int, str]:
    """Fixtures first, then by file, line and name: the same order in every run."""
    return case.suite != FIXTURES, case.suite, case.mark.line if case.mark else 0, case.name


def _test_cases(cases: Iterable[_Case]) -> list[TestCase]:
    """GitLab drops test cases of the same names, so the second of a name gets a number."""
    seen: dict[str, int] = {}
    found = []
    for case in cases:
        seen[case.name] = seen.get(case.name, 0) + 1
        again = f" ({seen[case.name]})" if seen[case.name] > 1 else ""
        found.append(_test_case(case, case.name + again))
    return found


def _test_case(case: _Case, name: str) -> TestCase:
    from junit_xml import TestCase  # noqa: PLC0415 - only when a report is written

    element = TestCase(
        one_line(_safe(name)),
        classname=_safe(case.classname),
        elapsed_sec=max(case.duration, _SHORTEST),
        timestamp=case.timestamp or None,
        file=_safe(case.mark.file) if case.mark else None,
        line=case.mark.line if case.mark else None,
        stdout=_log(case.out),
        stderr=_log(case.err),
    )
    if case.status is Status.SKIPPED:
        element.add_skipped_info(message=_message(case), output=_body(case))
    elif case.status is Status.ERROR:
        element.add_error_info(_message(case), _body(case), case.status.value)
    elif case.status in BAD:
        element.add_failure_info(_message(case), _body(case), case.status.value)
    return element


def _message(case: _Case) -> str:
    text = case.reason or case.status.value
    if case.failures:
        more = f" (and {len(case.failures) - 1} more)" if len(case.failures) > 1 else ""
        text = (summary(case.failures[0]) or text) + more
    return _safe(one_line(text))[:MESSAGE_LIMIT]


def _body(case: _Case) -> str:
    """Everything that is known of why; the message again where there is nothing else."""
    texts = [
        "\n".join(line.text for line in failure_lines(failure, output_lines=100_000))
        for failure in case.failures
    ]
    return _log("\n\n".join(texts)) or _message(case)


def _log(text: str) -> str:
    return no_attachments(cap(visible(text)))


def _safe(text: str) -> str:
    return no_attachments(visible(text))


def _document(suites: list[TestSuite]) -> str:
    from junit_xml import to_xml_report_string  # noqa: PLC0415 - only when a report is written

    # Not pretty-printed: that parses the whole document again.
    body = to_xml_report_string(suites, prettyprint=False, encoding="utf-8")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{body}\n'


JUNIT: Final = Reporter("junit", "JUnit XML, one suite per spec file", open_junit)
