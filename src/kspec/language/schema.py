"""The JSON Schema of all kinds of documents, for editors: `schemas/kspec.schema.json`."""

from __future__ import annotations

from typing import Any, Final

from kspec.language import metadata
from kspec.language.config import ConfigDecl
from kspec.language.describe import model_schema, schema_of, step_schema
from kspec.language.fixtures import FixtureKeys
from kspec.language.specs import SpecKeys
from kspec.language.steps import StepOptions
from kspec.vocabulary import Verb, Vocabulary

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_KINDS: Final[dict[str, tuple[type[Any], bool, str]]] = {
    "Spec": (SpecKeys, True, "One test case."),
    "Fixture": (FixtureKeys, True, "Shared set-up and tear-down, once per run."),
    "Config": (ConfigDecl, False, "kspec.yaml: a project's defaults; its folder is the root."),
}


def schema(vocabulary: Vocabulary) -> dict[str, Any]:
    """The schema of one document with these words."""
    return {
        "$schema": DIALECT,
        "title": "kspec",
        "description": f"A document of {metadata.API_VERSION}.",
        "type": "object",
        "required": ["apiVersion", "kind"],
        "properties": {
            "apiVersion": {"const": metadata.API_VERSION},
            "kind": {"enum": list(_KINDS)},
        },
        "oneOf": [{"$ref": f"#/$defs/{kind}"} for kind in _KINDS],
        "$defs": {
            **{kind: _document(kind, vocabulary) for kind in _KINDS},
            "expression": {
                "type": "string",
                "pattern": r"\$\{\{",
                "description": "A value that is known when the step starts: ${{ EXPR }}.",
            },
            "step": step_schema(StepOptions, vocabulary),
            **{
                f"verb-{name}": _verb(verb, vocabulary)
                for name, verb in sorted(vocabulary.all(Verb).items())
            },
        },
    }


def _document(kind: str, vocabulary: Vocabulary) -> dict[str, Any]:
    keys, named, doc = _KINDS[kind]
    return {
        "type": "object",
        "description": doc,
        "properties": {
            "apiVersion": {"const": metadata.API_VERSION},
            "kind": {"const": kind},
            "metadata": model_schema(metadata.Metadata, vocabulary),
            "spec": model_schema(keys, vocabulary),
        },
        "required": ["apiVersion", "kind", "spec", *(["metadata"] if named else [])],
        "additionalProperties": False,
    }


def _verb(verb: Verb, vocabulary: Vocabulary) -> dict[str, Any]:
    body = schema_of(verb.model, vocabulary, expressions=True)
    results = "".join(f"\n- {name}: {meaning}" for name, meaning in verb.results.items())
    return {**body, "description": f"{verb.doc}\nResults:{results}" if results else verb.doc}
