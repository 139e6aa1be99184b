"""How an API server changes objects: merge patches and server-side apply, in small.

Server-side apply here knows maps and whole lists (no list types). It keeps, by manager, the
leaves that were applied: what a manager no longer sends and nobody else owns goes away; another
manager's leaf with another value is a conflict.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str, ...]
Owners: TypeAlias = dict[str, set[Path]]
UNOWNED = {("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")}


def merged(target: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """RFC 7386: maps merge, null removes, all else replaces."""
    result = dict(target)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping):
            there = result.get(key)
            result[key] = merged(there if isinstance(there, Mapping) else {}, value)
        else:
            result[key] = deepcopy(value)
    return result


def leaves(value: Any, path: Path = ()) -> dict[Path, Any]:
    """Everything that is no map, by where it is. An empty map is a leaf."""
    if isinstance(value, Mapping) and value:
        return {
            place: leaf
            for key, part in value.items()
            for place, leaf in leaves(part, (*path, key)).items()
        }
    return {path: value}


def conflicts(
    live: Mapping[str, Any], manifest: Mapping[str, Any], owners: Owners, manager: str
) -> list[tuple[str, Path]]:
    """Who else owns what the manifest would change."""
    there, wanted = leaves(live), leaves(manifest)
    return [
        (other, path)
        for other, owned in owners.items()
        for path in sorted(owned)
        if other != manager and path in wanted and there.get(path) != wanted[path]
    ]


def applied(
    live: Mapping[str, Any], manifest: Mapping[str, Any], owners: Owners, manager: str
) -> dict[str, Any]:
    """The object after the manifest was applied. `owners` is brought up to date."""
    wanted = set(leaves(manifest)) - UNOWNED
    dropped = owners.get(manager, set()) - wanted
    for other, owned in owners.items():
        if other != manager:
            dropped.difference_update(owned)
            owned.difference_update(wanted)
    result = deepcopy(dict(live))
    for path in dropped:
        _remove(result, path)
    owners[manager] = wanted
    return _overlaid(result, manifest)


def _overlaid(target: Mapping[str, Any], manifest: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(target)
    for key, value in manifest.items():
        there = result.get(key)
        both = isinstance(value, Mapping) and isinstance(there, Mapping)
        result[key] = _overlaid(there, value) if both else deepcopy(value)  # type: ignore[arg-type]  # both are maps
    return result


def _remove(target: dict[str, Any], path: Path) -> None:
    *parents, last = path
    place: Any = target
    for key in parents:
        place = place.get(key)
        if not isinstance(place, dict):
            return
    place.pop(last, None)
