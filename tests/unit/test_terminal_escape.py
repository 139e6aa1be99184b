"""What data may not do to a reader is shown as its code instead."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kspec.reports.escape import cap, no_attachments, no_commands, one_line, visible

anything = st.text(st.characters(exclude_categories=[]))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b1mbold", "bold"),
        ("\x1b[2J\x1b[1;1Hgone", "gone"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\x00b\x7f\x85", "a\\x00b\\x7f\\x85"),
        ("over\rwritten", "over\\x0dwritten"),
        ("dos\r\nlines", "dos\nlines"),
        ("a\u202eb\u2066c\u200b", "a\\u202eb\\u2066c\\u200b"),
        ("lone \ud800", "lone \\ud800"),
        ("\ufffe \U0001fffe \U000e0041", "\\ufffe \\U0001fffe \\U000e0041"),
        ("tab\tand\nnewline, é 日本 ✓ 👩‍💻", "tab\tand\nnewline, é 日本 ✓ 👩‍💻"),
    ],
)
def test_visible(text, shown):
    assert visible(text) == shown


@given(anything)
def test_what_is_visible_has_nothing_to_obey(text):
    shown = visible(text)
    bad = {"Cc", "Cs", "Zl", "Zp"}
    assert not [c for c in shown if unicodedata.category(c) in bad and c not in "\t\n"]
    assert visible(shown) == shown
    shown.encode()


@given(anything)
def test_one_line_is_one_line(text):
    assert len(one_line(text).splitlines()) <= 1


@pytest.mark.parametrize(
    "text",
    [
        "::set-env name=A::b",
        "first\n \t::error::x",
        "##[command]rm",
        "say ##vso[task.setvariable]x",
        "##teamcity[buildStop]",
        "###[error]",
    ],
)
def test_workflow_commands_are_disarmed(text):
    shown = no_commands(text)
    assert not [line for line in shown.split("\n") if line.lstrip().startswith("::")]
    assert "##[" not in shown
    assert "##vso[" not in shown
    assert "##teamcity[" not in shown


@pytest.mark.parametrize("text", ["a::b", "kubernetes.io/::1", "# comment", "## [x]", "#1"])
def test_other_text_is_left_alone(text):
    assert no_commands(text) == text


def test_attachment_tags_are_disarmed():
    assert "[[ATTACHMENT|" not in no_attachments("x [[ATTACHMENT|/etc/passwd]] [[[attachment|b]]")
    assert no_attachments("[[other|x]]") == "[[other|x]]"


def test_a_long_log_keeps_its_head_and_more_of_its_tail():
    shown = cap("h" * 5000 + "t" * 5000, 1000)
    assert len(shown) < 1100
    assert shown.startswith("h" * 250)
    assert shown.endswith("t" * 750)
    assert "9000 characters left out" in shown
    assert cap("short") == "short"
