"""`controlplane/build.py` with a Go that is played by a shell script."""

from __future__ import annotations

import os
import subprocess  # noqa: TID251 - the script is a program of its own
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "controlplane" / "build.py"
GO = r"""#!/bin/sh
case "$1" in
env) echo "${FAKE_VERSION:-go1.26.9}" ;;
list) printf 'a\nb\nc\n' ;;
build)
  echo started >> "$FAKE_LOG"
  echo "go: downloading example.com/x v1.0.0" >&2
  echo "k8s.io/kubernetes/cmd" >&2
  if [ -n "$FAKE_FAILS" ]; then echo "up.go:3:1: undefined: x" >&2; exit 1; fi
  while [ $# -gt 1 ]; do
    if [ "$1" = -o ]; then printf '#!/bin/sh\n' > "$2"; chmod 755 "$2"; fi
    if [ "$1" = -ldflags ]; then echo "$2" > "$FAKE_LOG.flags"; fi
    shift
  done ;;
esac
"""


@pytest.fixture
def machine(tmp_path):
    """A machine with that Go only, and no way to PyPI."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "go").write_text(GO, encoding="utf-8")
    (folder / "go").chmod(0o755)
    return {
        "PATH": f"{folder}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "KSPEC_CACHE": str(tmp_path / "cache"),
        "FAKE_LOG": str(tmp_path / "log"),
        "PIP_NO_INDEX": "1",
    }


def start(machine, **changes):
    return subprocess.Popen(
        [sys.executable, str(SCRIPT)],
        env={**machine, **changes},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(machine, **changes):
    process = start(machine, **changes)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def builds(machine):
    return Path(machine["FAKE_LOG"]).read_text(encoding="utf-8").count("started")


def test_it_builds_once_and_says_how_far_it_is(machine):
    code, out, err = run(machine)
    assert code == 0
    assert os.access(out.strip(), os.X_OK)
    assert "about 10 minutes and 8 GB" in err
    assert "compiled 1 of at most 3 packages, 1 modules fetched, 0m0" in err
    assert run(machine)[:2] == (0, out)
    assert builds(machine) == 1


def test_the_program_is_told_its_versions(machine):
    run(machine)
    flags = Path(machine["FAKE_LOG"] + ".flags").read_text(encoding="utf-8")
    modules = SCRIPT.with_name("go.mod").read_text(encoding="utf-8")
    version = modules.partition("k8s.io/kubernetes ")[2].split()[0]
    assert f"-X k8s.io/component-base/version.gitVersion={version}" in flags


def test_two_builders_at_once_build_once(machine):
    both = [start(machine) for _ in range(2)]
    outs = [process.communicate(timeout=60)[0] for process in both]
    assert outs[0] == outs[1]
    assert builds(machine) == 1


def test_a_failed_build_shows_its_errors_and_leaves_nothing(machine):
    code, out, err = run(machine, FAKE_FAILS="yes")
    assert (code, out) == (1, "")
    assert "undefined: x" in err
    assert not list(Path(machine["KSPEC_CACHE"]).rglob("kspec-controlplane"))
    assert run(machine)[0] == 0


def test_what_a_killed_builder_left_is_removed(machine):
    left = Path(machine["KSPEC_CACHE"]) / "controlplane" / "unfinished-x" / "build"
    left.mkdir(parents=True)
    run(machine)
    assert not left.parent.exists()


@pytest.mark.parametrize("version", ["go1.25.7", "missing"])
def test_go_that_is_missing_or_too_old_is_one_line(machine, version):
    if version == "missing":
        Path(machine["PATH"].partition(":")[0], "go").unlink()
    code, out, err = run(machine, FAKE_VERSION=version)
    assert (code, out) == (1, "")
    *_, last = err.splitlines()
    assert last.startswith("kspec-controlplane: needs Go 1.26 or newer: it is not on the PATH")
    assert "Traceback" not in err
    assert len(err.splitlines()) <= 2  # before it, that it tries PyPI


def test_a_cache_that_cannot_be_is_one_line(machine, tmp_path):
    (tmp_path / "file").touch()
    code, _, err = run(machine, KSPEC_CACHE=str(tmp_path / "file"))
    assert code == 1
    assert err.startswith("kspec-controlplane: no cache in ")
    assert len(err.splitlines()) == 1


def test_licences_are_found_and_code_is_not_taken_for_one(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    import licences  # noqa: PLC0415 - a script beside the other

    try:
        for name in ("LICENSE", "NOTICE.txt", "license.go", "README.md", "third_party/x/COPYING"):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"text of {name}\n", encoding="utf-8")
        found = list(licences.licence_texts(tmp_path))
    finally:
        for name in ("licences", "build"):
            sys.modules.pop(name, None)
    assert found == ["text of LICENSE", "text of NOTICE.txt", "text of third_party/x/COPYING"]
