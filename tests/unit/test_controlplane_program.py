"""Which program is taken, and what is said when there is none or it does not work."""

from __future__ import annotations

import asyncio
import importlib.util
import subprocess  # noqa: TID251 - looks at what another interpreter imports
import sys
from pathlib import Path
from types import ModuleType

import pytest

from kspec import controlplane
from kspec.controlplane import crds, program, up
from kspec.errors import NoClusterError, ProcessError
from kspec.processes import Supervisor
from kspec.settings import EmbeddedSettings

ROOT = Path(__file__).parents[2]


def executable(path, text="#!/bin/sh\n"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.fixture
def build(monkeypatch):
    spec = importlib.util.spec_from_file_location("build", ROOT / "controlplane" / "build.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "build", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def package(monkeypatch, tmp_path):
    """The wheel, as if installed."""
    installed = ModuleType(program.PACKAGE)
    installed.path = lambda: tmp_path / "wheel" / program.NAME
    monkeypatch.setitem(sys.modules, program.PACKAGE, installed)
    return installed


def test_the_variable_the_wheel_and_the_build_in_this_order(tmp_path, package):
    named = executable(tmp_path / "named")
    wheel = executable(package.path())
    key = program.fingerprint(ROOT / "controlplane")
    built = executable(tmp_path / "controlplane" / f"{key}-go1.26.1" / program.NAME)
    environ = {"KSPEC_CACHE": str(tmp_path)}
    assert program.find({**environ, program.VARIABLE: str(named)}) == named
    assert program.find(environ) == wheel
    wheel.unlink()  # as in an editable install
    assert program.find(environ) == built


@pytest.mark.usefixtures("package")
def test_a_build_of_other_sources_is_not_taken(tmp_path):
    executable(tmp_path / "controlplane" / "0123456789abcdef-go1.26.1" / program.NAME)
    with pytest.raises(NoClusterError) as caught:
        program.find({"KSPEC_CACHE": str(tmp_path)})
    assert "pip install 'kspec[embedded]'" in caught.value.hint


@pytest.mark.parametrize("content", [None, "no program"])
def test_a_variable_that_names_no_program_is_said(tmp_path, content):
    path = tmp_path / "named"
    if content:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(NoClusterError, match=r"\$KSPEC_CONTROLPLANE"):
        program.find({program.VARIABLE: str(path)})


def test_the_builder_and_the_finder_agree(build, monkeypatch, tmp_path):
    assert build.fingerprint(build.SOURCES) == program.fingerprint(ROOT / "controlplane")
    for environ in (
        {"HOME": str(tmp_path)},
        {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "xdg")},
        {"XDG_CACHE_HOME": str(tmp_path / "xdg"), "KSPEC_CACHE": str(tmp_path / "own")},
    ):
        for name in ("HOME", "XDG_CACHE_HOME", "KSPEC_CACHE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        assert build.cache() == program.cache(environ)


def test_the_wheel_has_the_version_of_kubernetes():
    project = (ROOT / "controlplane" / "pyproject.toml").read_text(encoding="utf-8")
    modules = (ROOT / "controlplane" / "go.mod").read_text(encoding="utf-8")
    version = modules.partition("k8s.io/kubernetes v")[2].split()[0]
    assert f'version = "{version}.' in project


def test_nothing_heavy_is_imported_before_the_spawn():
    code = (
        "import sys, kspec.controlplane as c; heavy = {'kubernetes', 'aiohttp', 'cryptography',"
        " 'rich', 'ruamel'}; print(*heavy & set(sys.modules))"
    )
    argv = [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}; {code}"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("\n", "")


def test_without_cryptography_it_is_said_what_to_install(monkeypatch):
    for name in ("config", "certificates"):
        monkeypatch.delitem(sys.modules, f"kspec.controlplane.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(NoClusterError, match="cryptography") as caught:
        up._plan(EmbeddedSettings())
    assert caught.value.hint == "pip install 'kspec[embedded]'"


async def ready():
    async with await Supervisor.open() as supervisor:
        starting = await controlplane.start(supervisor, EmbeddedSettings())
        await starting.ready()


def test_a_program_that_ends_at_once_is_told_with_its_last_words(monkeypatch, tmp_path):
    path = executable(tmp_path / "p", "#!/bin/sh\necho 'no room' >&2\nexit 4\n")
    monkeypatch.setenv(program.VARIABLE, str(path))
    with pytest.raises(ProcessError, match="did not start: exit code 4") as caught:
        asyncio.run(ready())
    assert caught.value.output == "no room"


def test_a_program_that_never_gets_ready_is_given_up(monkeypatch, tmp_path):
    path = executable(tmp_path / "p", "#!/bin/sh\nexec sleep 60\n")
    monkeypatch.setenv(program.VARIABLE, str(path))
    monkeypatch.setattr(up, "START_LIMIT", 0.2)
    with pytest.raises(ProcessError, match="takes no writes"):
        asyncio.run(ready())


def test_a_definition_is_dated_back_and_its_other_conditions_stay():
    sent = []

    class Recorder:
        async def resolve(self, word, version):
            return f"{word} {version}"

        async def patch(self, resource, name, body, *, subresource):
            sent.append((resource, name, subresource, body["status"]["conditions"]))

    accepted = {"type": "NamesAccepted", "status": "True", "lastTransitionTime": "2026-01-01"}
    fresh = {"type": "Established", "status": "True", "lastTransitionTime": "2026-01-01"}
    crd = {"metadata": {"name": "x.y"}, "status": {"conditions": [accepted, fresh]}}
    asyncio.run(crds.established(Recorder(), crd))
    dated = fresh | {"lastTransitionTime": crds.LONG_AGO}
    kind = "customresourcedefinitions apiextensions.k8s.io/v1"
    assert sent == [(kind, "x.y", "status", [accepted, dated])]
