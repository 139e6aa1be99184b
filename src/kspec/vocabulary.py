"""The words that specs may use: an immutable set of entries, built once and passed around.

Built-ins and plugins register the same entries. Nothing imports a vocabulary: the reader, the
schema, the compiler and the engine are given one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeAlias, TypeVar, runtime_checkable

from kspec.errors import KspecError
from kspec.marks import Mark, Node
from kspec.results import Cause, Event
from kspec.snapshots import Object

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StreamNeed:
    """A kind that a step reads: from it, history is opened before the first step.

    `reference` is as written (`mpijob`, `pods`, `deploy`); `api_version` narrows it.
    """

    reference: str
    api_version: str = ""
    namespace: str | None = None
    """None for the spec's own."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What a step needs, known at load from its body as written."""

    cluster: bool = True
    streams: tuple[StreamNeed, ...] = ()
    rights: tuple[tuple[str, str], ...] = ()
    """(verb, resource as written), for preflight and `kspec rbac`."""
    capabilities: tuple[str, ...] = ()
    local_exec: bool = False
    """It runs something on this machine (refused with --no-exec)."""

    def __or__(self, other: Needs) -> Needs:
        return Needs(
            self.cluster or other.cluster,
            (*self.streams, *other.streams),
            (*self.rights, *other.rights),
            (*self.capabilities, *other.capabilities),
            self.local_exec or other.local_exec,
        )


Results: TypeAlias = Mapping[str, Any]
"""What a verb's run yields, by the names that it documents."""


@dataclass(frozen=True, slots=True)
class Verb:
    """A step's verb.

    `model` is the frozen dataclass that its body is read into (any type with `__read__` too).
    `results` documents what it yields, name to meaning; `expect` and `outputs` use these names.
    `needs` is asked at load with the body as written, where an expression may stand for a scalar.
    `check` is asked at load with the body as written and the step's options, and reports mistakes
    that the types cannot express. `run` gets the model and an `api.Context`.
    """

    name: str
    doc: str
    model: type[Any]
    run: Callable[[Any, Any], Awaitable[Results]]
    results: Mapping[str, str] = field(default_factory=dict)
    needs: Callable[[Node], Needs] = lambda _body: Needs()
    check: Callable[[Node, Reader], None] | None = None
    retried: bool = False
    """Whether it is asked again until the step's timeout ends."""
    literal: frozenset[str] = frozenset()
    """Keys of the body whose text never interpolates (`script`'s own text is `""`)."""


@dataclass(frozen=True, slots=True)
class Comparator:
    """A word that compares a value with an operand.

    `compare(actual, operand)` gives None when it holds, else what is wrong in a few words
    ("is not one of these"). It never raises; an operand of a wrong type is refused at load by
    `operand`, which gives None or the complaint.
    """

    name: str
    doc: str
    compare: Callable[[Any, Any], str | None]
    operand: Callable[[Any], str | None] = lambda _operand: None
    takes_list: bool = False
    """Whether it sees the whole list of a path that is not singular."""
    sees_absent: bool = False
    """Whether it is asked about an absent path too (`matching.values.ABSENT`); else that fails."""
    operand_is: Literal["", "value", "values"] = ""
    """`value`: the operand is a value of the same kind, `values`: a list of such. They go through
    `parse` too where that makes sense, and a list as a `value` sees the whole list."""


@dataclass(frozen=True, slots=True)
class Conversion:
    """A word for `parse:`; `convert` raises ValueError with a reason that reads well."""

    name: str
    doc: str
    convert: Callable[[Any], Any]
    operand: bool = False
    """Whether the operand is converted too (quantities, durations, times)."""


@dataclass(frozen=True, slots=True)
class View:
    """A structured reading of an object: replaces the subject before `match` and `checks`."""

    name: str
    doc: str
    read: Callable[[Object], Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """Knowledge about why an object of some kinds is in trouble.

    `kinds` are `group/Kind` or `Kind` for the core group. `inspect(graph)` gets the object and its
    descendants and yields causes: terminal ones end a wait, all of them explain a failure.
    """

    name: str
    doc: str
    kinds: tuple[str, ...]
    inspect: Callable[[Graph], Iterable[Cause]]


@dataclass(frozen=True, slots=True)
class Graph:
    """An object and what it owns, as far as it was observed."""

    root: Object
    descendants: tuple[Object, ...] = ()
    events: tuple[Object, ...] = ()


class ReportSink(Protocol):
    """A reporter at work: is given every event in order, then closed."""

    def handle(self, event: Event) -> None: ...
    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Reporter:
    """A way to report a run. `open(target)` starts one; `target` is a path or None."""

    name: str
    doc: str
    open: Callable[[Any], ReportSink]


Entry: TypeAlias = Verb | Comparator | Conversion | View | Rule | Reporter
E = TypeVar("E", Verb, Comparator, Conversion, View, Rule, Reporter)


class DuplicateEntryError(KspecError):
    """Two plugins give the same word another meaning."""


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """All entries by type and name."""

    entries: Mapping[type[Any], Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Vocabulary:
        """Build it. Raises DuplicateEntryError when a word has two meanings."""
        table: dict[type[Any], dict[str, Any]] = {}
        for entry in entries:
            names = table.setdefault(type(entry), {})
            if entry.name in names:
                kind = type(entry).__name__.lower()
                raise DuplicateEntryError(f"{kind} '{entry.name}' is registered twice")
            names[entry.name] = entry
        return cls(table)

    def all(self, kind: type[E]) -> Mapping[str, E]:
        """The entries of one type by name."""
        return self.entries.get(kind, {})


@runtime_checkable
class Readable(Protocol):
    """A type that reads itself from a node and describes itself to the JSON Schema."""

    @classmethod
    def __read__(cls, node: Node, reader: Reader) -> Any: ...
    @classmethod
    def __json_schema__(cls, vocabulary: Vocabulary) -> dict[str, Any]: ...


class Reader(Protocol):
    """What a type's `__read__` is given. Mistakes are collected, not raised: all are reported.

    While loading, a scalar may still be an expression: `deferred(node)` tells, and then the value
    is not to be judged; `read` gives None for it.
    """

    previous: tuple[str, Node] | None
    """The verb and the body of the step that was read just before."""

    @property
    def vocabulary(self) -> Vocabulary: ...
    def problem(
        self, mark: Mark, message: str, hint: str | None = None, width: int = 1
    ) -> None: ...
    def warning(self, mark: Mark, message: str, hint: str | None = None) -> None: ...
    def deferred(self, node: Node) -> bool: ...
    def read(self, kind: Any, node: Node) -> Any: ...
    def fields(self, node: Node, known: Mapping[str, Any], what: str) -> dict[str, Any]:
        """A mapping's entries read by the types in `known`; unknown keys are problems."""
        ...

    def expect_one_of(self, node: Node, keys: Sequence[str], what: str) -> str | None:
        """The one key of `keys` that the mapping has; a problem if none or several."""
        ...


def key(
    doc: str,
    *,
    name: str | None = None,
    inline: bool = False,
    default: Any = dataclasses.MISSING,
    default_factory: Any = dataclasses.MISSING,
) -> Any:
    """A dataclass field that is a key of the language.

    `doc` is its help in `explain` and in the JSON Schema. The key is the field's name in
    camelCase without a trailing underscore, or `name`. `inline` merges the keys of a dataclass
    into this level.
    """
    metadata = {"doc": doc, "name": name, "inline": inline}
    return dataclasses.field(default=default, default_factory=default_factory, metadata=metadata)
