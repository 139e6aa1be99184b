"""What a person reads: snapshot tests of whole outputs, and the promises behind them."""

from __future__ import annotations

import io

import pytest

from kspec.marks import Mark, excerpt
from kspec.matching.values import shown
from kspec.reports import REPORTERS, TerminalOptions
from kspec.reports.lines import Verbosity
from kspec.reports.terminal import open_terminal
from kspec.results import (
    CaseFinished,
    CaseId,
    CaseStarted,
    Cause,
    Failure,
    FixtureFinished,
    FixtureStarted,
    Mismatch,
    Notice,
    Observation,
    RunFinished,
    RunStarted,
    Severity,
    Status,
    StepFinished,
    StepStarted,
)

MARK = Mark("examples/failing/hostfile.yaml", 21, 13)
SOURCE = [""] * 20 + ["            equals: [pi-worker-0.pi.ns.svc slots=3]"]
GOOD = CaseId("mpijob-hostfile", (("implementation", "OpenMPI"),))
WRONG = CaseId("wrong-hostfile")
TIME = "2026-01-01T00:00:00.000Z"

FAILURE = Failure(
    "configmap/pi-config: .data.hostfile is not as expected",
    mark=MARK,
    excerpt=excerpt(MARK, SOURCE, width=6),
    mismatches=(
        Mismatch(
            "is not as expected",
            path=".data.hostfile",
            expected=["pi-worker-0.pi.x.svc slots=3"],
            actual=["pi-worker-0.pi.x.svc slots=2"],
            mark=MARK,
        ),
    ),
    history=(Observation(0.0, "configmap/pi-config is absent"), Observation(10.4, "it is there")),
    causes=(Cause("SlotsDiffer", "the job has 2 slots", Severity.BACKING_OFF, "MPIJob x/pi"),),
    hint="slotsPerWorker is 2",
)

RUN = (
    RunStarted("r1", "0.1.0", TIME, 12, "embedded control plane (no kubeconfig found)"),
    Notice("building mpi-operator"),
    Notice("the default kubeconfig is ignored", "warning"),
    FixtureStarted("mpi-operator"),
    FixtureFinished("mpi-operator", Status.PASSED, 3.21),
    CaseStarted(GOOD, MARK),
    StepStarted(GOOD, "apply mpijob/pi", MARK),
    StepFinished(GOOD, "apply mpijob/pi", "steps", MARK, Status.PASSED, 0.12),
    StepFinished(GOOD, "delete namespace", "cleanup", MARK, Status.PASSED, 0.2),
    CaseFinished(GOOD, MARK, Status.PASSED, 1.1, TIME),
    CaseFinished(WRONG, MARK, Status.FAILED, 30.24, TIME, failures=(FAILURE,)),
    CaseFinished(CaseId("gpu"), MARK, Status.SKIPPED, 0.0, TIME, reason="needs capability gpu"),
    RunFinished(TIME, 72.3, {"passed": 11, "failed": 1, "skipped": 1}),
)


def told(*events, verbosity=Verbosity.NORMAL, colour=False):
    stream = io.StringIO()
    report = open_terminal(TerminalOptions(verbosity, stream, colour))
    for event in events:
        report.handle(event)
    report.close()
    return stream.getvalue()


def failed(failure, name="wrong"):
    return CaseFinished(CaseId(name), MARK, Status.FAILED, 1.0, TIME, failures=(failure,))


def block(failure):
    """The explanation of one failure, without its title."""
    return told(failed(failure), verbosity=Verbosity.QUIET).split("✗ wrong\n", 1)[1]


def test_a_run():
    assert (
        told(*RUN)
        == """\
kspec 0.1.0 · embedded control plane (no kubeconfig found) · 12 specs
  building mpi-operator
warning: the default kubeconfig is ignored
  fixture mpi-operator: starting
  fixture mpi-operator ready                                               3.2 s
✓ mpijob-hostfile[implementation=OpenMPI]                                  1.1 s
✗ wrong-hostfile                                                          30.2 s
- gpu: needs capability gpu                                                0.0 s

✗ wrong-hostfile
  examples/failing/hostfile.yaml:21:13: configmap/pi-config: .data.hostfile is not as expected
     21 |             equals: [pi-worker-0.pi.ns.svc slots=3]
        |             ^^^^^^
    expected  ["pi-worker-0.pi.x.svc slots=3"]
    actual    ["pi-worker-0.pi.x.svc slots=2"]
    while waiting:
        +0.0 s  configmap/pi-config is absent
       +10.4 s  it is there
    likely cause: MPIJob x/pi: SlotsDiffer: the job has 2 slots
    hint: slotsPerWorker is 2

11 passed, 1 failed, 1 skipped in 1 min 12 s · left behind: nothing
"""
    )


