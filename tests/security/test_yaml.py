"""security.md, line 8, for YAML: hostile text is bounded in time and memory, and runs nothing."""

from __future__ import annotations

import time
import tracemalloc

import pytest

from kspec.errors import LoadError
from kspec.expressions.jmespath import LONGEST
from kspec.language import source, templates
from kspec.language.names import Names
from kspec.language.reader import Reader
from kspec.language.source import load_all, read_documents
from kspec.marks import Mark, Node
from kspec.vocabulary import Vocabulary


def bomb(levels=9, width=9, pattern="[{}]"):
    lines = ["a: &a0 {x: y}"]
    for level in range(1, levels + 1):
        inner = ", ".join([f"*a{level - 1}"] * width)
        lines.append(f"b{level}: &a{level} " + pattern.format(inner))
    return "\n".join(lines)


HOSTILE = {
    "billion laughs": bomb(),
    "merge bomb": bomb(pattern="{{<<: [{}]}}"),
    "nested keys": "a: " + "{a: " * 20_000,
    "brackets": "[" * 200_000,
    "deep block": "\n".join(" " * i + "a:" for i in range(2000)),
    "recursive": "a: &a [*a]",
    "recursive merge": "a: &a {<<: *a}",
    "unknown alias": "a: *b",
    "python tag": "a: !!python/object/apply:os.system [touch /tmp/owned]",
    "too large": "a: " + "x" * source.MAX_TEXT,
    "questions": "? " * 100_000,
    "many mistakes": "\n".join(f"{i}: x" for i in range(50_000)),
    "one long line": "a: {" + "b: ${{ x }}, " * 50_000 + "}",
    "open quotes": "a: {" + "'" * 99_999,
    "control character": "a: \x07",
    "surrogate": "a: \ud800",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_refused_in_time(name):
    tracemalloc.start()
    begin = time.process_time()
    try:
        with pytest.raises(LoadError) as raised:
            read_documents(HOSTILE[name], "f")
        spent = time.process_time() - begin
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert spent < 5.0  # a second at most without tracemalloc, on a slow machine
    assert peak < 100 * 1024 * 1024
    assert len(raised.value.problems) <= 100


def test_a_budget_for_aliases_leaves_room_for_honest_ones():
    text = "base: &b {a: 1, b: 2}\nlist:\n" + "  - *b\n" * 1000
    (node,) = read_documents(text, "f")
    assert len(node.get("list").items) == 1000


def test_large_honest_manifests_are_read():
    text = "\n---\n".join("items:\n" + "  - {a: 1, b: two}\n" * 500 for _ in range(20))
    assert len(load_all(text, "f")) == 20


@pytest.mark.parametrize("tag", ["!!python/name:os.system", "!!python/module:os", "!x", "!<tag:x>"])
def test_no_tag_makes_an_object(tag):
    with pytest.raises(LoadError, match="tag"):
        load_all(f"a: {tag} x", "f")


@pytest.mark.parametrize(
    "text",
    [
        "${{ '" + "\\'" * 200_000,
        "${{ " + "{" * 200_000,
        "${{ " + "`" * 199_999,
        "$" * 200_000,
        "${{" * 70_000,
        "${{ x }}" * 20_000,
        "${{ " + "a." * 100_000 + "a }}",
        "${{ " + "(" * (LONGEST - 100) + " }}",
        "${{ a" + "[0]" * 3000 + " }}",
    ],
    ids=lambda text: text[:12],
)
def test_hostile_expressions_are_checked_in_time(text):
    reader = Reader(Vocabulary(), "load")
    begin = time.process_time()
    templates.whole(text)
    Names({"x": None, "a": None}).check(Node(text, Mark("f", 1, 1)), reader)
    assert time.process_time() - begin < 3.0
