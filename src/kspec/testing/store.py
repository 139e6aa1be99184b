"""The objects behind the scripted server: revisions, history, finalizers, owners."""

from __future__ import annotations

import uuid
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from kspec.errors import ApiError
from kspec.snapshots import Object, Resource

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kspec.testing.patches import Owners

Key: TypeAlias = tuple[str, str]
_TIME: Final = "2026-01-01T00:00:00Z"
_VERBS: Final = ("create", "delete", "get", "list", "patch", "update", "watch")

KINDS: Final = tuple(
    Resource(group, version, kind, plural, namespaced, kind.lower(), short, _VERBS, subresources)
    for group, version, kind, plural, namespaced, short, subresources in (
        ("", "v1", "Namespace", "namespaces", False, ("ns",), ("status",)),
        ("", "v1", "Node", "nodes", False, ("no",), ("status",)),
        ("", "v1", "Pod", "pods", True, ("po",), ("log", "status")),
        ("", "v1", "ConfigMap", "configmaps", True, ("cm",), ()),
        ("", "v1", "Secret", "secrets", True, (), ()),
        ("", "v1", "Service", "services", True, ("svc",), ("status",)),
        ("", "v1", "Event", "events", True, ("ev",), ()),
        ("apps", "v1", "Deployment", "deployments", True, ("deploy",), ("scale", "status")),
        ("batch", "v1", "Job", "jobs", True, (), ("status",)),
        (
            "apiextensions.k8s.io",
            "v1",
            "CustomResourceDefinition",
            "customresourcedefinitions",
            False,
            ("crd", "crds"),
            ("status",),
        ),
    )
)
"""What a new server serves."""


@dataclass(frozen=True, slots=True)
class Happening:
    """One change: type, object as sent to watchers, and what was there before."""

    revision: int
    type: str
    object: Object
    before: Object | None


