"""Lists in pages, and objects as kspec keeps them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from kspec.cluster import paths
from kspec.cluster.calls import Call, json_of
from kspec.cluster.status import gone
from kspec.cluster.transport import NOTHING, Response
from kspec.errors import ApiError

if TYPE_CHECKING:
    from kspec.snapshots import Object, Resource

METADATA_ONLY: Final = {
    "accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
}
PAGE: Final = 500
"""Objects a page, as kubectl asks for (--chunk-size)."""
RESTARTS: Final = 3
"""How often a list begins anew when its pages expire while they are read."""

Send: TypeAlias = Callable[[Call], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Listing:
    """The objects of a kind at one revision."""

    items: tuple[Object, ...]
    revision: int


@dataclass(frozen=True, slots=True)
class Filter:
    """What the server is to select; selector texts are as kubectl's."""

    label_selector: str = ""
    field_selector: str = ""
    metadata_only: bool = False
    limit: int = PAGE


def adopt(item: dict[str, Any], resource: Resource) -> Object:
    """An object fresh from the server: named by its kind (lists omit it), no managed fields."""
    item["apiVersion"] = resource.api_version
    item["kind"] = resource.kind
    metadata = item.get("metadata")
    if isinstance(metadata, dict):
        metadata.pop("managedFields", None)
    return item


async def list_all(
    send: Send, resource: Resource, namespace: str | None, wanted: Filter
) -> Listing:
    """All pages of a consistent list (no revision is asked for: the server gives the newest)."""
    for _ in range(RESTARTS):
        try:
            return await _pages(send, resource, namespace, wanted)
        except ApiError as error:
            if not gone(error):
                raise
    return await _pages(send, resource, namespace, wanted)


async def _pages(send: Send, resource: Resource, namespace: str | None, wanted: Filter) -> Listing:
    items: list[Object] = []
    revision, token = 0, ""
    while True:
        call = _page(resource, namespace, wanted, token)
        page = json_of(await send(call), call)
        metadata = page.get("metadata") or {}
        revision = revision or int(metadata.get("resourceVersion") or 0)
        items += [adopt(item, resource) for item in page.get("items") or ()]
        token = metadata.get("continue") or ""
        if not token:
            return Listing(tuple(items), revision)


def _page(resource: Resource, namespace: str | None, wanted: Filter, token: str) -> Call:
    query = [
        ("limit", str(wanted.limit)),
        ("labelSelector", wanted.label_selector),
        ("fieldSelector", wanted.field_selector),
        ("continue", token),
    ]
    return Call(
        "GET",
        paths.collection(resource, namespace),
        query=[(key, value) for key, value in query if value],
        headers=METADATA_ONLY if wanted.metadata_only else NOTHING,
    )
