"""Security lines 9, 10 and 11, as far as reports go: hostile data through every reporter."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import threading
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree as ET

import pytest

from kspec.errors import ReportError
from kspec.marks import Mark
from kspec.masking import Masker, MaskingSink
from kspec.reports import Sinks, TerminalOptions
from kspec.reports.jsonl import open_jsonl
from kspec.reports.junit import open_junit
from kspec.reports.terminal import open_terminal
from kspec.results import (
    CaseFinished,
    CaseId,
    Cause,
    Failure,
    FixtureFinished,
    Mismatch,
    Notice,
    Observation,
    RunFinished,
    RunStarted,
    Severity,
    Status,
    StepFinished,
)

TIME = "2026-01-01T00:00:00Z"
SECRET = "correct horse/battery+staple"
HOSTILE = (
    "\x1b]0;owned\x07\x1b[2J\x1b[31mred\x9b31m\x08\x00\u202e\ud800"
    "\n::error file=x::injected\n  ::stop-commands::x\n##[group]x\n"
    "<script>alert(1)</script>]]><system-out>[[ATTACHMENT|/etc/passwd]]"
)


def events(data, file="specs/a.yaml"):
    """A run in which everything that can come from a cluster is `data`."""
    mark = Mark(file, 1, 1)
    case = CaseId(f"spec {data}", (("m", data),))
    failure = Failure(
        data,
        mark,
        f"    1 | {data}\n      | ^",
        (Mismatch(data, data, {"a": data}, [data] * 40, mark, data),),
        (Observation(0.0, data),),
        data,
        (Cause(data, data, Severity.TERMINAL, data, (data,)),),
        data,
        f"{data}\n" * 3,
    )
    yield RunStarted("r", "0.1.0", TIME, 1, data)
    yield Notice(data)
    yield Notice(data, "warning")
    yield FixtureFinished(data, Status.ERROR, 1.0, failure)
    yield StepFinished(case, data, "steps", mark, Status.FAILED, 1.0, failure)
    yield CaseFinished(
        case, mark, Status.FAILED, 1.0, TIME, {}, data, data, (failure,), data, (data,)
    )
    yield CaseFinished(CaseId("s"), mark, Status.SKIPPED, 1.0, TIME, reason=data)
    yield RunFinished(TIME, 1.0, {"failed": 1}, left_behind=(data,))


@pytest.fixture
def report(tmp_path):
    """Run `events(data)` through all reporters; their texts by name."""

    def reported(data, masker, *, colour=False, file="specs/a.yaml"):
        stream = io.StringIO()
        junit, jsonl = tmp_path / "junit.xml", tmp_path / "run.jsonl"
        sinks = Sinks(
            [
                ("terminal", open_terminal(TerminalOptions(2, stream, colour))),
                ("junit", open_junit(junit)),
                ("jsonl", open_jsonl(jsonl)),
            ]
        )
        sink = MaskingSink(sinks, masker)
        for event in events(data, file):
            sink.handle(event)
        sink.close()
        return {
            "terminal": stream.getvalue(),
            "junit": junit.read_text(),
            "jsonl": jsonl.read_text(),
        }

    return reported


@pytest.mark.parametrize("name", ["terminal", "junit", "jsonl"])
@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        base64.b64encode(SECRET.encode()).decode(),
        base64.b64encode(f"user:{SECRET}".encode()).decode(),
        quote(SECRET, safe=""),
        json.dumps({"password": SECRET}),
    ],
    ids=["plain", "base64", "basic auth", "url", "json"],
)
def test_line_9_secrets_are_masked_in_every_report(report, name, form):
    text = report(form, Masker([SECRET]))[name]
    assert "***" in text
    for part in ("correct", "battery", "Y29ycmVjd", "YmF0dGVy", "b3JyZWN0IGhvcnNl"):
        assert part not in text


def test_line_10_the_terminal_obeys_nothing(report):
    text = report(HOSTILE, Masker(), file=f"specs/{HOSTILE}")["terminal"]
    assert not [c for c in text if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160]
    assert "\u202e" not in text
    assert not [line for line in text.splitlines() if line.lstrip().startswith("::")]
    assert "##[" not in text
    assert "\\x1b]0;owned" in text


def test_line_10_colours_are_ours_only(report):
    text = report(HOSTILE, Masker(), colour=True, file=f"specs/{HOSTILE}")["terminal"]
    codes = {part.partition("m")[0] for part in text.split("\x1b")[1:]}
    assert codes <= {
        "[0",
        "[1",
        "[2",
        "[31",
        "[32",
        "[33",
        "[1;31",
        "[1;32",
        "[1;33",
        "[1;34",
        "[1;36",
    }
    assert "\x07" not in text
    assert "\x9b" not in text


def test_line_10_junit_is_well_formed_and_attaches_nothing(report):
    text = report(HOSTILE, Masker(), file=f"specs/{HOSTILE}")["junit"]
    root = ET.fromstring(text.encode())
    assert "[[ATTACHMENT|" not in text
    assert "<script>" not in text
    assert len(root.findall(".//testcase")) == 3
    assert "<script>alert(1)</script>" in "".join(root.itertext())


def test_line_10_json_lines_are_ascii_and_one_each(report):
    text = report(HOSTILE, Masker(), file=f"specs/{HOSTILE}")["jsonl"]
    assert text.isascii()
    assert [json.loads(line)["event"] for line in text.splitlines()].count("CaseFinished") == 2
    assert "\x1b" not in text


def test_line_11_two_runs_at_once_leave_every_report_readable(tmp_path):
    junit, jsonl = tmp_path / "junit.xml", tmp_path / "run.jsonl"
    start = threading.Barrier(4)

    def run(name):
        start.wait()
        sinks = Sinks([("junit", open_junit(junit)), ("jsonl", open_jsonl(jsonl))])
        for event in events(name * 500):
            sinks.handle(event)
        sinks.close()

    threads = [threading.Thread(target=run, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ET.parse(junit).getroot().get("tests") == "3"
    assert len([json.loads(line) for line in jsonl.read_text().splitlines()]) == 8
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["junit.xml", "run.jsonl"]


@pytest.mark.parametrize("full", ["terminal", "junit", "jsonl"])
def test_line_11_a_full_disk_fails_the_run_and_is_said(tmp_path, full):
    memory = io.StringIO()
    targets = {"junit": tmp_path / "junit.xml", "jsonl": tmp_path / "run.jsonl", full: "/dev/full"}
    with _broken() if full == "terminal" else contextlib.nullcontext(memory) as stream:
        sinks = Sinks(
            [
                ("terminal", open_terminal(TerminalOptions(stream=stream))),
                ("junit", open_junit(targets["junit"])),
                ("jsonl", open_jsonl(targets["jsonl"])),
            ]
        )
        for event in events("x"):
            sinks.handle(event)
        with pytest.raises(ReportError, match=rf"{full}: .*No space left on device"):
            sinks.close()
    others = {"terminal": memory.getvalue(), **{n: _size(targets[n]) for n in ("junit", "jsonl")}}
    assert all(others[name] for name in others if name != full)
    assert Path("/dev/full").is_char_device()


@contextlib.contextmanager
def _broken():
    stream = Path("/dev/full").open("w", encoding="utf-8")  # noqa: SIM115 - closed below
    yield stream
    with pytest.raises(OSError, match="No space left"):
        stream.close()


def _size(path):
    return Path(path).stat().st_size


@pytest.mark.parametrize("open_report", [open_junit, open_jsonl])
def test_line_11_what_is_no_regular_file_is_never_replaced(tmp_path, open_report):
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("")
    link.symlink_to(real)
    report = open_report(link)
    report.handle(RunFinished(TIME, 1.0, {}))
    report.close()
    assert link.is_symlink()
    assert real.stat().st_size
