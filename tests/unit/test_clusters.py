"""Which cluster a run uses: what was named, else what is usual, and never another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from kspec.app.clusters import choose
from kspec.errors import UsageError
from kspec.settings import Settings


@pytest.fixture
def home(tmp_path):
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube" / "config").write_text("{}")
    return tmp_path


def test_nothing_found_is_the_embedded_one(tmp_path):
    choice = choose(Settings(), {"HOME": str(tmp_path)})
    assert (choice.kind, choice.why) == (
        "embedded",
        "embedded control plane (no kubeconfig found)",
    )


def test_the_usual_kubeconfig(home):
    choice = choose(Settings(), {"HOME": str(home)})
    path = str(home / ".kube" / "config")
    assert (choice.kind, choice.kubeconfig, choice.context) == ("kubeconfig", path, None)
    assert choice.why == f"current context of {path}"


def test_embedded_is_stronger_than_a_kubeconfig(home):
    settings = Settings(cluster="embedded", kubeconfig="/nowhere")
    assert choose(settings, {"HOME": str(home)}).kind == "embedded"


def test_option_then_variable_then_home(home, tmp_path):
    option, variable = tmp_path / "option", tmp_path / "variable"
    option.write_text("{}")
    variable.write_text("{}")
    environ = {"HOME": str(home), "KUBECONFIG": str(variable)}
    assert choose(Settings(kubeconfig=str(option)), environ).kubeconfig == str(option)
    assert choose(Settings(), environ).kubeconfig == str(variable)


def test_several_files_of_which_some_are_missing(home):
    one, two = home / "one", home / "two"
    one.write_text("{}")
    two.write_text("{}")
    environ = {"KUBECONFIG": f"{one}::{home / 'gone'}:{two}"}
    assert choose(Settings(), environ).kubeconfig == f"{one}:{two}"


def test_a_context_is_said(home):
    choice = choose(Settings(context="staging"), {"HOME": str(home)})
    assert choice.context == "staging"
    assert choice.why.startswith("context staging of ")


def test_in_cluster_only_when_asked(tmp_path):
    pod = {"HOME": str(tmp_path), "KUBERNETES_SERVICE_HOST": "192.0.2.1"}
    assert choose(Settings(), pod).kind == "embedded"
    assert choose(Settings(in_cluster=True), pod).kind == "in-cluster"


@pytest.mark.parametrize(
    ("settings", "environ", "message"),
    [
        (Settings(cluster="prod"), {}, "no cluster named 'prod'"),
        (Settings(context="x"), {"HOME": "/nowhere"}, "there is no kubeconfig"),
        (Settings(kubeconfig="/nowhere/kc"), {}, "kubeconfig /nowhere/kc does not exist"),
        (Settings(), {"KUBECONFIG": "/nowhere/kc"}, "kubeconfig /nowhere/kc does not exist"),
        (Settings(kubeconfig=str(Path("/"))), {}, "kubeconfig / does not exist"),
    ],
)
def test_what_is_named_must_exist(settings, environ, message):
    with pytest.raises(UsageError, match=message):
        choose(settings, environ)
