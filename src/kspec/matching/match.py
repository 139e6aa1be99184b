"""Partial matching: an object must have at least what `match` names.

Maps are partial. Lists are matched by the strategy `lists`:
`byKey`   items are paired by the list's merge key where Kubernetes has one, else as `exact`
`exact`   as many items, in this order, each one partial
`contains` every expected item matches another one, wherever it stands
A leaf is literal. Each mismatch names its path and the line that asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from kspec.errors import did_you_mean
from kspec.expressions.segments import step
from kspec.marks import Mark, Node
from kspec.matching.values import ABSENT, json_equal, kind_of, shown
from kspec.results import Mismatch

Lists: TypeAlias = Literal["byKey", "exact", "contains"]

# By field name: patchMergeKey and x-kubernetes-list-map-keys of the Kubernetes API's OpenAPI,
# https://github.com/kubernetes/kubernetes/tree/master/api/openapi-spec (1.30 to 1.34). The first
# key that all expected items have is taken.
MERGE_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "addresses": ("type",),
    "conditions": ("type",),
    "containerStatuses": ("name",),
    "containers": ("name",),
    "env": ("name",),
    "ephemeralContainerStatuses": ("name",),
    "ephemeralContainers": ("name",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainerStatuses": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid", "name"),
    "podIPs": ("ip",),
    "ports": ("containerPort", "port", "name"),
    "resourceClaims": ("name",),
    "schedulingGates": ("name",),
    "secrets": ("name",),
    "taints": ("key",),
    "tolerations": ("key",),
    "topologySpreadConstraints": ("topologyKey",),
    "validations": ("name",),
    "volumeDevices": ("devicePath",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
    "webhooks": ("name",),
}
_MOST: Final = 100
"""Mismatches given for one object."""


def mismatches(
    expected: Node, actual: Any, *, lists: Lists = "byKey", path: str = "", subject: str = ""
) -> tuple[Mismatch, ...]:
    """All that is missing or different; empty if it matches."""
    matcher = _Matching(lists, subject)
    found = matcher.node(expected, actual, path, "", expected.mark)
    return tuple(mismatch for mismatch, _ in zip(found, range(_MOST), strict=False))


@dataclass(frozen=True, slots=True)
class _Matching:
    lists: Lists
    subject: str

    def node(
        self, expected: Node, actual: Any, path: str, name: str, mark: Mark
    ) -> Iterator[Mismatch]:
        """`name` is the key under which the value stands, `mark` that key's place."""
        if isinstance(expected.value, Mapping):
            yield from self._map(expected, actual, path, mark)
        elif isinstance(expected.value, tuple):
            yield from self._list(expected, actual, path, name, mark)
        elif not json_equal(expected.value, actual):
            yield self._differs(path, expected.value, actual, expected.mark)

    def _map(self, expected: Node, actual: Any, path: str, mark: Mark) -> Iterator[Mismatch]:
        if not isinstance(actual, Mapping):
            yield self._differs(path, expected.data(), actual, mark)
            return
        for key, node in expected.map.items():
            inner = f"{path}{step(key)}"
            key_mark = expected.key_marks.get(key, node.mark)
            if key in actual:
                yield from self.node(node, actual[key], inner, key, key_mark)
            else:
                hint = did_you_mean(key, actual.keys())
                message = f"{inner} is absent" + (f"; {hint}" if hint else "")
                yield self._mismatch(message, inner, node.data(), ABSENT, key_mark)

    def _list(
        self, expected: Node, actual: Any, path: str, name: str, mark: Mark
    ) -> Iterator[Mismatch]:
        if not isinstance(actual, list | tuple):
            yield self._differs(path, expected.data(), actual, mark)
        elif self.lists == "contains":
            yield from self._anywhere(expected, actual, path)
        elif self.lists == "byKey" and (key := merge_key(name, expected.items)):
            for item in expected.items:
                yield from self._by_key(item, actual, path, key)
        else:
            yield from self._in_order(expected, actual, path)

    def _in_order(self, expected: Node, actual: Any, path: str) -> Iterator[Mismatch]:
        if len(expected.items) != len(actual):
            message = f"{path} has {len(actual)} items, not {len(expected.items)}"
            yield self._mismatch(message, path, expected.data(), list(actual), expected.mark)
            return
        for index, (item, value) in enumerate(zip(expected.items, actual, strict=True)):
            yield from self.node(item, value, f"{path}[{index}]", "", item.mark)

    def _by_key(self, item: Node, actual: Any, path: str, key: str) -> Iterator[Mismatch]:
        wanted = item.map[key].value
        inner = f"{path}[?(@.{key}=={_literal(wanted)})]"
        same = [
            value
            for value in actual
            if isinstance(value, Mapping) and json_equal(value.get(key, ABSENT), wanted)
        ]
        if not same:
            there = [value.get(key) for value in actual if isinstance(value, Mapping)]
            message = f"no item of {path} has {key} {shown(wanted)}; " + (
                f"there are {', '.join(map(shown, there[:8]))}" if there else "it is empty"
            )
            yield self._mismatch(message, inner, item.data(), ABSENT, item.map[key].mark)
            return
        tries = [tuple(self.node(item, value, inner, "", item.mark)) for value in same]
        yield from min(tries, key=len)

    def _anywhere(self, expected: Node, actual: Any, path: str) -> Iterator[Mismatch]:
        fits = [
            [
                i
                for i, value in enumerate(actual)
                if not any(self.node(item, value, "", "", item.mark))
            ]
            for item in expected.items
        ]
        taken = _assign(fits)
        for index, item in enumerate(expected.items):
            if index not in taken:
                other = " that no other expected item takes" if fits[index] else ""
                message = f"no item of {path} matches {shown(item.data())}{other}"
                yield self._mismatch(message, path, item.data(), list(actual), item.mark)

    def _differs(self, path: str, expected: Any, actual: Any, mark: Mark) -> Mismatch:
        kinds = kind_of(actual), kind_of(expected)
        hint = f" ({kinds[0]}, not {kinds[1]})" if kinds[0] != kinds[1] else ""
        message = f"{path or 'it'} is {shown(actual)}, not {shown(expected)}{hint}"
        return self._mismatch(message, path, expected, actual, mark)

    def _mismatch(
        self, message: str, path: str, expected: Any, actual: Any, mark: Mark
    ) -> Mismatch:
        actual = None if actual is ABSENT else actual
        return Mismatch(message, path, expected, actual, mark, self.subject)


def merge_key(name: str, items: tuple[Node, ...]) -> str | None:
    """The key by which Kubernetes tells the items of a field apart, if all items have it."""
    for key in MERGE_KEYS.get(name, ()):
        if items and all(key in item.map for item in items):
            return key
    return None


def _literal(value: Any) -> str:
    return f"'{value}'" if isinstance(value, str) else shown(value)


def _assign(fits: list[list[int]]) -> set[int]:
    """Which expected items get an actual one of their own: a maximum matching (Kuhn)."""
    owner: dict[int, int] = {}

    def place(item: int, tried: set[int]) -> bool:
        for index in fits[item]:
            if index not in tried:
                tried.add(index)
                if index not in owner or place(owner[index], tried):
                    owner[index] = item
                    return True
        return False

    for item in range(len(fits)):
        place(item, set())
    return set(owner.values())