def test_quiet_tells_failures_warnings_and_the_last_line():
    lines = told(*RUN, verbosity=Verbosity.QUIET).splitlines()
    assert lines[0].startswith("warning: ")
    assert lines[1].startswith("✗ wrong-hostfile")
    assert lines[-1].startswith("11 passed, 1 failed")
    assert not [line for line in lines if "OpenMPI" in line or "fixture" in line]


def test_verbose_tells_the_steps():
    text = told(*RUN, verbosity=Verbosity.STEPS)
    assert "    ✓ mpijob-hostfile[implementation=OpenMPI]: apply mpijob/pi  " in text
    assert "cleanup: delete namespace" in text
    assert "starting\n" not in text.replace("fixture mpi-operator: starting", "")
    assert "apply mpijob/pi: starting" in told(*RUN, verbosity=Verbosity.ALL)


def test_equal_failures_are_explained_once():
    shared = Failure("fixture mpi-operator is not ready", output="panic: no such flag")
    names = ["a", "b", "c", "d", "e"]
    text = told(
        FixtureFinished("mpi-operator", Status.ERROR, 2.0, shared),
        *(CaseFinished(CaseId(n), MARK, Status.ERROR, 0, TIME, failures=(shared,)) for n in names),
        RunFinished(TIME, 3.0, {"error": 5}),
    )
    assert text.count("panic: no such flag") == 1
    assert "✗ fixture mpi-operator, a, b and 3 more\n" in text
    assert text.endswith("5 could not run in 3.0 s · left behind: nothing\n")


def test_a_fixture_that_fails_without_a_failure_is_told():
    assert "✗ fixture op\n  it failed\n" in told(FixtureFinished("op", Status.FAILED, 2.0))


def test_a_case_that_could_not_run_gives_its_reason():
    text = told(CaseFinished(CaseId("a"), MARK, Status.ERROR, 0, TIME, reason="no cluster"))
    assert text.count("no cluster") == 2


def test_left_behind_is_listed_with_its_commands_once():
    command = "kubectl delete namespace kspec-x"
    text = told(
        CaseFinished(GOOD, MARK, Status.PASSED, 1, TIME, left_behind=(command,)),
        RunFinished(TIME, 3.0, {"passed": 1}, left_behind=(command, "kubectl delete crd y")),
    )
    assert text.count(command) == 1
    assert text.endswith("left behind: 2, see above\n")


def test_an_interrupted_run_says_so():
    text = told(failed(FAILURE), RunFinished(TIME, 3, {"failed": 1}, interrupted=True))
    assert text.splitlines()[-1] == "interrupted: 1 failed in 3.0 s · left behind: nothing"
    assert "hint: slotsPerWorker" in text


def test_a_run_that_ends_without_its_last_event_still_explains():
    assert "hint: slotsPerWorker is 2" in told(failed(FAILURE))


def test_no_spec_ran():
    assert told(RunFinished(TIME, 0.1, {})).startswith("\nno spec ran in 0.1 s")


def test_long_values_are_shown_by_their_difference():
    expected = {"data": {f"key-{number}": f"value {number}" for number in range(40)}}
    actual = {"data": {**expected["data"], "key-7": "another"}}
    text = block(Failure("x", mismatches=(Mismatch("differs", ".", expected, actual),)))
    assert "difference (- expected, + actual):" in text
    assert "another" in text
    assert "key-20" not in text
    assert len(text.splitlines()) < 12


def test_a_number_and_its_text_look_different():
    text = block(Failure("x", mismatches=(Mismatch("differs", "", "1", 1),)))
    assert '    expected  "1"\n    actual    1\n' in text


def test_what_the_message_says_is_not_said_again():
    message = '.status.phase is "Pending", not "Running"'
    mismatch = Mismatch(message, ".status.phase", "Running", "Pending", MARK, "Pod ns/a")
    text = block(Failure("pod/a: it is not so", MARK, mismatches=(mismatch,), subject="pod/a"))
    assert text == f"  {MARK}: pod/a: it is not so\n    {message}\n"


