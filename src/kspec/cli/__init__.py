"""The command line: argparse, a module per command, each importing what it needs when it runs."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from kspec.errors import KspecError, LoadError, UsageError


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code (0 passed, 1 failed, 2 usage or load error, 130 interrupted)."""
    from kspec.cli.parser import build  # noqa: PLC0415 - keeps `import kspec.cli` light

    arguments = build().parse_args(argv)
    try:
        return int(arguments.command(arguments))
    except LoadError as error:
        from kspec.language.problems import render  # noqa: PLC0415

        sys.stderr.write(render(error.problems))
        return 2
    except UsageError as error:
        return _tell(error, 2)
    except KspecError as error:
        return _tell(error, 1)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 1


def _tell(error: KspecError, code: int) -> int:
    place = f"{error.mark}: " if error.mark else ""
    sys.stderr.write(f"kspec: {place}{error.message}\n")
    if error.hint:
        sys.stderr.write(f"  hint: {error.hint}\n")
    return code
