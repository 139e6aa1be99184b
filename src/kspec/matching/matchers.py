"""Matchers: one value against comparators. A scalar or list means equals, a map comparators."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kspec.errors import did_you_mean
from kspec.marks import Mark, Node
from kspec.matching.values import ABSENT, shown
from kspec.results import Mismatch
from kspec.vocabulary import Comparator, Conversion, Reader, Vocabulary


@dataclass(frozen=True, slots=True)
class Test:
    """One comparator with its operand."""

    __test__ = False  # not one of pytest's

    entry: Comparator
    operand: Any
    mark: Mark
    negated: bool = False

    def complaint(self, actual: Any) -> str | None:
        """None if it holds, else a predicate about the value."""
        if actual is ABSENT and not self.entry.sees_absent:
            return "is absent"
        wrong = self.entry.compare(actual, self.operand)
        if not self.negated:
            return wrong
        asked = f"not: {{{self.entry.name}: {shown(self.operand)}}}"
        return f"is {shown(actual)}, which {asked} excludes" if wrong is None else None

    @property
    def whole(self) -> bool:
        """Whether it looks at the whole list of a path that yields one."""
        like = self.entry.operand_is == "value" and isinstance(self.operand, list | tuple)
        return self.entry.takes_list or like

    @property
    def negative(self) -> bool:
        """Whether it asks for absence."""
        return self.entry.sees_absent and self.operand is self.negated


@dataclass(frozen=True, slots=True)
class Matcher:
    """What a value must be: a scalar or list means equals, a map means comparators."""

    tests: tuple[Test, ...]
    mark: Mark
    written: Any = None
    """As the spec says it, for messages."""

    def mismatch(self, actual: Any) -> str | None:
        """None if all comparators hold, else what is wrong with the value."""
        return next((wrong for test in self.tests if (wrong := test.complaint(actual))), None)

    def mismatches(self, actual: Any, path: str = "", subject: str = "") -> tuple[Mismatch, ...]:
        """All that does not hold; each message is a predicate about `path`."""
        return tuple(
            Mismatch(
                wrong,
                path,
                test.operand,
                None if actual is ABSENT else actual,
                test.mark,
                subject,
            )
            for test in self.tests
            if (wrong := test.complaint(actual))
        )

    @classmethod
    def __read__(cls, node: Node, reader: Reader) -> Matcher | None:
        """Read it; unknown comparators and operands of a wrong type are problems."""
        return None if reader.deferred(node) else read_matcher(node, reader)

    @classmethod
    def __json_schema__(cls, vocabulary: Vocabulary) -> dict[str, Any]:
        """A scalar, a list, or a map of comparators."""
        comparators = comparator_schema(vocabulary)
        return {
            "anyOf": [
                {"type": ["string", "number", "boolean", "null", "array"]},
                {
                    "type": "object",
                    "properties": comparators,
                    "additionalProperties": False,
                    "minProperties": 1,
                },
            ]
        }


def read_matcher(node: Node, reader: Reader, parse: Conversion | None = None) -> Matcher:
    """A matcher whose operands go through `parse` as the values do."""
    if isinstance(node.value, Mapping):
        return Matcher(tuple(read_tests(node, reader, parse)), node.mark, node.data())
    equals = reader.vocabulary.all(Comparator)["equals"]
    test = _test(equals, node, node.mark, reader, parse, negated=False)
    return Matcher((test,) if test else (), node.mark, node.data())


def read_tests(
    node: Node, reader: Reader, parse: Conversion | None, known: tuple[str, ...] = ()
) -> Iterator[Test]:
    """The comparators of a map; the keys in `known` are the caller's."""
    keys = [key for key in node.map if key not in known]
    if not keys:
        reader.problem(node.mark, "a comparator is missing", hint="write equals: or exists: true")
    for key in keys:
        mark = node.key_marks.get(key, node.mark)
        if key == "not":
            yield from _negated(node.map[key], mark, reader, parse)
            continue
        entry = reader.vocabulary.all(Comparator).get(key)
        if entry is None:
            _unknown(key, mark, reader, known)
        elif test := _test(entry, node.map[key], mark, reader, parse, negated=False):
            yield test


def _unknown(key: str, mark: Mark, reader: Reader, known: tuple[str, ...]) -> None:
    names = (*reader.vocabulary.all(Comparator), "not", *known)
    hint = did_you_mean(key, names) or "a map here means comparators; write equals: or match:"
    reader.problem(mark, f"unknown comparator '{key}'", hint=hint, width=len(key))


def _negated(node: Node, mark: Mark, reader: Reader, parse: Conversion | None) -> Iterator[Test]:
    if isinstance(node.value, Mapping) and len(node.map) != 1:
        reader.problem(mark, "not takes one comparator", hint="write one check for each")
        return
    if not isinstance(node.value, Mapping):
        equals = reader.vocabulary.all(Comparator)["equals"]
        test = _test(equals, node, mark, reader, parse, negated=True)
        if test:
            yield test
        return
    [(key, operand)] = node.map.items()
    entry = reader.vocabulary.all(Comparator).get(key)
    if entry is None:
        _unknown(key, node.key_marks.get(key, node.mark), reader, ())
    elif test := _test(entry, operand, mark, reader, parse, negated=True):
        yield test


def _test(
    entry: Comparator,
    node: Node,
    mark: Mark,
    reader: Reader,
    parse: Conversion | None,
    *,
    negated: bool,
) -> Test | None:
    if any(reader.deferred(part) for part in node.walk()):
        return None
    try:
        operand = _operand(entry, node.data(), parse)
    except ValueError as error:
        name = parse.name if parse else ""
        reader.problem(node.mark, f"{entry.name} with parse: {name}: {error}")
        return None
    if complaint := entry.operand(operand):
        reader.problem(node.mark, f"{entry.name} {complaint}")
        return None
    return Test(entry, operand, mark, negated)


def _operand(entry: Comparator, data: Any, parse: Conversion | None) -> Any:
    if parse is None or not parse.operand or not entry.operand_is:
        return data
    if isinstance(data, list):
        return [parse.convert(item) for item in data]
    return data if isinstance(data, dict) else parse.convert(data)


def comparator_schema(vocabulary: Vocabulary) -> dict[str, Any]:
    """The comparators as properties of a JSON Schema."""
    entries = vocabulary.all(Comparator)
    return {name: {"description": entry.doc} for name, entry in sorted(entries.items())} | {
        "not": {"description": "The comparator in it must not hold."}
    }
