"""Commands that need no cluster stay light: they never import what talks to one, nor rich."""

from __future__ import annotations

import subprocess  # noqa: TID251 - a fresh interpreter is what is tested
import sys

import pytest

HEAVY = ("kubernetes", "aiohttp", "rich")

# Runs kspec and reports the modules that are there at the end, whatever its exit.
PROGRAM = """
import sys
from kspec.cli import main
try:
    code = main(sys.argv[1:])
except SystemExit as stopped:
    code = stopped.code
loaded = sorted({name.partition(".")[0] for name in sys.modules})
print("\\nCODE", code, "LOADED", *loaded)
"""

SPEC = """\
apiVersion: kspec.dev/v1
kind: Spec
metadata: {name: light}
spec:
  steps:
    - apply: {manifest: {apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {b: c}}}
    - assert: {resource: configmap/a, checks: [{jsonpath: .data.b, equals: c}]}
"""


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "light.yaml").write_text(SPEC)
    return folder


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["lint", "light.yaml"], ["list", "light.yaml"]]
)
def test_light_commands_import_nothing_heavy(project, arguments):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    verdict = done.stdout.rpartition("CODE ")[2]
    code, _, loaded = verdict.partition(" LOADED ")
    assert code in {"0", "None"}, done.stdout + done.stderr
    assert "kspec" in loaded.split()
    assert not set(HEAVY) & set(loaded.split())
