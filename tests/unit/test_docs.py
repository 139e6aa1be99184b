"""The documentation names what there is, and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kspec.expressions.conversions import CONVERSIONS
from kspec.matching.comparators import COMPARATORS
from kspec.verbs import kspec_verbs

ROOT = Path(__file__).parents[2]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("verb", kspec_verbs(), ids=lambda verb: verb.name)
def test_every_verb_has_a_page_with_its_results(verb):
    page = (ROOT / "docs/reference/verbs" / f"{verb.name}.md").read_text()
    assert page.startswith(f"# {verb.name}\n")
    assert [name for name in verb.results if f"`{name}`" not in page] == []
    assert f"verbs/{verb.name}.md" in (ROOT / "docs/index.md").read_text()


@pytest.mark.parametrize("entry", [*COMPARATORS, *CONVERSIONS], ids=lambda entry: entry.name)
def test_every_comparator_and_conversion_is_described(entry):
    page = (ROOT / "docs/reference/comparators.md").read_text()
    assert re.search(rf"`{entry.name}[`:]", page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page):
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
