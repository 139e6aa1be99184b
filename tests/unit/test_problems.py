from __future__ import annotations

from kspec.errors import Problem
from kspec.language.problems import render
from kspec.marks import Mark


def test_a_file_that_changed_is_read_again(tmp_path):
    file = tmp_path / "spec.yaml"
    problem = Problem(Mark(str(file), 1, 1), "wrong")
    for text in ("first: 1", "second: 2"):
        file.write_text(text + "\n")
        assert f"1 | {text}" in render([problem])
