"""The command line: exit codes, all mistakes at once, and no cluster before all is read."""

from __future__ import annotations

import os
import socket
import stat
import subprocess  # noqa: TID251 - a closed pipe needs a process of its own
import sys
from pathlib import Path

import pytest

from kspec import __version__
from kspec.app import run as app_run
from kspec.cli import main
from kspec.controlplane import program

GOOD = """\
apiVersion: kspec.dev/v1
kind: Spec
metadata: {name: NAME}
spec:
  steps: [{apply: {manifest: {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}}}]
"""
HEAD = "apiVersion: kspec.dev/v1\nkind: Spec\nmetadata: {name: NAME}\nspec:\n"
MISTAKES = {
    "yaml": ("  steps: [{apply: {\n", "bad-yaml.yaml:", None),
    "key": (
        "  setps: []\n  steps: [{script: 'true'}]\n",
        "bad-key.yaml:5:3: ",
        ("  setps:", "  ^^^^^", "did you mean 'steps'?"),
    ),
    "type": (
        "  timeouts: {step: [1]}\n  steps: [{script: 'true'}]\n",
        "bad-type.yaml:5:20: ",
        ("[1]", "^", ""),
    ),
    "file": (
        "  steps: [{apply: {file: nowher.yaml}}]\n",
        "bad-file.yaml:5:26: ",
        ("nowher.yaml", "^^^^^^^^^^^", "did you mean 'nowhere.yaml'?"),
    ),
    "verb": (
        "  steps: [{asert: {resource: pod/x}}]\n",
        "bad-verb.yaml:5:12: ",
        ("asert", "^^^^^", "did you mean 'assert'?"),
    ),
    "expression": (
        '  steps: [{apply: {file: "${{ vars.( }}"}}]\n',
        "bad-expression.yaml:5:",
        ("vars.(", "^", ""),
    ),
}


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """An empty project; no kubeconfig; a control plane that tells when it is started."""
    project, home = tmp_path / "project", tmp_path / "home"
    project.mkdir()
    home.mkdir()
    spy = tmp_path / "spy"
    spy.write_text(f"#!/bin/sh\ntouch '{tmp_path}/started'\n")
    spy.chmod(0o700)
    monkeypatch.chdir(project)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KSPEC_CONTROLPLANE", str(spy))
    monkeypatch.delenv("KSPEC_TRACEBACK", raising=False)
    return project


@pytest.fixture
def untouched(tmp_path):
    yield
    assert not (tmp_path / "started").exists()


def write(name, text):
    Path(f"{name}.yaml").write_text(text.replace("NAME", name))


def kubeconfig(server):
    path = Path("kc")
    path.write_text(
        "{apiVersion: v1, kind: Config, current-context: x,"
        " contexts: [{name: x, context: {cluster: x, user: x}}],"
        " clusters: [{name: x, cluster: {server: '" + server + "'}}],"
        " users: [{name: x, user: {token: abc}}]}\n"
    )
    return path


