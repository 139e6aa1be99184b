"""What an unquoted YAML scalar means: kubectl's reading, that is go-yaml v2's.

Source: `resolve.go` of go.yaml.in/yaml/v2, which kubectl, helm and sigs.k8s.io/yaml use. Through
JSON, as there, a float without a fraction becomes an integer.
"""

from __future__ import annotations

import re
from typing import Final

_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "on", "On", "ON"), True),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "off", "Off", "OFF"), False),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
}
_NOT_JSON: Final = frozenset(
    sign + word
    for sign, words in {
        "": (".nan", ".NaN", ".NAN", ".inf", ".Inf", ".INF"),
        "+": (".inf", ".Inf", ".INF"),
        "-": (".inf", ".Inf", ".INF"),
    }.items()
    for word in words
)
_FIRST: Final = frozenset("+-0123456789.yYnNtTfFoO~")
_INTEGER: Final = re.compile(
    r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))", re.ASCII
)
_BASES: Final = (16, 2, 8, 10)
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_LOWEST: Final = -(2**63)
_HIGHEST: Final = 2**64 - 1
_DIGITS: Final = 80
"""More than any integer of 64 bits has, in any base, with leading zeros to spare."""
_EXACT: Final = 1e21
"""From here on Go writes a float in JSON with an exponent."""

_AMBIGUOUS: Final = (
    (re.compile(r"[-+]?0[0-9_]*[0-7]"), "it is octal"),
    (re.compile(r"[-+]?0[oObBxX][0-9a-fA-F_]+"), "it is not decimal"),
    (re.compile(r"[-+]?[0-9]+(?:_[0-9]+)+"), "the underscores are dropped"),
    (re.compile(r"[-+]?[0-9]*\.[0-9]*0"), "the zero at the end is dropped"),
    (re.compile(r"[-+]?[0-9]+(?:\.[0-9]*)?[eE][-+]?[0-9]+"), "the exponent is applied"),
)
_ELSEWHERE: Final = re.compile(r"[-+]?[0-9]+(?::[0-5]?[0-9])+|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*")


class NotJsonError(ValueError):
    """The scalar is a number that JSON, and so Kubernetes, does not have."""


def resolve(text: str) -> str | int | float | bool | None:
    """The value of an unquoted scalar. Raises NotJsonError for infinities and NaN."""
    if text and text[0] not in _FIRST:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if not text or text[0] in "yYnNtTfFoO~":
        return text
    if text in _NOT_JSON:
        raise NotJsonError(text)
    plain = text.replace("_", "")
    number = None if text[0] == "." else _integer(plain)
    if number is None and _FLOAT.fullmatch(plain):
        return _float(plain, text)
    return text if number is None else number


def _integer(text: str) -> int | None:
    found = _INTEGER.fullmatch(text)
    if not found or len(text) > _DIGITS:
        return None
    digits, base = next(
        (group, base) for group, base in zip(found.groups()[1:], _BASES, strict=True) if group
    )
    number = int(found[1] + digits, base)
    # With a sign Go's ParseUint fails, so the range above 2**63 is for unsigned ones.
    highest = _HIGHEST if not found[1] else 2**63 - 1
    return number if _LOWEST <= number <= highest else None


def _float(plain: str, text: str) -> str | int | float:
    number = float(plain)
    if number in {float("inf"), float("-inf")}:
        return text
    return int(number) if number.is_integer() and abs(number) < _EXACT else number


def ambiguity(text: str, value: object) -> str | None:
    """Why an unquoted scalar may not mean what its author thinks, if so."""
    if isinstance(value, bool) and text.lower() not in {"true", "false"}:
        return f"{text} is {str(value).lower()} here, as in kubectl"
    if isinstance(value, str):
        if _ELSEWHERE.fullmatch(text):
            return f"{text} is text here, as in kubectl, but not for every YAML reader"
        return None
    if isinstance(value, int | float) and text[:1] in set("+-.0123456789"):
        for pattern, reason in _AMBIGUOUS:
            if pattern.fullmatch(text):
                return f"{text} is the number {value} here, as in kubectl: {reason}"
    return None
