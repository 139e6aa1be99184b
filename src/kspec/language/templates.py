"""`${{ EXPR }}` in text: where expressions stand. They are not evaluated here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from kspec.errors import ExpressionError
from kspec.marks import Mark, Node

OPEN: Final = "${{"
_START: Final = re.compile(r"(?<!\$)\$\{\{|\$\$\{\{")
# What may hold a brace inside of an expression: JMESPath's raw strings, names and literals. One
# that is not closed takes all the rest, so that the search is linear in the length of the text.
_INNER: Final = re.compile(
    r"""'(?:[^'\\]|\\.)*(?:'|\\?\Z)|"(?:[^"\\]|\\.)*(?:"|\\?\Z)|`(?:[^`\\]|\\.)*(?:`|\\?\Z)|[{}]""",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Part:
    """One expression: its text, and the 0-based character of the whole text where it begins."""

    text: str
    offset: int


def split(text: str) -> list[str | Part]:
    """Literal pieces and expressions in order; `$${{` is a literal `${{`.

    Raises ExpressionError for an expression that is empty or not closed.
    """
    pieces: list[str | Part] = []
    position = 0
    while found := _START.search(text, position):
        pieces.append(text[position : found.start()])
        if found[0] != OPEN:
            pieces.append(OPEN)
            position = found.end()
            continue
        end = _end(text, found)
        inner = text[found.end() : end]
        if not inner.strip():
            raise ExpressionError("the expression is empty", offset=found.start())
        blanks = len(inner) - len(inner.lstrip())
        pieces.append(Part(inner.strip(), found.end() + blanks))
        position = end + 2
    pieces.append(text[position:])
    return [piece for piece in pieces if piece != ""]


def _end(text: str, start: re.Match[str]) -> int:
    depth = 0
    for found in _INNER.finditer(text, start.end()):
        if found[0] == "{":
            depth += 1
        elif found[0] == "}" and depth > 0:
            depth -= 1
        elif found[0] == "}" and text.startswith("}}", found.start()):
            return found.start()
    raise ExpressionError("'${{' is not closed by '}}'", offset=start.start())


def has_expression(text: str) -> bool:
    """Whether the text is not what it says, since it holds an expression or an escaped one."""
    return OPEN in text


def whole(text: str) -> bool:
    """Whether the text is one expression and nothing else, so that it may yield any type."""
    try:
        pieces = split(text)
    except ExpressionError:
        return True  # its own problem is reported where expressions are checked
    return len(pieces) == 1 and isinstance(pieces[0], Part)


def expressions(node: Node) -> Iterator[tuple[Node, Part]]:
    """Every expression in the texts of a node and below. Raises ExpressionError as `split`."""
    for one in node.walk():
        if isinstance(one.value, str) and OPEN in one.value:
            yield from ((one, piece) for piece in split(one.value) if isinstance(piece, Part))


def place(node: Node, offset: int) -> Mark:
    """The mark of a character of a scalar's text; the scalar's own where that is unknown."""
    text = node.value
    if not isinstance(text, str) or "\n" in text:
        return node.mark
    quote = 0 if node.plain is not None else 1
    return Mark(node.mark.file, node.mark.line, node.mark.column + quote + offset)
