"""How types and values are called in messages."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, get_args, get_origin

from kspec.language import shapes, traps
from kspec.marks import Node

_NAMES: Final[dict[Any, str]] = {
    str: "text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    type(None): "nothing",
}
_LONG: Final = 40
"""Characters of a value that a message shows."""


def name_of(kind: Any) -> str:
    """What is wanted, as in `text` or `a list`."""
    if kind in _NAMES:
        return _NAMES[kind]
    if shapes.is_union(kind):
        parts = [name_of(part) for part in get_args(kind) if part is not type(None)]
        return " or ".join(dict.fromkeys(parts))
    if shapes.is_literal(kind):
        return one_of(get_args(kind))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return one_of(member.value for member in kind)
    if get_origin(kind) in shapes.LISTS:
        return "a list"
    return "a map"


def one_of(values: Any) -> str:
    """`a, b or c`."""
    names = [str(value) for value in values]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def found(node: Node) -> str:
    """What is there, as in `the number 1.3` or `a list`."""
    value = node.value
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return (
            str(value).lower()
            if node.plain in (None, str(value).lower())
            else f"{node.plain}, which is {str(value).lower()}"
        )
    if isinstance(value, int | float):
        written = "" if node.plain in (None, str(value)) else f" (written {node.plain})"
        return f"the number {value}{written}"
    if isinstance(value, str):
        return f"the text {shorten(value)}"
    return "a list" if isinstance(value, tuple) else "a map"


def shorten(text: str) -> str:
    """A text in quotes on one line, cut when it is long."""
    line = " ".join(text.split())
    return f"'{line}'" if len(line) <= _LONG else f"'{line[: _LONG - 3]}...'"


def width_of(node: Node) -> int:
    """How many characters of a line the value takes, as far as is known."""
    if node.plain:
        return len(node.plain)
    if isinstance(node.value, str) and "\n" not in node.value:
        return len(node.value) + 2
    return 1


def brace_trap(node: Node) -> str | None:
    """`{.status.phase}` without quotes is a map of one key without a value: the text meant."""
    if len(node.map) != 1:
        return None
    ((name, value),) = node.map.items()
    looks = name.startswith((".", "$", "@")) and value.value is None and value.plain == ""
    return f"quote the path: {traps.quoted('{' + name + '}')}" if looks else None