def error_lines(text):
    return [line for line in text.splitlines() if line and not line.startswith(" ")]


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("command", ["run", "list", "lint"])
@pytest.mark.parametrize("kind", MISTAKES)
def test_a_mistake(command, kind, capsys):
    body, place, shown = MISTAKES[kind]
    write(f"bad-{kind}", HEAD + body)
    Path("nowhere.yaml").write_text("{}")
    assert main([command, "."]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith(place)
    assert told.err.endswith("\n1 error\n")
    if shown is not None:
        text, caret, hint = shown
        _, line, below, *_ = told.err.splitlines()
        assert text in line
        assert caret in below
        at = int(told.err.split(":")[2])
        assert len(below.split("|")[1][1:]) - len(below.split("|")[1][1:].lstrip()) == at - 1
        assert hint in told.err


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize("command", ["run", "list", "lint"])
def test_all_mistakes_of_all_files_at_once(command, capsys):
    write("good", GOOD)
    for kind, (body, _, _) in MISTAKES.items():
        write(f"bad-{kind}", HEAD + body)
    two = "  setps: []\n  steps: [{asert: {}}, {apply: {file: ../../etc/passwd}}]\n"
    write("two", HEAD + two)
    assert main([command, "."]) == 2
    told = capsys.readouterr()
    *errors, summary = error_lines(told.err)
    assert summary == "9 errors"
    files = [line.split(":")[0] for line in errors]
    assert files == sorted([f"bad-{kind}.yaml" for kind in MISTAKES] + ["two.yaml"] * 3)
    assert told.out == ""


@pytest.mark.usefixtures("untouched")
def test_a_mistake_beside_the_chosen_spec_stops_it_too(capsys):
    write("good", GOOD)
    write("bad", HEAD + MISTAKES["verb"][0])
    assert main(["run", "--name", "good"]) == 2
    assert "bad.yaml:5:12" in capsys.readouterr().err


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--name", "nothing"], "none of 1 specs is selected in ."),
        (["-l", "tier=x"], "none of 1 specs is selected in ."),
        (["empty"], "there is no spec in empty"),
    ],
)
@pytest.mark.parametrize("command", ["run", "list"])
def test_nothing_selected(command, arguments, message, capsys):
    write("good", GOOD)
    Path("empty").mkdir()
    assert main([command, *arguments]) == 2
    assert (
        capsys.readouterr().err == f"kspec: {message}\n  hint: `kspec list` shows what there is\n"
    )


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--cluster", "prod"], 2, "there is no cluster named 'prod'"),
        (["--kubeconfig", "gone"], 2, "kubeconfig gone does not exist"),
        (["--context", "x"], 2, "--context x: there is no kubeconfig"),
        (["--kubeconfig", "kc", "--context", "y"], 1, "kc has no context named 'y'"),
        (["--kubeconfig", "broken"], 1, "the kubeconfig broken cannot be read"),
        (["--in-cluster"], 1, "this is no pod"),
        (["gone.yaml"], 2, "gone.yaml does not exist"),
    ],
)
def test_a_way_that_leads_nowhere(arguments, code, message, capsys, monkeypatch):
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    write("good", GOOD)
    kubeconfig("https://127.0.0.1:1")
    Path("broken").write_text("a: [\n")
    assert main(["run", *arguments]) == code
    told = capsys.readouterr().err
    assert told.startswith("kspec: ")
    assert message in told
    assert "Traceback" not in told


def test_no_cluster_and_no_control_plane(capsys, monkeypatch):
    write("good", GOOD)
    monkeypatch.delenv("KSPEC_CONTROLPLANE")
    monkeypatch.setattr(program, "_installed", lambda: None)
    monkeypatch.setattr(program, "_built", lambda _: None)
    assert main(["run"]) == 1
    assert capsys.readouterr().err == (
        "kspec: there is no cluster, and the embedded control plane is not installed\n"
        "  hint: pip install 'kspec[embedded]', or name a cluster with --context\n"
    )


def test_a_control_plane_that_does_not_start(place, capsys, tmp_path):
    spy = tmp_path / "spy"
    spy.write_text("#!/bin/sh\necho 'no luck \33[31mtoday'; exit 3\n")
    write("good", GOOD)
    assert main(["run", "--cluster", "embedded", str(place)]) == 1
    told = capsys.readouterr().err
    assert told.startswith("kspec: the embedded control plane did not start")
    assert "\n  | no luck today\n" in told


def test_a_server_that_refuses(place, capsys, monkeypatch):
    """The retries end, with an error and no traceback."""
    monkeypatch.setattr("kspec.cluster.calls.PATIENCE", 0.2)
    write("good", GOOD)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    file = kubeconfig(f"https://127.0.0.1:{port}")
    assert main(["run", str(place), "--kubeconfig", str(file)]) == 1
    told = capsys.readouterr()
    assert "1 could not run" in told.out
    assert f"good.yaml:3:18: https://127.0.0.1:{port}: connection refused" in told.out
    assert "Traceback" not in told.out + told.err


