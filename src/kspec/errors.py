"""Every error that kspec raises on purpose.

KspecError                     what, where (mark), what to do (hint)
├── UsageError                 a wrong command line, or nothing selected       exit 2
├── LoadError                  one or more Problems in the files read          exit 2
├── ExpressionError            an expression does not parse, or fails on its data
├── ReadError                  a value has the wrong shape, found while a step starts
├── ClusterError               of a cluster or of the way to it
│   ├── NoClusterError         no cluster is named and the embedded one is not installed
│   ├── UnreachableError       nothing answers, or not in time
│   ├── UnknownKindError       the cluster serves no such kind
│   └── ApiError               an answer of the API server: its Status
├── ProcessError               a process did not start, failed or timed out
│   └── ToolMissingError       a program is not on this machine
├── InstallError               an operator or a package could not be installed
├── FixtureError               a fixture did not become ready
├── PathError                  a path leads out of the project
├── ReportError                a report could not be written
└── StepFailedError            a check does not hold: carries a results.Failure
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kspec.marks import Mark
    from kspec.results import Failure


class KspecError(Exception):
    """The root. `mark` is where in the user's files; `hint` is what to do about it."""

    def __init__(self, message: str, *, mark: Mark | None = None, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.mark = mark
        self.hint = hint


class UsageError(KspecError):
    """The command line cannot be carried out as it stands."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake in a file that was read."""

    mark: Mark
    message: str
    hint: str | None = None
    width: int = 1
    """Number of characters that the caret underlines."""
    warning: bool = False
    """Doubtful rather than wrong; `lint --strict` makes it an error."""


class LoadError(KspecError):
    """All mistakes of all files, in file order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: problem.mark))
        first = self.problems[0] if self.problems else None
        super().__init__(
            "\n".join(f"{problem.mark}: {problem.message}" for problem in self.problems),
            mark=first.mark if first else None,
            hint=first.hint if first else None,
        )


class ExpressionError(KspecError):
    """An expression does not parse, or cannot be evaluated on its data.

    `offset` is the 0-based character in the expression's text where it went wrong, if known.
    """

    def __init__(self, message: str, *, offset: int | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.offset = offset


class ReadError(KspecError):
    """A value has not the shape that its place wants."""


class ClusterError(KspecError):
    """Of a cluster or of the way to it."""


class NoClusterError(ClusterError):
    """There is no cluster to run against."""


class UnreachableError(ClusterError):
    """The API server does not answer.

    `sent` is False when the request cannot have reached it: sending it again is safe.
    """

    def __init__(
        self, message: str, *, sent: bool = True, mark: Mark | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, mark=mark, hint=hint)
        self.sent = sent


class UnknownKindError(ClusterError):
    """The cluster serves no such kind."""


class ApiError(ClusterError):
    """A refusal by the API server, made from its `Status` object.

    https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
    """

    def __init__(
        self,
        message: str,
        *,
        code: int,
        reason: str = "",
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
        request: str = "",
        mark: Mark | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, mark=mark, hint=hint)
        self.code = code
        self.reason = reason
        self.details = dict(details or {})
        self.retry_after = retry_after
        """Seconds after which the server wants to be asked again, if it said so."""
        self.request = request
        """Method and path, as in `PATCH /api/v1/namespaces/x`."""

    @property
    def causes(self) -> list[dict[str, Any]]:
        """`details.causes`: field, reason and message of each single mistake."""
        return list(self.details.get("causes") or [])

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed later."""
        return self.code in {429, 500, 502, 503, 504} and self.reason != "Invalid"

    @classmethod
    def from_status(
        cls, code: int, status: Mapping[str, Any], *, request: str, retry_after: float | None = None
    ) -> ApiError:
        """The error for a `Status` body; `code` is the HTTP status."""
        details = status.get("details") or {}
        wait = retry_after if retry_after is not None else details.get("retryAfterSeconds")
        return cls(
            str(status.get("message") or f"HTTP {code}"),
            code=int(status.get("code") or code),
            reason=str(status.get("reason") or ""),
            details=details,
            retry_after=float(wait) if wait is not None else None,
            request=request,
        )


class ProcessError(KspecError):
    """A process did not start, failed or took too long. `output` is the end of what it wrote."""

    def __init__(
        self,
        message: str,
        *,
        exit_code: int | None = None,
        output: str = "",
        mark: Mark | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, mark=mark, hint=hint)
        self.exit_code = exit_code
        self.output = output


class ToolMissingError(ProcessError):
    """A program that is needed is not on this machine."""


class InstallError(ProcessError):
    """An operator or a package could not be installed."""


class FixtureError(KspecError):
    """A fixture did not become ready, so what needs it cannot run."""

    def __init__(
        self, message: str, *, output: str = "", mark: Mark | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, mark=mark, hint=hint)
        self.output = output


class PathError(KspecError):
    """A path leads out of the project, or is no regular file."""


class ReportError(KspecError):
    """A report could not be written."""


class StepFailedError(KspecError):
    """A check does not hold, or an expected refusal did not come."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message, mark=failure.mark, hint=failure.hint)
        self.failure = failure


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A hint with the nearest known word, or None if nothing is near."""
    lowered = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return f"did you mean '{lowered[near[0]]}'?" if near else None
