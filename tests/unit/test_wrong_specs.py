"""Golden outputs: what a person reads for each wrong spec in `golden/`.

`KSPEC_UPDATE_GOLDEN=1 pytest tests/unit/test_wrong_specs.py` writes them anew, to be reviewed.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kspec.errors import LoadError
from kspec.language.discover import load_project
from kspec.language.problems import render

GOLDEN = Path(__file__).parent / "golden"
WRONG = sorted(path for path in GOLDEN.glob("*.yaml") if path.name != "kspec.yaml")


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_wrong_specs_read_like_this(path, words, monkeypatch):
    monkeypatch.chdir(GOLDEN)
    with pytest.raises(LoadError) as raised:
        load_project([Path(path.name)], GOLDEN, words)
    text = render(raised.value.problems).replace(str(GOLDEN), "GOLDEN")
    expected = path.with_suffix(".txt")
    if os.environ.get("KSPEC_UPDATE_GOLDEN"):
        expected.write_text(text)
    assert text == expected.read_text()


def test_there_are_many():
    assert len(WRONG) >= 20
