"""An error as a failure that explains itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from kspec.errors import (
    ApiError,
    ClusterError,
    FixtureError,
    KspecError,
    LoadError,
    ProcessError,
    StepFailedError,
)
from kspec.files import read_text
from kspec.marks import Mark, excerpt
from kspec.results import Failure, Status

if TYPE_CHECKING:
    from kspec.language.declarations import StepDecl


def explain(error: KspecError, mark: Mark, width: int = 1) -> Failure:
    """The failure for an error; `mark` is where, unless the error knows better."""
    if isinstance(error, StepFailedError):
        failure = error.failure
        marks = [mismatch.mark for mismatch in failure.mismatches if mismatch.mark is not None]
        return _placed(failure, failure.mark or (marks[0] if marks else None), mark, width)
    if isinstance(error, LoadError):
        problem = error.problems[0]
        message = "; ".join(one.message for one in error.problems)
        failure = Failure(message, hint=problem.hint, status=Status.ERROR)
        return _placed(failure, problem.mark, mark, problem.width)
    output = error.output if isinstance(error, ProcessError | FixtureError) else ""
    failure = Failure(
        _message(error), hint=error.hint or _hint(error), output=output, status=_status(error)
    )
    return _placed(failure, error.mark, mark, width)


def _placed(failure: Failure, own: Mark | None, fallback: Mark, width: int) -> Failure:
    mark = own or fallback
    text = failure.excerpt or excerpt_at(mark, width if mark == fallback else _width(mark))
    return replace(failure, mark=mark, excerpt=text)


def _width(mark: Mark) -> int:
    """Of the word at a mark, as far as the caret line shows it."""
    lines = _lines(mark)
    if not 0 < mark.line <= len(lines):
        return 1
    rest = lines[mark.line - 1][mark.column - 1 :]
    word = rest.split(":")[0].rstrip()
    return min(len(word), 40) or 1


def excerpt_at(mark: Mark, width: int = 1) -> str:
    """The line at a mark with a caret; empty when the file cannot be read."""
    return excerpt(mark, _lines(mark), width)


def _lines(mark: Mark) -> list[str]:
    try:
        return read_text(Path(mark.file)).splitlines()
    except (OSError, KspecError):
        return []


def _message(error: KspecError) -> str:
    if isinstance(error, ApiError) and error.reason:
        return f"{error.message} ({error.code} {error.reason})"
    return error.message


def _status(error: KspecError) -> Status:
    if isinstance(error, ApiError):
        return Status.FAILED
    return Status.ERROR if isinstance(error, ClusterError | FixtureError) else Status.FAILED


def _hint(error: KspecError) -> str | None:
    if not isinstance(error, ApiError):
        return None
    match error.reason:
        case "Forbidden":
            return "to expect this refusal: `expect: {error: {code: 403}}`"
        case "AlreadyExists":
            return "`apply` changes an object that exists; `create` wants it to be new"
        case "Conflict":
            return "another manager owns these fields; `force: true` takes them over"
        case _:
            return None


def step_title(decl: StepDecl) -> str:
    """A step's name, or its verb and what it is about."""
    if decl.options.name:
        return decl.options.name
    for word in ("resource", "resources", "nothingCreatedBy", "file"):
        node = decl.body.get(word)
        if node is not None and isinstance(node.value, str):
            about = Path(node.value).name if word == "file" else node.value
            return f"{decl.verb} {about}"
    manifest = decl.body.get("manifest")
    kind, name = (
        (manifest.get("kind"), manifest.get("metadata", "name")) if manifest else (None, None)
    )
    if kind is not None and name is not None:
        return f"{decl.verb} {str(kind.value).lower()}/{name.value}"
    return decl.verb
