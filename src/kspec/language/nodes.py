"""Events of a YAML parser to nodes, with the checks that the parser does not make."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NoReturn, cast

from kspec.errors import Problem
from kspec.language import traps
from kspec.language.scalars import NotJsonError, resolve
from kspec.marks import Mark, Node, Scalar

MAX_DEPTH: Final = 100
"""Levels of nesting. The deepest CRD of the large operators has about 40."""
MAX_EXPANDED: Final = 100_000
"""Nodes that the aliases of one document may expand to."""
MAX_PROBLEMS: Final = 100
"""Mistakes of one file after which reading stops."""

_LONGEST_WORD: Final = 5
"""Characters of `false`: a longer word is text."""
_CORE: Final = "tag:yaml.org,2002:"
_SCALAR_TAGS: Final[dict[str, tuple[type, ...]]] = {
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "null": (type(None),),
}


class Halt(Exception):  # noqa: N818 - it ends the reading of a file, its problem is recorded
    """Reading cannot go on."""


class Builder:
    """Reads the events of one text. `problems` are its mistakes.

    `advice` tells for a problem how to make its hint from the text of its line.
    """

    def __init__(self, file: str, events: Iterator[Any]) -> None:
        self.problems: list[Problem] = []
        self.advice: dict[Problem, Callable[[str], str | None]] = {}
        self._file = file
        self._next = events.__next__
        self._anchors: dict[str, tuple[Node, int] | None] = {}
        self._built = 0
        """Nodes so far in this document, those behind aliases counted each time."""
        self._expanded = 0

    def documents(self) -> tuple[Node, ...]:
        """All documents that are not empty. Raises the parser's errors, and Halt."""
        documents = []
        self._next()  # the stream's start
        while _kind(self._next()) == "DocumentStartEvent":
            self._anchors, self._built, self._expanded = {}, 0, 0
            root = self._node(self._next(), 0)
            self._next()  # the document's end
            if root.value is not None or root.plain is None:
                documents.append(root)
        return tuple(documents)

    def _node(self, event: Any, depth: int) -> Node:
        kind = _kind(event)
        if kind == "AliasEvent":
            return self._alias(event)
        if depth > MAX_DEPTH:
            self._stop(event, f"nested deeper than {MAX_DEPTH} levels")
        before, anchor = self._built, event.anchor
        self._built += 1
        if anchor is not None:
            self._anchors[anchor] = None
        if kind == "ScalarEvent":
            node = self._scalar(event)
        elif kind == "MappingStartEvent":
            node = self._mapping(event, depth)
        else:
            node = self._sequence(event, depth)
        if anchor is not None:
            self._anchors[anchor] = (node, self._built - before)
        return node

    def _scalar(self, event: Any) -> Node:
        text: str = event.value
        start = event.start_mark
        mark = Mark(self._file, start.line + 1, start.column + 1)
        if event.tag is not None:
            return Node(self._tagged(event, text), mark)
        if event.style:  # quoted, or a block
            return Node(text, mark)
        try:
            return Node(resolve(text), mark, plain=text)
        except NotJsonError:
            self._problem(event, f"{text} is no number in Kubernetes", "quote it if it is a text")
            return Node(text, mark, plain=text)

    def _tagged(self, event: Any, text: str) -> Scalar:
        name = event.tag.removeprefix(_CORE) if event.tag.startswith(_CORE) else ""
        if name == "str":
            return text
        if name not in _SCALAR_TAGS:
            self._refuse_tag(event)
            return text
        try:
            value = resolve(text)
        except NotJsonError:
            value = text
        if type(value) not in _SCALAR_TAGS[name]:
            self._problem(event, f"'{text}' is not of the type that its tag !!{name} says")
        return value

    def _refuse_tag(self, event: Any) -> None:
        tag = event.tag.replace(_CORE, "!!")
        self._problem(event, f"the tag {tag} is not supported", advice=traps.tag_hint)

    def _sequence(self, event: Any, depth: int) -> Node:
        if event.tag is not None and event.tag != _CORE + "seq":
            self._refuse_tag(event)
        items = []
        while _kind(item := self._next()) != "SequenceEndEvent":
            items.append(self._node(item, depth + 1))
        return Node(tuple(items), self._mark(event))

    def _mapping(self, event: Any, depth: int) -> Node:
        if event.tag is not None and event.tag != _CORE + "map":
            self._refuse_tag(event)
        entries: dict[str, Node] = {}
        marks: dict[str, Mark] = {}
        merged: list[Node] = []
        while _kind(key := self._next()) != "MappingEndEvent":
            mark = self._mark(key)
            name = self._key(key, depth)
            value = self._node(self._next(), depth + 1)
            if value.plain == "" and value.value is None:
                value = Node(None, mark, plain="")  # parsers differ on where nothing stands
            if name == "<<" and _merges(key):
                merged += self._merge(value)
            elif name in marks:
                self._problem(key, f"the key '{name}' is there twice, first at {marks[name]}")
            elif name is not None:
                entries[name], marks[name] = value, mark
        for source in merged:
            for name, value in source.map.items():
                if name not in entries:
                    entries[name], marks[name] = value, source.key_marks[name]
        return Node(entries, self._mark(event), marks)

    def _key(self, event: Any, depth: int) -> str | None:
        if _kind(event) == "ScalarEvent" and event.tag is event.anchor is None:
            self._built += 1
            if event.style or (event.value[:1].isalpha() and len(event.value) > _LONGEST_WORD):
                return cast("str", event.value)
        problems = len(self.problems)
        node = self._node(event, depth + 1)
        value = node.value
        if isinstance(value, str):
            return value
        if len(self.problems) > problems:
            return None
        if isinstance(value, tuple | Mapping):
            message = "a map or a list cannot be a key"
            self._problem(event, message, advice=traps.hint_for_key)
        else:
            what = "empty" if value is None else f"the {_type(value)} {node.plain}"
            hint = f'quote it: "{node.plain}"' if node.plain else None
            self._problem(event, f"a key must be text, this one is {what}", hint)
        return None

    def _merge(self, value: Node) -> list[Node]:
        sources = list(value.items) if isinstance(value.value, tuple) else [value]
        for source in sources:
            if not isinstance(source.value, dict):
                mark = source.mark
                self._add(Problem(mark, "'<<' merges maps only", 'quote it if it is a key: "<<"'))
        return sources

    def _alias(self, event: Any) -> Node:
        name = event.anchor
        if name not in self._anchors:
            self._stop(event, f"the alias *{name} has no anchor &{name} before it")
        anchor = self._anchors[name]
        if anchor is None:
            self._stop(event, f"the alias *{name} is inside of what it stands for")
        node, size = anchor
        self._built += size
        self._expanded += size
        if self._expanded > MAX_EXPANDED:
            self._stop(event, f"aliases expand to more than {MAX_EXPANDED:,} values")
        return Node(node.value, self._mark(event), node.key_marks, node.plain)

    def _mark(self, event: Any) -> Mark:
        start = event.start_mark
        return Mark(self._file, start.line + 1, start.column + 1)

    def _problem(
        self,
        event: Any,
        message: str,
        hint: str | None = None,
        advice: Callable[[str], str | None] | None = None,
    ) -> None:
        start, end = event.start_mark, event.end_mark
        width = end.column - start.column if end.line == start.line else 1
        problem = Problem(self._mark(event), message, hint, max(1, width))
        if advice:
            self.advice[problem] = advice
        self._add(problem)

    def _add(self, problem: Problem) -> None:
        self.problems.append(problem)
        if len(self.problems) >= MAX_PROBLEMS:
            raise Halt

    def _stop(self, event: Any, message: str) -> NoReturn:
        self._problem(event, message)
        raise Halt


def _kind(event: Any) -> str:
    return type(event).__name__


def _merges(event: Any) -> bool:
    return _kind(event) == "ScalarEvent" and not event.style and event.tag is None


def _type(value: Scalar) -> str:
    return "boolean" if isinstance(value, bool) else "number"
