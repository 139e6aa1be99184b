"""The comparators: words that compare a value with an operand.

Each `compare` gives None when it holds, else a predicate for a sentence whose subject is the
value's path, as in `.status.phase` *is "Pending", not "Running"*.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from kspec.expressions import regex
from kspec.expressions.semver import Version
from kspec.marks import Mark, node_of
from kspec.matching.match import mismatches
from kspec.matching.values import ABSENT, is_number, json_equal, kind_of, shown, type_of
from kspec.vocabulary import Comparator

TYPES: Final = ("object", "array", "string", "number", "integer", "boolean", "null")
_NOWHERE: Final = Mark("", 1, 1)


def _equals(actual: Any, operand: Any) -> str | None:
    if json_equal(actual, operand):
        return None
    hint = ""
    if type_of(actual) != type_of(operand) and str(actual).lower() == str(operand).lower():
        hint = f" ({kind_of(actual)}, not {kind_of(operand)})"
    return f"is {shown(actual)}, not {shown(operand)}{hint}"


def _in(actual: Any, operand: Any) -> str | None:
    if any(json_equal(actual, item) for item in operand):
        return None
    return f"is {shown(actual)}, which is not one of {shown(operand)}"


def _contains(actual: Any, operand: Any) -> str | None:
    if isinstance(actual, str):
        if not isinstance(operand, str):
            return f"is a text, which cannot contain {shown(operand)}"
        return None if operand in actual else f"is {shown(actual)} without {shown(operand)}"
    if isinstance(actual, Mapping):
        has = isinstance(operand, str) and operand in actual
        return None if has else f"has no key {shown(operand)}; it has {shown(list(actual))}"
    if isinstance(actual, list | tuple):
        missing = _missing_items(actual, operand)
        names = ", ".join(map(shown, missing))
        return f"has no {names} among {shown(actual)}" if missing else None
    return f"is {shown(actual)}, which is neither list, map nor text"


def _missing_items(items: Any, operand: Any) -> list[Any]:
    if _has_item(items, operand):
        return []
    wanted = operand if isinstance(operand, list | tuple) else [operand]
    return [item for item in wanted if not _has_item(items, item)]


def _has_item(items: Any, wanted: Any) -> bool:
    if isinstance(wanted, Mapping):
        return any(not _partial(item, wanted) for item in items)
    return any(json_equal(item, wanted) for item in items)


def _partial(actual: Any, wanted: Any) -> list[str]:
    found = mismatches(node_of(wanted, _NOWHERE), actual, path="")
    return [mismatch.message for mismatch in found]


def _match(actual: Any, operand: Any) -> str | None:
    found = _partial(actual, operand)
    return f"does not match: {'; '.join(found[:3])}" if found else None


def _matches(actual: Any, operand: Any) -> str | None:
    if not isinstance(actual, str):
        return f"is {shown(actual)}, not a text"
    try:
        found = regex.compile(operand).search(actual)
    except ValueError as error:
        return f"cannot be searched for {shown(operand)}: {error}"
    return None if found else f"is {shown(actual)}, which does not match {shown(operand)}"


def _pattern(operand: Any) -> str | None:
    if not isinstance(operand, str):
        return "takes a regular expression"
    try:
        regex.compile(operand)
    except ValueError as error:
        return f"takes a regular expression: {error}"
    return None


def _affix(word: str, test: Callable[[str, str], bool]) -> Callable[[Any, Any], str | None]:
    def compare(actual: Any, operand: Any) -> str | None:
        if not isinstance(actual, str):
            return f"is {shown(actual)}, not a text"
        return (
            None
            if test(actual, operand)
            else f"is {shown(actual)}, which does not {word} {shown(operand)}"
        )

    return compare


def _exists(actual: Any, operand: Any) -> str | None:
    there = actual is not ABSENT
    if there is operand:
        return None
    return f"is {shown(actual)}, but must not exist" if there else "is absent"


def _empty(actual: Any, operand: Any) -> str | None:
    if not isinstance(actual, str | Mapping | list | tuple) and actual is not None:
        return f"is {shown(actual)}, which is neither list, map nor text"
    if (not actual) is operand:
        return None
    return f"is {shown(actual)}, not empty" if operand else "is empty"


def _length(actual: Any, operand: Any) -> str | None:
    if not isinstance(actual, str | Mapping | list | tuple):
        return f"is {shown(actual)}, which has no length"
    if len(actual) == operand:
        return None
    return f"has length {len(actual)}, not {operand}: {shown(actual)}"


def _ordered(word: str, test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], str | None]:
    def compare(actual: Any, operand: Any) -> str | None:
        if not _comparable(actual, operand):
            return f"is {shown(actual)}, not {_wanted(operand)}"
        return None if test(actual, operand) else f"is {shown(actual)}, not {word} {shown(operand)}"

    return compare


def _comparable(actual: Any, operand: Any) -> bool:
    if isinstance(operand, Version):
        return isinstance(actual, Version)
    return is_number(actual) and is_number(operand)


def _wanted(operand: Any) -> str:
    if isinstance(operand, Version):
        return "a version"
    return "a number (parse: quantity, int, duration, time or semver makes one of a text)"


def _between(actual: Any, operand: Any) -> str | None:
    low, high = operand
    if not (_comparable(actual, low) and _comparable(actual, high)):
        return f"is {shown(actual)}, not {_wanted(low)}"
    if low <= actual <= high:
        return None
    return f"is {shown(actual)}, not between {shown(low)} and {shown(high)}"


def _subset(actual: Any, operand: Any) -> str | None:
    if not isinstance(actual, list | tuple):
        return f"is {shown(actual)}, not a list"
    extra = [item for item in actual if not any(json_equal(item, other) for other in operand)]
    return f"has {', '.join(map(shown, extra[:5]))} beyond {shown(operand)}" if extra else None


def _unique(actual: Any, operand: Any) -> str | None:
    if not isinstance(actual, list | tuple):
        return f"is {shown(actual)}, not a list"
    seen: set[str] = set()
    twice = []
    for item in actual:
        key = _canonical(item)
        if key in seen:
            twice.append(item)
        seen.add(key)
    if operand is not bool(twice):
        return None
    return f"has {shown(twice[0])} more than once" if operand else "has no item twice"


def _canonical(value: Any) -> str:
    """A text that is the same for values that are equal as JSON."""
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{key!r}:{_canonical(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_canonical, value)) + "]"
    if isinstance(value, float) and value.is_integer():
        return repr(int(value))
    return repr(value.key) if isinstance(value, Version) else repr(value)


def _sorted(actual: Any, operand: Any) -> str | None:
    if not isinstance(actual, list | tuple):
        return f"is {shown(actual)}, not a list"
    texts = all(isinstance(item, str) for item in actual)
    if not texts and not all(map(is_number, actual)):
        return f"is {shown(actual)}, whose items have no common order"
    wrong = next((i for i in range(1, len(actual)) if actual[i] < actual[i - 1]), None)
    if operand is (wrong is None):
        return None
    if wrong is None:
        return "is sorted"
    return f"is not sorted: {shown(actual[wrong])} comes after {shown(actual[wrong - 1])}"


def _type(actual: Any, operand: Any) -> str | None:
    actual_type = type_of(actual)
    if operand == "integer":
        whole = actual_type == "number" and float(actual).is_integer()
        return None if whole else f"is {shown(actual)}, not an integer"
    if actual_type == operand:
        return None
    return f"is {shown(actual)}, of type {actual_type}, not {operand}"


def _of(what: str, test: Callable[[Any], bool]) -> Callable[[Any], str | None]:
    return lambda operand: None if test(operand) else f"takes {what}, not {shown(operand)}"


_BOOLEAN: Final = _of("true or false", lambda operand: isinstance(operand, bool))
_TEXT: Final = _of("a text", lambda operand: isinstance(operand, str))
_LIST: Final = _of("a list", lambda operand: isinstance(operand, list | tuple))
_COUNT: Final = _of(
    "a whole number of 0 or more",
    lambda operand: isinstance(operand, int) and not isinstance(operand, bool) and operand >= 0,
)
_ORDERED: Final = _of(
    "a number (a text needs parse: quantity, int, duration, time, age or semver)",
    lambda operand: is_number(operand) or isinstance(operand, Version),
)
_RANGE: Final = _of(
    "a list of two numbers, the lower one first",
    lambda operand: (
        isinstance(operand, list | tuple)
        and len(operand) == 2  # noqa: PLR2004 - low and high
        and _comparable(operand[0], operand[1])
        and operand[0] <= operand[1]
    ),
)
_TYPE: Final = _of(f"one of {', '.join(TYPES)}", lambda operand: operand in TYPES)
_TREE: Final = _of("a map or a list", lambda operand: isinstance(operand, Mapping | list | tuple))


def _number_comparator(name: str, words: str, test: Callable[[Any, Any], bool]) -> Comparator:
    doc = f"A number (or, parsed, a time or version) is {words} this."
    return Comparator(name, doc, _ordered(words, test), _ORDERED, operand_is="value")


COMPARATORS: Final[tuple[Comparator, ...]] = (
    Comparator("equals", "Is equal as JSON; types are strict.", _equals, operand_is="value"),
    Comparator("in", "Is equal to one of a list.", _in, _LIST, operand_is="values"),
    Comparator(
        "contains",
        "A list has this item (of a map: one with at least these keys), or all of a list's; "
        "a text has this text; a map has this key.",
        _contains,
        takes_list=True,
        operand_is="value",
    ),
    Comparator("matches", "A text has a match of this regular expression.", _matches, _pattern),
    Comparator("startsWith", "A text begins so.", _affix("start with", str.startswith), _TEXT),
    Comparator("endsWith", "A text ends so.", _affix("end with", str.endswith), _TEXT),
    Comparator("exists", "Is there, or is not.", _exists, _BOOLEAN, sees_absent=True),
    Comparator(
        "empty", "A list, map or text is empty, or is not.", _empty, _BOOLEAN, takes_list=True
    ),
    Comparator(
        "length", "The number of items, keys or characters.", _length, _COUNT, takes_list=True
    ),
    _number_comparator("greaterThan", "greater than", operator.gt),
    _number_comparator("atLeast", "at least", operator.ge),
    _number_comparator("lessThan", "less than", operator.lt),
    _number_comparator("atMost", "at most", operator.le),
    Comparator(
        "between", "Is within two numbers, both included.", _between, _RANGE, operand_is="values"
    ),
    Comparator(
        "subsetOf",
        "A list has no item beyond these.",
        _subset,
        _LIST,
        takes_list=True,
        operand_is="values",
    ),
    Comparator("unique", "A list has no item twice, or has.", _unique, _BOOLEAN, takes_list=True),
    Comparator(
        "sorted", "A list is in ascending order, or is not.", _sorted, _BOOLEAN, takes_list=True
    ),
    Comparator("type", f"Is of a JSON type: {', '.join(TYPES)}.", _type, _TYPE),
    Comparator("match", "Has at least these keys and values.", _match, _TREE, operand_is="value"),
)
