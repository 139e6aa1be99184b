"""Why a path selects nothing, in one sentence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from kspec.errors import did_you_mean
from kspec.expressions.jsonpath import Path
from kspec.expressions.segments import Segment

_SIMPLE: Final = re.compile(
    r"@(?P<path>(?:\.[\w-]+)+)\s*==\s*(?P<value>'[^']*'|\"[^\"]*\"|-?[\w.]+)\s*$"
)
_SHOWN: Final = 8
"""Names listed in a message."""


def explain_missing(path: Path, data: Any) -> str:
    """`.status.phase is absent: .status has conditions, startTime`; empty if it selects something.

    For a filter: `no item of .status.conditions has type 'Ready'; there are Created, Running`.
    """
    nodes = [data]
    for count, segment in enumerate(path.segments, start=1):
        before, nodes = nodes, path.prefix(count).find(data)
        if not nodes:
            return _at(path.prefix(count - 1), segment, before)
    return ""


def _at(parent: Path, segment: Segment, nodes: list[Any]) -> str:
    here = parent.shown + segment.shown if parent.segments else segment.shown
    place = parent.shown if parent.segments else "the object"
    if segment.deep:
        return f"there is no {segment.shown} anywhere in {place}"
    if len(nodes) > 1 or not parent.singular:
        each = "the only item" if len(nodes) == 1 else f"each of the {len(nodes)} items"
        return f"{here} is absent in {each} of {place}"
    node = nodes[0]
    if segment.kind == "filter" and isinstance(node, list | tuple | Mapping):
        items = list(node.values()) if isinstance(node, Mapping) else list(node)
        return _no_item(place, str(segment.value), items)
    if isinstance(node, Mapping):
        return f"{here} is absent: {place} {_has(str(segment.value), node)}"
    if isinstance(node, list | tuple):
        return _in_list(here, place, segment, len(node))
    return f"{here} is absent: {place} is {json.dumps(node, default=str)[:80]}"


def _has(name: str, node: Mapping[str, Any]) -> str:
    if not node:
        return "is empty"
    hint = did_you_mean(name, node)
    return f"has {_some(node)}" + (f"; {hint}" if hint else "")


def _in_list(here: str, place: str, segment: Segment, length: int) -> str:
    count = f"{length} item{'' if length == 1 else 's'}"
    if segment.kind == "name":
        return f"{here} is absent: {place} is a list of {count}; write {place}[*]{segment.shown}"
    return f"{here} is absent: {place} has {count}"


def _no_item(place: str, written: str, items: list[Any]) -> str:
    if not items:
        return f"{place} is empty"
    simple = _SIMPLE.match(written.strip())
    if not simple:
        return f"none of the {len(items)} items of {place} is one with {written}"
    keys = simple["path"][1:].split(".")
    values = [value for item in items if (value := _dig(item, keys)) is not None]
    there = f"there are {_some(map(str, values))}" if values else "none has it at all"
    value = simple["value"].replace('"', "'")
    return f"no item of {place} has {'.'.join(keys)} {value}; {there}"


def _dig(item: Any, keys: list[str]) -> Any:
    for key in keys:
        item = item.get(key) if isinstance(item, Mapping) else None
    return item


def _some(names: Iterable[str]) -> str:
    unique = list(dict.fromkeys(names))
    more = f" and {len(unique) - _SHOWN} more" if len(unique) > _SHOWN else ""
    return ", ".join(unique[:_SHOWN]) + more
