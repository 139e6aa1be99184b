"""How the scripted server answers what is not scripted."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from kspec import clock
from kspec.cluster.references import selection
from kspec.cluster.transport import Response
from kspec.testing import discovery, patches
from kspec.testing.faults import OpenWatch, Request
from kspec.testing.store import key_of, refusal

if TYPE_CHECKING:
    from kspec.errors import ApiError
    from kspec.snapshots import Object, Resource
    from kspec.testing.server import ScriptedServer

LONG = 300.0
"""Seconds that a watch lasts if it does not say."""


class Place:
    """What a path is about."""

    def __init__(self, server: ScriptedServer, path: str) -> None:
        parts = [unquote(part) for part in path.strip("/").split("/")]
        root = parts.pop(0)
        group = parts.pop(0) if root == "apis" and parts else ""
        version = parts.pop(0) if parts else ""
        self.namespace = ""
        if len(parts) > 2 and parts[0] == "namespaces" and parts[2] != "status":  # noqa: PLR2004 - a path has three parts there
            self.namespace = parts[1]
            parts = parts[2:]
        plural, self.name, self.subresource = [*parts, "", "", ""][:3]
        kind = server.store.kinds.get(f"{plural}.{group}" if group else plural)
        if kind is None or kind.version != version:
            raise refusal(404, "NotFound", "the server could not find the requested resource")
        self.kind: Resource = kind

    def found(self, server: ScriptedServer) -> Object:
        """The object, or a 404."""
        item = server.store.get(self.kind, (self.namespace, self.name))
        if item is None:
            message = f'{self.kind.name} "{self.name}" not found'
            raise refusal(404, "NotFound", message, name=self.name, kind=self.kind.plural)
        return item


def handle(server: ScriptedServer, request: Request) -> Response:
    """The answer to one request. Raises ApiError."""
    if _is_discovery(request.path):
        return _json(200, discovery.answer(server, request))
    place = Place(server, request.path)
    match request.method:
        case "GET" if place.name:
            _allow(server, "get", place)
            return _json(200, place.found(server))
        case "GET":
            _allow(server, "list", place)
            return _json(200, _list(server, request, place))
        case "POST":
            _allow(server, "create", place)
            return _create(server, request, place)
        case "PATCH":
            _allow(server, "patch", place)
            return _patch(server, request, place)
        case "DELETE":
            _allow(server, "delete", place)
            return _delete(server, request, place)
    raise refusal(405, "MethodNotAllowed", "the server does not allow this method")


def refused(error: ApiError) -> Response:
    """An error as its Status."""
    return _json(
        error.code,
        {
            "apiVersion": "v1",
            "kind": "Status",
            "status": "Failure",
            "code": error.code,
            "reason": error.reason,
            "message": error.message,
            "details": error.details,
        },
    )


def open_watch(server: ScriptedServer, request: Request) -> OpenWatch:
    """A new watch, or an ApiError; an expired one may open and then say so."""
    place = Place(server, request.path)
    _allow(server, "watch", place)
    revision = int(request.query.get("resourceVersion") or 0)
    seconds = float(request.query.get("timeoutSeconds") or LONG)
    wants = request.query.get("allowWatchBookmarks") == "true"
    if revision > server.revision:
        raise refusal(504, "Timeout", f"Too large resource version: {revision}")
    watch = OpenWatch(place.kind, place.namespace, revision, clock.now() + seconds, wants)
    if revision < server.store.compacted:
        expired = refusal(410, "Expired", f"too old resource version: {revision}")
        if server.expire_as == "status":
            raise expired
        watch.inject({"type": "ERROR", "object": json.loads(refused(expired).body)})
        watch.stop("eof")
    return watch


def bookmark(watch: OpenWatch) -> bytes:
    """The line of a bookmark."""
    item = {
        "apiVersion": watch.kind.api_version,
        "kind": watch.kind.kind,
        "metadata": {"resourceVersion": str(watch.revision)},
    }
    return json.dumps({"type": "BOOKMARK", "object": item}).encode()


def inside(item: Object, namespace: str) -> bool:
    """Whether an object is in a scope."""
    return not namespace or key_of(item)[0] == namespace


def _is_discovery(path: str) -> bool:
    """`/api`, `/api/v1`, `/apis` or `/apis/GROUP/VERSION`."""
    root, *rest = path.strip("/").split("/")
    return not rest or len(rest) == (1 if root == "api" else 2)


def _allow(server: ScriptedServer, verb: str, place: Place) -> None:
    if (verb, place.kind.plural, place.namespace) in server.denied:
        where = (
            f'in the namespace "{place.namespace}"' if place.namespace else "at the cluster scope"
        )
        message = f'{place.kind.name} is forbidden: User "test" cannot {verb} it {where}'
        raise refusal(403, "Forbidden", message, kind=place.kind.plural)


def _list(server: ScriptedServer, request: Request, place: Place) -> dict[str, Any]:
    """One page. A page token carries the list's revision and where to go on."""
    revision, start = server.revision - server.take_stale(), 0
    if "continue" in request.query:
        revision, start = json.loads(request.query["continue"])
        if revision < server.store.compacted:
            raise refusal(410, "Expired", "The provided continue parameter is too old")
    chosen = selection(
        labels=request.query.get("labelSelector", ""), fields=request.query.get("fieldSelector", "")
    )
    items = server.store.objects_at(place.kind, place.namespace, revision)
    items = [item for item in items if chosen.matches(item)]
    end = start + int(request.query.get("limit") or len(items) or 1)
    metadata = {"resourceVersion": str(revision)}
    if end < len(items):
        metadata["continue"] = json.dumps([revision, end])
    metadata_only = "PartialObjectMetadataList" in request.headers.get("accept", "")
    page = [_in_list(item, metadata_only=metadata_only) for item in items[start:end]]
    return {"kind": f"{place.kind.kind}List", "metadata": metadata, "items": page}


