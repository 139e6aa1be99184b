"""Installs on a `go` that only pretends, and on packages made here: no network."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
import zipfile
from pathlib import Path

import pytest

from kspec.engine import installs
from kspec.engine.installs import GoInstall, Installed, PipInstall, install, store
from kspec.engine.installs.golang import hash_module
from kspec.errors import InstallError, ToolMissingError
from kspec.processes import Supervisor

WHAT = GoInstall("example.com/tool/cmd/tool", "example.com/tool", "v1.2.3")
BUILDS = """shift_to_output() { while [ "$1" != -o ]; do shift; done; OUT=$2; }
shift_to_output "$@"; printf '#!/bin/sh\\necho made' > "$OUT"; chmod +x "$OUT"
echo sums >> go.sum"""


class PretendGo:
    """A `go` on the path that notes how it was called."""

    def __init__(self, root: Path) -> None:
        self.calls = root / "calls"
        self.environment = root / "environment"
        self.module = root / "module"
        self.module.mkdir()
        (self.module / "crd.yaml").write_text("kind: x\n")
        self.sum = hash_module(self.module, "example.com/tool@v1.2.3")
        self.program = root / "bin" / "go"
        self.program.parent.mkdir()
        self.says()

    def says(self, *, version="go1.26.8", build=BUILDS, download=None):
        answer = download or f'{{"Dir": "{self.module}", "Sum": "{self.sum}"}}'
        self.program.write_text(
            f"#!/bin/sh\necho \"$*\" >> '{self.calls}'\n"
            f'case "$1" in\n'
            f'env) echo \'{{"GOVERSION": "{version}", "GOSUMDB": "off", "GOPROXY": "p"}}\';;\n'
            f"mod) echo '{answer}';;\n"
            f"build) env > '{self.environment}'\n{build}\n;;\nesac\n"
        )
        self.program.chmod(0o755)

    @property
    def builds(self):
        return sum(line.startswith("build") for line in self.calls.read_text().splitlines())


@pytest.fixture
def go(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    pretend = PretendGo(tmp_path)
    monkeypatch.setenv("PATH", f"{pretend.program.parent}:{os.environ['PATH']}")
    return pretend


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


def installed(what, cache):
    """The result and the progress lines."""
    lines = []

    async def whole() -> Installed:
        async with await Supervisor.open() as supervisor:
            return await install(what, supervisor, cache=cache, progress=lines.append)

    return asyncio.run(whole()), lines


def folders(cache):
    return [path for path in (cache / "installs").iterdir() if path.is_dir()]


def test_builds_once_and_says_so(go, cache):
    first, lines = installed(WHAT, cache)
    assert lines == ["building example.com/tool v1.2.3 with Go (first time: some minutes)"]
    assert first.dir == go.module
    assert first.bin.name == "tool"
    assert "echo made" in first.bin.read_text()
    assert "require example.com/tool v1.2.3" in (first.bin.parent / "go.mod").read_text()
    assert (first.bin.parent / "go.sum").exists()
    assert installed(WHAT, cache) == (first, [])
    assert go.builds == 1
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700


def test_another_version_or_another_go_is_another_install(go, cache):
    installed(WHAT, cache)
    other = GoInstall(WHAT.go, WHAT.module, "v1.2.4")
    go.sum = hash_module(go.module, "example.com/tool@v1.2.4")
    go.says()
    installed(other, cache)
    go.says(version="go1.27.1")
    installed(other, cache)
    assert go.builds == 3
    assert len(folders(cache)) == 3


def test_only_the_files_of_a_module(go, cache):
    found, lines = installed(GoInstall(None, WHAT.module, WHAT.version), cache)
    assert (found.dir, found.bin, lines) == (go.module, go.module, [])
    assert go.calls.read_text().count("build") == 0


def test_a_failed_build_gives_the_end_of_its_output_and_leaves_nothing(go, cache):
    go.says(build="for n in $(seq 100); do echo line $n >&2; done; exit 2")
    with pytest.raises(InstallError, match="cannot be built: exit code 2") as caught:
        installed(WHAT, cache)
    assert caught.value.output.splitlines() == [f"line {n}" for n in range(81, 101)]
    assert caught.value.exit_code == 2
    assert folders(cache) == []
    go.says()
    assert installed(WHAT, cache)[0].bin.exists()


def test_a_module_that_cannot_be_fetched(go, cache):
    go.says(download='{"Error": "no such version"}')
    with pytest.raises(InstallError, match="cannot be fetched") as caught:
        installed(WHAT, cache)
    assert caught.value.output == "no such version"


def test_sums_the_database_does_not_know_come_from_the_module(go, cache):
    (go.module / "go.sum").write_text("dependency v1 h1:abc=\n")
    go.sum = hash_module(go.module, "example.com/tool@v1.2.3")
    missing = "echo 'missing go.sum entry for dependency' >&2; exit 1"
    go.says(build=f"grep -q dependency go.sum || {{ {missing}; }}\n{BUILDS}")
    found, _ = installed(WHAT, cache)
    assert "dependency v1 h1:abc=" in (found.bin.parent / "go.sum").read_text()
    assert go.builds == 2


def test_a_module_that_is_gone_from_gos_cache_is_fetched_again(go, cache):
    installed(WHAT, cache)
    moved = go.module.with_name("moved")
    go.module.rename(moved)
    go.module = moved
    go.says()
    found, lines = installed(WHAT, cache)
    assert found.dir == moved
    assert "not in Go's cache any more" in lines[0]


def test_cancelling_a_build_leaves_nothing(go, cache, tmp_path):
    os.mkfifo(tmp_path / "started")
    go.says(build=f"echo > '{tmp_path}/started'; sleep 1000")

    async def whole():
        async with await Supervisor.open() as supervisor:
            task = asyncio.create_task(
                install(WHAT, supervisor, cache=cache, progress=lambda _: None)
            )
            await asyncio.to_thread((tmp_path / "started").read_text)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(whole())
    assert folders(cache) == []


def test_two_fixtures_of_one_run_build_once(go, cache):
    async def whole():
        async with await Supervisor.open() as supervisor:
            lines = []
            jobs = [install(WHAT, supervisor, cache=cache, progress=lines.append) for _ in "12"]
            one, two = await asyncio.gather(*jobs)
            assert one == two
            assert sorted(line.split()[0] for line in lines) == ["building", "waiting"]

    asyncio.run(whole())
    assert go.builds == 1


def test_a_wait_for_the_lock_can_be_cancelled(tmp_path):
    async def whole():
        async with store.locked(tmp_path / "lock", lambda: None):
            waits = asyncio.Event()

            async def other():
                async with store.locked(tmp_path / "lock", waits.set):
                    pytest.fail("two have the lock")

            task = asyncio.create_task(other())
            await waits.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        async with store.locked(tmp_path / "lock", lambda: None):
            pass

    asyncio.run(whole())


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ("example.com/a/cmd/tool", "tool"),
        ("example.com/a/v2", "a"),
        ("example.com/a/v1beta1", "v1beta1"),
        ("example.com/cmd/tool.v1", "tool.v1"),
    ],
)
def test_programs_are_named_as_go_names_them(package, name):
    assert GoInstall(package, "example.com/a", "v1.0.0").program == name


def test_the_default_cache_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("KSPEC_CACHE", raising=False)
    assert installs.default_cache() == Path("/home/me/.cache/kspec")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert installs.default_cache() == Path("/xdg/kspec")
    monkeypatch.setenv("KSPEC_CACHE", str(tmp_path))
    assert installs.default_cache() == tmp_path


def test_a_request_is_made_from_a_fixtures_keys():
    assert installs.request(go="a.b/c", module="a.b", version="v1.0.0", pip=()) == GoInstall(
        "a.b/c", "a.b", "v1.0.0"
    )
    assert installs.request(go=None, module=None, version=None, pip=("a==1",)) == PipInstall(
        ("a==1",)
    )


def make_wheel(folder: Path) -> str:
    """A package `kspec-sample` 1.0 with a program; returns its SHA-256."""
    folder.mkdir()
    path = folder / "kspec_sample-1.0-py3-none-any.whl"
    info = "kspec_sample-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr("kspec_sample.py", "def main():\n    print('a sample')\n")
        wheel.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: kspec-sample\nVersion: 1.0\n"
        )
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/entry_points.txt", "[console_scripts]\nsample=kspec_sample:main\n")
        wheel.writestr(f"{info}/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """Lets pip see nothing but one package; returns its digest."""
    digest = make_wheel(tmp_path / "wheels")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "wheels"))
    return digest


def test_packages_get_an_environment_of_their_own(wheel, cache):
    what = PipInstall((f"kspec-sample==1.0 --hash=sha256:{wheel}",))
    found, lines = installed(what, cache)
    assert lines == ["installing kspec-sample==1.0 with pip"]

    async def use():
        async with await Supervisor.open() as supervisor:
            return await supervisor.run(
                [str(found.bin / "sample")], env={}, cwd=found.dir, timeout=20
            )

    assert asyncio.run(use()).stdout == "a sample\n"
    assert installed(what, cache) == (found, []), "what it wrote while running is no damage"


def test_a_wrong_hash_is_refused(wheel, cache):
    wrong = f"kspec-sample==1.0 --hash=sha256:{wheel[::-1]}"
    with pytest.raises(InstallError, match="cannot be installed") as caught:
        installed(PipInstall((wrong,)), cache)
    assert "DO NOT MATCH THE HASHES" in caught.value.output
    assert folders(cache) == []


@pytest.mark.usefixtures("wheel")
def test_go_too_old_is_one_line(go, cache):
    go.says(version="go1.19.8")
    with pytest.raises(ToolMissingError) as caught:
        installed(WHAT, cache)
    text = str(caught.value)
    assert "\n" not in text
    assert "Go 1.26 or newer is needed" in text
    assert "is go1.19.8" in text
    assert caught.value.hint


@pytest.mark.usefixtures("go", "wheel")
def test_go_missing_is_one_line(cache, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/sbin")
    with pytest.raises(ToolMissingError, match="none is on the PATH") as caught:
        installed(WHAT, cache)
    assert "\n" not in str(caught.value)
    assert list(cache.glob("toolchain-*")) == []


def test_a_go_in_the_cache_serves_when_the_path_has_none(go, cache, monkeypatch):
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    kept = cache / "toolchain" / "go" / "bin"
    kept.mkdir(parents=True)
    cache.chmod(0o700)
    go.program.rename(kept / "go")
    if Path("/usr/bin/go").exists():
        pytest.skip("this machine has its Go there")
    assert installed(WHAT, cache)[0].bin.exists()
