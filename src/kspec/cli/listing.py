"""`kspec list`."""

from __future__ import annotations

import argparse
import sys


def main(arguments: argparse.Namespace) -> int:
    """A line per case: its name, then where it is written."""
    from kspec.cli.project import load  # noqa: PLC0415 - keeps --version and --help light

    cases = load(arguments).cases
    width = max(len(case.id.name) for case in cases)
    for case in cases:
        sys.stdout.write(f"{case.id.name:<{width}}  {case.spec.mark.file}:{case.spec.mark.line}\n")
    return 0
