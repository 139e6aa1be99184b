"""What was seen of a cluster, and when: objects, snapshots, gaps and histories. Plain data.

Kubernetes objects are plain JSON (`Mapping[str, Any]`), as the API server sends them, without
`metadata.managedFields`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Object: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind as a cluster serves it (discovery's answer)."""

    group: str
    version: str
    kind: str
    plural: str
    namespaced: bool
    singular: str = ""
    short_names: tuple[str, ...] = ()
    verbs: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()

    @property
    def api_version(self) -> str:
        """`apps/v1`, or `v1` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def name(self) -> str:
        """`mpijobs.kubeflow.org`, or `pods` for the core group."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects of a stream a check is about. Empty fields select everything.

    `labels` and `fields` are lists of requirements (key, operator, values) that must all hold;
    operators are kubectl's: `=`, `!=`, `in`, `notin`, `exists`, `!`.
    """

    namespace: str | None = None
    name: str | None = None
    uid: str | None = None
    labels: tuple[tuple[str, str, tuple[str, ...]], ...] = ()
    fields: tuple[tuple[str, str, tuple[str, ...]], ...] = ()

    def matches(self, item: Object) -> bool:
        """Whether the object is one of those."""
        meta = item.get("metadata") or {}
        return (
            (self.namespace is None or meta.get("namespace") == self.namespace)
            and (self.name is None or meta.get("name") == self.name)
            and (self.uid is None or meta.get("uid") == self.uid)
            and all(_requires(meta.get("labels") or {}, rule) for rule in self.labels)
            and all(_requires(_FieldsOf(item), rule) for rule in self.fields)
        )


class _FieldsOf(Mapping[str, str]):
    """An object's fields by dotted path, as a field selector sees them."""

    def __init__(self, item: Object) -> None:
        self._item = item

    def __getitem__(self, path: str) -> str:
        value: Any = self._item
        for part in path.split("."):
            if not isinstance(value, Mapping) or part not in value:
                raise KeyError(path)
            value = value[part]
        return str(value)

    def __iter__(self) -> Any:
        return iter(())

    def __len__(self) -> int:
        return 0


def _requires(values: Mapping[str, str], rule: tuple[str, str, tuple[str, ...]]) -> bool:
    key, operator, wanted = rule
    try:
        actual: str | None = values[key]
    except KeyError:
        actual = None
    match operator:
        case "=" | "in":
            return actual in wanted
        case "!=" | "notin":
            return actual not in wanted
        case "exists":
            return actual is not None
        case _:
            return actual is None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The selected objects at one revision of one stream.

    `revision` is the stream's resourceVersion as a number (they are ordered integers, KEP-5504).
    `at` is the monotonic time of its receipt. `complete` is False when a gap hides whether
    more objects exist.
    """

    objects: tuple[Object, ...]
    revision: int
    at: float
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Gap:
    """An interval in which changes may have gone unobserved."""

    since: float
    until: float
    reason: str


Moment: TypeAlias = Snapshot | Gap
"""One entry of a history."""


@dataclass(frozen=True, slots=True)
class Revision:
    """What a write returns: from where on a stream shows it.

    `number` is the resourceVersion of the answer; None for a delete whose answer has none, then
    the removal of `uid` is what is awaited.
    """

    resource: Resource
    namespace: str | None
    name: str
    uid: str
    number: int | None
    deleted: bool = False


def uid_of(item: Object) -> str:
    """`metadata.uid`, or an empty string."""
    return str((item.get("metadata") or {}).get("uid") or "")


def revision_of(item: Object) -> int:
    """`metadata.resourceVersion` as a number, 0 if there is none."""
    text = str((item.get("metadata") or {}).get("resourceVersion") or "")
    return int(text) if text.isdigit() else 0


def title(item: Object) -> str:
    """`Kind namespace/name` for messages."""
    meta = item.get("metadata") or {}
    place = f"{meta['namespace']}/" if meta.get("namespace") else ""
    return f"{item.get('kind', 'object')} {place}{meta.get('name', '?')}"
