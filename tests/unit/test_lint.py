"""`lint`: load errors, and what is only doubtful."""

from __future__ import annotations

import subprocess  # noqa: TID251 - a fresh interpreter is what is tested
import sys
from pathlib import Path

import pytest

from kspec.errors import Problem, UsageError
from kspec.language.problems import render, summary
from kspec.lint import lint
from kspec.marks import Mark

HEAD = "apiVersion: kspec.dev/v1\nkind: Spec\nmetadata: {name: one}\nspec:\n"


@pytest.fixture
def check(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)

    def check(body, head=HEAD):
        (tmp_path / "one.yaml").write_text(head + body)
        return lint([Path("one.yaml")], words)

    return check


def test_a_good_spec_has_no_problems(check):
    assert check("  steps: [{send: {manifest: {a: b}}}]\n") == []


def test_ambiguous_scalars_are_doubtful(check):
    found = check(
        "  steps:\n    - send:\n        manifest:\n"
        "          a: on\n          b: 0644\n          c: 1.30\n"
        "          d: 2001-01-01\n          e: 'on'\n          f: 12\n          g: true\n"
        "          defaultMode: 0644\n          h: 1:30\n          i: v1.30\n"
    )
    assert all(one.warning for one in found)
    assert [(one.mark.line, one.message.split(" ")[0], one.hint) for one in found] == [
        (8, "on", 'for a text, quote it: "on"'),
        (9, "0644", 'for a text, quote it: "0644"'),
        (10, "1.30", 'for a text, quote it: "1.30"'),
        (11, "2001-01-01", 'for a text, quote it: "2001-01-01"'),
        (16, "1:30", 'for a text, quote it: "1:30"'),
    ]


def test_errors_and_doubts_are_in_file_order_and_each_once(check):
    found = check("  vars: {a: 1, v: on}\n  steps: [{sned: {}}]\n")
    assert [(one.mark.line, one.warning) for one in found] == [(5, True)] * 3 + [(6, False)]


def test_a_wrong_path_is_a_usage_error(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="does not exist"):
        lint([Path("nothing.yaml")], words)


def test_rendering():
    problems = [
        Problem(Mark("b", 1, 1), "second"),
        Problem(Mark("a", 2, 3), "first", "do this", width=2),
        Problem(Mark("a", 9, 1), "beyond", warning=True),
        Problem(Mark("a", 2, 3), "first", "do this", width=2),
    ]
    lines = {"a": ["x", "\tabcd"], "b": ["evil \x1b[31m"]}
    assert render(problems, lines.__getitem__) == (
        "a:2:3: first\n    2 | \tabcd\n      | \t ^^\n      = hint: do this\n\n"
        "a:9:1: warning: beyond\n\n"
        "b:1:1: second\n    1 | evil \ufffd[31m\n      | ^\n\n"
        "2 errors and 1 warning\n"
    )
    assert render([]) == ""
    assert summary(problems[:1]) == "1 error"


def test_long_lines_are_cut_around_the_caret():
    text = render(
        [Problem(Mark("a", 1, 5001), "here", width=4)],
        lambda _file: ["x" * 5000 + "HERE" + "y" * 5000],
    )
    _head, line, caret, *_ = text.splitlines()
    assert len(line) < 200
    assert line[caret.index("^") :].startswith("HERE")


def test_carets_beyond_the_line_stand_at_its_end():
    text = render([Problem(Mark("a", 1, 500), "here", width=9)], lambda _file: ["short"])
    assert text.splitlines()[2].endswith("     ^")


def test_reading_needs_no_heavy_imports():
    program = (
        "import sys, kspec.lint, kspec.language.schema\n"
        "heavy = {'kubernetes', 'aiohttp', 'rich', 'jsonpath_ng', 'pluggy'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
