"""Where things are on an API server.

https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from kspec.errors import ReadError

if TYPE_CHECKING:
    from kspec.cluster.transport import Query
    from kspec.snapshots import Resource


def collection(resource: Resource, namespace: str | None = None) -> str:
    """The path of all objects of a kind; of one namespace if one is given and the kind has any."""
    root = f"/apis/{_segment(resource.group)}" if resource.group else "/api"
    place = f"/namespaces/{_segment(namespace)}" if namespace and resource.namespaced else ""
    return f"{root}/{_segment(resource.version)}{place}/{_segment(resource.plural)}"


def item(resource: Resource, name: str, namespace: str | None = None, subresource: str = "") -> str:
    """The path of one object. Raises ReadError without the namespace that the kind needs."""
    path = f"{within(resource, namespace)}/{_segment(name)}"
    return f"{path}/{quote(subresource, safe='/')}" if subresource else path


def within(resource: Resource, namespace: str | None) -> str:
    """As `collection`, for one namespace: what a namespaced kind is created in."""
    if resource.namespaced and not namespace:
        raise ReadError(f"{resource.kind} objects live in a namespace, and none is given")
    return collection(resource, namespace)


def encoded(query: Query) -> str:
    """The query string, without its question mark."""
    return urlencode(query, quote_via=quote)


def _segment(text: str) -> str:
    """One part of a path. What could lead elsewhere cannot name anything in Kubernetes."""
    if not text or text in {".", ".."} or "/" in text or "%" in text:
        raise ReadError(f"'{text}' cannot be a name in Kubernetes")
    return quote(text, safe=":")
