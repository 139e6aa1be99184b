"""JSONPath filters: checked and rewritten into jsonpath-ng's grammar, token by token.

What jsonpath-ng would silently misread is refused here: unquoted words on the right of `==`,
`=~` (its regular expressions are unbounded), single `=` and `&`, functions, backticks.
"""

from __future__ import annotations

import re
from typing import Final

from kspec.errors import ExpressionError
from kspec.expressions.segments import Scanner, quote, scan

_NUMBER: Final = re.compile(r"-?\d{1,18}(?:\.\d{1,18})?(?![\w.])")
_WORD: Final = re.compile(r"[A-Za-z_][\w./-]*")
_COMPARE: Final = re.compile(r"==|!=|<=|>=|<|>")
_CONSTANTS: Final = frozenset({"true", "false", "null"})
_MISTAKES: Final[dict[str, tuple[str, str | None]]] = {
    "=~": ("=~ is not supported", "use the comparator 'matches' instead"),
    "=": ("'=' is no comparison", "write =="),
    "&": ("'&' is no operator", "write &&"),
    "|": ("'|' is no operator", "write ||"),
    "`": ("backtick operators are not supported", "use jmespath: instead"),
    "'": ("the quote is not closed", None),
    '"': ("the quote is not closed", None),
}
_DEEPEST: Final = 32
"""Levels of parentheses in a filter."""


def scan_filter(scanner: Scanner) -> str:
    """The filter from the position after `[?` up to its `]`, for the engine."""
    engine = _disjunction(scanner, 0)
    scanner.skip_space()
    if not scanner.peek("]"):
        raise _unexpected(scanner)
    return engine


def _disjunction(scanner: Scanner, depth: int) -> str:
    if depth > _DEEPEST:
        raise scanner.fail("the filter is nested too deeply")
    parts = [_conjunction(scanner, depth)]
    while scanner.take("||"):
        parts.append(_conjunction(scanner, depth))
    return " || ".join(parts)


def _conjunction(scanner: Scanner, depth: int) -> str:
    parts = [_term(scanner, depth)]
    while scanner.take("&&"):
        parts.append(_term(scanner, depth))
    return " && ".join(parts)


def _term(scanner: Scanner, depth: int) -> str:
    scanner.skip_space()
    if scanner.take("("):
        inner = _disjunction(scanner, depth + 1)
        if not scanner.take(")"):
            raise _unexpected(scanner)
        scanner.skip_space()
        return f"({inner})"
    if scanner.peek("!") and not scanner.peek("!="):
        scanner.at += 1
        scanner.skip_space()
        return f"!{_path(scanner)}"
    left = _path(scanner)
    scanner.skip_space()
    operator = scanner.match(_COMPARE)
    if not operator:
        return left
    scanner.skip_space()
    right = _operand(scanner)
    scanner.skip_space()
    return f"{left} {operator.group(0)} {right}"


def _path(scanner: Scanner) -> str:
    start = scanner.at
    root = "@" if scanner.take("@") else "$" if scanner.take("$") else None
    if root is None:
        raise _no_path(scanner)
    segments = scan(scanner)
    for segment in segments:
        if segment.kind == "filter":
            raise scanner.fail("a filter inside of a filter is not supported", offset=start)
    return root + "".join((".." if s.deep else "") + s.engine for s in segments)


def _operand(scanner: Scanner) -> str:
    start = scanner.at
    text = scanner.quoted()
    if text is not None:
        return quote(text)
    if number := scanner.match(_NUMBER):
        return number.group(0)
    if scanner.peek("@") or scanner.peek("$"):
        return _singular_path(scanner)
    word = scanner.match(_WORD)
    if word and word.group(0) in _CONSTANTS:
        return word.group(0)
    if word:
        raise ExpressionError(
            f"{word.group(0)} is not quoted",
            offset=start,
            hint=f"write '{word.group(0)}'; without quotes only numbers, true, false and null",
        )
    raise _unexpected(scanner)


def _singular_path(scanner: Scanner) -> str:
    start = scanner.at
    path = _path(scanner)
    if "[*]" in path or ".." in path or ":" in path:
        raise scanner.fail("a comparison needs a path to one value on its right", offset=start)
    return path


def _no_path(scanner: Scanner) -> ExpressionError:
    word = _WORD.match(scanner.text, scanner.at, scanner.end)
    if word and scanner.text.startswith("(", word.end()):
        return scanner.fail(
            f"the function {word.group(0)}() is not supported in JSONPath",
            hint="use jmespath: instead",
        )
    if word:
        return scanner.fail(
            "a filter's path starts with '@'", hint=f"write @.{word.group(0)} for the item's key"
        )
    if scanner.quoted() is not None or scanner.match(_NUMBER):
        return scanner.fail("the path stands on the left of a comparison, the value on the right")
    return _unexpected(scanner)


def _unexpected(scanner: Scanner) -> ExpressionError:
    if scanner.done:
        return scanner.fail("the filter is not complete")
    for token, (message, hint) in _MISTAKES.items():
        if scanner.peek(token):
            return scanner.fail(message, hint=hint)
    return scanner.fail(f"'{scanner.rest}' is not expected here")
