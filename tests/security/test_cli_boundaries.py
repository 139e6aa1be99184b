"""security.md, lines 1, 2, 3, 7 and 11 as they hold for the program: `kspec run` and its reports.

One run each with and without --no-exec gives what several tests look at.
"""

from __future__ import annotations

import os
import re
import subprocess  # noqa: TID251 - the program itself is what is tested
import sys
from pathlib import Path

import pytest

from kspec.controlplane import program

KSPEC = (str(Path(sys.executable).with_name("kspec")),)
MODULE = (sys.executable, "-m", "kspec")
CANARY = "canary-3f1c9a"
PLANTED = "import pathlib\npathlib.Path(__file__).with_name('LOADED').write_text(__name__)\n"
NAMES = (
    "yaml",
    "typing_extensions",
    "sitecustomize",
    "usercustomize",
    "rich/__init__",
    "kubernetes/__init__",
    "ruamel/__init__",
    "pluggy",
    "argparse",
    "asyncio/__init__",
    "jmespath",
    "evil",
)
SPEC = "apiVersion: kspec.dev/v1\nkind: Spec\nmetadata: {{name: {0}}}\nspec:\n"
CONFIG = "apiVersion: kspec.dev/v1\nkind: Config\nspec: {env: [ALLOWED_NAME]}\n"
# It fails, since the reports have the output of what fails.
LOOKING = (
    SPEC.format("looking")
    + """\
  steps:
    - script: |
        env
        for path in "$KUBECONFIG" "${KUBECONFIG%/*}" "${KUBECONFIG%/*/*}"; do
          ls -ldn "$path"
        done
        exit 1
"""
)
LATE = '  vars: {to: TARGET}\n  steps: [{apply: {file: "${{ vars.to }}"}}]\n'
FIXTURES = """\
apiVersion: kspec.dev/v1
kind: Fixture
metadata: {name: installs}
spec:
  install: {go: example.com/op, module: example.com/op, version: v1.0.0}
---
apiVersion: kspec.dev/v1
kind: Fixture
metadata: {name: serves}
spec:
  process: {command: [touch, RAN]}
---
"""
USING = "  fixtures: [{0}]\n  steps: [{{script: touch RAN}}]\n"


def run(arguments, cwd, **variables):
    environ = {key: value for key, value in os.environ.items() if key != "KUBECONFIG"}
    return subprocess.run(
        arguments,
        cwd=cwd,
        env={**environ, **variables},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def plant(folder):
    for name in NAMES:
        path = folder / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(PLANTED)
    plugin = folder / "evil-1.0.dist-info"
    plugin.mkdir()
    (plugin / "METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
    (plugin / "entry_points.txt").write_text("[kspec]\nevil = evil\n")
    (folder / "spec.yaml").write_text(SPEC.format("a") + "  steps: [{script: 'true'}]\n")


@pytest.mark.parametrize("words", [KSPEC, MODULE], ids=["kspec", "python -m kspec"])
@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["list"], 0), (["lint"], 0), (["schema"], 0), (["run", "--kubeconfig", "kc"], 1)],
    ids=["list", "lint", "schema", "run"],
)
def test_nothing_in_the_current_directory_is_imported(tmp_path, words, arguments, code):
    plant(tmp_path)
    (tmp_path / "kc").write_text("apiVersion: v1\nkind: Config\n")  # read by the client library
    done = run([*words, *arguments], tmp_path)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert [path.parent for path in tmp_path.rglob("LOADED")] == []


def test_what_is_planted_would_be_loaded(tmp_path):
    """Or the test above would show nothing."""
    plant(tmp_path)
    run([sys.executable, "-c", "import yaml"], tmp_path)
    assert (tmp_path / "LOADED").read_text() == "yaml"


