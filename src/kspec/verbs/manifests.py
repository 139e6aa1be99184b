"""`apply` and `create`: objects sent to the cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from kspec.api import Context, Needs, Subject, Verb, key
from kspec.marks import Node
from kspec.matching.timing import Timing
from kspec.snapshots import Object, Resource, Revision, Selection, revision_of, title, uid_of
from kspec.verbs.readiness import CONDITION, Goal
from kspec.vocabulary import Reader, Results

SOURCES: Final = ("manifest", "manifests", "file", "files")


@dataclass(frozen=True, slots=True)
class Manifests:
    """Where the objects come from. Read inline into a verb's own keys."""

    manifest: Mapping[str, Any] | None = key("one object", default=None)
    manifests: tuple[Mapping[str, Any], ...] = key("several objects", default=())
    file: str | None = key("a YAML file of objects, relative to the spec's file", default=None)
    files: tuple[str, ...] = key("several such files", default=())
    raw: bool = key("do not interpolate files", default=False)

    def objects(self, context: Context) -> list[Mapping[str, Any]]:
        """All objects in order. Raises PathError or LoadError for files."""
        found = [self.manifest] if self.manifest is not None else [*self.manifests]
        for name in (self.file, *self.files):
            if name is not None:
                found += self._from_file(name, context)
        return found

    def _from_file(self, name: str, context: Context) -> list[Mapping[str, Any]]:
        documents = context.read_manifests(name, raw=self.raw)
        return [item for document in documents for item in _flatten(document)]


def _flatten(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """A `List` is its items, as kubectl reads it."""
    if document.get("kind") == "List" and isinstance(document.get("items"), list):
        return list(document["items"])
    return [document]


@dataclass(frozen=True, slots=True)
class Apply:
    """Server-side apply with the field manager `kspec`."""

    source: Manifests = key("what to send", inline=True)
    force: bool = key("take over fields that others manage", default=False)
    dry_run: Literal["server"] | None = key("ask the server without changing", default=None)
    subresource: str = key("such as `status`", default="")


@dataclass(frozen=True, slots=True)
class Create:
    """A plain create; an object that exists is an error."""

    source: Manifests = key("what to send", inline=True)
    dry_run: Literal["server"] | None = key("ask the server without changing", default=None)


async def run_apply(model: Apply, context: Context) -> Results:
    """Apply all objects in order; CRDs are waited for until they can be used."""
    written: list[tuple[Object, bool]] = []
    for manifest in model.source.objects(context):
        item, created = await context.connection.client.applied(
            manifest,
            namespace=context.namespace,
            force=model.force,
            dry_run=model.dry_run is not None,
            subresource=model.subresource,
            deadline=context.deadline,
        )
        if model.dry_run is None:
            await _wrote(item, context, created=created)
        written.append((item, created))
    return _results(written)


async def run_create(model: Create, context: Context) -> Results:
    """Create all objects in order."""
    written: list[tuple[Object, bool]] = []
    for manifest in model.source.objects(context):
        item = await context.connection.client.create(
            manifest,
            namespace=context.namespace,
            dry_run=model.dry_run is not None,
            deadline=context.deadline,
        )
        if model.dry_run is None:
            await _wrote(item, context, created=True)
        written.append((item, True))
    return _results(written)


def _results(written: list[tuple[Object, bool]]) -> Results:
    return {
        "object": written[0][0] if written else None,
        "objects": [item for item, _created in written],
        "created": [title(item) for item, created in written if created],
    }


async def _wrote(item: Object, context: Context, *, created: bool) -> None:
    context.saw(item)
    meta = item["metadata"]
    resource = await context.connection.client.resolve(item["kind"], item["apiVersion"])
    revision = Revision(
        resource, meta.get("namespace"), meta["name"], uid_of(item), revision_of(item)
    )
    context.writes.wrote(revision, created=created)
    if not created:
        context.note(f"{title(item)} existed before; it was changed and is not removed")
    if resource.group == "apiextensions.k8s.io" and resource.kind == "CustomResourceDefinition":
        await _established(item, resource, context)


async def _established(item: Object, resource: Resource, context: Context) -> None:
    name = item["metadata"]["name"]
    subject = Subject(resource, Selection(name=name), f"crd/{name}")
    goal = Goal(CONDITION, "Established", "True", single=True)
    conclusion = await context.watching.conclude(subject, goal, Timing())
    oddities = context.connection.facilities.get("crds")
    if oddities is not None:
        await oddities.established(context.connection.client, conclusion.objects[0])
    context.connection.client.discovery.invalidate()


def check_source(body: Node, reader: Reader) -> None:
    """Exactly one source of objects, and not an empty one."""
    chosen = reader.expect_one_of(body, SOURCES, "source of objects")
    if chosen and body.map[chosen].value in ((), "", None):
        reader.problem(body.map[chosen].mark, f"`{chosen}` is empty")


def needs_source(body: Node) -> Needs:
    """The rights to write the kinds that are written in the spec itself."""
    inline = [node for node in (body.get("manifest"),) if node is not None]
    many = body.get("manifests")
    inline += many.items if many is not None else ()
    kinds = [node.get("kind") for node in inline]
    return Needs(
        rights=tuple(
            (verb, str(kind.value))
            for kind in kinds
            if kind is not None
            for verb in ("create", "patch", "delete")
        )
    )


VERBS: Final = (
    Verb(
        name="apply",
        doc="Send objects by server-side apply, creating or changing them.",
        model=Apply,
        run=run_apply,
        results={
            "object": "the (first) object as the server answered",
            "objects": "all of them",
            "created": "those that did not exist before, as `Kind namespace/name`",
        },
        needs=needs_source,
        check=check_source,
    ),
    Verb(
        name="create",
        doc="Create objects; one that exists already is an error.",
        model=Create,
        run=run_create,
        results={
            "object": "the (first) object as the server answered",
            "objects": "all of them",
            "created": "all of them, as `Kind namespace/name`",
        },
        needs=needs_source,
        check=check_source,
    ),
)
