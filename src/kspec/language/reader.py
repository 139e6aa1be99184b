"""Nodes to typed values, by type hints: strict, and with all mistakes at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias, get_args, get_origin

from kspec.errors import Problem, did_you_mean
from kspec.language import shapes, wants
from kspec.language.templates import OPEN, whole
from kspec.marks import Mark, Node
from kspec.vocabulary import Vocabulary

Mode: TypeAlias = Literal["load", "run"]

FEW: Final = 12
"""Up to so many known keys are listed when one is unknown and none is near."""
_SCALARS: Final = frozenset({str, int, float, bool, type(None)})


class Reader:
    """Reads nodes by types. `problems` and `warnings` are what it found.

    While loading, a text with `${{` stands for any scalar, and one that is a whole expression for
    any value: `read` gives None for it and for what contains it. When a step runs, expressions
    are resolved before, and everything is concrete.

    Types: str, int, float, bool, None, unions, Any, Node, tuple and Mapping, Literal, Enum,
    dataclasses with `vocabulary.key`, types with `__read__`, and `Annotated[Node, T]`: read as T
    for its mistakes, given as the node.
    """

    def __init__(
        self, vocabulary: Vocabulary, mode: Mode = "run", *, root: Path | None = None
    ) -> None:
        self._vocabulary = vocabulary
        self.mode = mode
        self.root = root
        """The project root, where files are looked for while loading."""
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        self.previous: tuple[str, Node] | None = None
        """The verb and the body of the step that was read just before."""
        self._deferred = 0
        self._names: dict[Any, frozenset[str]] = {}

    @property
    def vocabulary(self) -> Vocabulary:
        """The words in use."""
        return self._vocabulary

    def problem(self, mark: Mark, message: str, hint: str | None = None, width: int = 1) -> None:
        """Record a mistake."""
        self.problems.append(Problem(mark, message, hint, max(1, width)))

    def warning(self, mark: Mark, message: str, hint: str | None = None) -> None:
        """Record a doubt."""
        self.warnings.append(Problem(mark, message, hint, warning=True))

    def deferred(self, node: Node) -> bool:
        """Whether the scalar is known only when the step starts."""
        return self.mode == "load" and isinstance(node.value, str) and OPEN in node.value

    def read(self, kind: Any, node: Node) -> Any:
        """The node as a value of the type; None when that is not known or a problem was found."""
        if kind is Node:
            return node
        if kind is Any:
            return self._data(node)
        trap = wants.brace_trap(node) if get_origin(kind) not in shapes.MAPS else None
        if trap:
            self.problem(node.mark, f"expected {wants.name_of(kind)}, got a map", trap)
            return None
        before = (len(self.problems), self._deferred)
        value = self._read(kind, node)
        return value if (len(self.problems), self._deferred) == before else None

    def fields(self, node: Node, known: Mapping[str, Any], what: str) -> dict[str, Any]:
        """A mapping's entries read by the types in `known`; unknown keys are problems."""
        if not isinstance(node.value, Mapping):
            self._wrong(node, f"{what} is a map")
            return {}
        self.unknown(node, known, what)
        return {
            name: self.read(known[name], value) for name, value in node.map.items() if name in known
        }

    def unknown(
        self,
        node: Node,
        known: Mapping[str, Any] | frozenset[str],
        what: str,
        planned: frozenset[str] = frozenset(),
    ) -> None:
        """Record the keys of a map that are not known; `planned` ones are said to be that."""
        for name in node.map:
            if name in known:
                continue
            place = node.key_marks.get(name, node.mark)
            if name in planned:
                self.problem(place, f"'{name}' is not supported yet", None, len(name))
                continue
            hint = did_you_mean(name, known)
            if hint is None and len(known) <= FEW:
                hint = f"known keys: {', '.join(sorted(known))}"
            self.problem(place, f"unknown key '{name}' in {what}", hint, len(name))

    def expect_one_of(self, node: Node, keys: Sequence[str], what: str) -> str | None:
        """The one key of `keys` that the mapping has; a problem if none or several."""
        present = [name for name in node.map if name in keys]
        if len(present) == 1:
            return present[0]
        if not present:
            self.problem(node.mark, f"no {what}: one of {wants.one_of(keys)} is needed")
            return None
        names = " and ".join(f"'{name}'" for name in present)
        second = present[1]
        self.problem(node.key_marks[second], f"{names} exclude each other", "keep one", len(second))
        return None

    def _read(self, kind: Any, node: Node) -> Any:
        if kind in _SCALARS:
            return self._scalar(kind, node)
        if shapes.is_union(kind):
            return self._union(kind, node)
        if get_origin(kind) is Annotated:
            return self._as_node(get_args(kind)[1], node)
        if self._postponed(kind, node):
            return None
        if shapes.reads_itself(kind):
            return kind.__read__(node, self)
        return self._choice_or_collection(kind, node)

    def _choice_or_collection(self, kind: Any, node: Node) -> Any:
        if shapes.is_literal(kind):
            return self._choice(get_args(kind), node)
        if isinstance(kind, type) and issubclass(kind, Enum):
            value = self._choice([member.value for member in kind], node)
            return None if value is None else kind(value)
        return self._collection(kind, get_origin(kind), node)

    def _collection(self, kind: Any, origin: Any, node: Node) -> Any:
        if origin in shapes.LISTS and isinstance(node.value, tuple):
            inner = get_args(kind)[0]
            return tuple(self.read(inner, item) for item in node.value)
        if origin in shapes.MAPS and isinstance(node.value, Mapping):
            inner = get_args(kind)[1]
            return {name: self.read(inner, value) for name, value in node.map.items()}
        if shapes.is_model(kind) and isinstance(node.value, Mapping):
            return self._model(kind, node)
        if origin not in (*shapes.LISTS, *shapes.MAPS) and not shapes.is_model(kind):
            raise TypeError(f"the reader does not know the type {kind!r}")
        return self._wrong(node, f"expected {wants.name_of(kind)}")

    def _postponed(self, kind: Any, node: Node) -> bool:
        """Whether to leave it for later: a text in it is not known, and may become such a value."""
        if not self.deferred(node):
            return False
        scalar = kind in _SCALARS or shapes.is_literal(kind) or shapes.reads_itself(kind)
        if not scalar and not whole(str(node.value)):
            return False
        self._deferred += 1
        return True

    def _scalar(self, kind: Any, node: Node) -> Any:
        if self._postponed(kind, node):
            return None
        value = node.value
        if type(value) is kind:
            return value
        if kind is float and type(value) is int:
            return float(value)
        if kind is str and node.plain is None and isinstance(value, bool | int | float):
            return str(value).lower() if isinstance(value, bool) else str(value)  # an expression's
        return self._wrong(node, f"expected {wants.name_of(kind)}", _quoting(kind, node))

    def _choice(self, allowed: Sequence[Any], node: Node) -> Any:
        for value in allowed:
            if type(value) is type(node.value) and value == node.value:
                return value
        hint = did_you_mean(str(node.value), map(str, allowed))
        return self._wrong(node, f"expected {wants.one_of(allowed)}", hint)

    def _union(self, kind: Any, node: Node) -> Any:
        parts = [part for part in get_args(kind) if part is not type(None)]
        if node.value is None and len(parts) < len(get_args(kind)):
            return None
        if len(parts) == 1:
            return self.read(parts[0], node)
        likely = [part for part in parts if _fits(part, node)]
        if self.deferred(node) and self._postponed(str, node):
            return None
        if not likely:
            return self._wrong(node, f"expected {wants.name_of(kind)}")
        return self._first_without_problem(likely, node)

    def _first_without_problem(self, kinds: Sequence[Any], node: Node) -> Any:
        """Try each type; if none reads it, the problems of the last attempt remain."""
        problems, warnings = len(self.problems), len(self.warnings)
        value = None
        for kind in kinds:
            del self.problems[problems:], self.warnings[warnings:]
            value = self._read(kind, node) if kind is not Any else self._data(node)
            if len(self.problems) == problems:
                break
        return value

    def _model(self, kind: type[Any], node: Node) -> Any:
        shape = shapes.shape_of(kind)  # type: ignore[arg-type] # a class is hashable
        what = _title(kind)
        known = self._names_of(kind)
        self.unknown(node, known, what, getattr(kind, "PLANNED", frozenset()))
        values: dict[str, Any] = dict.fromkeys(shape.marks, node.mark)
        before = (len(self.problems), self._deferred)
        for key in shape.keys:
            value = node.map.get(key.name)
            if value is not None:
                values[key.field] = self.read(key.kind, value)
            elif key.required:
                self.problem(node.mark, f"{what} needs '{key.name}'", key.doc or None)
        for inline in shape.inlines:
            values[inline.field] = self._inline(inline, node)
        complete = (len(self.problems), self._deferred) == before
        return kind(**values) if complete else None

    def _inline(self, inline: shapes.Inline, node: Node) -> Any:
        names = self._names_of(inline.kind)
        own = {name: value for name, value in node.map.items() if name in names}
        if inline.optional and not own:
            return None
        marks = {name: node.key_marks.get(name, node.mark) for name in own}
        return self.read(inline.kind, Node(own, node.mark, marks))

    def _names_of(self, kind: Any) -> frozenset[str]:
        if kind not in self._names:
            self._names[kind] = shapes.names_of(kind, self._vocabulary)
        return self._names[kind]

    def _as_node(self, kind: Any, node: Node) -> Node:
        before = self._deferred
        self.read(kind, node)
        self._deferred = before
        return node

    def _data(self, node: Node) -> Any:
        if self.mode == "load" and any(self.deferred(one) for one in node.walk()):
            self._deferred += 1
            return None
        return node.data()

    def _wrong(self, node: Node, message: str, hint: str | None = None) -> None:
        self.problem(node.mark, f"{message}, got {wants.found(node)}", hint, wants.width_of(node))


def _quoting(kind: Any, node: Node) -> str | None:
    if kind is str and node.plain:
        return f'quote it: "{node.plain}"'
    if kind in (int, float, bool) and isinstance(node.value, str) and node.plain is None:
        return "without quotes it would not be text"
    return None


def _fits(kind: Any, node: Node) -> bool:
    """Whether a value of this form may be of the type."""
    if kind is Any or kind is Node or shapes.reads_itself(kind) or get_origin(kind) is Annotated:
        return True
    if shapes.is_model(kind) or get_origin(kind) in shapes.MAPS:
        return isinstance(node.value, Mapping)
    if get_origin(kind) in shapes.LISTS:
        return isinstance(node.value, tuple)
    if kind is float:
        return type(node.value) in (int, float)
    if kind in _SCALARS:
        return type(node.value) is kind
    return not isinstance(node.value, Mapping | tuple)


def _title(model: type[Any]) -> str:
    """The name of a map in messages: the model's own `title`, or its class in lower case."""
    return str(getattr(model, "TITLE", None) or model.__name__.removesuffix("Decl").lower())
