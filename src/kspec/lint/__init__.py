"""What can be known without a cluster: every load error, and what is only doubtful."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from kspec import files
from kspec.errors import LoadError, PathError, Problem
from kspec.language.check import CheckExpect, shown
from kspec.language.discover import discover, find_root, load_project
from kspec.language.documents import is_ours
from kspec.language.scalars import ambiguity
from kspec.language.source import read_documents
from kspec.marks import Node
from kspec.vocabulary import Vocabulary

OCTAL: Final = frozenset({"mode", "defaultMode"})
"""Keys whose values are written in octal by custom."""


def lint(
    paths: Sequence[Path], vocabulary: Vocabulary, *, check_expect: CheckExpect | None = None
) -> list[Problem]:
    """All errors and warnings of what the paths name, in file order.

    Raises UsageError when a path is wrong.
    """
    root = find_root(paths[0] if paths else Path())
    try:
        found = load_project(paths, root, vocabulary, check_expect=check_expect).warnings
    except LoadError as error:
        found = error.problems
    doubts = [one for path in discover(paths, root) for one in _doubts(path)]
    return sorted(dict.fromkeys((*found, *doubts)), key=lambda one: one.mark)


def _doubts(path: Path) -> list[Problem]:
    try:
        documents = read_documents(files.read_text(path), shown(path))
    except (LoadError, PathError):
        return []  # reported as an error, if the file is ours
    return [one for node in documents if is_ours(node) for one in _ambiguous(node, "")]


def _ambiguous(node: Node, key: str) -> Iterator[Problem]:
    """Unquoted scalars that may not mean what their author thinks."""
    text = node.plain
    if text and key not in OCTAL and (why := ambiguity(text, node.value)):
        yield Problem(node.mark, why, f'for a text, quote it: "{text}"', len(text), warning=True)
    for name, item in node.map.items():
        yield from _ambiguous(item, name)
    for item in node.items:
        yield from _ambiguous(item, key)
