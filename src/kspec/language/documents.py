"""One document to its declaration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from kspec.errors import did_you_mean
from kspec.language import wants
from kspec.language.config import ConfigDecl
from kspec.language.fixtures import FixtureDecl, FixtureKeys
from kspec.language.metadata import API_VERSION, Metadata
from kspec.language.reader import Reader
from kspec.language.specs import SpecDecl, SpecKeys
from kspec.language.templates import OPEN
from kspec.marks import Mark, Node

Decl: TypeAlias = SpecDecl | FixtureDecl | ConfigDecl
GROUP: Final = API_VERSION.partition("/")[0] + "/"
_PLANNED: Final = frozenset({"Steps", "TestPlan"})
_KEYS: Final = frozenset({"apiVersion", "kind", "metadata", "spec"})


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of document: the keys of its `spec`, and how its declaration is made."""

    keys: Any
    make: Callable[[Metadata, Any, Mark], Decl] | None


KINDS: Final = {
    "Spec": Kind(SpecKeys, SpecDecl.of),
    "Fixture": Kind(FixtureKeys, FixtureDecl.of),
    "Config": Kind(ConfigDecl, None),
}


def is_ours(node: Node) -> bool:
    """Whether a document is one of kspec's, by its apiVersion."""
    found = node.get("apiVersion")
    return found is not None and isinstance(found.value, str) and found.value.startswith(GROUP)


def text_at(node: Node, *path: str) -> str | None:
    """The text under a path of keys, if there is one."""
    found = node.get(*path)
    return found.value if found is not None and isinstance(found.value, str) else None


def read_document(node: Node, reader: Reader) -> Decl | None:
    """Its declaration, or None where problems were found."""
    if not _head(node, reader):
        return None
    kind = KINDS[str(text_at(node, "kind"))]
    before = len(reader.problems)
    reader.unknown(node, _KEYS, "the document")
    metadata = _part("metadata", Metadata, node, reader, needed=kind.make is not None)
    keys = _part("spec", kind.keys, node, reader, needed=True)
    spec = node.get("spec")
    for part, allowed in ((node.get("metadata"), frozenset()), (spec, kind.keys.EXPRESSIONS)):
        if part is not None:
            _written_out(part, reader, allowed)
    if len(reader.problems) > before or keys is None:
        return None
    if kind.make is None:
        return keys if isinstance(keys, ConfigDecl) else None
    return kind.make(metadata, keys, node.map["metadata"].map["name"].mark)


def _head(node: Node, reader: Reader) -> bool:
    if not isinstance(node.value, Mapping):
        reader.problem(
            node.mark, f"a document is a map with apiVersion and kind, got {wants.found(node)}"
        )
        return False
    version, kind = node.get("apiVersion"), node.get("kind")
    if version is None or version.value != API_VERSION:
        _wrong_version(node, version, reader)
        return False
    if kind is None:
        reader.problem(node.mark, "the document has no kind", f"one of {', '.join(KINDS)}")
        return False
    if kind.value in KINDS:
        return True
    if kind.value in _PLANNED:
        reader.problem(
            kind.mark, f"kind {kind.value} is not supported yet", None, wants.width_of(kind)
        )
        return False
    near = did_you_mean(str(kind.value), KINDS) or f"one of {', '.join(KINDS)}"
    message = (
        f"there is no kind '{kind.value}'" if isinstance(kind.value, str) else "kind is a text"
    )
    reader.problem(kind.mark, message, near, wants.width_of(kind))
    return False


def _wrong_version(node: Node, version: Node | None, reader: Reader) -> None:
    hint = f"apiVersion: {API_VERSION}"
    if version is None:
        reader.problem(node.mark, "the document has no apiVersion", hint)
        return
    written = version.value if isinstance(version.value, str) else wants.found(version)
    message = f"apiVersion is {written}; this kspec reads {API_VERSION}"
    reader.problem(version.mark, message, hint, wants.width_of(version))


def _part(name: str, kind: Any, node: Node, reader: Reader, *, needed: bool) -> Any:
    part = node.map.get(name)
    if part is not None:
        return reader.read(kind, part)
    if needed:
        reader.problem(node.mark, f"the document has no '{name}'")
    return None


def _written_out(node: Node, reader: Reader, allowed: frozenset[str]) -> None:
    """Refuse expressions where nothing would evaluate them."""
    for name, value in node.map.items():
        if name in allowed:
            continue
        for one in value.walk():
            if isinstance(one.value, str) and OPEN in one.value:
                hint = "expressions are for vars, namespace, steps and processes"
                reader.problem(one.mark, f"no expressions in '{name}'", hint, wants.width_of(one))
