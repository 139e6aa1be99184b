"""`kspec lint`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main(arguments: argparse.Namespace) -> int:
    """All mistakes of all files; exit code 2 when there are any."""
    from kspec.app import plugins  # noqa: PLC0415 - keeps --version and --help light
    from kspec.engine.expect import check_expect  # noqa: PLC0415 - as below
    from kspec.language.problems import render  # noqa: PLC0415 - as above
    from kspec.lint import lint  # noqa: PLC0415 - as above

    paths = tuple(arguments.paths) or (Path(),)
    problems = lint(paths, plugins.vocabulary(plugins.load()), check_expect=check_expect)
    sys.stderr.write(render(problems))
    wrong = [one for one in problems if arguments.strict or not one.warning]
    return 2 if wrong else 0
