"""`matrix`: combinations of values, with include and exclude as in GitHub Actions."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self, TypeAlias

from kspec.language import wants
from kspec.marks import Node
from kspec.vocabulary import Reader, Vocabulary

MOST: Final = 256
"""Combinations of one spec, as in GitHub Actions."""
Combination: TypeAlias = Mapping[str, Any]
_SCALAR: Final = {"type": ["string", "number", "boolean"]}


@dataclass(frozen=True, slots=True)
class Matrix:
    """All combinations, in order."""

    combinations: tuple[Combination, ...]

    @classmethod
    def __read__(cls, node: Node, reader: Reader) -> Self | None:
        """Read and expand it; no combination at all is a problem, and so are more than 256."""
        if not isinstance(node.value, Mapping):
            reader.problem(node.mark, f"a matrix is a map of lists, got {wants.found(node)}")
            return None
        axes = {
            name: _values(value, name, reader)
            for name, value in node.map.items()
            if name not in {"include", "exclude"}
        }
        exclude = _entries(node.map.get("exclude"), "exclude", reader)
        include = _entries(node.map.get("include"), "include", reader)
        return cls._checked(node, axes, exclude, include, reader)

    @classmethod
    def _checked(
        cls,
        node: Node,
        axes: Mapping[str, list[Any]],
        exclude: list[Combination],
        include: list[Combination],
        reader: Reader,
    ) -> Self | None:
        size = len(include)
        for values in axes.values():
            size *= max(1, len(values))
            if size > MOST * MOST:
                break
        found = [] if size > MOST * MOST else expand(axes, exclude, include)
        if size > MOST * MOST or len(found) > MOST:
            reader.problem(node.mark, f"the matrix has more than {MOST} combinations")
            return None
        if not found:
            reader.problem(node.mark, "the matrix has no combination left")
            return None
        _check_unique(node, found, reader)
        return cls(tuple(found))

    @classmethod
    def __json_schema__(cls, _vocabulary: Vocabulary) -> dict[str, Any]:
        """Lists of scalars by name, include and exclude."""
        entries = {"type": "array", "items": {"type": "object", "additionalProperties": _SCALAR}}
        return {
            "type": "object",
            "properties": {"include": entries, "exclude": entries},
            "additionalProperties": {"type": "array", "items": _SCALAR, "minItems": 1},
        }


def expand(
    axes: Mapping[str, list[Any]], exclude: list[Combination], include: list[Combination]
) -> list[Combination]:
    """The combinations.

    https://docs.github.com/en/actions/how-tos/write-workflows/choose-what-workflows-do/run-job-variations:
    an exclude drops what has all of its values; an include is added to every combination whose
    original values it does not change, or else is one more combination.
    """
    product = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    originals = [one for one in product if one and not any(_has(one, entry) for entry in exclude)]
    extended = [dict(one) for one in originals]
    more: list[dict[str, Any]] = []
    for entry in include:
        fitting = [
            extra
            for one, extra in zip(originals, extended, strict=True)
            if all(_same(one[name], entry[name]) for name in entry if name in one)
        ]
        for extra in fitting:
            extra.update(entry)
        if not fitting:
            more.append(dict(entry))
    return [*extended, *more]


def _has(combination: Combination, entry: Combination) -> bool:
    return all(name in combination and _same(combination[name], entry[name]) for name in entry)


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _values(node: Node, name: str, reader: Reader) -> list[Any]:
    if not isinstance(node.value, tuple):
        reader.problem(node.mark, f"'{name}' in a matrix is a list, got {wants.found(node)}")
        return []
    if not node.value:
        reader.problem(node.mark, f"'{name}' has no values")
    return [_scalar(item, reader) for item in node.items]


def _entries(node: Node | None, name: str, reader: Reader) -> list[Combination]:
    if node is None:
        return []
    found: list[Combination] = []
    if not isinstance(node.value, tuple):
        reader.problem(node.mark, f"'{name}' is a list of maps, got {wants.found(node)}")
    for item in node.items:
        if item.map:
            found.append({key: _scalar(value, reader) for key, value in item.map.items()})
        else:
            reader.problem(item.mark, f"an entry of '{name}' is a map with a key at least")
    return found


def _scalar(node: Node, reader: Reader) -> Any:
    if isinstance(node.value, tuple | Mapping) or node.value is None:
        message = (
            f"a value of a matrix is a text, a number or true or false, got {wants.found(node)}"
        )
        reader.problem(node.mark, message)
        return None
    return node.value


def _check_unique(node: Node, found: list[Combination], reader: Reader) -> None:
    seen: set[tuple[tuple[str, str], ...]] = set()
    for one in found:
        shown = tuple((name, str(value)) for name, value in one.items())
        if shown in seen:
            text = ", ".join(f"{name}={value}" for name, value in shown)
            reader.problem(node.mark, f"the combination {text} is there twice")
            return
        seen.add(shown)
