"""The command line: argparse, a module per command, each importing what it needs when it runs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Final

from kspec.errors import FixtureError, KspecError, LoadError, ProcessError, UsageError

TRACEBACK: Final = "KSPEC_TRACEBACK"
"""The environment variable that, set to 1, shows where an internal error happened."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code (0 passed, 1 failed, 2 usage or load error, 130 interrupted)."""
    from kspec.cli.parser import build  # noqa: PLC0415 - keeps `import kspec.cli` light

    arguments = build().parse_args(argv)
    try:
        code = int(arguments.command(arguments))
        sys.stdout.flush()
    except KspecError as error:
        return _tell(error)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Python flushes once more when it ends; as in its documentation of SIGPIPE.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        if os.environ.get(TRACEBACK) == "1":
            raise
        return _confess(error)
    return code


def _tell(error: KspecError) -> int:
    if isinstance(error, LoadError):
        from kspec.language.problems import render  # noqa: PLC0415 - only where it is needed

        sys.stderr.write(render(error.problems))
        return 2
    from kspec.reports.escape import visible  # noqa: PLC0415 - only where it is needed

    place = f"{error.mark}: " if error.mark else ""
    lines = [f"kspec: {place}{error.message}"]
    if isinstance(error, ProcessError | FixtureError):
        lines += [f"  | {line}" for line in error.output.splitlines()]
    if error.hint:
        lines.append(f"  hint: {error.hint}")
    sys.stderr.write(visible("\n".join(lines)) + "\n")
    return 2 if isinstance(error, UsageError) else 1


def _confess(error: Exception) -> int:
    """One line for an error of kspec's own; of a group, for its first one."""
    from kspec.reports.escape import one_line  # noqa: PLC0415 - only where it is needed

    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    what = one_line(f"{type(error).__name__}: {error}")
    sys.stderr.write(f"kspec: internal error: {what} ({TRACEBACK}=1 shows where)\n")
    return 1
