"""`kspec` itself, started as people start it."""

from __future__ import annotations

import os
import shutil
import subprocess  # noqa: TID251 - these tests are about the program from outside
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFIG = """\
apiVersion: kspec.dev/v1
kind: Config
spec:
  timeouts: {step: 8s, spec: 2m, cleanup: 30s}
  parallel: 8
"""


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str

    def block(self, title: str) -> str:
        """What the summary says of one failure."""
        _, _, rest = self.out.partition(f"\n\n✗ {title}\n")
        return rest.partition("\n\n")[0]


Kspec = Callable[..., Ran]


@pytest.fixture(scope="session")
def kspec_argv() -> list[str]:
    """The installed script of this Python."""
    return [str(Path(sys.executable).with_name("kspec"))]


@pytest.fixture(scope="session")
def kspec(kspec_argv: list[str]) -> Kspec:
    """Run kspec in a folder and wait for its end; both outputs in one text."""

    def run(*arguments: object, cwd: Path) -> Ran:
        done = subprocess.run(
            [*kspec_argv, *map(str, arguments)],
            cwd=cwd,
            env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=200,
        )
        return Ran(done.returncode, done.stdout)

    return run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of its own, with short timeouts."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "kspec.yaml").write_text(CONFIG)
    return folder


@pytest.fixture
def mpi_project(project: Path) -> Path:
    """As `project`, with a copy of the MPI suite."""
    shutil.copytree(ROOT / "specs" / "mpi", project, dirs_exist_ok=True)
    return project
