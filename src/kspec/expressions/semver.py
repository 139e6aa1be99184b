"""Semantic versions, as Kubernetes, Helm and Go modules write them: `v1.30.2`, `1.2.3-rc.1+x`.

https://semver.org/#spec-item-11; a leading `v` and missing minor or patch numbers are accepted.
"""

from __future__ import annotations

import re
from operator import ge, gt, le, lt, ne
from typing import Any, Final, TypeAlias

_VERSION: Final = re.compile(
    r"v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?"
    r"(?:-([0-9A-Za-z.-]{1,200}))?(?:\+[0-9A-Za-z.-]{1,200})?"
)
_CONSTRAINT: Final = re.compile(r"\s*(>=|<=|!=|==?|>|<|~|\^)?\s*(v?\d[^\s,|<>=!~^]*)\s*,?")
_PARTS: Final = 3
_ORDER: Final = {"!=": ne, ">": gt, ">=": ge, "<": lt, "<=": le}
_Key: TypeAlias = tuple[int, int, int, int, tuple[tuple[int, int, str], ...]]


class Version(str):
    """A version that compares by precedence and still shows as it was written.

    It equals and orders only other versions.
    """

    __slots__ = ("key",)
    key: _Key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self.key == other.key

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: str) -> bool:
        return isinstance(other, Version) and self.key < other.key

    def __le__(self, other: str) -> bool:
        return isinstance(other, Version) and self.key <= other.key

    def __gt__(self, other: str) -> bool:
        return isinstance(other, Version) and self.key > other.key

    def __ge__(self, other: str) -> bool:
        return isinstance(other, Version) and self.key >= other.key

    def __hash__(self) -> int:
        return hash(self.key)


def semver(value: Any) -> Version:
    """Parse a version. Raises ValueError with a reason that reads well."""
    text = str(value).strip()
    found = _VERSION.fullmatch(text) if isinstance(value, str | int | float) else None
    if not found or isinstance(value, bool):
        raise ValueError(f"'{text[:64]}' is no semantic version: write 1.2.3")
    major, minor, patch = (int(part or 0) for part in found.group(1, 2, 3))
    version = Version(text)
    pre = found.group(4)
    version.key = (major, minor, patch, 0 if pre else 1, _identifiers(pre or ""))
    return version


def _identifiers(text: str) -> tuple[tuple[int, int, str], ...]:
    return tuple(
        (0, int(part), "") if part.isdigit() else (1, 0, part)
        for part in (text.split(".") if text else ())
    )


def satisfies(version: str, constraint: str) -> bool:
    """Whether a version is within a constraint such as `>=1.29 <2`, `~1.2`, `^1.2.3 || 3.x`.

    `~` stays within the minor version, `^` within the major one. Raises ValueError when either
    does not parse.
    """
    actual = semver(version)
    choices = [_terms(choice) for choice in constraint.split("||")]
    return any(all(_holds(actual, *term) for term in choice) for choice in choices)


def _terms(text: str) -> list[tuple[str, str]]:
    terms: list[tuple[str, str]] = []
    at = 0
    while at < len(text.rstrip()):
        found = _CONSTRAINT.match(text, at)
        if not found:
            raise ValueError(f"'{text.strip()[:64]}' is no version constraint: write >=1.29")
        terms.append((found.group(1) or "=", found.group(2)))
        at = found.end()
    if not terms:
        raise ValueError("a version constraint is missing: write >=1.29")
    return terms


def _holds(actual: Version, operator: str, text: str) -> bool:
    exact = re.sub(r"(\.[xX*])+$", "", text)
    wanted = semver(exact)
    given = len(exact.split("-")[0].split("."))
    if operator in {"=", "=="}:  # 1.29 stands for all of its patches
        return actual.key[:given] == wanted.key[:given] if given < _PARTS else actual == wanted
    if operator in {"~", "^"}:
        same = 1 if operator == "^" else min(given, 2)
        return actual >= wanted and actual.key[:same] == wanted.key[:same]
    return bool(_ORDER[operator](actual, wanted))
