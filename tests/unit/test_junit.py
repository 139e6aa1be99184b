"""The JUnit file, read back by two libraries that did not write it."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import junitparser
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kspec.errors import ReportError
from kspec.marks import Mark
from kspec.reports.junit import classname, open_junit
from kspec.results import (
    CaseFinished,
    CaseId,
    CaseStarted,
    Failure,
    FixtureFinished,
    Mismatch,
    RunFinished,
    RunStarted,
    Status,
    StepFinished,
)

TIME = "2026-01-01T00:00:0{}.000Z"
HOSTS = Mark("specs/mpi/hostfile.yaml", 3, 1)
SECRET = Mark("specs/mpi/ssh.yaml", 12, 1)
FAILURE = Failure(
    "configmap/pi-config: .data.hostfile differs",
    mark=Mark(HOSTS.file, 21, 13),
    mismatches=(Mismatch("differs", ".data.hostfile", ["slots=3"], ["slots=2"]),),
    output="last words",
)
STARTED = RunStarted("run-1", "0.1.0", TIME.format(0), 5, "embedded (no kubeconfig found)")


def case(name, status=Status.PASSED, mark=HOSTS, **more):
    return CaseFinished(CaseId(name), mark, status, 1.25, TIME.format(1), **more)


@pytest.fixture
def write(tmp_path):
    def written(*events):
        path = tmp_path / "out" / "junit.xml"
        report = open_junit(path)
        for event in events:
            report.handle(event)
        report.close()
        return path

    return written


def test_a_run_is_read_back_by_junitparser(write):
    path = write(
        STARTED,
        StepFinished(CaseId("a"), "apply pi", "steps", HOSTS, Status.PASSED, 0.5),
        case("a", namespace="kspec-a"),
        case("b", Status.FAILED, failures=(FAILURE,)),
        case("c", Status.SKIPPED, SECRET, reason="needs gpu"),
        case("d", Status.ERROR, SECRET, reason="no cluster"),
        case("e", Status.INCONCLUSIVE, SECRET, failures=(Failure("a gap hides it"),)),
        RunFinished(TIME.format(9), 8.0, {}, left_behind=("kubectl delete namespace x",)),
    )
    report = junitparser.JUnitXml.fromfile(str(path))
    assert (report.tests, report.failures, report.errors) == (5, 2, 1)
    hosts, secret = list(report)
    assert (hosts.name, secret.name) == (HOSTS.file, SECRET.file)
    assert (secret.tests, secret.failures, secret.errors, secret.skipped) == (3, 1, 1, 1)
    assert hosts.timestamp == TIME.format(1)
    assert {item.name: item.value for item in hosts.properties()} == {
        "kspec.version": "0.1.0",
        "kspec.run": "run-1",
        "kspec.cluster": "embedded (no kubeconfig found)",
    }
    passed, failed = list(hosts)
    assert passed.is_passed
    assert passed.classname == "specs.mpi.hostfile"
    assert passed.time == 1.25
    assert passed.system_out == "namespace kspec-a\n✓ apply pi  0.5 s"
    [failure] = failed.result
    assert isinstance(failure, junitparser.Failure)
    assert failure.message == "configmap/pi-config: .data.hostfile differs"
    assert failure.text.startswith("specs/mpi/hostfile.yaml:21:13: configmap/pi-config: ")
    assert 'expected  ["slots=3"]' in failure.text
    assert "| last words" in failure.text
    skipped, error, gap = list(secret)
    assert skipped.is_skipped
    assert skipped.result[0].message == "needs gpu"
    assert isinstance(error.result[0], junitparser.Error)
    assert error.result[0].text == "no cluster"
    assert gap.result[0].type == "inconclusive"
    assert "kubectl delete namespace x" in hosts._elem.find("system-err").text


def test_file_and_line_stand_on_the_test_case(write):
    root = ET.parse(write(STARTED, case("a"))).getroot()
    element = root.find("testsuite/testcase")
    assert (element.get("file"), element.get("line")) == (HOSTS.file, "3")
    assert root.find("testsuite").get("file") == HOSTS.file


def test_the_file_says_its_encoding_and_keeps_its_characters(write):
    path = write(case("größe=日本"))
    assert path.read_bytes().startswith(b'<?xml version="1.0" encoding="utf-8"?>\n')
    assert ET.parse(path).getroot().find(".//testcase").get("name") == "größe=日本"


def test_several_failures_are_one_element(write):
    other = Failure("the other one", mark=HOSTS)
    path = write(case("a", Status.FAILED, failures=(FAILURE, other)))
    [element] = ET.parse(path).getroot().findall(".//failure")
    assert element.get("message").endswith("differs (and 1 more)")
    assert "the other one" in element.text


def test_a_failure_without_any_text_is_still_written(write):
    path = write(case("a", Status.FAILED), case("b", Status.FAILED, failures=(Failure(""),)))
    assert len(ET.parse(path).getroot().findall(".//failure")) == 2


def test_a_case_of_no_time_has_a_time(write):
    path = write(CaseFinished(CaseId("a"), HOSTS, Status.PASSED, 0.0, TIME.format(1)))
    assert float(ET.parse(path).getroot().find(".//testcase").get("time")) < 0.001


def test_names_are_unique_within_a_class(write):
    root = ET.parse(write(case("a"), case("a"))).getroot()
    assert [element.get("name") for element in root.iter("testcase")] == ["a", "a (2)"]


def test_cases_come_in_the_same_order_however_they_ended(write):
    later = Mark(HOSTS.file, 40, 1)
    path = write(case("z", mark=SECRET), case("b", mark=later), case("c"), case("a"))
    names = [element.get("name") for element in ET.parse(path).getroot().iter("testcase")]
    assert names == ["a", "c", "b", "z"]


def test_a_fixture_that_failed_is_a_test_case(write):
    failure = Failure("exited with 1", output="flag provided but not defined")
    path = write(FixtureFinished("mpi-operator", Status.ERROR, 2.0, failure))
    element = ET.parse(path).getroot().find("testsuite[@name='fixtures']/testcase")
    assert element.get("name") == "mpi-operator"
    assert "flag provided but not defined" in element.find("error").text


def test_a_fixture_that_is_ready_is_none(write):
    path = write(FixtureFinished("mpi-operator", Status.PASSED, 2.0))
    assert not list(ET.parse(path).getroot().iter("testcase"))


def test_an_interrupted_run_is_written_with_what_was_running(write):
    path = write(STARTED, case("a"), CaseStarted(CaseId("b"), HOSTS))
    root = ET.parse(path).getroot()
    assert [element.get("name") for element in root.iter("testcase")] == ["a", "b"]
    assert "interrupted" in root.find(".//error").text
    properties = {item.get("name"): item.get("value") for item in root.iter("property")}
    assert properties["kspec.interrupted"] == "true"


def test_long_output_is_capped(write):
    output = "\n".join(f"line {number}" for number in range(100_000))
    path = write(case("a", Status.FAILED, failures=(Failure("x", output=output),)))
    text = ET.parse(path).getroot().find(".//failure").text
    assert len(text) < 66_000
    assert "line 99999" in text
    assert "characters left out" in text


def test_an_old_report_never_passes_for_a_new_one(write):
    path = write(case("a"))
    open_junit(path)
    assert not path.exists()


def test_the_report_is_put_in_place_at_once(write):
    path = write(case("a"))
    assert [entry.name for entry in path.parent.iterdir()] == ["junit.xml"]


def test_a_target_that_cannot_be_written_is_known_at_the_start(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match=r"junit\.xml cannot be written"):
        open_junit(tmp_path / "file" / "junit.xml")


def test_a_target_that_fails_at_the_end_is_an_error(tmp_path):
    report = open_junit(tmp_path / "junit.xml")
    (tmp_path / "junit.xml").mkdir()
    with pytest.raises(ReportError, match=r"junit\.xml cannot be written"):
        report.handle(RunFinished(TIME.format(9), 1.0, {}))


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("specs/mpi/hostfile.yaml", "specs.mpi.hostfile"),
        ("a.b.yaml", "a_b"),
        ("../other/x.yml", "other.x"),
        ("/abs/x.yaml", "abs.x"),
        ("", "kspec"),
    ],
)
def test_class_names(file, name):
    assert classname(file) == name


anything = st.text(st.characters(exclude_categories=[]))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=anything, value=st.recursive(anything, lambda inner: st.lists(inner, max_size=3)))
def test_no_data_breaks_the_document(tmp_path, text, value):
    path = tmp_path / "any.xml"
    failure = Failure(
        text, Mark(text, 1, 1), text, (Mismatch(text, text, value, text),), output=text, hint=text
    )
    report = open_junit(path)
    report.handle(case(text, Status.FAILED, Mark(text, 1, 1), failures=(failure,)))
    report.handle(case("left", left_behind=(text,), namespace=text))
    report.close()
    root = ET.parse(path).getroot()
    assert len(root.findall(".//failure")) == 1
    assert len(list(junitparser.JUnitXml.fromfile(str(path)))) >= 1
