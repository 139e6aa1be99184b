"""JMESPath over plain JSON, for checks and for `${{ }}`.

Stock JMESPath (https://jmespath.org/specification.html) and: hyphens in identifiers, bare
numbers, `true`, `false`, `null`, and the functions of `functions`. One evaluation is bounded by
`functions.MOST_WORK` steps, so no expression can hold up a run.

The extension subclasses the library's lexer tokens, Pratt parser and interpreter, whose method
names are the same in all of jmespath 1.x (pinned below 2 in pyproject.toml).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final

from jmespath import ast, exceptions, lexer, parser

from kspec.errors import ExpressionError, did_you_mean
from kspec.expressions.evaluation import FUNCTIONS, evaluate
from kspec.expressions.roots import roots_of

if TYPE_CHECKING:
    from kspec.marks import Node
    from kspec.vocabulary import Reader, Vocabulary

LONGEST: Final = 10_000
"""Characters of an expression."""
_CONSTANTS: Final = {"true": True, "false": False, "null": None}
_PROJECTIONS: Final = frozenset({"projection", "filter_projection", "value_projection", "flatten"})
_CHAINS: Final = frozenset({"subexpression", "pipe"})
_COMPARISONS: Final = frozenset({"eq", "ne", "lt", "lte", "gt", "gte"})
_OPERATORS: Final = {"+": "add", "-": "sub", "/": "div", "%": "div", "*": "mul"}


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression. `text` is as written."""

    text: str
    roots: frozenset[str]
    """The top-level names that it reads."""
    singular: bool
    """Whether it yields one value; False for a projection, whose list are the nodes it found."""
    warnings: tuple[str, ...]
    """What is doubtful about it."""
    _tree: Any = field(repr=False, compare=False)

    @property
    def shown(self) -> str:
        """The expression, for messages."""
        return self.text

    @property
    def reads_status(self) -> bool:
        """Whether it looks at `.status`; one that names nothing looks at everything."""
        return not self.roots or "status" in self.roots

    def search(self, data: Any) -> Any:
        """Its value on the data; None where something is missing.

        Raises ExpressionError when a function is given what it does not take, or when the
        evaluation exceeds its bounds.
        """
        try:
            return evaluate(self._tree, data)
        except exceptions.JMESPathError as error:
            raise _data_error(self.text, error) from error
        except ValueError as error:
            raise ExpressionError(f"'{self.text}': {error}") from error
        except RecursionError as error:
            raise ExpressionError(f"'{self.text}' or its data are nested too deeply") from error

    @classmethod
    def __read__(cls, node: Node, reader: Reader) -> Expression | None:
        """Read it from a string; what does not parse is a problem at its column."""
        if reader.deferred(node):
            return None
        if not isinstance(node.value, str):
            reader.problem(node.mark, "a JMESPath expression is a string, as in status.phase")
            return None
        try:
            expression = compile(node.value)
        except ExpressionError as error:
            at = f" at character {error.offset + 1}" if error.offset is not None else ""
            reader.problem(
                node.mark, f"JMESPath '{node.value}': {error.message}{at}", hint=error.hint
            )
            return None
        for warning in expression.warnings:
            reader.warning(node.mark, warning)
        return expression

    @classmethod
    def __json_schema__(cls, vocabulary: Vocabulary) -> dict[str, Any]:
        """A string."""
        return {"type": "string", "description": "A JMESPath expression, as in status.phase"}


def roots(expression: Expression) -> frozenset[str]:
    """The top-level names that an expression reads, for checks at load time."""
    return expression.roots


@lru_cache(maxsize=4096)
def compile(text: str) -> Expression:  # noqa: A001 - as in re.compile: used with the module's name
    """Parse an expression. Raises ExpressionError with the offset in `text`."""
    if len(text) > LONGEST:
        raise ExpressionError(f"the expression is longer than {LONGEST} characters")
    if not text.strip():
        raise ExpressionError("the expression is empty", offset=0)
    grammar = _Parser()
    try:
        tree = grammar.parse_text(text)
    except exceptions.JMESPathError as error:
        raise _syntax_error(text, error) from error
    except RecursionError as error:
        raise ExpressionError("the expression is nested too deeply") from error
    _check_calls(tree, grammar.tokens)
    return Expression(
        text, roots_of(tree), not _projects(tree), tuple(_doubts(grammar.tokens)), tree
    )


def _projects(tree: Any) -> bool:
    """Whether the value is the list of what a projection selects."""
    if tree["type"] in _CHAINS:
        return _projects(tree["children"][-1])
    return tree["type"] in _PROJECTIONS


class _Lexer(lexer.Lexer):  # type: ignore[misc] # jmespath ships no types
    VALID_IDENTIFIER = lexer.Lexer.VALID_IDENTIFIER | {"-"}


