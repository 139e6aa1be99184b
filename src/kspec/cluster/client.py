"""Objects: read, listed, applied, created, patched and deleted, of any kind."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal

from kspec import clock
from kspec.clock import Deadline
from kspec.cluster import paths
from kspec.cluster.backoff import Backoff
from kspec.cluster.calls import PATIENCE, Call, Caller, json_of
from kspec.cluster.discovery import Discovery
from kspec.cluster.lists import PAGE, Filter, Listing, adopt, list_all
from kspec.cluster.status import not_served
from kspec.errors import ApiError, ReadError, UnknownKindError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kspec.cluster.transport import Json, Query, Transport
    from kspec.snapshots import Object, Resource

ARRIVAL: Final = 10.0
"""Seconds in which a manifest's kind may still arrive: its CRD may have just been applied."""

_PATCH_TYPES: Final = {
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "json": "application/json-patch+json",
    "apply": "application/apply-patch+yaml",  # a dict is sent as JSON, which is YAML
}
PatchKind = Literal["merge", "strategic", "json"]


class Client:
    """One API server under one identity.

    Every method takes a `deadline`, until which the request is repeated while the server is
    unreachable, overloaded (429, 503) or waits for a webhook or a kind; 30 s if there is none.
    They raise `errors.ApiError` (a refusal), `errors.UnreachableError` (no answer) or
    `errors.UnknownKindError`. What is returned has no managed fields.
    """

    def __init__(self, transport: Transport, *, field_manager: str = "kspec") -> None:
        self.transport = transport
        self.calls = Caller(transport)
        self.discovery = Discovery(self.calls)
        self.field_manager = field_manager

    async def resolve(
        self, reference: str, api_version: str = "", *, deadline: Deadline | None = None
    ) -> Resource:
        """The kind that a word means (see `Discovery.find`)."""
        return await self.discovery.find(reference, api_version, deadline)

    async def get(
        self,
        resource: Resource,
        name: str,
        namespace: str | None = None,
        *,
        deadline: Deadline | None = None,
    ) -> Object:
        """One object. An ApiError with code 404 when it is not there."""
        call = Call("GET", paths.item(resource, name, namespace))
        return adopt(await self._json(call, deadline), resource)

    async def list(
        self,
        resource: Resource,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
        limit: int = PAGE,
        deadline: Deadline | None = None,
    ) -> Listing:
        """All objects of a kind, consistent and current, read in pages of `limit`."""
        wanted = Filter(label_selector, field_selector, metadata_only, limit)
        send = partial(self.calls.send, deadline=deadline)
        return await list_all(send, resource, namespace, wanted)

    async def apply(
        self,
        manifest: Object,
        *,
        namespace: str | None = None,
        force: bool = False,
        dry_run: bool = False,
        subresource: str = "",
        deadline: Deadline | None = None,
    ) -> Object:
        """Server-side apply with our own field manager. The manifest's namespace comes first."""
        applied, _ = await self.applied(
            manifest,
            namespace=namespace,
            force=force,
            dry_run=dry_run,
            subresource=subresource,
            deadline=deadline,
        )
        return applied

    async def applied(
        self,
        manifest: Object,
        *,
        namespace: str | None = None,
        force: bool = False,
        dry_run: bool = False,
        subresource: str = "",
        deadline: Deadline | None = None,
    ) -> tuple[Object, bool]:
        """As `apply`, and whether the object is new (the server answered 201)."""
        resource, body, place = await self._sent(manifest, namespace, deadline)
        name = str(body["metadata"].get("name") or "")
        if not name:
            raise ReadError(f"a {resource.kind} to apply needs metadata.name")
        call = Call(
            "PATCH",
            paths.item(resource, name, place, subresource),
            query=[*self._write_query(dry_run), ("force", "true" if force else "false")],
            headers={"content-type": _PATCH_TYPES["apply"]},
            body=body,
        )
        response = await self.calls.send(call, deadline)
        self._noticed(resource)
        return adopt(json_of(response, call), resource), response.status == 201  # noqa: PLR2004 - HTTP

    async def create(
        self,
        manifest: Object,
        *,
        namespace: str | None = None,
        dry_run: bool = False,
        deadline: Deadline | None = None,
    ) -> Object:
        """A new object; `metadata.generateName` is allowed. Code 409 when it exists."""
        resource, body, place = await self._sent(manifest, namespace, deadline)
        call = Call(
            "POST",
            paths.within(resource, place),
            query=self._write_query(dry_run),
            body=body,
            idempotent=False,
        )
        created = adopt(await self._json(call, deadline), resource)
        self._noticed(resource)
        return created

    async def patch(
        self,
        resource: Resource,
        name: str,
        body: Json,
        *,
        namespace: str | None = None,
        kind: PatchKind = "merge",
        subresource: str = "",
        deadline: Deadline | None = None,
    ) -> Object:
        """Change an object: `body` is a partial object, or the operations of a JSON patch."""
        call = Call(
            "PATCH",
            paths.item(resource, name, namespace, subresource),
            query=self._write_query(dry_run=False),
            headers={"content-type": _PATCH_TYPES[kind]},
            body=body,
            idempotent=kind != "json",
        )
        return adopt(await self._json(call, deadline), resource)

    async def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str | None = None,
        *,
        uid: str | None = None,
        propagation: str = "Background",
        deadline: Deadline | None = None,
    ) -> Object | None:
        """Delete an object; with `uid`, only that one. None when it was not there.

        Returns the server's answer: the object (terminating, or as it was) or a Status.
        """
        body: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "propagationPolicy": propagation,
        }
        if uid:
            body["preconditions"] = {"uid": uid}
        call = Call("DELETE", paths.item(resource, name, namespace), body=body)
        try:
            answer = await self._json(call, deadline)
        except ApiError as error:
            if error.code == 404 or _other_uid(error):  # noqa: PLR2004 - HTTP: Not Found
                return None
            raise
        return answer if answer.get("kind") == "Status" else adopt(answer, resource)

    async def _json(self, call: Call, deadline: Deadline | None) -> dict[str, Any]:
        try:
            return json_of(await self.calls.send(call, deadline), call)
        except ApiError as error:
            if not_served(error):
                self.discovery.invalidate()
            raise

    def _write_query(self, dry_run: bool) -> Query:
        query = [("fieldManager", self.field_manager)]
        return [*query, ("dryRun", "All")] if dry_run else query

    async def _sent(
        self, manifest: Object, namespace: str | None, deadline: Deadline | None
    ) -> tuple[Resource, dict[str, Any], str | None]:
        """A manifest's kind, the body to send and the namespace to send it to."""
        resource = await self._arrived(manifest, deadline)
        metadata = dict(manifest.get("metadata") or {})
        metadata.pop("managedFields", None)
        place = (metadata.get("namespace") or namespace) if resource.namespaced else None
        if place:
            metadata["namespace"] = place
        return resource, {**manifest, "metadata": metadata}, place

    async def _arrived(self, manifest: Object, deadline: Deadline | None) -> Resource:
        """The manifest's kind; waits a while for one that is just being served."""
        kind, api_version = _kind_of(manifest)
        end = (deadline or Deadline.after(PATIENCE)).earlier(Deadline.after(ARRIVAL))
        backoff = Backoff(first=0.2, cap=1.0)
        while True:
            try:
                return await self.discovery.find(kind, api_version, end)
            except UnknownKindError:
                delay = backoff.next()
                if delay >= end.remaining:
                    raise
            await clock.pause(delay)

    def _noticed(self, resource: Resource) -> None:
        """A definition of kinds was written: what discovery says may be old."""
        if resource.plural in {"customresourcedefinitions", "apiservices"}:
            self.discovery.invalidate()


def _kind_of(manifest: Mapping[str, Any]) -> tuple[str, str]:
    kind, api_version = manifest.get("kind"), manifest.get("apiVersion")
    if not isinstance(kind, str) or not isinstance(api_version, str) or not kind:
        raise ReadError("a manifest needs apiVersion and kind")
    return kind, api_version


def _other_uid(error: ApiError) -> bool:
    """Whether the precondition failed: under that name there is another object by now."""
    text = (
        error.message
    )  # "UID in precondition" of the storage, "the UID in the precondition" above
    return error.code == 409 and "UID in" in text and "precondition" in text  # noqa: PLR2004 - HTTP