def test_a_context_in_the_second_file(capsys, monkeypatch):
    monkeypatch.setattr("kspec.cluster.calls.PATIENCE", 0.2)
    write("good", GOOD)
    Path("first").write_text("{apiVersion: v1, kind: Config}\n")
    monkeypatch.setenv("KUBECONFIG", f"first:{kubeconfig('https://127.0.0.1:1')}")
    assert main(["run", "--context", "x"]) == 1
    assert "https://127.0.0.1:1: connection refused" in capsys.readouterr().out


def test_version_and_help(capsys):
    for option, text in (("--version", f"kspec {__version__}\n"), ("--help", "usage: kspec ")):
        with pytest.raises(SystemExit) as end:
            main([option])
        assert end.value.code == 0
        assert capsys.readouterr().out.startswith(text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: COMMAND"),
        (["rnu"], "invalid choice: 'rnu'"),
        (["run", "--paralel", "2"], "unrecognized arguments"),
        (["run", "--parallel", "0"], "0 is not at least 1"),
        (["run", "--parallel", "two"], "invalid"),
        (["run", "-v", "-q"], "not allowed with"),
        (["cluster", "up", "--nodes", "-1"], "-1 is negative"),
    ],
)
def test_a_wrong_command_line(arguments, message, capsys):
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.usefixtures("untouched")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "`kspec cluster up` needs a command"),
        (["--"], "`kspec cluster up` needs a command"),
        (["--capacity", "gpu", "--", "true"], "--capacity gpu: write NAME=QUANTITY"),
    ],
)
def test_cluster_up_needs_a_command(arguments, message, capsys):
    assert main(["cluster", "up", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"kspec: {message}")


def test_list(capsys):
    write("good", GOOD)
    write("better", GOOD)
    assert main(["list"]) == 0
    assert capsys.readouterr().out == "better  better.yaml:3\ngood    good.yaml:3\n"


def test_lint_prints_warnings_and_strict_makes_them_errors(capsys):
    write("good", GOOD.replace("metadata: {name: a}", "metadata: {name: a}, data: {a: on}"))
    assert main(["lint"]) == 0
    told = capsys.readouterr().err
    assert told.startswith("good.yaml:5:95: warning: on ")
    assert told.endswith("1 warning\n")
    assert main(["lint", "--strict"]) == 2
    assert capsys.readouterr().err == told


def test_warnings_of_the_project_are_told(capsys):
    write("good", GOOD)
    inner = Path("inner")
    inner.mkdir()
    (inner / "kspec.yaml").write_text("apiVersion: kspec.dev/v1\nkind: Config\nspec: {}\n")
    assert main(["list", "."]) == 0
    told = capsys.readouterr()
    assert told.out == "good  good.yaml:3\n"
    assert "inner/kspec.yaml:1:1: warning: this folder is a project of its own" in told.err
    assert told.err.endswith("1 warning\n")


def test_an_internal_error_is_one_line(capsys, monkeypatch):
    async def broken(*_):
        raise ExceptionGroup("many", [ExceptionGroup("more", [TypeError("two\nlines\33[31m")])])

    monkeypatch.setattr(app_run, "_run", broken)
    write("good", GOOD)
    assert main(["run"]) == 1
    assert capsys.readouterr().err == (
        "kspec: internal error: TypeError: two lines (KSPEC_TRACEBACK=1 shows where)\n"
    )
    monkeypatch.setenv("KSPEC_TRACEBACK", "1")
    with pytest.raises(ExceptionGroup):
        main(["run"])


def test_an_interrupt_is_130(monkeypatch):
    async def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(app_run, "_run", interrupted)
    write("good", GOOD)
    assert main(["run"]) == 130


def test_a_reader_that_leaves():
    """As in `kspec schema | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "kspec", "schema"],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_the_spy_can_be_started(tmp_path):
    """Or the tests above that look for its trace would show nothing."""
    write("good", GOOD)
    assert stat.S_IMODE((tmp_path / "spy").stat().st_mode) == 0o700
    assert main(["run"]) == 1
    assert (tmp_path / "started").exists()