class _Parser(parser.Parser):  # type: ignore[misc] # jmespath ships no types
    """Adds bare numbers and constants, and keeps the tokens for messages."""

    def parse_text(self, text: str) -> Any:
        self._tokens = list(_decimals(_Lexer().tokenize(text)))
        self._index = 0
        tree = self._expression(binding_power=0)
        if self._current_token() != "eof":
            token = self._lookahead_token(0)
            raise exceptions.ParseError(token["start"], token["value"], token["type"], "")
        return tree

    @property
    def tokens(self) -> list[dict[str, Any]]:
        return list(self._tokens)

    def _token_nud_number(self, token: dict[str, Any]) -> Any:
        return ast.literal(token["value"])

    def _token_nud_unquoted_identifier(self, token: dict[str, Any]) -> Any:
        name = token["value"]
        after_dot = self._index >= 2 and self._lookahead(-2) == "dot"  # noqa: PLR2004 - this token and the one before it
        if name in _CONSTANTS and not after_dot:
            return ast.literal(_CONSTANTS[name])
        return ast.field(name)

    def _token_nud_lbracket(self, token: dict[str, Any]) -> Any:
        if self._current_token() == "number" and self._lookahead(1) == "comma":
            return self._parse_multi_select_list()
        return super()._token_nud_lbracket(token)


def _decimals(tokens: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The tokens, with `1` `.` `5` written without spaces joined to a number."""
    waiting: list[dict[str, Any]] = []
    for token in tokens:
        waiting.append(token)
        kinds = [item["type"] for item in waiting]
        if kinds == ["number", "dot", "number"] and _adjacent(waiting):
            first, _dot, last = waiting
            text = (
                f"{first['value']}.{'0' * (last['end'] - last['start'] - len(str(last['value'])))}"
            )
            sign = "-" if first["value"] == 0 and first["end"] - first["start"] > 1 else ""
            value = float(f"{sign if not text.startswith('-') else ''}{text}{last['value']}")
            yield {**first, "type": "literal", "value": value, "end": last["end"]}
            waiting = []
        elif kinds not in (["number"], ["number", "dot"]):
            yield from waiting
            waiting = []
    yield from waiting


def _adjacent(tokens: list[dict[str, Any]]) -> bool:
    first, dot, last = tokens
    return bool(first["end"] == dot["start"] and dot["end"] == last["start"] and last["value"] >= 0)


def _check_calls(tree: Any, tokens: list[dict[str, Any]]) -> None:
    for node in _walk(tree):
        if node["type"] != "function_expression":
            continue
        name = node["value"]
        offset = _call_offset(name, tokens)
        known = FUNCTIONS.FUNCTION_TABLE.get(name)
        if known is None:
            raise ExpressionError(
                f"there is no function {name}()",
                offset=offset,
                hint=did_you_mean(name, FUNCTIONS.FUNCTION_TABLE),
            )
        wanted, given = len(known["signature"]), len(node["children"])
        variadic = bool(known["signature"]) and known["signature"][-1].get("variadic")
        if given < wanted or (given > wanted and not variadic):
            least = "at least " if variadic else ""
            plural = "" if wanted == 1 else "s"
            raise ExpressionError(
                f"{name}() takes {least}{wanted} argument{plural}, not {given}", offset=offset
            )


def _call_offset(name: str, tokens: list[dict[str, Any]]) -> int:
    return next(
        int(token["start"])
        for token, following in pairwise(tokens)
        if token["value"] == name and following["type"] == "lparen"
    )


def _walk(tree: Any) -> Iterator[Any]:
    todo = [tree]
    while todo:
        node = todo.pop()
        yield node
        todo.extend(child for child in node["children"] if isinstance(child, dict))


def _doubts(tokens: list[dict[str, Any]]) -> Iterator[str]:
    for token, following in pairwise(tokens):
        if token["type"] in _COMPARISONS and following["type"] == "quoted_identifier":
            name = following["value"]
            yield (
                f'double quotes name a key in JMESPath: "{name}" is the value of the key '
                f"{name}; write '{name}' for the text"
            )


def _syntax_error(text: str, error: Any) -> ExpressionError:
    """From the library's LexerError or ParseError, whose messages span lines."""
    if isinstance(error, exceptions.LexerError):
        offset, message = int(error.lexer_position), _first_line(error.message)
    else:
        offset, message = int(error.lex_position), f"'{error.token_value}' is not expected here"
        if not error.token_value:
            return ExpressionError("the expression is not complete", offset=len(text))
    return ExpressionError(message, offset=offset, hint=_hint(text, offset))


def _hint(text: str, offset: int) -> str | None:
    sign = text[offset : offset + 1]
    if sign in _OPERATORS:
        return f"there are no arithmetic operators: write {_OPERATORS[sign]}(x, y)"
    if sign == "=":
        return "write == to compare"
    if sign == "$":
        return "paths begin with a name, without a $"
    return None


def _first_line(message: object) -> str:
    return str(message).strip().splitlines()[0]


def _data_error(text: str, error: Exception) -> ExpressionError:
    if isinstance(error, exceptions.JMESPathTypeError):
        what = "nothing" if error.actual_type == "null" else f"a value of type {error.actual_type}"
        wanted = " or ".join(error.expected_types)
        return ExpressionError(
            f"'{text}': {error.function_name}() is given {what} and takes {wanted}",
            hint="give a default: x || `[]`, or default(x, y)"
            if error.actual_type == "null"
            else None,
        )
    return ExpressionError(f"'{text}': {_first_line(error)}")