def test_a_message_with_long_values_is_shortened_since_they_follow():
    expected, actual = [f"host-{n} slots=3" for n in range(4)], ["host-0 slots=2"]
    message = f".data is {shown(actual)}, not {shown(expected)}"
    text = block(Failure("x", mismatches=(Mismatch(message, ".data", expected, actual),)))
    assert text.startswith("  x\n    .data is not as expected\n    expected  [")


def test_what_is_absent_has_no_actual_value():
    mismatch = Mismatch(".status.phase is absent", ".status.phase", "Running")
    text = block(Failure("x", mismatches=(mismatch,)))
    assert text == '  x\n    .status.phase is absent\n    expected  "Running"\n'


def test_several_mismatches_are_told_one_under_another():
    other = Mark(MARK.file, 24, 9)
    text = block(
        Failure(
            "2 checks do not hold",
            mark=MARK,
            mismatches=(
                Mismatch("is not equal", ".status.phase", "Running", "Pending", MARK),
                Mismatch("is absent", ".status.ready", mark=other, subject="Pod x/b"),
            ),
        )
    )
    assert text.startswith(
        """\
  examples/failing/hostfile.yaml:21:13: 2 checks do not hold
    .status.phase is not equal
      expected  "Running"
      actual    "Pending"
    Pod x/b: .status.ready is absent  (line 24:9)
"""
    )


def test_many_mismatches_are_cut():
    text = block(Failure("x", mismatches=tuple(Mismatch(f"m{n}") for n in range(50))))
    assert "... and 30 more" in text


def test_a_long_history_keeps_its_ends():
    text = block(Failure("x", history=tuple(Observation(n, f"phase {n}.") for n in range(100))))
    assert "phase 0." in text
    assert "phase 99." in text
    assert "phase 50." not in text
    assert "88 changes left out" in text


def test_the_end_of_the_output_is_shown():
    text = block(Failure("x", output="\n".join(f"line {n}." for n in range(100)) + "\n"))
    assert "    last lines of the output, 80 earlier ones left out:\n    " in text
    assert text.splitlines()[-3].endswith("| line 98.") or "| line 99." in text
    assert "line 79." not in text


def test_causes_come_with_their_evidence():
    cause = Cause("OOMKilled", "", Severity.TERMINAL, "Pod x/a", ("exit code 137", "limit 64Mi"))
    text = block(Failure("x", causes=(cause,)))
    assert "    cause: Pod x/a: OOMKilled\n        exit code 137\n        limit 64Mi\n" in text


def test_an_inconclusive_failure_says_so():
    assert "inconclusive: x" in block(Failure("x", status=Status.INCONCLUSIVE))


def test_the_subject_is_named_unless_the_message_does():
    assert block(Failure("not ready", subject="Pod ns/a")).startswith("  Pod ns/a: not ready\n")
    assert block(Failure("pod/a not ready", subject="Pod ns/a")).startswith("  pod/a not ready\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_narrow_encoding_gets_words(encoding):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    report = open_terminal(TerminalOptions(stream=stream, colour=False))
    report.handle(CaseFinished(CaseId("日本"), MARK, Status.PASSED, 1.0, TIME))
    assert raw.getvalue().startswith(b"ok \\u65e5\\u672c ")


def test_colour_changes_nothing_but_colour():
    coloured = told(*RUN, colour=True)
    assert "\x1b[1;32m✓\x1b[0m" in coloured
    plain = "".join(part.partition("m")[2] for part in ("m" + coloured).split("\x1b["))
    assert plain == told(*RUN)


@pytest.mark.parametrize(("setting", "expected"), [("", True), ("1", False)])
def test_colour_is_for_terminals_without_no_color(monkeypatch, setting, expected):
    monkeypatch.setenv("NO_COLOR", setting)
    monkeypatch.setenv("TERM", "xterm")
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: True)
    open_terminal(TerminalOptions(stream=stream)).handle(RUN[0])
    assert ("\x1b[" in stream.getvalue()) is expected


def test_a_pipe_gets_no_colour():
    stream = io.StringIO()
    open_terminal(TerminalOptions(stream=stream)).handle(RUN[0])
    assert "\x1b" not in stream.getvalue()


def test_the_reporters():
    assert [reporter.name for reporter in REPORTERS] == ["terminal", "junit", "jsonl"]