def _in_list(item: Object, *, metadata_only: bool) -> dict[str, Any]:
    """Lists do not repeat the kind of each item."""
    if metadata_only:
        return {"metadata": item["metadata"]}
    return {key: value for key, value in item.items() if key not in {"apiVersion", "kind"}}


def _create(server: ScriptedServer, request: Request, place: Place) -> Response:
    manifest = dict(request.body)
    metadata = manifest["metadata"] = dict(manifest.get("metadata") or {})
    if place.namespace:
        metadata["namespace"] = place.namespace
    if "name" not in metadata:
        suffix = "".join(random.choices("bcdfghjklmnpqrstvwxz2456789", k=5))  # noqa: S311 - a name
        metadata["name"] = metadata.get("generateName", "") + suffix
    if server.store.get(place.kind, key_of(manifest)) is not None:
        name = metadata["name"]
        message = f'{place.kind.name} "{name}" already exists'
        raise refusal(409, "AlreadyExists", message, name=name)
    return _written(server, request, place, manifest, None)


def _patch(server: ScriptedServer, request: Request, place: Place) -> Response:
    if request.headers.get("content-type") == "application/apply-patch+yaml":
        return _apply(server, request, place)
    live = place.found(server)
    if isinstance(request.body, list):
        raise refusal(415, "UnsupportedMediaType", "the scripted server reads no JSON patches")
    changed = patches.merged(live, request.body)
    return _written(server, request, place, changed, live)


def _apply(server: ScriptedServer, request: Request, place: Place) -> Response:
    manager = request.query.get("fieldManager", "")
    live = server.store.get(place.kind, (place.namespace, place.name))
    owners: patches.Owners = {} if live is None else server.store.owners(live)
    if live is not None and request.query.get("force") != "true":
        against = patches.conflicts(live, request.body, owners, manager)
        if against:
            causes = [
                {
                    "reason": "FieldManagerConflict",
                    "message": f'conflict with "{other}"',
                    "field": "." + ".".join(path),
                }
                for other, path in against
            ]
            message = f'Apply failed with {len(causes)} conflicts: conflict with "{against[0][0]}"'
            raise refusal(409, "Conflict", message, name=place.name, causes=causes)
    known = {manager: set(paths) for manager, paths in owners.items()}
    changed = patches.applied(live or {}, request.body, known, manager)
    response = _written(server, request, place, changed, live)
    if "dryRun" not in request.query:
        written = server.store.get(place.kind, (place.namespace, place.name))
        if written is not None:
            server.store.owners(written).update(known)
    return response


def _written(
    server: ScriptedServer,
    request: Request,
    place: Place,
    changed: dict[str, Any],
    live: Object | None,
) -> Response:
    """Write, minding that a status has its own path where the kind says so."""
    if "status" in place.kind.subresources:
        before: Object = live or {}
        of_status, rest = (changed, before) if place.subresource else (before, changed)
        changed = {key: value for key, value in rest.items() if key != "status"}
        if "status" in of_status:
            changed["status"] = of_status["status"]
    status = 201 if live is None else 200
    if "dryRun" in request.query:
        return _json(status, changed)
    return _json(status, server.store.write(place.kind, changed))


def _delete(server: ScriptedServer, request: Request, place: Place) -> Response:
    item = place.found(server)
    wanted = ((request.body or {}).get("preconditions") or {}).get("uid")
    uid = item["metadata"]["uid"]
    if wanted and wanted != uid:
        message = (
            f'Operation cannot be fulfilled on {place.kind.kind} "{place.name}": the UID in the '
            f"precondition ({wanted}) does not match the UID in record ({uid}). "
            "The object might have been deleted and then recreated"
        )
        raise refusal(409, "Conflict", message, name=place.name)
    last = server.store.delete(place.kind, item)
    if "deletionTimestamp" in last["metadata"]:
        return _json(200, last)
    details = {"name": place.name, "kind": place.kind.plural, "uid": uid}
    return _json(200, {"kind": "Status", "status": "Success", "details": details})


def _json(status: int, data: Any) -> Response:
    return Response(status, {"content-type": "application/json"}, json.dumps(data).encode())
