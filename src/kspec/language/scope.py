"""The data that expressions see, and their values in it.

One pass: what an expression yields is not read again, so data can never become an expression.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kspec.errors import ExpressionError
from kspec.expressions import jmespath
from kspec.language import templates
from kspec.language.templates import Part
from kspec.marks import EMPTY, Mark, Node, node_of

NOTHING: frozenset[str] = frozenset()
NULL_HINT = "default(x, y) gives a value for what may be missing"


@dataclass(frozen=True, slots=True)
class Scope:
    """The roots that expressions see, by name. Errors are ExpressionErrors with a mark."""

    roots: Mapping[str, Any] = field(default_factory=dict)

    def with_roots(self, **roots: Any) -> Scope:
        """This scope with more roots, or other ones."""
        return Scope({**self.roots, **roots})

    def with_vars(self, variables: Node | None) -> Scope:
        """With `vars`, whose own expressions are evaluated here."""
        return self.with_roots(vars=self.resolve(variables).data() if variables else {})

    def with_step(self, step: str, outputs: Mapping[str, Any]) -> Scope:
        """With `steps.STEP.outputs`."""
        steps = {**self.roots.get("steps", EMPTY), step: {"outputs": dict(outputs)}}
        return self.with_roots(steps=steps)

    def resolve(self, node: Node, *, literal: frozenset[str] = NOTHING) -> Node:
        """The node with every expression replaced by its value.

        A scalar that is one expression takes the value's type. `literal` names keys of this map
        whose text stays as it is; the empty name means the node itself, if it is a text.
        """
        value = node.value
        if isinstance(value, str):
            plain = "" in literal or templates.OPEN not in value
            return node if plain else self._text(node, value)
        if isinstance(value, tuple):
            return node.with_value(tuple(self.resolve(item) for item in value))
        if isinstance(value, Mapping):
            return node.with_value(
                {
                    name: item if name in literal else self.resolve(item)
                    for name, item in value.items()
                }
            )
        return node

    def evaluate(self, node: Node, results: Mapping[str, Any] = EMPTY) -> Any:
        """The value of a bare expression, as in `if` and `outputs`; `results` are roots too.

        A scalar that is no text is its own value. Null is a value here.
        """
        if not isinstance(node.value, str):
            return node.data()
        return self._search(node, Part(node.value, 0), {**results, **self.roots})

    def _text(self, node: Node, text: str) -> Node:
        try:
            pieces = templates.split(text)
        except ExpressionError as error:
            raise _marked(error, templates.place(node, error.offset or 0)) from None
        if len(pieces) == 1 and isinstance(pieces[0], Part):
            return node_of(self._value(node, pieces[0]), node.mark)
        texts = (piece if isinstance(piece, str) else self._piece(node, piece) for piece in pieces)
        return Node("".join(texts), node.mark)

    def _piece(self, node: Node, part: Part) -> str:
        value = self._value(node, part)
        if isinstance(value, str):
            return value
        if isinstance(value, Mapping | list | tuple):
            kind = "map" if isinstance(value, Mapping) else "list"
            raise _marked(
                ExpressionError(
                    f"'{part.text}' is a {kind}, which cannot stand inside of a text",
                    hint=f"toJson({part.text}) is its text",
                ),
                templates.place(node, part.offset),
            )
        return json.dumps(value)

    def _value(self, node: Node, part: Part) -> Any:
        value = self._search(node, part, self.roots)
        if value is None:
            raise _marked(
                ExpressionError(f"'{part.text}' is null", hint=NULL_HINT),
                templates.place(node, part.offset),
            )
        return value

    def _search(self, node: Node, part: Part, roots: Mapping[str, Any]) -> Any:
        try:
            return jmespath.compile(part.text).search(roots)
        except ExpressionError as error:
            mark = templates.place(node, part.offset + (error.offset or 0))
            raise _marked(error, mark) from None


def _marked(error: ExpressionError, mark: Mark) -> ExpressionError:
    marked = ExpressionError(error.message, offset=error.offset, hint=error.hint)
    marked.mark = mark
    return marked
