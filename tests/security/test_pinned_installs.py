"""Installs are pinned and verified; the cache survives damage, races and SIGKILL."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess  # noqa: TID251 - builders must be processes that can be killed
import sys
from pathlib import Path

import pytest

import kspec
from kspec.engine.installs import GoInstall, PipInstall, install
from kspec.engine.installs.golang import find_go, hash_module
from kspec.errors import InstallError
from kspec.guardian.table import await_end
from kspec.processes import Supervisor

HELLO = GoInstall(
    "golang.org/x/example/hello",
    "golang.org/x/example/hello",
    "v0.0.0-20240205180059-32022caedd6a",
)
SOURCES = str(Path(kspec.__file__).parent.parent)
BUILDER = f"""
import asyncio, sys
from pathlib import Path
from kspec.engine.installs import GoInstall, install
from kspec.processes import Supervisor

async def main():
    async with await Supervisor.open() as supervisor:
        what = {HELLO!r}
        done = await install(
            what, supervisor, cache=Path(sys.argv[1]), progress=lambda text: print(text, flush=True)
        )
        print("made", done.bin, flush=True)

asyncio.run(main())
"""
needs_go = pytest.mark.skipif(not shutil.which("go"), reason="needs Go")


@pytest.fixture(autouse=True)
def runtime(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def installed(what, cache):
    lines = []

    async def whole():
        async with await Supervisor.open() as supervisor:
            return await install(what, supervisor, cache=cache, progress=lines.append)

    return asyncio.run(whole()), lines


def output_of(program):
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout


def start_builder(cache, path=None):
    return subprocess.Popen(
        [sys.executable, "-P", "-c", BUILDER, str(cache)],
        env={**os.environ, "PYTHONPATH": SOURCES, "PATH": path or os.environ["PATH"]},
        stdout=subprocess.PIPE,
        text=True,
    )


def pretend_go(tmp_path, build, settings=""):
    """A `go` that does as told instead of building; returns its folder."""
    module = tmp_path / "module"
    module.mkdir()
    (module / "crd.yaml").write_text("kind: x\n")
    digest = hash_module(module, f"{HELLO.module}@{HELLO.version}")
    program = tmp_path / "bin" / "go"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\n"
        'case "$1" in\n'
        f'env) echo \'{{"GOVERSION": "go1.26.8"{settings}}}\';;\n'
        f'mod) echo \'{{"Dir": "{module}", "Sum": "{digest}"}}\';;\n'
        f"build) {build};;\nesac\n"
    )
    program.chmod(0o755)
    return program.parent


@needs_go
def test_a_flipped_byte_is_noticed_and_made_good(cache):
    found, _ = installed(HELLO, cache)
    assert output_of(found.bin) == "Hello, world!\n"
    data = bytearray(found.bin.read_bytes())
    data[len(data) // 2] ^= 1
    found.bin.write_bytes(data)
    again, lines = installed(HELLO, cache)
    assert lines[0].endswith("in the cache is damaged (hello has changed): made anew")
    assert output_of(again.bin) == "Hello, world!\n"
    assert installed(HELLO, cache) == (again, [])
    assert len([path for path in (cache / "installs").iterdir() if path.is_dir()]) == 1


@needs_go
def test_the_checksum_of_a_modules_files_is_gos_own(cache):
    found, _ = installed(HELLO, cache)
    recorded = (found.bin.parent / "go.sum").read_text()
    assert f" {hash_module(found.dir, f'{HELLO.module}@{HELLO.version}')}\n" in recorded


@needs_go
def test_two_cold_builders_build_once(cache):
    builders = [start_builder(cache) for _ in range(2)]
    texts = [builder.communicate()[0] for builder in builders]
    assert [builder.returncode for builder in builders] == [0, 0]
    assert "".join(texts).count("building") == 1
    made = {line for text in texts for line in text.splitlines() if line.startswith("made")}
    assert len(made) == 1


@needs_go
def test_sigkill_in_the_middle_leaves_no_broken_entry(cache, tmp_path):
    os.mkfifo(tmp_path / "started")
    half = f"echo half > \"$PWD/hello\"; echo $PPID > '{tmp_path}/started'; sleep 1000"
    folder = pretend_go(tmp_path, half)
    # Of the same version as the real one, so that both use one entry.
    version = asyncio.run(real_version(cache))
    (folder / "go").write_text((folder / "go").read_text().replace("go1.26.8", version))
    builder = start_builder(cache, f"{folder}:{os.environ['PATH']}")
    guardian = int((tmp_path / "started").read_text())
    builder.kill()
    builder.wait()
    builder.stdout.close()
    assert await_end([guardian], 2)
    halves = list((cache / "installs").glob("*/hello"))
    assert len(halves) == 1, "it was killed while there was half a program"
    found, lines = installed(HELLO, cache)
    assert [line.split()[0] for line in lines] == ["building"]
    assert output_of(found.bin) == "Hello, world!\n"
    assert not halves[0].exists()


async def real_version(cache):
    async with await Supervisor.open() as supervisor:
        return (await find_go(supervisor, cache=cache, progress=print)).version


def test_a_changed_file_of_the_module_is_refused(cache, tmp_path, monkeypatch):
    build = 'while [ "$1" != -o ]; do shift; done; echo x > "$2"; echo y > go.sum'
    monkeypatch.setenv("PATH", f"{pretend_go(tmp_path, build)}:{os.environ['PATH']}")
    found, _ = installed(HELLO, cache)
    (found.dir / "crd.yaml").write_text("kind: y\n")
    with pytest.raises(InstallError, match="differs from what was downloaded") as caught:
        installed(HELLO, cache)
    assert str(found.dir) in (caught.value.hint or "")


def test_a_contradicted_checksum_is_final(cache, tmp_path, monkeypatch):
    calls = tmp_path / "calls"
    text = "checksum mismatch, SECURITY ERROR, missing go.sum entry"
    build = f"echo x >> '{calls}'; echo '{text}' >&2; exit 1"
    folder = pretend_go(tmp_path, build)
    (tmp_path / "module" / "go.sum").write_text("dependency v1 h1:abc=\n")
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    with pytest.raises(InstallError, match="cannot be built"):
        installed(HELLO, cache)
    assert calls.read_text() == "x\n", "not tried again with other sums"


def test_nothing_weakens_the_verification_or_leaks_into_the_build(cache, tmp_path, monkeypatch):
    seen = tmp_path / "seen"
    build = f'env > \'{seen}\'; while [ "$1" != -o ]; do shift; done; echo x > "$2"; echo > go.sum'
    folder = pretend_go(tmp_path, build, ', "GOSUMDB": "off", "GOPROXY": "https://proxy.example"')
    for name, value in {
        "PATH": f"{folder}:{os.environ['PATH']}",
        "GOFLAGS": "-insecure",
        "GONOSUMDB": "*",
        "GONOSUMCHECK": "1",
        "GOPRIVATE": "*",
        "GONOPROXY": "*",
        "GOINSECURE": "*",
        "GOSUMDB": "off",
        "GOTOOLCHAIN": "auto",
        "CGO_ENABLED": "1",
        "GITHUB_TOKEN": "canary",
        "GOENV": str(tmp_path / "weak"),
    }.items():
        monkeypatch.setenv(name, value)
    installed(HELLO, cache)
    env = dict(line.split("=", 1) for line in seen.read_text().splitlines() if "=" in line)
    found = {name: value for name, value in env.items() if name.startswith(("GO", "CGO"))}
    assert found.pop("GOTMPDIR").startswith(str(cache))
    assert found == {
        "GOENV": "off",
        "GOPROXY": "https://proxy.example",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "GO111MODULE": "on",
        "CGO_ENABLED": "0",
    }
    assert "canary" not in seen.read_text()


@pytest.mark.parametrize(
    "version", ["latest", "v1", "v1.2", "main", "1.2.3", ">=v1.2.3", "v1.2.3 ", "v01.2.3", "", "\n"]
)
def test_go_versions_that_are_not_exact_are_refused(version, cache):
    with pytest.raises(InstallError, match="must be exact"):
        installed(GoInstall("example.com/x", "example.com/x", version), cache)
    assert not cache.exists()


@pytest.mark.parametrize(
    "path", ["-x", "example.com/x;rm", "../x", "x", "a.b/c d", "a.b/$(x)", "/a.b"]
)
def test_go_paths_that_are_something_else_are_refused(path, cache):
    for what in (GoInstall(path, "a.b", "v1.0.0"), GoInstall("a.b/c", path, "v1.0.0")):
        with pytest.raises(InstallError, match="no import path"):
            installed(what, cache)


@pytest.mark.parametrize(
    "item",
    [
        "kopf",
        "kopf>=1",
        "kopf==1.*",
        "kopf~=1.0",
        "kopf==1.0 --index-url=x",
        "--index-url=x",
        "-r x",
        "kopf @ file:///x",
        "kopf==1.0; python_version > '3'",
        "kopf==1.0\nother",
        "./folder",
        "kopf==1.0 --hash=md5:abc",
    ],
)
def test_packages_without_an_exact_version_are_refused(item, cache):
    with pytest.raises(InstallError, match="must be exact"):
        installed(PipInstall((item,)), cache)
    assert not cache.exists()


def test_a_cache_that_others_can_write_to_is_refused(cache):
    cache.mkdir()
    cache.chmod(0o777)
    with pytest.raises(InstallError, match="not ours alone"):
        installed(HELLO, cache)
    cache.rmdir()
    cache.symlink_to(cache.parent)
    with pytest.raises(InstallError, match="not ours alone"):
        installed(HELLO, cache)


def test_a_planted_record_cannot_lead_elsewhere(cache, tmp_path, monkeypatch):
    build = 'while [ "$1" != -o ]; do shift; done; echo x > "$2"; echo > go.sum'
    monkeypatch.setenv("PATH", f"{pretend_go(tmp_path, build)}:{os.environ['PATH']}")
    installed(HELLO, cache)
    [record] = (cache / "installs").glob("*.json")
    for text in ('{"folder": "../..", "files": {}, "facts": {}}', "not json", "[]", "{}"):
        record.write_text(text)
        _, lines = installed(HELLO, cache)
        assert "is damaged" in lines[0]