@pytest.fixture(scope="module")
def looked(tmp_path_factory):
    """A run that fails where it should, and its folder: (folder, all that was told)."""
    folder = tmp_path_factory.mktemp("looked")
    (folder / "kspec.yaml").write_text(CONFIG)
    (folder / "looking.yaml").write_text(LOOKING)
    (folder.parent / "outside.yaml").write_text("secret: outside-5d\n")
    (folder / "link.yaml").symlink_to("../outside.yaml")
    for name, target in (
        ("absolute", "/etc/passwd"),
        ("above", "../outside.yaml"),
        ("linked", "link.yaml"),
    ):
        (folder / f"{name}.yaml").write_text(SPEC.format(name) + LATE.replace("TARGET", target))
    arguments = ["run", "--cluster", "embedded", "-v", "--junit", "j.xml", "--jsonl", "j.jsonl"]
    done = run([*KSPEC, *arguments], folder, GITHUB_TOKEN=CANARY, ALLOWED_NAME="allowed-77")
    assert done.returncode == 1, done.stdout + done.stderr
    reports = (folder / "j.xml").read_text(), (folder / "j.jsonl").read_text()
    return folder, (done.stdout + done.stderr, *reports)


@pytest.mark.embedded
def test_a_canary_reaches_no_child_and_no_report(looked):
    _, told = looked
    for text in told:
        assert CANARY not in text
        assert "GITHUB_TOKEN" not in text
        assert "NAMESPACE=kspec-looking-" in text  # so the environment was printed


@pytest.mark.embedded
def test_allowed_names_are_seen(looked):
    assert all("ALLOWED_NAME=allowed-77" in text for text in looked[1])


@pytest.mark.embedded
def test_private_directories_and_the_kubeconfig(looked):
    modes = re.findall(r"\| (\S{10})\S* +\d+ +(\d+) +\d+ .* /\S+$", looked[1][0], re.MULTILINE)
    me = str(os.getuid())
    assert modes == [("-rw-------", me), ("drwx------", me), ("drwx------", me)]


@pytest.mark.embedded
def test_paths_that_lead_out_after_interpolation(looked):
    _, (terminal, *reports) = looked
    assert "'/etc/passwd' leads out of the project root" in terminal
    assert "'../outside.yaml' leads out of the project root" in terminal
    assert "'link.yaml' follows a symbolic link out of the project root" in terminal
    assert not any("outside-5d" in text or "root:x:" in text for text in (terminal, *reports))


@pytest.mark.parametrize("command", ["run", "list", "lint"])
def test_paths_that_lead_out_are_told_while_reading(tmp_path, command):
    project = tmp_path / "project"
    project.mkdir()
    (project / "kspec.yaml").write_text(CONFIG)
    (tmp_path / "outside.yaml").write_text("{}")
    (project / "link.yaml").symlink_to("../outside.yaml")
    steps = "[{apply: {file: ../../etc/passwd}}, {apply: {file: link.yaml}}]"
    (project / "spec.yaml").write_text(SPEC.format("a") + f"  steps: {steps}\n")
    done = run([*KSPEC, command], project)
    assert done.returncode == 2
    assert "spec.yaml:5:26: '../../etc/passwd' leads out of the project root" in done.stderr
    assert "spec.yaml:5:61: 'link.yaml' follows a symbolic link out" in done.stderr
    assert done.stderr.endswith("\n2 errors\n")


@pytest.mark.embedded
def test_no_exec_runs_nothing_on_this_machine(tmp_path):
    users = [SPEC.format(f"with-{name}") + USING.format(name) for name in ("installs", "serves")]
    text = FIXTURES + "---\n".join(
        [*users, SPEC.format("scripting") + "  steps: [{script: touch RAN}]\n"]
    )
    (tmp_path / "spec.yaml").write_text(text)
    cache = tmp_path / "cache"
    done = run(
        [*KSPEC, "run", "spec.yaml", "--no-exec", "--cluster", "embedded"],
        tmp_path,
        KSPEC_CONTROLPLANE=str(program.find()),
        KSPEC_CACHE=str(cache),
    )
    assert done.returncode == 1
    for message in (
        "fixture installs: --no-exec forbids installing and running it on this machine",
        "fixture serves: --no-exec forbids running its process on this machine",
        "/bin/sh was not run: --no-exec forbids running anything on this machine",
    ):
        assert message in done.stdout
    assert "1 failed, 2 could not run" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["spec.yaml"]
