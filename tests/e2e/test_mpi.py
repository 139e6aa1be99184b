"""The MPI suite, the quick start and the failing example, in one run, as a reader sees it."""

from __future__ import annotations

import re
from pathlib import Path

import junitparser
import pytest

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
PASSED = {
    "hello",
    "mpijob-deletion",
    "mpijob-gang-does-not-fit",
    "mpijob-hostfile[implementation=Intel,slots=:2]",
    "mpijob-hostfile[implementation=MPICH,slots=:2]",
    "mpijob-hostfile[implementation=OpenMPI,slots= slots=2]",
    "mpijob-lifecycle",
    "mpijob-ssh",
    "mpijob-unknown-implementation",
    "mpijob-without-workers",
}
FAILING = "examples/failing/wrong-slots.yaml"


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    return tmp_path_factory.mktemp("mpi") / "junit.xml"


@pytest.fixture(scope="module")
def ran(kspec, report):
    folders = ("specs/mpi", "examples/failing", "examples/quickstart")
    return kspec("run", *folders, "--cluster", "embedded", "--junit", report, cwd=ROOT)


@pytest.fixture(scope="module")
def cases(ran, report):
    assert ran.out
    suites = junitparser.JUnitXml.fromfile(str(report))
    return {case.name: case for suite in suites for case in suite}


def test_a_failed_spec_gives_exit_code_1(ran):
    assert ran.code == 1, ran.out
    assert "10 passed, 1 failed" in ran.out
    assert "left behind: nothing" in ran.out
    assert "Traceback" not in ran.out


def test_every_other_spec_passes(ran):
    shown = re.findall(r"^✓ (.+?) +\d+\.\d s$", ran.out, re.MULTILINE)
    assert sorted(shown) == sorted(PASSED)


def test_the_failure_names_its_place_the_values_and_what_was_seen(ran):
    text = ran.block("wrong-slots")
    lines = (ROOT / FAILING).read_text().splitlines()
    number = next(at for at, line in enumerate(lines, 1) if "equals:" in line)
    column = lines[number - 1].index("equals:") + 1
    assert f"{FAILING}:{number}:{column}: configmap/pi-config" in text
    for worker in (0, 1):
        where = rf'\[{worker}\]: "pi-worker-{worker}\.pi\.kspec-wrong-slots-\w+\.svc'
        assert re.search(rf'- {where} slots=3"', text), text
        assert re.search(rf'\+ {where} slots=2"', text), text
    history = text.partition("while waiting:\n")[2].splitlines()
    assert len(history) >= 2, text
    assert all(re.match(r" +\+\d+\.\d s  \S", line) for line in history)
    assert ".data.hostfile is" in history[-1]


def test_junit_has_every_case_with_its_file_and_line(cases):
    assert set(cases) == PASSED | {"wrong-slots"}
    for name, case in cases.items():
        file = ROOT / case._elem.get("file")
        line = file.read_text().splitlines()[int(case._elem.get("line")) - 1]
        assert f"name: {name.partition('[')[0]}" in line
        assert case.time > 0


def test_junit_has_the_failure_and_no_other(cases):
    assert all(cases[name].is_passed for name in PASSED)
    (failure,) = cases["wrong-slots"].result
    assert isinstance(failure, junitparser.Failure)
    assert "configmap/pi-config" in failure.message
    assert FAILING in failure.text
    assert "slots=3" in failure.text
    assert "slots=2" in failure.text
    assert "while waiting:" in failure.text
