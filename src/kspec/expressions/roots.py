"""Which top-level names a JMESPath expression reads."""

from __future__ import annotations

from typing import Any, Final

_LEFT_THEN_ELSEWHERE: Final = frozenset(
    {"projection", "filter_projection", "value_projection", "flatten"}
)
_CHAINS: Final = frozenset({"subexpression", "index_expression", "pipe"})
_SAME: Final = frozenset({"current", "identity"})


def roots_of(tree: Any) -> frozenset[str]:
    """The names that the tree of an expression looks up in the scope itself."""
    found: set[str] = set()
    _visit(tree, found)
    return frozenset(found)


def _visit(node: Any, found: set[str]) -> bool:
    """Collect names below a node that is evaluated on the scope; whether it yields the scope."""
    kind, children = node["type"], node["children"]
    if kind in _SAME:
        return True
    if kind == "field":
        found.add(node["value"])
    elif kind in _CHAINS:
        return all(_visit(child, found) for child in children)  # stops where the scope is left
    elif kind in _LEFT_THEN_ELSEWHERE:
        _visit(children[0], found)
    elif kind not in {"expref", "slice", "index", "literal"}:
        for child in children:
            _visit(child, found)
    return False
