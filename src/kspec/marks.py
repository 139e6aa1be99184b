"""Where a value came from: marks, and the positioned values that YAML files are read into.

Marks travel with values through every phase, so that each error can name `file:line:column`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final, TypeAlias

Scalar: TypeAlias = str | int | float | bool | None
EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a file. Lines and columns count from 1; columns count characters."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Node:
    """A value as written, and where.

    `value` is a scalar, a tuple of nodes, or a mapping from key to node (in file order).
    `key_marks` says where each key of a mapping stands.
    `plain` is the text of an unquoted scalar as written (`0644`, `on`), None if it was quoted.
    """

    value: Scalar | tuple[Node, ...] | Mapping[str, Node]
    mark: Mark
    key_marks: Mapping[str, Mark] = field(default_factory=lambda: EMPTY)
    plain: str | None = None

    @property
    def map(self) -> Mapping[str, Node]:
        """The entries of a mapping; empty for anything else."""
        return self.value if isinstance(self.value, Mapping) else EMPTY

    @property
    def items(self) -> tuple[Node, ...]:
        """The items of a list; empty for anything else."""
        return self.value if isinstance(self.value, tuple) else ()

    def get(self, *path: str) -> Node | None:
        """The node under a path of keys, or None."""
        node: Node | None = self
        for key in path:
            if node is None:
                return None
            node = node.map.get(key)
        return node

    def data(self) -> Any:
        """The plain value: dicts, lists and scalars, without marks."""
        if isinstance(self.value, Mapping):
            return {key: node.data() for key, node in self.value.items()}
        if isinstance(self.value, tuple):
            return [node.data() for node in self.value]
        return self.value

    def walk(self) -> Iterator[Node]:
        """This node and every node below it."""
        yield self
        for child in (*self.map.values(), *self.items):
            yield from child.walk()

    def with_value(self, value: Scalar | tuple[Node, ...] | Mapping[str, Node]) -> Node:
        """The same place with another value."""
        return replace(self, value=value)


def node_of(data: Any, mark: Mark) -> Node:
    """Plain data as a node; every part of it has the one mark."""
    if isinstance(data, Mapping):
        entries = {str(key): node_of(value, mark) for key, value in data.items()}
        return Node(entries, mark, dict.fromkeys(entries, mark))
    if isinstance(data, list | tuple):
        return Node(tuple(node_of(item, mark) for item in data), mark)
    return Node(data, mark)


def excerpt(mark: Mark, lines: Sequence[str], width: int = 1) -> str:
    """The line that a mark points at, with a caret under it (`width` characters wide).

    `lines` are the file's lines. An empty string if the mark lies outside of them.
    """
    if not 0 < mark.line <= len(lines):
        return ""
    text = lines[mark.line - 1].rstrip("\n")
    before = text[: mark.column - 1]
    pad = "".join("\t" if character == "\t" else " " for character in before)
    gutter = f"{mark.line:>5}"
    return f"{gutter} | {text}\n{' ' * len(gutter)} | {pad}{'^' * max(1, width)}"
