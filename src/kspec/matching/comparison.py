"""Comparisons: one entry of `checks`.

A comparison finds values by a path, converts them by `parse` and compares them. A path to one
value yields it; any other yields a list, which list comparators see whole, while a scalar
comparator needs exactly one item, or `each` or `any`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from kspec.errors import ExpressionError, did_you_mean
from kspec.expressions import jmespath, jsonpath
from kspec.expressions.missing import explain_missing
from kspec.marks import Mark, Node
from kspec.matching.matchers import Matcher, Test, comparator_schema, read_matcher, read_tests
from kspec.matching.values import ABSENT, shown
from kspec.results import Mismatch
from kspec.vocabulary import Conversion, Reader, Vocabulary

Query: TypeAlias = "jsonpath.Path | jmespath.Expression"
_OWN_KEYS: Final = ("jsonpath", "jmespath", "parse", "each", "any")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one part of a check found: `state` is a word for the history of a wait."""

    mismatches: tuple[Mismatch, ...]
    state: str
    unknown: bool = False
    """It is not false, only undecided: it is about a status that does not count yet."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One entry of `checks`."""

    query: Query
    tests: tuple[Test, ...]
    mark: Mark
    parse: Conversion | None = None
    each: Matcher | None = None
    any: Matcher | None = None

    @property
    def negative(self) -> bool:
        """Whether it holds because something is absent, and so would hold at once."""
        rest = self.each is None and self.any is None
        return rest and bool(self.tests) and all(test.negative for test in self.tests)

    def judge(self, data: Any, *, stale: str | None = None, subject: str = "") -> Outcome:
        """Compare what is found in the data.

        `stale` says which part of the status does not count and was left out of the data: what
        reads the status and finds nothing is then undecided.
        """
        try:
            found = _find(self.query, data)
        except ExpressionError as error:
            text = error.message + (f" ({error.hint})" if error.hint else "")
            mismatch = Mismatch(text, self.query.shown, None, None, self.mark, subject)
            return Outcome((mismatch,), f"{self.query.shown}: {error.message}")
        if stale and self.query.reads_status and (not found.nodes or "status" not in data):
            mismatch = Mismatch(stale, self.query.shown, None, None, self.mark, subject)
            return Outcome((mismatch,), stale, unknown=True)
        judged = tuple(_Judging(self, found, subject).mismatches())
        return Outcome(judged, f"{self.query.shown} is {shown(found.value, 60)}")

    @classmethod
    def __read__(cls, node: Node, reader: Reader) -> Comparison | None:
        """Read it; mistakes are problems at their place."""
        if reader.deferred(node):
            return None
        if not isinstance(node.value, Mapping):
            reader.problem(node.mark, "a check is a map: {jsonpath: .status.phase, equals: x}")
            return None
        return _read_comparison(node, reader)

    @classmethod
    def __json_schema__(cls, vocabulary: Vocabulary) -> dict[str, Any]:
        """A path, a conversion and comparators."""
        matcher = Matcher.__json_schema__(vocabulary)
        return {
            "type": "object",
            "properties": {
                "jsonpath": jsonpath.Path.__json_schema__(vocabulary),
                "jmespath": jmespath.Expression.__json_schema__(vocabulary),
                "parse": {"enum": sorted(vocabulary.all(Conversion))},
                "each": matcher,
                "any": matcher,
                **comparator_schema(vocabulary),
            },
            "additionalProperties": False,
            "oneOf": [{"required": ["jsonpath"]}, {"required": ["jmespath"]}],
        }


def _read_comparison(node: Node, reader: Reader) -> Comparison | None:
    which = reader.expect_one_of(node, ("jsonpath", "jmespath"), "a check")
    parse = _read_parse(node, reader)
    entries = node.map
    each = read_matcher(entries["each"], reader, parse) if "each" in entries else None
    one = read_matcher(entries["any"], reader, parse) if "any" in entries else None
    only_nested = (each or one) and all(key in _OWN_KEYS for key in entries)
    tests = () if only_nested else tuple(read_tests(node, reader, parse, known=_OWN_KEYS))
    if which is None:
        return None
    kind = jsonpath.Path if which == "jsonpath" else jmespath.Expression
    query = kind.__read__(entries[which], reader)
    if query is None:
        return None
    return Comparison(query, tests, node.mark, parse, each, one)


def _read_parse(node: Node, reader: Reader) -> Conversion | None:
    word = node.get("parse")
    if word is None or reader.deferred(word):
        return None
    known = reader.vocabulary.all(Conversion)
    if isinstance(word.value, str) and word.value in known:
        return known[word.value]
    hint = did_you_mean(str(word.value), known) or f"one of {', '.join(sorted(known))}"
    reader.problem(word.mark, f"unknown conversion {shown(word.value)}", hint=hint)
    return None


