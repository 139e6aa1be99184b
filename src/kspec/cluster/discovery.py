"""What a cluster serves: kinds, their names and their places.

Asked for in the aggregated form (two requests), which API servers have since 1.27:
https://kubernetes.io/docs/concepts/overview/kubernetes-api/#aggregated-discovery
Older ones, and some aggregating proxies, answer in the plain form, which takes one request for
each version of each group.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from kspec import clock
from kspec.cluster.calls import Call, Caller, json_of
from kspec.errors import ApiError, ClusterError, UnknownKindError, did_you_mean
from kspec.snapshots import Resource

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from kspec.clock import Deadline

NEGATIVE: Final = 1.0
"""Seconds for which "there is no such kind" is believed without asking again."""
PLAIN: Final = "application/json"
ACCEPT: Final = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList," + PLAIN
)
_ROOTS: Final = ("/api", "/apis")


class Discovery:
    """The kinds of one cluster, fetched when first needed and when one is missing."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._resources: tuple[Resource, ...] = ()
        self._asked_at: float | None = None
        self._flight: asyncio.Task[None] | None = None

    async def resources(self, deadline: Deadline | None = None) -> tuple[Resource, ...]:
        """All kinds: the core group first, in each group the preferred version first."""
        if self._asked_at is None:
            await self._refresh(deadline)
        return self._resources

    async def find(
        self, reference: str, api_version: str = "", deadline: Deadline | None = None
    ) -> Resource:
        """The kind that a word means, as kubectl understands it.

        `mpijob`, `mpijobs`, `MPIJob`, a short name, `mpijobs.kubeflow.org` or
        `mpijobs.v2beta1.kubeflow.org`; `api_version` (`group/version`, or `v1`) narrows it.
        Raises UnknownKindError.
        """
        found = _lookup(await self.resources(deadline), reference, api_version)
        if found is None and self._stale:
            await self._refresh(deadline)
            found = _lookup(self._resources, reference, api_version)
        if found is None:
            raise _unknown(self._resources, reference, api_version)
        return found

    def invalidate(self) -> None:
        """What is missing is asked for again: a kind may have come or gone."""
        if self._asked_at is not None:
            self._asked_at = float("-inf")

    @property
    def _stale(self) -> bool:
        return self._asked_at is None or clock.now() - self._asked_at >= NEGATIVE

    async def _refresh(self, deadline: Deadline | None) -> None:
        """Ask, or share the answer that is under way."""
        flight = self._flight
        if flight is not None and not flight.done():
            try:
                return await asyncio.shield(flight)
            except ClusterError:  # that one was perhaps less patient than we may be
                return await self._refresh(deadline)
        self._flight = asyncio.create_task(self._fetch(deadline), name="discovery")
        self._flight.add_done_callback(_noticed)
        return await asyncio.shield(self._flight)

    async def _fetch(self, deadline: Deadline | None) -> None:
        asked_at = clock.now()
        parts = await asyncio.gather(*(self._fetch_root(root, deadline) for root in _ROOTS))
        self._resources = tuple(resource for part in parts for resource in part)
        self._asked_at = asked_at

    async def _fetch_root(self, root: str, deadline: Deadline | None) -> list[Resource]:
        answer = await self._ask(root, ACCEPT, deadline)
        if answer.get("kind") == "APIGroupDiscoveryList":
            return [each for group in _list(answer, "items") for each in _of_group(group)]
        places = [f"{root}/{version}" for version in _plain_versions(answer)]
        parts = await asyncio.gather(*(self._fetch_version(place, deadline) for place in places))
        return [resource for part in parts for resource in part]

    async def _fetch_version(self, path: str, deadline: Deadline | None) -> list[Resource]:
        try:
            return _of_version(await self._ask(path, PLAIN, deadline))
        except ApiError:
            return []  # an extension API server that is down takes only its own kinds along

    async def _ask(self, path: str, accept: str, deadline: Deadline | None) -> dict[str, Any]:
        call = Call("GET", path, headers={"accept": accept})
        try:
            return json_of(await self._caller.send(call, deadline), call)
        except ApiError as error:
            if error.code != 406 or accept != ACCEPT:  # noqa: PLR2004 - HTTP: Not Acceptable
                raise
        return await self._ask(path, PLAIN, deadline)


