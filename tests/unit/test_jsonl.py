"""JSON lines: one event, one line, at once."""

from __future__ import annotations

import json

import pytest

from kspec.errors import ReportError
from kspec.marks import Mark
from kspec.reports.jsonl import open_jsonl
from kspec.results import CaseFinished, CaseId, Failure, Notice, Observation, RunStarted, Status

MARK = Mark("a.yaml", 3, 7)
CASE = CaseFinished(
    CaseId("a", (("n", 1),)),
    MARK,
    Status.FAILED,
    1.5,
    "2026-01-01T00:00:00Z",
    failures=(Failure("x\ny", MARK, history=(Observation(0.5, "é \ud800"),)),),
)


def test_every_event_is_a_line_as_it_comes(tmp_path):
    path = tmp_path / "deep" / "run.jsonl"
    report = open_jsonl(path)
    for number, event in enumerate((RunStarted("r", "0.1.0", "now", 1, "c"), Notice("n"), CASE)):
        report.handle(event)
        assert len(path.read_text().splitlines()) == number + 1
    report.close()
    started, notice, case = map(json.loads, path.read_text().splitlines())
    assert (started["event"], started["run_id"]) == ("RunStarted", "r")
    assert notice == {"event": "Notice", "message": "n", "level": "info"}
    assert case["status"] == "failed"
    assert case["case"] == {"spec": "a", "matrix": [["n", 1]]}
    assert case["mark"] == {"file": "a.yaml", "line": 3, "column": 7}
    assert case["failures"][0]["message"] == "x\ny"
    assert case["failures"][0]["history"] == [{"at": 0.5, "text": "é \ud800"}]


def test_a_second_run_does_not_disturb_the_first(tmp_path):
    path = tmp_path / "run.jsonl"
    first, second = open_jsonl(path), open_jsonl(path)
    for report in (first, second, first, second):
        report.handle(Notice("n"))
    first.close()
    second.close()
    assert [json.loads(line)["event"] for line in path.read_text().splitlines()] == ["Notice"] * 2
    assert list(tmp_path.iterdir()) == [path]


def test_a_target_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match=r"run\.jsonl cannot be written"):
        open_jsonl(tmp_path / "file" / "run.jsonl")
