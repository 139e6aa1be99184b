"""What a verb is about: `resource: kind/name`, or `resources: kind` with selectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from kspec.api import Context, Needs, StreamNeed, Subject, key
from kspec.cluster.references import field_requirements, label_requirements, split_reference
from kspec.errors import KspecError, ReadError
from kspec.marks import Node
from kspec.snapshots import Resource, Selection
from kspec.vocabulary import Reader, Vocabulary


@dataclass(frozen=True, slots=True)
class Reference:
    """`kind/name` as kubectl writes it, or `{apiVersion, kind, name, namespace}`."""

    kind: str
    name: str
    api_version: str = ""
    namespace: str | None = None

    def __str__(self) -> str:
        return f"{self.kind.lower()}/{self.name}"

    @classmethod
    def __read__(cls, node: Node, reader: Reader) -> Self | None:
        if reader.deferred(node):
            return None
        if isinstance(node.value, str):
            return cls._from_text(node, node.value, reader)
        if not node.map:
            reader.problem(node.mark, "a resource is `kind/name` or {apiVersion, kind, name}")
            return None
        known = {"apiVersion": str, "kind": str, "name": str, "namespace": str}
        fields = reader.fields(node, known, "resource")
        for missing in {"kind", "name"} - fields.keys():
            reader.problem(node.mark, f"a resource needs `{missing}`")
            return None
        return cls(
            fields["kind"], fields["name"], fields.get("apiVersion", ""), fields.get("namespace")
        )

    @classmethod
    def _from_text(cls, node: Node, text: str, reader: Reader) -> Self | None:
        try:
            kind, name = split_reference(text)
        except ReadError as error:
            reader.problem(node.mark, error.message, error.hint, len(text))
            return None
        return cls(kind, name)

    @classmethod
    def __json_schema__(cls, _vocabulary: Vocabulary) -> dict[str, Any]:
        properties = {name: {"type": "string"} for name in ("apiVersion", "kind", "name")}
        properties["namespace"] = {"type": "string"}
        return {
            "oneOf": [
                {"type": "string", "pattern": ".+/.+"},
                {
                    "type": "object",
                    "properties": properties,
                    "required": ["kind", "name"],
                    "additionalProperties": False,
                },
            ]
        }


class LabelSelector(str):
    """A label selector as kubectl takes it: `app=web,tier in (a,b)`."""

    __slots__ = ()

    @classmethod
    def __read__(cls, node: Node, reader: Reader) -> Self | None:
        text = reader.read(str, node)
        if text is None or reader.deferred(node):
            return None
        try:
            label_requirements(text)
        except ReadError as error:
            reader.problem(node.mark, error.message, error.hint, len(text))
        return cls(text)

    @classmethod
    def __json_schema__(cls, _vocabulary: Vocabulary) -> dict[str, Any]:
        return {"type": "string"}


@dataclass(frozen=True, slots=True)
class Target:
    """Which objects. Read inline into a verb's own keys."""

    resource: Reference | None = key("one object, as `kind/name`", default=None)
    resources: str | None = key("all objects of a kind, as `pods`", default=None)
    selector: LabelSelector | None = key("a label selector, with `resources`", default=None)
    field_selector: str | None = key("a field selector, with `resources`", default=None)
    api_version: str = key("narrows the kind, as `apps/v1`", default="")
    namespace: str | None = key("default: the spec's own", default=None)

    @property
    def single(self) -> bool:
        """Whether it names one object."""
        return self.resource is not None

    @property
    def title(self) -> str:
        """As a person would write it."""
        if self.resource is not None:
            return str(self.resource)
        return f"{self.resources} {self.selector}" if self.selector else str(self.resources)

    async def subject(self, context: Context) -> Subject:
        """Resolve the kind against the cluster and the namespace against the spec."""
        resource = await self.kind(context)
        named = self.resource.namespace if self.resource else None
        namespace = (named or self.namespace or context.namespace) if resource.namespaced else None
        selection = Selection(
            namespace=namespace,
            name=self.resource.name if self.resource else None,
            labels=label_requirements(self.selector or ""),
            fields=field_requirements(self.field_selector or ""),
        )
        return Subject(resource, selection, self.title)

    async def kind(self, context: Context) -> Resource:
        """The kind as the cluster serves it. Raises UnknownKindError."""
        reference = self.resource.kind if self.resource else str(self.resources)
        api_version = (self.resource.api_version if self.resource else "") or self.api_version
        return await context.connection.client.resolve(reference, api_version)


def check_target(body: Node, reader: Reader, *, others: tuple[str, ...] = ()) -> None:
    """Load-time rules that types cannot express: exactly one of `resource`, `resources`, ..."""
    chosen = reader.expect_one_of(body, ("resource", "resources", *others), "subject")
    for word in ("selector", "fieldSelector"):
        if chosen and chosen != "resources" and word in body.map:
            reader.problem(body.key_marks[word], f"`{word}` goes with `resources`", width=len(word))


def needs_of(body: Node) -> Needs:
    """The stream that a target reads, as far as it is written without expressions."""
    reference = _reference_of(body)
    if reference is None:
        return Needs()
    namespace = body.get("namespace")
    where = namespace.value if namespace is not None else None
    if where is not None and (not isinstance(where, str) or "${{" in where):
        return Needs()
    need = StreamNeed(reference[0], reference[1], where)
    return Needs(streams=(need,), rights=tuple((verb, reference[0]) for verb in READ))


READ = ("get", "list", "watch")


def _reference_of(body: Node) -> tuple[str, str] | None:
    api_version = body.get("apiVersion")
    version = str(api_version.value) if api_version is not None else ""
    many, one = body.get("resources"), body.get("resource")
    if many is not None and isinstance(many.value, str) and "${{" not in many.value:
        return many.value, version
    if one is None:
        return None
    if isinstance(one.value, str):
        return _kind_of(one.value, version)
    kind, own = one.get("kind"), one.get("apiVersion")
    if kind is None or not isinstance(kind.value, str) or "${{" in kind.value:
        return None
    return kind.value, str(own.value) if own is not None else version


def _kind_of(text: str, version: str) -> tuple[str, str] | None:
    try:
        kind, _name = split_reference(text)
    except KspecError:
        return None
    return None if "${{" in kind else (kind, version)
