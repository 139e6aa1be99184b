"""Problems as text: `file:line:column`, the line with a caret, a hint."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

from kspec.errors import KspecError, Problem
from kspec.files import read_text
from kspec.language.source import split_lines
from kspec.marks import Mark, excerpt

_WIDEST = 160
"""Characters of a line that an excerpt shows; of a longer one it shows the part at the caret."""


def _lines_of(file: str) -> Sequence[str]:
    try:
        return split_lines(read_text(Path(file)))
    except (KspecError, OSError):
        return ()


def render(
    problems: Iterable[Problem], read_lines: Callable[[str], Sequence[str]] | None = None
) -> str:
    """All problems in file order, and how many there are; an empty text if there is none.

    `read_lines` gives a file's lines, for the excerpts; by default they are read.
    """
    lines_of = cache(read_lines or _lines_of)  # of this call only: files change between two
    ordered = sorted(dict.fromkeys(problems), key=lambda one: one.mark)
    if not ordered:
        return ""
    blocks = [render_one(one, lines_of(one.mark.file)) for one in ordered]
    return "\n".join([*blocks, summary(ordered)]) + "\n"


def render_one(problem: Problem, lines: Sequence[str]) -> str:
    """One problem with the line it is about."""
    level = "warning: " if problem.warning else ""
    parts = [f"{problem.mark}: {level}{problem.message}"]
    if shown := _excerpt(problem, lines):
        parts.append(shown)
    if problem.hint:
        parts.append(f"      = hint: {problem.hint}")
    return "\n".join(parts) + "\n"


def _excerpt(problem: Problem, lines: Sequence[str]) -> str:
    mark = problem.mark
    if not 0 < mark.line <= len(lines):
        return ""
    text = lines[mark.line - 1]
    column = min(mark.column, len(text) + 1)
    width = min(problem.width, max(1, len(text) + 1 - column))
    start = max(0, column - 1 - _WIDEST // 2) if len(text) > _WIDEST else 0
    cut = text[start : start + _WIDEST]
    shown = Mark(mark.file, mark.line, column - start)
    padded = [""] * (mark.line - 1) + [_printable(cut)]
    return excerpt(shown, padded, min(width, _WIDEST))


def _printable(text: str) -> str:
    """Without control characters, which a terminal would obey; as wide as before."""
    return "".join(
        one if one.isprintable() or one == "\t" else "\N{REPLACEMENT CHARACTER}" for one in text
    )


def summary(problems: Sequence[Problem]) -> str:
    """`2 errors and 1 warning`."""
    warnings = sum(one.warning for one in problems)
    counts = ((len(problems) - warnings, "error"), (warnings, "warning"))
    return " and ".join(f"{n} {word}{'' if n == 1 else 's'}" for n, word in counts if n)
