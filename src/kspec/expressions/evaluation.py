"""Evaluation of JMESPath within bounds, and the functions that kspec adds.

Bounds: `MOST_WORK` steps of one evaluation (a visited node, an item of a range, 64 characters of
a text that is made), `MOST_RANGE` items of a range, `LONGEST_TEXT` characters of a text.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar, cast

from jmespath import functions, visitor

from kspec.expressions import regex
from kspec.expressions.durations import duration
from kspec.expressions.quantities import quantity
from kspec.expressions.semver import satisfies

MOST_WORK: Final = 100_000
"""About 0.1 s."""
MOST_RANGE: Final = 10_000
LONGEST_TEXT: Final = 1 << 20
_MOST_BITS: Final = 256

_ANY: Final[dict[str, list[str]]] = {"types": []}
_TEXT: Final = {"types": ["string"]}
_NUMBER: Final = {"types": ["number"]}
F = TypeVar("F", bound=Callable[..., Any])


def signature(*arguments: Mapping[str, Any]) -> Callable[[F], F]:
    """The types of a function's arguments, in JMESPath's terms."""
    return cast("Callable[[F], F]", functions.signature(*arguments))


class _Budget:
    """What is left of one evaluation's work."""

    def __init__(self) -> None:
        self.left = MOST_WORK

    def spend(self, work: int = 1) -> None:
        self.left -= work
        if self.left < 0:
            raise ValueError(f"takes more than {MOST_WORK} steps")

    def text(self, length: int) -> None:
        if length > LONGEST_TEXT:
            raise ValueError(f"makes a text of more than {LONGEST_TEXT} characters")
        self.spend(length // 64)


class Functions(functions.Functions):  # type: ignore[misc] # jmespath ships no types
    """JMESPath's own functions, bounded, and those of the language."""

    def __init__(self, budget: _Budget | None = None) -> None:
        self._budget = budget or _Budget()

    @signature(_ANY, _ANY)
    def _func_default(self, value: Any, otherwise: Any) -> Any:
        return otherwise if value is None else value

    @signature(_NUMBER, _NUMBER)
    def _func_add(self, left: float, right: float) -> float:
        return _number(left + right)

    @signature(_NUMBER, _NUMBER)
    def _func_sub(self, left: float, right: float) -> float:
        return _number(left - right)

    @signature(_NUMBER, _NUMBER)
    def _func_mul(self, left: float, right: float) -> float:
        return _number(left * right)

    @signature(_NUMBER, _NUMBER)
    def _func_div(self, left: float, right: float) -> float:
        if right == 0:
            raise ValueError("div() by zero")
        if isinstance(left, int) and isinstance(right, int) and left % right == 0:
            return left // right
        return _number(left / right)

    @signature({**_NUMBER, "variadic": True})
    def _func_range(self, *bounds: int) -> list[int]:
        if len(bounds) > 3 or not all(isinstance(bound, int) for bound in bounds):  # noqa: PLR2004 - start, stop, step
            raise ValueError("range() takes one to three whole numbers")
        if len(bounds) == 3 and bounds[2] == 0:  # noqa: PLR2004 - start, stop, step
            raise ValueError("range() with a step of 0")
        numbers = range(*bounds)
        if len(numbers) > MOST_RANGE:
            raise ValueError(f"range() of more than {MOST_RANGE} items")
        self._budget.spend(len(numbers))
        return list(numbers)

    @signature(_TEXT, _TEXT)
    def _func_split(self, text: str, separator: str) -> list[str]:
        if not separator:
            raise ValueError("split() by an empty text")
        self._budget.spend(text.count(separator))
        return text.split(separator)

    @signature(_TEXT, _TEXT, _TEXT)
    def _func_replace(self, text: str, old: str, new: str) -> str:
        if not old:
            raise ValueError("replace() of an empty text")
        self._budget.text(len(text) + text.count(old) * (len(new) - len(old)))
        return text.replace(old, new)

    @signature(_TEXT)
    def _func_lower(self, text: str) -> str:
        return self._made(text.lower())

    @signature(_TEXT)
    def _func_upper(self, text: str) -> str:
        return self._made(text.upper())

    @signature(_TEXT)
    def _func_trim(self, text: str) -> str:
        return self._made(text.strip())

    @signature(_TEXT, _TEXT)
    def _func_regexMatch(self, pattern: str, text: str) -> bool:  # noqa: N802 - the function's name
        self._budget.spend(len(text) // 16)
        return regex.compile(pattern).search(text)

    @signature(_TEXT)
    def _func_b64encode(self, text: str) -> str:
        self._budget.text(len(text) * 4 // 3)
        return base64.b64encode(text.encode()).decode()

    @signature(_TEXT)
    def _func_b64decode(self, text: str) -> str:
        try:
            return base64.b64decode(text, validate=True).decode()
        except ValueError as error:
            raise ValueError("b64decode() of what is not base64 of text") from error

    @signature(_TEXT)
    def _func_parseJson(self, text: str) -> Any:  # noqa: N802 - the function's name
        self._budget.text(len(text))
        try:
            return json.loads(text)
        except ValueError as error:
            raise ValueError(f"parseJson(): {error}") from error

    @signature(_ANY)
    def _func_toJson(self, value: Any) -> str:  # noqa: N802 - the function's name
        return self._made(json.dumps(value, separators=(",", ":"), ensure_ascii=False))

    @signature(_TEXT, _TEXT)
    def _func_semverCompare(self, constraint: str, version: str) -> bool:  # noqa: N802 - the function's name
        return satisfies(version, constraint)

    @signature({"types": ["string", "number"]})
    def _func_quantity(self, text: str | float) -> float:
        return quantity(text)

    @signature(_TEXT)
    def _func_duration(self, text: str) -> float:
        return duration(text)

    @signature(_TEXT, {"types": ["array-string"]})
    def _func_join(self, separator: str, texts: list[str]) -> str:
        self._budget.text(sum(map(len, texts)) + len(separator) * len(texts))
        return separator.join(texts)

    @signature(_ANY)
    def _func_to_string(self, value: Any) -> str:
        text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        return self._made(text)

    def _made(self, text: str) -> str:
        self._budget.text(len(text))
        return text


FUNCTIONS: Final = Functions


def _number(value: float) -> float:
    if value.bit_length() > _MOST_BITS if isinstance(value, int) else not math.isfinite(value):
        raise ValueError("a number is too large")
    return value


class _Interpreter(visitor.TreeInterpreter):  # type: ignore[misc] # jmespath ships no types
    """JMESPath's interpreter, counting what it visits."""

    def __init__(self) -> None:
        self._budget = _Budget()
        super().__init__(visitor.Options(custom_functions=Functions(self._budget)))

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        self._budget.spend()
        return super().visit(node, *args, **kwargs)


def evaluate(tree: Any, data: Any) -> Any:
    """The value of a parsed expression on the data.

    Raises JMESPathError for wrong arguments and ValueError beyond the bounds.
    """
    return _Interpreter().visit(tree, data)
