"""JSON values: when two are equal, what type one is of, and how one looks in a message."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final


class _Absent(Enum):
    """The type of `ABSENT`."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "absent"


ABSENT: Final = _Absent.ABSENT
"""Stands for a value that is not there, which is not the same as null."""
_KINDS: Final = {
    "object": "a map",
    "array": "a list",
    "string": "a text",
    "number": "a number",
    "boolean": "a truth value",
    "null": "null",
    "absent": "absent",
}
LONGEST_SHOWN: Final = 120
"""Characters of a value in a one-line message."""


def is_number(value: Any) -> bool:
    """A JSON number; true and false are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def json_equal(left: Any, right: Any) -> bool:
    """Equal as JSON: types are strict (5 is not "5", true is not 1), but 1 equals 1.0."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(
            json_equal(value, right[key]) for key, value in left.items()
        )
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(json_equal, left, right))
    if is_number(left) and is_number(right):
        return bool(left == right)
    return type_of(left) == type_of(right) and bool(left == right)


def type_of(value: Any) -> str:
    """The JSON type: object, array, string, number, boolean or null; `absent` for ABSENT."""
    if value is ABSENT:
        return "absent"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return "string"
    if isinstance(value, Mapping):
        return "object"
    return "array" if isinstance(value, list | tuple) else "number"


def kind_of(value: Any) -> str:
    """What a value is called in a message: `a list`, `a text`, `a number`."""
    return _KINDS[type_of(value)]


def shown(value: Any, limit: int = LONGEST_SHOWN) -> str:
    """A value on one line: as JSON, shortened in the middle to `limit` characters."""
    if value is ABSENT:
        return "absent"
    if isinstance(value, str) and len(value) > 2 * limit:
        value = f"{value[:limit]}{value[-limit:]}"
    text = json.dumps(value, ensure_ascii=False, default=_plain)
    if len(text) <= limit:
        return text
    tail = limit // 4
    return f"{text[: limit - tail - 3]}...{text[-tail:]}"


def _plain(value: Any) -> Any:
    return dict(value) if isinstance(value, Mapping) else str(value)
