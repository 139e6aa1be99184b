"""A step's `expect`: its results, or the refusal that must come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from kspec.errors import ApiError, KspecError, StepFailedError, did_you_mean
from kspec.marks import Node
from kspec.matching.checks import Matcher
from kspec.results import Failure, Mismatch
from kspec.vocabulary import Reader, Verb, key

ERROR: Final = "error"


@dataclass(frozen=True, slots=True)
class ExpectedError:
    """What an expected refusal must look like; every key that is given must match."""

    code: Matcher | None = key("the HTTP status, as 403", default=None)
    reason: Matcher | None = key("the Status' reason, as Forbidden", default=None)
    message: Matcher | None = key("the Status' message", default=None)
    causes: tuple[Mapping[str, Matcher], ...] = key(
        "single mistakes (field, reason, message): each must be among the Status' causes",
        default=(),
    )


def check_expect(expect: Node, verb: Verb, reader: Reader) -> None:
    """Load-time: only results that the verb documents, or an error."""
    for name, node in expect.map.items():
        if name == ERROR:
            reader.read(ExpectedError, node)
        elif name in verb.results:
            reader.read(Matcher, node)
        else:
            known = (*verb.results, ERROR)
            reader.problem(
                expect.key_marks[name],
                f"`{verb.name}` has no result '{name}'; it has {', '.join(known)}",
                did_you_mean(name, known),
                len(name),
            )


def refusal(expect: Node | None, reader: Reader) -> ExpectedError | None:
    """The expected error, if one is."""
    node = expect.get(ERROR) if expect is not None else None
    return reader.read(ExpectedError, node) if node is not None else None


def check_refusal(expected: ExpectedError, error: KspecError, expect: Node) -> None:
    """Raises StepFailedError when it was refused otherwise than expected."""
    if not isinstance(error, ApiError):
        raise error
    actual = {"code": error.code, "reason": error.reason, "message": error.message}
    mismatches = [
        found
        for name, value in actual.items()
        if (matcher := getattr(expected, name)) is not None
        for found in matcher.mismatches(value, f"error.{name}")
    ]
    mismatches += [
        Mismatch("no such cause", "error.causes", _written(cause), error.causes)
        for cause in expected.causes
        if not any(_is(cause, one) for one in error.causes)
    ]
    if mismatches:
        message = f"it was refused, but otherwise: {error.message}"
        raise StepFailedError(Failure(message, expect.mark, mismatches=tuple(mismatches)))


def _is(cause: Mapping[str, Matcher], actual: Mapping[str, Any]) -> bool:
    return all(matcher.mismatch(actual.get(name)) is None for name, matcher in cause.items())


def _written(cause: Mapping[str, Matcher]) -> dict[str, Any]:
    return {name: matcher.written for name, matcher in cause.items()}


def not_refused(expect: Node) -> StepFailedError:
    """The failure when a refusal was expected and did not come."""
    message = "a refusal was expected, but it succeeded"
    return StepFailedError(Failure(message, expect.map[ERROR].mark))


def check_results(expect: Node | None, results: Mapping[str, Any], reader: Reader) -> None:
    """Raises StepFailedError with every result that is not as expected."""
    mismatches: list[Mismatch] = []
    for name, node in expect.map.items() if expect is not None else ():
        matcher = reader.read(Matcher, node)
        mismatches += matcher.mismatches(results.get(name), name)
    if mismatches and expect is not None:
        message = f"{mismatches[0].path}: {mismatches[0].message}"
        raise StepFailedError(Failure(message, expect.mark, mismatches=tuple(mismatches)))
