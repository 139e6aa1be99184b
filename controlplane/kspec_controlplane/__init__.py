"""The program of kspec's embedded control plane, as a package.

Beside it lie the licences of what is linked into it: THIRD_PARTY_LICENSES.txt.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path


def path() -> Path:
    """Where the program is; in an editable install nothing is there."""
    return Path(__file__).with_name("kspec-controlplane")


def main() -> None:
    """Become the program."""
    program = str(path())
    os.execv(program, [program, *sys.argv[1:]])  # noqa: S606 - no shell is wanted
