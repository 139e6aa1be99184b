"""Types of the language as JSON Schema (draft 2020-12)."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any, Final, get_args, get_origin

from kspec.language import shapes
from kspec.marks import Node
from kspec.vocabulary import Verb, Vocabulary

EXPRESSION: Final = {"$ref": "#/$defs/expression"}
STEP: Final = {"$ref": "#/$defs/step"}
_SCALARS: Final[dict[Any, str]] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    type(None): "null",
}


def schema_of(kind: Any, vocabulary: Vocabulary, *, expressions: bool = False) -> dict[str, Any]:
    """The schema of a type; with `expressions`, an expression may stand for any value."""
    schema = _schema(kind, vocabulary, expressions=expressions)
    if not expressions or schema in ({}, {"type": "string"}):
        return schema
    return {"anyOf": [schema, EXPRESSION]}


def _schema(kind: Any, vocabulary: Vocabulary, *, expressions: bool) -> dict[str, Any]:
    if kind is Any or kind is Node:
        return {}
    if kind in _SCALARS:
        return {"type": _SCALARS[kind]}
    if shapes.is_union(kind):
        return _union(kind, vocabulary)
    if shapes.reads_itself(kind):
        return dict(kind.__json_schema__(vocabulary))
    if shapes.is_model(kind):
        return model_schema(kind, vocabulary, expressions=expressions)
    return _generic(kind, vocabulary, expressions=expressions)


def _generic(kind: Any, vocabulary: Vocabulary, *, expressions: bool) -> dict[str, Any]:
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return schema_of(arguments[1], vocabulary, expressions=expressions)
    if shapes.is_literal(kind):
        return {"enum": list(arguments)}
    if origin in shapes.LISTS:
        items = schema_of(arguments[0], vocabulary, expressions=expressions)
        return {"type": "array", "items": items} if items else {"type": "array"}
    if origin in shapes.MAPS:
        values = schema_of(arguments[1], vocabulary, expressions=expressions)
        return {"type": "object", "additionalProperties": values} if values else {"type": "object"}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {"enum": [member.value for member in kind]}
    raise TypeError(f"the schema does not know the type {kind!r}")


def _union(kind: Any, vocabulary: Vocabulary) -> dict[str, Any]:
    parts = [part for part in get_args(kind) if part is not type(None)]
    if len(parts) == 1:
        return schema_of(parts[0], vocabulary)
    return {"anyOf": [schema_of(part, vocabulary) for part in parts]}


def model_schema(
    model: type[Any], vocabulary: Vocabulary, *, expressions: bool = False
) -> dict[str, Any]:
    """The schema of a dataclass: its keys and those of its inlines, and no others."""
    properties, required = _properties(model, vocabulary, expressions=expressions)
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | {"required": required} if required else schema


def _properties(
    model: type[Any], vocabulary: Vocabulary, *, expressions: bool
) -> tuple[dict[str, Any], list[str]]:
    shape = shapes.shape_of(model)  # type: ignore[arg-type] # a class is hashable
    properties, required = {}, []
    for key in shape.keys:
        schema = schema_of(key.kind, vocabulary, expressions=expressions)
        if key.doc:
            schema = {**schema, "description": key.doc}
        if key.required:
            required.append(key.name)
        elif isinstance(key.default, str | int | float) and key.default != "":
            schema = {**schema, "default": _plain(key.default)}
        properties[key.name] = schema
    for inline in shape.inlines:
        if shapes.is_model(inline.kind):
            inner, needed = _properties(inline.kind, vocabulary, expressions=expressions)
        else:
            inner = dict(inline.kind.__json_schema__(vocabulary).get("properties", {}))
            inner = {
                name: _or_expression(one, expressions=expressions) for name, one in inner.items()
            }
            needed = []
        properties |= inner
        required += [] if inline.optional else needed
    return properties, required


def _or_expression(schema: dict[str, Any], *, expressions: bool) -> dict[str, Any]:
    return {"anyOf": [schema, EXPRESSION]} if expressions and "type" in schema else schema


def _plain(default: str | float) -> Any:
    """A duration as it is written; other scalars as they are."""
    if isinstance(default, bool) or type(default) in (int, float, str):
        return default
    return f"{default:g}s" if isinstance(default, float) else str(default)


def step_schema(options: type[Any], vocabulary: Vocabulary) -> dict[str, Any]:
    """A step: its options and exactly one verb."""
    properties, _required = _properties(options, vocabulary, expressions=True)
    verbs = vocabulary.all(Verb)
    for name in sorted(verbs):
        properties[name] = {"$ref": f"#/$defs/verb-{name}"}
    schema: dict[str, Any] = {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
    }
    return schema | {"oneOf": [{"required": [name]} for name in sorted(verbs)]} if verbs else schema
