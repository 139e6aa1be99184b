"""`Spec` as declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, ClassVar, Final, Self

from kspec.errors import LoadError
from kspec.language.describe import model_schema
from kspec.language.matrix import Combination, Matrix
from kspec.language.metadata import LabelValue, Metadata, Name, TimeoutKeys
from kspec.language.reader import Reader as NodeReader
from kspec.language.scope import Scope
from kspec.language.steps import StepDecl
from kspec.language.templates import OPEN
from kspec.marks import EMPTY, Mark, Node
from kspec.results import CaseId
from kspec.settings import Timeouts
from kspec.vocabulary import Reader, Vocabulary, key

NO_TIMEOUTS: Final = TimeoutKeys()


@dataclass(frozen=True, slots=True, kw_only=True)
class Requires:
    """What a cluster must have; where it has not, the spec is skipped with the reason."""

    apis: tuple[str, ...] = key("kinds, as kubeflow.org/v2beta1/MPIJob", default=())
    kubernetes: str | None = key("a range of versions, as >=1.29", default=None)
    capabilities: tuple[str, ...] = key("such as containers or gpu", default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceKeys:
    """`namespace` with concrete values."""

    TITLE: ClassVar = "namespace"

    name: Name | None = key("created (an error if it exists) and removed", default=None)
    existing: str | None = key("only used, never removed", default=None)
    labels: Mapping[str, LabelValue] = key("of the namespace that is created", default_factory=dict)


@dataclass(frozen=True, slots=True)
class Namespace:
    """`namespace` as written: values are texts, which may hold expressions until `resolved`."""

    name: str | None = None
    existing: str | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    node: Node | None = None

    def resolved(self, scope: Scope) -> Namespace:
        """With its expressions evaluated. Raises ExpressionError and LoadError."""
        if self.node is None or not any(
            isinstance(one.value, str) and OPEN in one.value for one in self.node.walk()
        ):
            return self
        reader = NodeReader(Vocabulary())
        keys: NamespaceKeys | None = reader.read(NamespaceKeys, scope.resolve(self.node))
        if keys is None:
            raise LoadError(reader.problems)
        return Namespace(keys.name, keys.existing, dict(keys.labels))

    @classmethod
    def __read__(cls, node: Node, reader: Reader) -> Self:
        """Check it; `name` and `existing` exclude each other, and `existing` takes no labels."""
        reader.read(Annotated[Node, NamespaceKeys], node)
        if "existing" in node.map:
            for other in ("name", "labels"):
                if other in node.map:
                    place = node.key_marks[other]
                    reader.problem(
                        place, f"'{other}' does not go with 'existing'", None, len(other)
                    )
        name, existing, labels = (node.get(word) for word in ("name", "existing", "labels"))
        texts = {one: str(value.value) for one, value in (labels.map if labels else EMPTY).items()}
        return cls(
            str(name.value) if name else None,
            str(existing.value) if existing else None,
            texts,
            node,
        )

    @classmethod
    def __json_schema__(cls, vocabulary: Vocabulary) -> dict[str, Any]:
        """The schema of NamespaceKeys."""
        return model_schema(NamespaceKeys, vocabulary)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecKeys:
    """The keys of a Spec's `spec`."""

    TITLE: ClassVar = "spec"
    PLANNED: ClassVar = frozenset({"personas", "invariants", "retry", "cluster"})
    EXPRESSIONS: ClassVar = frozenset({"vars", "namespace", "steps", "onFailure", "finally"})

    description: str = key("what it shows, in a sentence", default="")
    covers: tuple[str, ...] = key("ids of requirements or test cases", default=())
    fixtures: tuple[str, ...] = key("fixtures that it needs, in dependency order", default=())
    requires: Requires = key("what the cluster must have", default=Requires())
    namespace: Namespace = key("default: a fresh one, removed at the end", default=Namespace())
    timeouts: TimeoutKeys = key("of its steps, of all of it, of clean-up", default=NO_TIMEOUTS)
    serial: bool = key("it overlaps with no other spec", default=False)
    locks: tuple[str, ...] = key("specs sharing a lock do not overlap", default=())
    matrix: Matrix | None = key("lists of values: one result per combination", default=None)
    vars: Annotated[Node, Mapping[str, Any]] | None = key("values for expressions", default=None)
    steps: tuple[StepDecl, ...] = key("what it does, in order")
    on_failure: tuple[StepDecl, ...] = key("diagnostics beyond the automatic ones", default=())
    finally_: tuple[StepDecl, ...] = key("always, before clean-up", default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecDecl(SpecKeys):
    """A spec. `mark` is where its name stands."""

    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    mark: Mark

    @classmethod
    def of(cls, metadata: Metadata, keys: SpecKeys, mark: Mark) -> SpecDecl:
        """Join the two halves of a document."""
        values = {one.name: getattr(keys, one.name) for one in fields(SpecKeys)}
        return cls(
            **values,
            name=str(metadata.name),
            labels=dict(metadata.labels),
            annotations=dict(metadata.annotations),
            mark=mark,
        )

    def timeouts_over(self, defaults: Timeouts) -> Timeouts:
        """Its own timeouts where it has them, else the defaults. Seconds."""
        return self.timeouts.over(defaults)


@dataclass(frozen=True, slots=True)
class Case:
    """A spec with one combination of its matrix: one result."""

    spec: SpecDecl
    matrix: Combination
    id: CaseId


def cases(spec: SpecDecl) -> tuple[Case, ...]:
    """One case, or one per combination of the matrix."""
    combinations = spec.matrix.combinations if spec.matrix else ({},)
    return tuple(Case(spec, one, CaseId(spec.name, tuple(one.items()))) for one in combinations)
