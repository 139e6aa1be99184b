"""What keys a dataclass of the language has: shared by the reader and the JSON Schema."""

from __future__ import annotations

import dataclasses
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from kspec.marks import Mark
from kspec.vocabulary import Vocabulary

LISTS: Final = (tuple, list, Sequence)
MAPS: Final = (dict, Mapping)


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a map: the field that it fills and the type that it is read by."""

    name: str
    field: str
    kind: Any
    doc: str
    required: bool
    default: Any = None


@dataclass(frozen=True, slots=True)
class Inline:
    """A field whose own keys stand on this level. An optional one is None without any of them."""

    field: str
    kind: Any
    optional: bool


@dataclass(frozen=True, slots=True)
class Shape:
    """The keys of a dataclass. `marks` are the fields that are filled with the node's mark."""

    keys: tuple[Key, ...]
    inlines: tuple[Inline, ...]
    marks: tuple[str, ...]

    @property
    def names(self) -> frozenset[str]:
        """Its own keys, without those of its inlines."""
        return frozenset(key.name for key in self.keys)


def camel(name: str) -> str:
    """`on_failure` as `onFailure`, `finally_` as `finally`."""
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(part.capitalize() for part in rest)


def reads_itself(kind: Any) -> bool:
    """Whether it is a type with `__read__`."""
    return isinstance(kind, type) and hasattr(kind, "__read__")


def is_model(kind: Any) -> bool:
    """Whether it is a dataclass that is read by its fields."""
    return isinstance(kind, type) and dataclasses.is_dataclass(kind) and not reads_itself(kind)


def is_union(kind: Any) -> bool:
    """Whether it is `A | B`."""
    return get_origin(kind) in (Union, types.UnionType)


def is_literal(kind: Any) -> bool:
    """Whether it is `Literal[...]`."""
    return get_origin(kind) is Literal


@cache
def shape_of(model: type[Any]) -> Shape:
    """The shape of a dataclass; fields without `init` are not keys."""
    try:
        hints = get_type_hints(model, include_extras=True)
    except NameError as error:
        where = f"{model.__module__}.{model.__qualname__}"
        raise TypeError(f"{where}: {error}: its types must be imported at run time") from error
    keys, inlines, marks = [], [], []
    for field in dataclasses.fields(model):
        kind = hints[field.name]
        if not field.init:
            continue
        if kind is Mark:
            marks.append(field.name)
        elif field.metadata.get("inline"):
            inlines.append(_inline(field.name, kind))
        else:
            keys.append(_key(field, kind))
    return Shape(tuple(keys), tuple(inlines), tuple(marks))


def _key(field: dataclasses.Field[Any], kind: Any) -> Key:
    name = field.metadata.get("name") or camel(field.name)
    required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    default = None if field.default is dataclasses.MISSING else field.default
    return Key(name, field.name, kind, field.metadata.get("doc") or "", required, default)


def _inline(name: str, kind: Any) -> Inline:
    if not is_union(kind):
        return Inline(name, kind, optional=False)
    inner = next(part for part in get_args(kind) if part is not type(None))
    return Inline(name, inner, optional=True)


def names_of(kind: Any, vocabulary: Vocabulary) -> frozenset[str]:
    """All keys that an inline type takes, its own inlines included."""
    if is_model(kind):
        shape = shape_of(kind)
        inner = (names_of(inline.kind, vocabulary) for inline in shape.inlines)
        return shape.names.union(*inner)
    return frozenset(kind.__json_schema__(vocabulary).get("properties", ()))
