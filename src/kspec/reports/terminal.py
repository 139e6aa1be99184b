"""The run on a terminal: plain lines; on a real terminal coloured, by rich."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TextIO

from kspec.reports.escape import no_commands
from kspec.reports.lines import RunLines, Verbosity
from kspec.reports.text import Line
from kspec.vocabulary import Reporter

MOST_COLUMNS: Final = 100
PLAIN_COLUMNS: Final = 80

# For output that cannot take our signs (a C locale): the nearest words.
_ASCII: Final = str.maketrans({"✓": "ok", "✗": "FAILED", "·": "-"})

# What a line is, in rich's words: https://rich.readthedocs.io/en/stable/style.html
_STYLES: Final = {
    "passed": "bold green",
    "failed": "bold red",
    "error": "bold red",
    "inconclusive": "bold yellow",
    "skipped": "yellow",
    "warning": "bold yellow",
    "title": "bold",
    "place": "bold cyan",
    "caret": "bold red",
    "expected": "green",
    "actual": "red",
    "cause": "bold yellow",
    "hint": "bold blue",
    "label": "bold",
    "dim": "dim",
}


@dataclass(frozen=True, slots=True)
class TerminalOptions:
    """How to write. `stream` None is standard output.

    `colour` None means on a terminal, unless NO_COLOR is set (https://no-color.org).
    """

    verbosity: int = Verbosity.NORMAL
    stream: TextIO | None = None
    colour: bool | None = None


def open_terminal(target: TerminalOptions | int | None = None) -> RunLines:
    """Start writing; `target` is the options, or only the verbosity."""
    options = target if isinstance(target, TerminalOptions) else TerminalOptions(target or 0)
    stream = options.stream or sys.stdout
    tty = stream.isatty()
    colour = options.colour
    if colour is None:
        colour = tty and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    columns = min(MOST_COLUMNS, shutil.get_terminal_size().columns) if tty else PLAIN_COLUMNS
    emit = _coloured(stream) if colour else _plain(stream)
    return RunLines(emit, verbosity=options.verbosity, columns=columns)


def _plain(stream: TextIO) -> Callable[[Line], None]:
    def emit(line: Line) -> None:
        stream.write(_encodable(no_commands(line.text), stream) + "\n")
        stream.flush()

    return emit


def _encodable(text: str, stream: TextIO) -> str:
    """The text with what the stream's encoding cannot write replaced by words or codes."""
    encoding = stream.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_ASCII).encode(encoding, "backslashreplace").decode(encoding)
    return text


def _coloured(stream: TextIO) -> Callable[[Line], None]:
    # Here, since rich costs 40 ms, and CI and pipes need none of it.
    from rich.console import Console  # noqa: PLC0415 - see above
    from rich.text import Text  # noqa: PLC0415 - see above

    console = Console(file=stream, force_terminal=True, highlight=False, soft_wrap=True)

    def emit(line: Line) -> None:
        text = Text(_encodable(no_commands(line.text), stream), end="")
        style = _STYLES.get(line.style)
        if style:
            text.stylize(style, 0, line.width)
        console.print(text)
        stream.flush()

    return emit


TERMINAL: Final = Reporter("terminal", "plain lines for people", open_terminal)
