"""A case's namespace: fresh, named or existing."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Final

from kspec.engine.world import World
from kspec.errors import ApiError, ClusterError, KspecError
from kspec.snapshots import Object, Revision, Selection, revision_of, uid_of

if TYPE_CHECKING:
    from kspec.clock import Deadline
    from kspec.language.specs import Namespace

ACCOUNT_WAIT: Final = 5.0
"""Seconds to wait for a new namespace's default service account, without which pods are refused."""
RUN_LABEL: Final = "kspec.dev/run-id"
LONGEST: Final = 63
"""A namespace's name is a DNS label (RFC 1123)."""


def fresh_name(spec: str) -> str:
    """`kspec-<spec>-<random>`, at most 63 characters."""
    suffix = secrets.token_hex(3)
    return f"{f'kspec-{spec}'[: LONGEST - len(suffix) - 1].rstrip('-')}-{suffix}"


async def prepare(
    world: World, spec: str, wanted: Namespace, deadline: Deadline
) -> tuple[str, Revision | None]:
    """The namespace's name, and what to remove at the end (None for an existing one)."""
    if wanted.existing:
        await _must_exist(world, wanted.existing, deadline)
        return wanted.existing, None
    name = wanted.name or fresh_name(spec)
    resource = await world.connection.client.resolve("namespaces", "v1", deadline=deadline)
    labels = {**wanted.labels, RUN_LABEL: world.run_id}
    manifest = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": labels},
    }
    item: Object = await world.connection.client.create(manifest, deadline=deadline)
    return name, Revision(resource, None, name, uid_of(item), revision_of(item))


async def _must_exist(world: World, name: str, deadline: Deadline) -> None:
    resource = await world.connection.client.resolve("namespaces", "v1", deadline=deadline)
    try:
        await world.connection.client.get(resource, name, deadline=deadline)
    except ApiError as error:
        if error.code == 404:  # noqa: PLR2004 - HTTP's own number
            raise KspecError(f"namespace {name} does not exist") from error
        raise


async def default_account(world: World, namespace: str) -> None:
    """Wait until pods can be made in a new namespace, or for ACCOUNT_WAIT seconds."""
    resource = await world.connection.client.resolve("serviceaccounts", "v1")
    stream = world.connection.hub.stream(resource, namespace)
    try:
        async with asyncio.timeout(ACCOUNT_WAIT):
            await stream.listed()
            await stream.until(Selection(namespace, "default"), lambda seen: bool(seen.objects))
    except (TimeoutError, ClusterError):
        return  # no controller makes it here, or it may not be read: pods will tell
    finally:
        stream.close()
