"""Specs, fixtures and configurations as declared."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kspec.errors import ExpressionError, LoadError
from kspec.language.declarations import ProcessDecl, cases
from kspec.language.discover import load_project
from kspec.language.matrix import expand
from kspec.language.scope import Scope
from kspec.settings import Settings, Timeouts

HEAD = "apiVersion: kspec.dev/v1\nkind: {kind}\nmetadata: {{name: one}}\nspec:\n"


@pytest.fixture
def load(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)

    def load(body, kind="Spec", more=""):
        (tmp_path / "one.yaml").write_text(HEAD.format(kind=kind) + body + more)
        return load_project([Path("one.yaml")], tmp_path, words)

    return load


def spec_of(project):
    (spec,) = project.specs
    return spec


STEP = "  steps: [{send: {manifest: {a: b}}}]\n"


def test_all_of_a_spec(load):
    spec = spec_of(
        load(
            "  description: what it shows\n  covers: [TC-1]\n  serial: true\n  locks: [gpu]\n"
            "  requires: {apis: [x/v1/Y], kubernetes: '>=1.29', capabilities: [gpu]}\n"
            "  namespace: {labels: {team: a}}\n  timeouts: {step: 5s, spec: 1m}\n"
            "  vars: {w: 4}\n"
            "  steps:\n    - name: step one\n      id: s1\n      timeout: 7s\n"
            "      if: vars.w > `1`\n"
            "      continueOnError: true\n      failFast: false\n      expect: {object: {a: 1}}\n"
            "      outputs: {z: object.x}\n      send: {manifest: {a: '${{ vars.w }}'}}\n"
            "  onFailure: [{look: {resource: a/b}}]\n  finally: [{shell: 'true'}]\n"
        )
    )
    assert spec.description == "what it shows"
    assert (spec.covers, spec.serial, spec.locks) == (("TC-1",), True, ("gpu",))
    assert spec.requires.kubernetes == ">=1.29"
    assert spec.namespace.labels == {"team": "a"}
    assert spec.timeouts_over(Timeouts()) == Timeouts(step=5.0, spec=60.0, cleanup=60.0)
    (step,) = spec.steps
    assert step.verb == "send"
    assert step.options.name == "step one"
    assert step.id == "s1"
    assert step.options.timeout == 7.0
    assert step.options.continue_on_error
    assert not step.options.fail_fast
    assert step.options.if_.value == "vars.w > `1`"
    assert step.options.expect.data() == {"object": {"a": 1}}
    assert {name: node.value for name, node in step.options.outputs.items()} == {"z": "object.x"}
    assert (step.mark.line, step.verb_mark.line) == (14, 22)
    assert spec.on_failure[0].verb == "look"
    assert spec.finally_[0].verb == "shell"


def test_defaults(load):
    spec = spec_of(load(STEP))
    assert spec.labels == {}
    assert spec.namespace.name is None
    assert spec.timeouts_over(Timeouts(step=3)) == Timeouts(step=3)
    assert spec.vars is None
    (case,) = cases(spec)
    assert case.id.name == "one"
    assert case.matrix == {}


def test_options_with_expressions_are_resolved_when_the_step_starts(load):
    text = (
        "  vars: {t: 9s, w: x}\n"
        "  steps: [{name: 'is ${{ vars.w }}', timeout: '${{ vars.t }}', shell: x}]\n"
    )
    (step,) = spec_of(load(text)).steps
    assert step.options.name == "is ${{ vars.w }}"
    resolved = step.resolved(Scope({"vars": {"t": "9s", "w": "here"}}))
    assert (resolved.options.name, resolved.options.timeout) == ("is here", 9.0)
    assert resolved.resolved(Scope()) is resolved
    with pytest.raises(LoadError, match="no duration"):
        step.resolved(Scope({"vars": {"t": "soon", "w": "x"}}))
    with pytest.raises(ExpressionError, match="null"):
        step.resolved(Scope({"vars": {}}))


def test_a_namespace_with_expressions(load):
    namespace = spec_of(load("  namespace: {name: 'ns-${{ run.id }}'}\n" + STEP)).namespace
    assert namespace.resolved(Scope({"run": {"id": "a1"}})).name == "ns-a1"
    with pytest.raises(LoadError, match="lower case"):
        namespace.resolved(Scope({"run": {"id": "A_1"}}))


def test_a_matrix_makes_cases(load):
    text = "  matrix: {os: [a, b], v: [1, 2], exclude: [{os: a, v: 1}], include: [{os: c, v: 3}]}\n"
    spec = spec_of(load(text + STEP))
    assert [case.id.name for case in cases(spec)] == [
        "one[os=a,v=2]",
        "one[os=b,v=1]",
        "one[os=b,v=2]",
        "one[os=c,v=3]",
    ]


def test_the_matrix_of_the_manual_of_github_actions():
    axes = {"fruit": ["apple", "pear"], "animal": ["cat", "dog"]}
    include = [
        {"color": "green"},
        {"color": "pink", "animal": "cat"},
        {"fruit": "apple", "shape": "circle"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    ]
    assert expand(axes, [], include) == [
        {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
        {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "pear", "animal": "dog", "color": "green"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    ]


VALUES = st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True)
AXES = st.dictionaries(st.sampled_from("xyz"), VALUES, max_size=3)
ENTRY = st.dictionaries(st.sampled_from("xyzw"), st.integers(0, 3), min_size=1, max_size=3)


@given(AXES, st.lists(ENTRY, max_size=2), st.lists(ENTRY, max_size=3))
@settings(max_examples=200, deadline=None)
def test_excluded_combinations_are_gone_and_includes_are_there(axes, exclude, include):
    found = expand(axes, exclude, include)
    product = 1
    for values in axes.values():
        product *= len(values)
    kept = found[: len(expand(axes, exclude, []))]
    assert len(kept) <= (product if axes else 0)
    for one in kept:
        original = {name: one[name] for name in axes}
        assert all(one[name] in values for name, values in axes.items())
        assert not any(entry.items() <= original.items() for entry in exclude)
    for entry in include:
        assert any(entry.keys() <= one.keys() for one in found)


def test_unused_values_are_doubtful(load):
    project = load(
        "  vars: {used: 1, idle: 2}\n  steps: [{send: {manifest: {a: '${{ vars.used }}'}}}]\n"
    )
    assert [one.message for one in project.warnings] == ["vars.idle is not used"]


def test_a_fixture(load):
    project = load(
        "  fixtures: []\n  provides: {apis: [g/v1/K]}\n"
        "  install: {go: example.test/m/cmd/x, module: example.test/m, version: v1.2.3}\n"
        "  setup: [{send: {file: '${{ fixture.install.dir }}/x.yaml', raw: true}}]\n"
        "  process:\n"
        "    command: ['${{ fixture.install.bin }}', '-p', '${{ fixture.ports.web }}']\n"
        "    env: {WEB: '${{ fixture.ports.web }}'}\n"
        "    ports: [web]\n    fixedPorts: [8080]\n"
        "    ready: {http: 'http://127.0.0.1:${{ fixture.ports.web }}/'}\n"
        "  teardown: [{shell: 'true'}]\n  timeout: 5s\n",
        kind="Fixture",
    )
    fixture = project.fixtures["one"]
    assert fixture.provides.apis == ("g/v1/K",)
    assert (fixture.install.module, fixture.install.version) == ("example.test/m", "v1.2.3")
    assert (fixture.process.ports, fixture.process.fixed_ports) == (("web",), (8080,))
    assert fixture.timeout == 5.0
    own = {"install": {"bin": "/b/x", "dir": "/b"}, "ports": {"web": 4242}}
    process = ProcessDecl.concrete(fixture, Scope({"fixture": own}), None)
    assert process.command == ("/b/x", "-p", "4242")
    assert process.env == {"WEB": "4242"}
    assert process.ready.http == "http://127.0.0.1:4242/"
    assert process.working_dir == "."


@pytest.mark.parametrize(
    ("install", "message"),
    [
        ("{module: a.test/m, version: latest}", "not exact"),
        ("{module: a.test/m}", "exact 'version'"),
        ("{go: a.test/m/x}", "needs a Go module or Python packages"),
        ("{pip: [x]}", "exact version"),
        ("{pip: ['x>=1']}", "exact version"),
        ("{module: a.test/m, version: v1.0.0, pip: [x==1]}", "needs a Go module or"),
    ],
)
def test_installs_are_pinned(load, install, message):
    with pytest.raises(LoadError, match=message):
        load(f"  install: {install}\n", kind="Fixture")
    load("  install: {pip: ['x[a]==1.2.3']}\n", kind="Fixture")


def test_a_configuration_under_the_command_line(load, tmp_path):
    (tmp_path / "kspec.yaml").write_text(
        "apiVersion: kspec.dev/v1\nkind: Config\nspec:\n"
        "  cluster: big\n  parallel: 3\n  env: [TAG]\n  timeouts: {step: 2s}\n"
        "  reports: {junit: out/junit.xml}\n  clusters:\n"
        "    big: {embedded: {nodes: 3, node: {capacity: {gpu: 8}}}}\n"
        "    hub: {context: kind-hub}\n    main: {}\n"
    )
    config = load(STEP).config
    settings = config.over(Settings(root=tmp_path, parallel=0))
    assert (settings.parallel, settings.env, settings.timeouts.step) == (3, ("TAG",), 2.0)
    assert settings.junit == tmp_path / "out" / "junit.xml"
    assert settings.cluster == "embedded"
    assert (settings.embedded.nodes, settings.embedded.capacity) == (3, {"gpu": "8"})
    hub = config.over(Settings(root=tmp_path, cluster="hub", parallel=5, junit=Path("x")))
    assert (hub.cluster, hub.context, hub.parallel, hub.junit) == (None, "kind-hub", 5, Path("x"))
    assert config.over(Settings(root=tmp_path, cluster="main")).cluster is None
    named = config.over(Settings(root=tmp_path, context="mine"))
    assert (named.cluster, named.context) == (None, "mine")
    assert config.over(Settings(root=tmp_path, cluster="zzz")).cluster == "zzz"


def test_expect_is_checked_by_who_judges_it(tmp_path, monkeypatch, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "one.yaml").write_text(
        HEAD.format(kind="Spec") + "  steps: [{shell: x, expect: {exitCode: 1}}]\n"
    )
    seen = []

    def check(expect, verb, reader):
        seen.append((expect.data(), verb.name))
        reader.problem(expect.mark, "no such result")

    with pytest.raises(LoadError, match="no such result"):
        load_project([Path("one.yaml")], tmp_path, words, check_expect=check)
    assert seen == [({"exitCode": 1}, "shell")]