def _noticed(task: asyncio.Task[None]) -> None:
    """Take note of an error that no waiter is left to see."""
    if not task.cancelled():
        task.exception()


def _list(data: Mapping[str, Any], key: str) -> Sequence[Mapping[str, Any]]:
    return data.get(key) or ()


def _of_group(group: Mapping[str, Any]) -> list[Resource]:
    """One APIGroupDiscovery."""
    name = (group.get("metadata") or {}).get("name") or ""
    return [
        _aggregated(entry, name, version["version"])
        for version in _list(group, "versions")
        for entry in _list(version, "resources")
    ]


def _aggregated(entry: Mapping[str, Any], group: str, version: str) -> Resource:
    kind = entry.get("responseKind") or {}
    return Resource(
        group=group,
        version=version,
        kind=kind.get("kind") or "",
        plural=entry["resource"],
        namespaced=entry.get("scope") == "Namespaced",
        singular=entry.get("singularResource") or "",
        short_names=tuple(entry.get("shortNames") or ()),
        verbs=tuple(entry.get("verbs") or ()),
        subresources=tuple(sub["subresource"] for sub in _list(entry, "subresources")),
    )


def _plain_versions(answer: Mapping[str, Any]) -> list[str]:
    """What follows the root in paths, from an APIVersions or an APIGroupList."""
    if "groups" not in answer:
        return [str(version) for version in answer.get("versions") or ()]
    found: list[str] = []
    for group in _list(answer, "groups"):
        preferred = (group.get("preferredVersion") or {}).get("groupVersion")
        versions = [version["groupVersion"] for version in _list(group, "versions")]
        found += sorted(versions, key=lambda version: version != preferred)
    return found


def _of_version(answer: Mapping[str, Any]) -> list[Resource]:
    """One APIResourceList; subresources are entries of their own, named `pods/log`."""
    group, _, version = str(answer.get("groupVersion") or "").rpartition("/")
    entries = _list(answer, "resources")
    return [
        Resource(
            group=entry.get("group") or group,
            version=entry.get("version") or version,
            kind=entry["kind"],
            plural=entry["name"],
            namespaced=bool(entry.get("namespaced")),
            singular=entry.get("singularName") or "",
            short_names=tuple(entry.get("shortNames") or ()),
            verbs=tuple(entry.get("verbs") or ()),
            subresources=tuple(
                sub["name"].partition("/")[2]
                for sub in entries
                if sub["name"].startswith(entry["name"] + "/")
            ),
        )
        for entry in entries
        if "/" not in entry["name"]
    ]


def _lookup(resources: Sequence[Resource], reference: str, api_version: str) -> Resource | None:
    """The first match; names come before short names, the core group before others."""
    word, *rest = reference.lower().split(".", 1)
    place = rest[0] if rest else ""
    known = [
        resource
        for resource in resources
        if resource.kind
        and (not api_version or resource.api_version == api_version)
        and (not place or place in _places(resource))
    ]
    for resource in known:
        if word in {resource.plural, resource.singular, resource.kind.lower()}:
            return resource
    return next((resource for resource in known if word in resource.short_names), None)


def _places(resource: Resource) -> set[str]:
    """What may follow the name: the group, or version and group."""
    versioned = f"{resource.version}.{resource.group}".rstrip(".")
    return {resource.group, versioned}


def _unknown(resources: Sequence[Resource], reference: str, api_version: str) -> UnknownKindError:
    of_version = f" in {api_version}" if api_version else ""
    elsewhere = _lookup(resources, reference, "") if api_version else None
    if elsewhere is not None:
        hint: str | None = f"it is served in {elsewhere.api_version}"
    else:
        words = {resource.plural for resource in resources} | {
            resource.name for resource in resources
        }
        words |= {resource.singular or resource.kind.lower() for resource in resources}
        hint = did_you_mean(reference, words)
    return UnknownKindError(f"the cluster serves no kind '{reference}'{of_version}", hint=hint)
