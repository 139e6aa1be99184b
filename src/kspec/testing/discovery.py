"""The scripted server's discovery documents, aggregated and plain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kspec.testing.store import refusal

if TYPE_CHECKING:
    from kspec.snapshots import Resource
    from kspec.testing.faults import Request
    from kspec.testing.server import ScriptedServer


def answer(server: ScriptedServer, request: Request) -> dict[str, Any]:
    """What `/api`, `/apis` or a group version says. Raises ApiError."""
    kinds = list(server.store.kinds.values())
    if request.path in {"/api", "/apis"}:
        core = request.path == "/api"
        chosen = [kind for kind in kinds if (not kind.group) == core]
        wants = "APIGroupDiscoveryList" in request.headers.get("accept", "")
        if server.aggregated and wants:
            return _aggregated(chosen)
        return {"kind": "APIVersions", "versions": ["v1"]} if core else _groups(chosen)
    version = request.path.removeprefix("/apis/").removeprefix("/api/")
    chosen = [kind for kind in kinds if kind.api_version == version]
    if not chosen:
        raise refusal(404, "NotFound", "the server could not find the requested resource")
    return {
        "kind": "APIResourceList",
        "groupVersion": version,
        "resources": [entry for kind in chosen for entry in _plain(kind)],
    }


def _groups(kinds: list[Resource]) -> dict[str, Any]:
    names = dict.fromkeys(kind.group for kind in kinds)
    return {
        "kind": "APIGroupList",
        "groups": [_group(name, [kind for kind in kinds if kind.group == name]) for name in names],
    }


def _group(name: str, kinds: list[Resource]) -> dict[str, Any]:
    versions = [{"groupVersion": f"{name}/{v}", "version": v} for v in _versions(kinds)]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _versions(kinds: list[Resource]) -> list[str]:
    return list(dict.fromkeys(kind.version for kind in kinds))


def _plain(kind: Resource) -> list[dict[str, Any]]:
    entry = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(kind.verbs),
        "shortNames": list(kind.short_names),
    }
    parts = [{**entry, "name": f"{kind.plural}/{part}"} for part in kind.subresources]
    return [entry, *parts]


def _aggregated(kinds: list[Resource]) -> dict[str, Any]:
    groups = dict.fromkeys(kind.group for kind in kinds)
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "items": [
            {
                "metadata": {"name": group} if group else {},
                "versions": [
                    {
                        "version": version,
                        "freshness": "Current",
                        "resources": [
                            _entry(kind)
                            for kind in kinds
                            if (kind.group, kind.version) == (group, version)
                        ],
                    }
                    for version in _versions([kind for kind in kinds if kind.group == group])
                ],
            }
            for group in groups
        ],
    }


def _entry(kind: Resource) -> dict[str, Any]:
    return {
        "resource": kind.plural,
        "responseKind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "shortNames": list(kind.short_names),
        "verbs": list(kind.verbs),
        "subresources": [{"subresource": part} for part in kind.subresources],
    }
