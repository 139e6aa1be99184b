"""Text to positioned nodes: the only module that knows the YAML library.

The C parser's events are the grammar; nodes are built from them, so that every value and key has
its place, scalars mean what they mean to kubectl, and hostile input is bounded: size, depth and
the nodes that aliases expand to. Where the extension is missing, the same library's Python
parser gives the same nodes, slower.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from kspec.errors import LoadError, Problem
from kspec.language import traps
from kspec.language.nodes import MAX_DEPTH, Builder, Halt
from kspec.marks import Mark, Node

try:
    from ruamel.yaml.cyaml import CParser  # type: ignore[attr-defined] # it has no __all__
except ImportError:  # pragma: no cover - only where no wheel of the extension exists
    CParser = None

MAX_TEXT: Final = 4 * 1024 * 1024
"""Characters of the largest file of specs: some 50,000 steps."""
MAX_DATA: Final = 16 * 1024 * 1024
"""Characters of the largest file of manifests."""
_EXPLAIN_LIMIT: Final = 64 * 1024
"""Characters up to which broken YAML is read again by the slow parser for its better message."""
_FORBIDDEN: Final = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)
"""https://yaml.org/spec/1.1/#id868524"""
_BREAK: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
# What the Python parser lets through on malformed escapes and directives.
_PURE_ERRORS: Final = (YAMLError, ValueError, OverflowError, LookupError, TypeError, AttributeError)

Events = Callable[[str], Iterator[Any]]


def read_documents(text: str, file: str) -> tuple[Node, ...]:
    """The documents of a YAML text, empty ones left out; `file` goes into their marks.

    Raises LoadError with every mistake found.
    """
    return _strict(*read_leniently(text, file))


def read_leniently(text: str, file: str) -> tuple[tuple[Node, ...], list[Problem]]:
    """What could be read of a YAML text, and its mistakes: for more to be found in the rest."""
    return _read(text, file, MAX_TEXT)


def load_all(text: str, file: str) -> list[Any]:
    """The documents as plain data, for files of manifests. Raises LoadError."""
    return [node.data() for node in _strict(*_read(text, file, MAX_DATA))]


def _strict(documents: tuple[Node, ...], problems: list[Problem]) -> tuple[Node, ...]:
    if problems:
        raise LoadError(problems)
    return documents


def split_lines(text: str) -> list[str]:
    """The lines of a text as YAML counts them."""
    return _BREAK.split(text)


def _read(text: str, file: str, limit: int) -> tuple[tuple[Node, ...], list[Problem]]:
    if len(text) > limit:
        return (), [Problem(Mark(file, 1, 1), f"the file has more than {limit:,} characters")]
    if found := _FORBIDDEN.search(text):
        return (), [_forbidden(text, found.start(), file)]
    return parse(text, file, _events_c if CParser else _events_pure)


def parse(text: str, file: str, events: Events) -> tuple[tuple[Node, ...], list[Problem]]:
    """The documents from a parser's events, and the mistakes."""
    builder = Builder(file, events(text))
    documents: tuple[Node, ...] = ()
    try:
        documents = builder.documents()
    except Halt:
        pass
    except _PURE_ERRORS as error:
        builder.problems.append(_broken(_better(text, error), text, file))
    return documents, _with_hints(builder, text) if builder.problems else []


def _events_c(text: str) -> Iterator[Any]:
    """The C parser's events; it yields None at the end."""
    return iter(CParser(text).get_event, None)


def _events_pure(text: str) -> Iterator[Any]:
    return iter(YAML(typ="safe", pure=True).parse(text))


def _better(text: str, error: Exception) -> Exception:
    """The Python parser's complaint about the same text, which says more, if it has one."""
    if len(text) > _EXPLAIN_LIMIT:
        return error
    try:
        depth = 0
        for event in _events_pure(text):
            depth += type(event).__name__.endswith(("MappingStartEvent", "SequenceStartEvent"))
            depth -= type(event).__name__.endswith(("MappingEndEvent", "SequenceEndEvent"))
            if depth > MAX_DEPTH:
                break
    except _PURE_ERRORS as better:
        return better if _line_of(better) == _line_of(error) else error
    return error


def _line_of(error: Exception) -> int | None:
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    return None if mark is None else int(mark.line)


def _broken(error: Exception, text: str, file: str) -> Problem:
    if not isinstance(error, MarkedYAMLError) or (error.problem_mark or error.context_mark) is None:
        return Problem(Mark(file, 1, 1), f"broken YAML: {error}".strip())
    place = error.problem_mark or error.context_mark
    lines = split_lines(text)
    line = min(int(place.line), len(lines) - 1)
    message = str(error.problem or error.context)
    opened = error.context_mark
    since = f", {error.context} that starts in line {opened.line + 1}" if opened else ""
    hint = traps.hint_for(lines[line], message + since)
    return Problem(
        Mark(file, line + 1, int(place.column) + 1), f"broken YAML: {message}{since}", hint
    )


def _with_hints(builder: Builder, text: str) -> list[Problem]:
    lines = split_lines(text)
    return [
        problem
        if problem.hint or not (advice := builder.advice.get(problem))
        else Problem(
            problem.mark, problem.message, advice(lines[problem.mark.line - 1]), problem.width
        )
        for problem in builder.problems
    ]


def _forbidden(text: str, index: int, file: str) -> Problem:
    before = split_lines(text[:index])
    character = f"U+{ord(text[index]):04X}"
    mark = Mark(file, len(before), len(before[-1]) + 1)
    return Problem(mark, f"YAML does not allow the character {character}")
