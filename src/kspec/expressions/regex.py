"""Regular expressions in linear time: Python's syntax without what needs backtracking.

`search` tells whether a pattern occurs in a text, by an automaton built lazily, so a pattern
such as `(a+)+$` costs no more than any other. Back-references, look-around, atomic groups and
possessive quantifiers are refused, as in Go's regexp (RE2), which Kubernetes users know.
Text and work are bounded too: what goes beyond raises ValueError.

The syntax is read by the standard library's own parser (`re._parser`, the same from Python 3.11
to 3.14), so a pattern means here what it means there; a property test compares the two.
"""

from __future__ import annotations

import importlib
import re
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain
from typing import Any, Final, TypeAlias

LONGEST_PATTERN: Final = 1000
LONGEST_TEXT: Final = 1 << 20
"""Characters. A text is searched in about 0.1 s per million when the automaton is warm."""
MOST_STATES: Final = 4000
"""Of one pattern, after counted repetitions are written out."""
MOST_WORK: Final = 200_000
"""Steps that are not answered from the cache in one search: about 0.1 s."""
_CACHED: Final = 2000

_END: Final = ""
_LAST_NEWLINE: Final = "\n$"
"""A newline that ends the text: `$` stands before it too."""

Test: TypeAlias = Callable[[str], bool]
_CATEGORIES: Final[dict[str, Test]] = {
    "CATEGORY_DIGIT": str.isdecimal,
    "CATEGORY_SPACE": str.isspace,
    "CATEGORY_WORD": lambda c: c.isalnum() or c == "_",
}


@dataclass(slots=True)
class _Machine:
    """A nondeterministic automaton: per state either a test and its follower, or empty moves."""

    tests: list[Test | None] = field(default_factory=list)
    guards: list[str] = field(default_factory=list)
    """An anchor that must hold to make a state's empty moves."""
    moves: list[list[int]] = field(default_factory=list)

    def state(self, test: Test | None = None, guard: str = "") -> int:
        if len(self.tests) >= MOST_STATES:
            raise ValueError(f"the pattern needs more than {MOST_STATES} states")
        self.tests.append(test)
        self.guards.append(guard)
        self.moves.append([])
        return len(self.tests) - 1


@dataclass(frozen=True, slots=True)
class _Where:
    """What stands around a position, as far as anchors ask."""

    before: str
    """"" at the start, else the character."""
    after: str
    """"" at the end, `_LAST_NEWLINE`, or the character."""

    def holds(self, guard: str) -> bool:
        return not guard or _ANCHORS[guard](self.before, self.after)


def _word(text: str) -> bool:
    return text[:1].isalnum() or text[:1] == "_"


_ANCHORS: Final[dict[str, Callable[[str, str], bool]]] = {
    "AT_BEGINNING": lambda before, _: before == "",
    "AT_BEGINNING_STRING": lambda before, _: before == "",
    "AT_BEGINNING_LINE": lambda before, _: before in {"", "\n"},
    "AT_END": lambda _, after: after in {_END, _LAST_NEWLINE},
    "AT_END_STRING": lambda _, after: after == _END,
    "AT_END_LINE": lambda _, after: after[:1] in {"", "\n"},
    "AT_BOUNDARY": lambda before, after: _word(before) != _word(after),
    "AT_NON_BOUNDARY": lambda before, after: _word(before) == _word(after),
}