class Store:
    """All objects by kind, namespace and name; every change has the next revision."""

    def __init__(self) -> None:
        self.revision = 100
        self.compacted = 0
        """Changes up to this revision are forgotten."""
        self.kinds: dict[str, Resource] = {kind.name: kind for kind in KINDS}
        self.history: dict[str, list[Happening]] = {}
        self._objects: dict[str, dict[Key, Object]] = {}
        self._owners: dict[str, Owners] = {}

    def kind_of(self, item: Object) -> Resource:
        """The kind of a manifest. KeyError if it is not served."""
        for kind in self.kinds.values():
            if (kind.api_version, kind.kind) == (item.get("apiVersion"), item.get("kind")):
                return kind
        raise KeyError(f"{item.get('apiVersion')} {item.get('kind')}")

    def get(self, kind: Resource, key: Key) -> Object | None:
        """One object, or None."""
        return self._objects.get(kind.name, {}).get(key)

    def objects(self, kind: Resource, namespace: str = "") -> list[Object]:
        """The objects of a kind, sorted; of one namespace if one is given."""
        found = sorted(self._objects.get(kind.name, {}).items())
        return [item for key, item in found if not namespace or key[0] == namespace]

    def objects_at(self, kind: Resource, namespace: str, revision: int) -> list[Object]:
        """As they were at an earlier revision."""
        state = dict(self._objects.get(kind.name, {}))
        for past in reversed(self.history.get(kind.name, [])):
            if past.revision <= revision:
                break
            if past.before is None:
                state.pop(key_of(past.object), None)
            else:
                state[key_of(past.object)] = past.before
        return [item for key, item in sorted(state.items()) if not namespace or key[0] == namespace]

    def owners(self, item: Object) -> Owners:
        """Who applied which leaves of an object."""
        return self._owners.setdefault(item["metadata"]["uid"], {})

    def write(self, kind: Resource, manifest: Mapping[str, Any]) -> Object:
        """Create, or replace as a whole. What finalizers held back goes with the last of them."""
        item = deepcopy(dict(manifest))
        metadata = item.setdefault("metadata", {})
        before = self.get(kind, key_of(item))
        known: Mapping[str, Any] = (before or {}).get("metadata") or {}
        metadata["uid"] = known.get("uid") or str(uuid.uuid4())
        metadata["creationTimestamp"] = known.get("creationTimestamp") or _TIME
        if "deletionTimestamp" in known:
            metadata["deletionTimestamp"] = known["deletionTimestamp"]
        generation = known.get("generation", 0)
        metadata["generation"] = generation + (before is None or _wish(item) != _wish(before))
        if before is not None and _same(item, before):
            return before
        if before is not None and "deletionTimestamp" in metadata and not _finalizers(item):
            self._remove(kind, item)
            return item
        self._put(kind, item, before)
        if kind.plural == "customresourcedefinitions":
            self._serve(item)
        return item

    def delete(self, kind: Resource, item: Object) -> Object:
        """Remove, or mark as terminating while finalizers hold it."""
        if not _finalizers(item):
            return self._remove(kind, item)
        if "deletionTimestamp" in item["metadata"]:
            return item
        marked = deepcopy(dict(item))
        marked["metadata"]["deletionTimestamp"] = _TIME
        self._put(kind, marked, item)
        return marked

    def _put(self, kind: Resource, item: dict[str, Any], before: Object | None) -> None:
        self.revision += 1
        item["metadata"]["resourceVersion"] = str(self.revision)
        self._objects.setdefault(kind.name, {})[key_of(item)] = item
        self._tell(kind, "ADDED" if before is None else "MODIFIED", item, before)

    def _remove(self, kind: Resource, item: Object) -> Object:
        self.revision += 1
        last = deepcopy(dict(item))
        last["metadata"]["resourceVersion"] = str(self.revision)
        before = self._objects[kind.name].pop(key_of(item))
        self._owners.pop(item["metadata"]["uid"], None)
        self._tell(kind, "DELETED", last, before)
        for other, dependent in list(self._dependents(kind, item)):
            self.delete(other, dependent)
        return last

    def _dependents(self, kind: Resource, item: Object) -> Iterator[tuple[Resource, Object]]:
        """What goes with an object: its namespace's content, and what it alone owns."""
        uid, name = item["metadata"]["uid"], item["metadata"]["name"]
        for other in self.kinds.values():
            for dependent in self.objects(other):
                owners = dependent["metadata"].get("ownerReferences") or []
                inside = kind.name == "namespaces" and key_of(dependent)[0] == name
                if inside or (owners and all(owner.get("uid") == uid for owner in owners)):
                    yield other, dependent

    def _tell(self, kind: Resource, type_: str, item: Object, before: Object | None) -> None:
        happening = Happening(self.revision, type_, item, before)
        self.history.setdefault(kind.name, []).append(happening)

    def _serve(self, crd: Object) -> None:
        """A definition's kinds, at once."""
        spec, names = crd["spec"], crd["spec"]["names"]
        for version in spec["versions"]:
            kind = Resource(
                spec["group"],
                version["name"],
                names["kind"],
                names["plural"],
                spec.get("scope", "Namespaced") == "Namespaced",
                names.get("singular", names["kind"].lower()),
                tuple(names.get("shortNames") or ()),
                _VERBS,
                ("status",) if "status" in (version.get("subresources") or {}) else (),
            )
            self.kinds[kind.name] = kind


def key_of(item: Object) -> Key:
    """Namespace and name."""
    metadata = item["metadata"]
    return metadata.get("namespace") or "", metadata["name"]


def refusal(code: int, reason: str, message: str, **details: Any) -> ApiError:
    """What an API server says no with."""
    return ApiError(message, code=code, reason=reason, details=details)


def _finalizers(item: Object) -> list[str]:
    return item["metadata"].get("finalizers") or []


def _wish(item: Object) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key not in {"metadata", "status"}}


def _same(item: Object, before: Object) -> bool:
    """Whether writing changes nothing: then there is no new revision."""
    old = deepcopy(dict(before))
    old["metadata"].pop("resourceVersion", None)
    new = deepcopy(dict(item))
    new["metadata"].pop("resourceVersion", None)
    return old == new