@dataclass(frozen=True, slots=True)
class _Found:
    """The nodes that a query selects. `why` says why there are none."""

    nodes: list[Any]
    singular: bool
    absent: bool
    path: str
    why: str = field(default="")

    @property
    def value(self) -> Any:
        """The value for list comparators and messages."""
        if self.absent:
            return ABSENT
        return self.nodes[0] if self.singular else self.nodes


def _find(query: Query, data: Any) -> _Found:
    if isinstance(query, jsonpath.Path):
        nodes = query.find(data)
        absent = not nodes and (query.singular or not query.trunk.find(data))
        why = explain_missing(query, data) if not nodes else ""
        return _Found(nodes, query.singular, absent, query.shown, why)
    result = query.search(data)
    if result is None:
        return _Found([], query.singular, True, query.shown, f"{query.shown} is absent or null")
    nodes = [result] if query.singular else list(result)
    return _Found(nodes, query.singular, False, query.shown, f"{query.shown} selects nothing")


@dataclass(frozen=True, slots=True)
class _Judging:
    """A comparison at work on what was found."""

    asked: Comparison
    found: _Found
    subject: str

    def mismatches(self) -> Iterator[Mismatch]:
        present = [test for test in self.asked.tests if test.entry.sees_absent]
        for test in present:
            yield from self._presence(test)
        others = [test for test in self.asked.tests if not test.entry.sees_absent]
        if not (others or self.asked.each or self.asked.any):
            return
        if self.found.absent:
            mark = others[0].mark if others else self.asked.mark
            expected = others[0].operand if others else None
            yield self._mismatch(self.found.why, expected, None, mark)
            return
        try:
            values = [self._converted(node) for node in self.found.nodes]
        except ValueError as error:
            raw = shown(self.found.value)
            message = f"{self.found.path} {_predicate(error)}: {raw}"
            yield self._mismatch(message, None, self.found.value, self.asked.mark)
            return
        for test in others:
            yield from self._compared(test, values)
        yield from self._nested(values)

    def _converted(self, node: Any) -> Any:
        return self.asked.parse.convert(node) if self.asked.parse else node

    def _presence(self, test: Test) -> Iterator[Mismatch]:
        value = self.found.value if self.found.nodes else ABSENT
        if wrong := test.complaint(value):
            message = self.found.why if value is ABSENT else f"{self.found.path} {wrong}"
            actual = None if value is ABSENT else value
            yield self._mismatch(message, test.operand, actual, test.mark)

    def _compared(self, test: Test, values: list[Any]) -> Iterator[Mismatch]:
        if self.found.singular:
            value = values[0]
        elif test.whole:
            value = values
        elif len(values) == 1:
            value = values[0]
        else:
            yield self._mismatch(self._not_one(values), test.operand, values, test.mark)
            return
        if wrong := test.complaint(value):
            yield self._mismatch(f"{self.found.path} {wrong}", test.operand, value, test.mark)

    def _not_one(self, values: list[Any]) -> str:
        if not values:
            return self.found.why
        return (
            f"{self.found.path} yields {len(values)} values {shown(values)}: "
            "comparing with one needs each: or any:"
        )

    def _nested(self, values: list[Any]) -> Iterator[Mismatch]:
        each, one, path = self.asked.each, self.asked.any, self.found.path
        if each is None and one is None:
            return
        items: list[Any] | tuple[Any, ...] = values
        if self.found.singular:
            if not isinstance(values[0], list | tuple):
                text = f"{path} is {shown(values[0])}, which is no list for each: or any:"
                yield self._mismatch(text, None, values[0], self.asked.mark)
                return
            items = values[0]
        if not items:
            yield self._mismatch(self.found.why or f"{path} is empty", None, [], self.asked.mark)
        elif one and all(one.mismatch(item) for item in items):
            text = f"none of {path} fits; the first one {one.mismatch(items[0])}"
            yield self._mismatch(text, None, items, one.mark)
        for index, item in enumerate(items if each else ()):
            if each and (wrong := each.mismatch(item)):
                text = f"item {index} of {path} {wrong}"
                yield self._mismatch(text, None, item, each.mark)

    def _mismatch(self, text: str, expected: Any, actual: Any, mark: Mark) -> Mismatch:
        return Mismatch(text, self.found.path, expected, actual, mark, self.subject)


def _predicate(error: ValueError) -> str:
    text = str(error)
    return text if text.startswith(("is ", "has ")) else f"does not parse ({text})"