class Pattern:
    """A compiled pattern. Not shared between threads."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._machine = _Machine()
        tree, flags = _parse(text)
        accept = self._machine.state()
        self._accept = accept
        self._start = _Builder(self._machine, flags).sequence(tree, accept, flags)
        self._cache: dict[tuple[frozenset[int], str], dict[str, _Step]] = {}

    def search(self, text: str) -> bool:
        """Whether it occurs anywhere in the text. Raises ValueError beyond the bounds."""
        if len(text) > LONGEST_TEXT:
            raise ValueError(f"the text is longer than {LONGEST_TEXT} characters")
        work = 0
        states: frozenset[int] = frozenset()
        before = ""
        last = len(text) - 1
        table = self._table(states, before)
        for index, character in enumerate(chain(text, (_END,))):
            key = _LAST_NEWLINE if character == "\n" and index == last else character
            step = table.get(key)
            if step is None:
                step = self._step(states, _Where(before, key))
                work += step.cost
                if work > MOST_WORK:
                    raise ValueError("the pattern needs too much work on this text")
                table[key] = step
                step.table = self._table(step.states, character)
            if step.accepts:
                return True
            states, before, table = step.states, character, step.table
        return False

    def _table(self, states: frozenset[int], before: str) -> dict[str, _Step]:
        # Anchors only ask whether a word character, a newline or nothing stands before.
        kind = before if before in {"", "\n"} else "w" if _word(before) else "-"
        if len(self._cache) > _CACHED:
            self._cache.clear()
        return self._cache.setdefault((states, kind), {})

    def _step(self, states: frozenset[int], where: _Where) -> _Step:
        machine = self._machine
        seen: set[int] = set()
        todo = [*states, self._start]
        following: set[int] = set()
        while todo:
            state = todo.pop()
            if state in seen:
                continue
            seen.add(state)
            test = machine.tests[state]
            if test is None:
                if where.holds(machine.guards[state]):
                    todo.extend(machine.moves[state])
            elif where.after and test(where.after[:1]):
                following.update(machine.moves[state])
        return _Step(self._accept in seen, frozenset(following), len(seen))


@dataclass(slots=True)
class _Step:
    accepts: bool
    states: frozenset[int]
    cost: int
    table: dict[str, _Step] = field(default_factory=dict)


@dataclass(slots=True)
class _Builder:
    """Writes the parser's tree into a machine, from the end to the beginning."""

    machine: _Machine
    flags: int

    def sequence(self, tree: Iterable[Any], follow: int, flags: int) -> int:
        for name, argument in reversed(list(tree)):
            follow = self.node(str(name), argument, follow, flags)
        return follow

    def node(self, name: str, argument: Any, follow: int, flags: int) -> int:
        match name:
            case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN":
                return self.leaf(_test(name, argument, flags), follow)
            case "BRANCH":
                start = self.machine.state()
                for branch in argument[1]:
                    self.machine.moves[start].append(self.sequence(branch, follow, flags))
                return start
            case "SUBPATTERN":
                _group, add, remove, inner = argument
                return self.sequence(inner, follow, (flags | add) & ~remove)
            case "MAX_REPEAT" | "MIN_REPEAT":
                return self.repeat(argument, follow, flags)
            case "AT":
                anchor = str(argument)
                if flags & re.MULTILINE and anchor in {"AT_BEGINNING", "AT_END"}:
                    anchor += "_LINE"
                state = self.machine.state(guard=anchor)
                self.machine.moves[state].append(follow)
                return state
            case _:
                raise ValueError(f"{_REFUSED.get(name, name.lower())} cannot be used")

    def leaf(self, test: Test, follow: int) -> int:
        state = self.machine.state(test)
        self.machine.moves[state].append(follow)
        return state

    def repeat(self, argument: Any, follow: int, flags: int) -> int:
        least, most, inner = argument
        if most is _parser().MAXREPEAT:
            loop = self.machine.state()
            self.machine.moves[loop] += [self.sequence(inner, loop, flags), follow]
            start = loop
        else:
            start = follow
            for _ in range(most - least):
                optional = self.machine.state()
                self.machine.moves[optional] += [self.sequence(inner, start, flags), follow]
                start = optional
        for _ in range(least):
            start = self.sequence(inner, start, flags)
        return start


_REFUSED: Final = {
    "GROUPREF": "a back-reference",
    "GROUPREF_EXISTS": "a conditional group",
    "ASSERT": "look-around",
    "ASSERT_NOT": "look-around",
    "ATOMIC_GROUP": "an atomic group",
    "POSSESSIVE_REPEAT": "a possessive quantifier",
}


def _test(name: str, argument: Any, flags: int) -> Test:
    if name == "ANY":
        return (lambda _c: True) if flags & re.DOTALL else (lambda c: c != "\n")
    if name == "IN":
        return _class(argument, flags)
    wanted = chr(argument)
    if flags & re.IGNORECASE:
        low = wanted.lower()
        literal: Test = lambda c: c.lower() == low  # noqa: E731 - one of three tests
    else:
        literal = wanted.__eq__
    return literal if name == "LITERAL" else lambda c: not literal(c)


def _class(items: Iterable[Any], flags: int) -> Test:
    tests: list[Test] = []
    negated = False
    for name, argument in items:
        match str(name):
            case "NEGATE":
                negated = True
            case "RANGE":
                tests.append(_range(argument[0], argument[1], flags))
            case "CATEGORY":
                tests.append(_category(str(argument)))
            case kind:
                tests.append(_test(kind, argument, flags))
    return lambda c: any(test(c) for test in tests) != negated


def _category(name: str) -> Test:
    test = _CATEGORIES[name.replace("_NOT_", "_")]
    return (lambda c: not test(c)) if "_NOT_" in name else test


def _range(low: int, high: int, flags: int) -> Test:
    if not flags & re.IGNORECASE:
        return lambda c: low <= ord(c) <= high
    return lambda c: any(low <= ord(form) <= high for form in {c, *c.lower(), *c.upper()})


@lru_cache(maxsize=1)
def _parser() -> Any:
    return importlib.import_module("re._parser")


def _parse(text: str) -> tuple[Iterable[Any], int]:
    if len(text) > LONGEST_PATTERN:
        raise ValueError(f"the pattern is longer than {LONGEST_PATTERN} characters")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of a future meaning of [[: ours is today's
            tree = _parser().parse(text)
    except re.error as error:
        at = f" at character {error.pos + 1}" if error.pos is not None else ""
        raise ValueError(f"{error.msg}{at}") from error
    except (RecursionError, OverflowError) as error:
        raise ValueError("the pattern is nested too deeply") from error
    if tree.state.flags & re.ASCII:
        raise ValueError("the flag (?a) cannot be used")
    return tree, int(tree.state.flags)


@lru_cache(maxsize=512)
def compile(text: str) -> Pattern:  # noqa: A001 - as in re.compile: used with the module's name
    """A pattern, ready to search. Raises ValueError with the reason that it is refused."""
    try:
        return Pattern(text)
    except RecursionError as error:
        raise ValueError("the pattern is nested too deeply") from error
