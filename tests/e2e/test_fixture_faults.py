"""Fixtures that cannot be had: each says why, and only the specs that need it suffer."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(300)]

OPERATOR = "github.com/kubeflow/mpi-operator"
FIXTURE = """\
apiVersion: kspec.dev/v1
kind: Fixture
metadata: {{name: {name}}}
spec:
  {spec}
---
"""
SPEC = """\
apiVersion: kspec.dev/v1
kind: Spec
metadata: {{name: needs-{name}}}
spec:
  fixtures: [{fixtures}]
  steps: [{{script: "true"}}]
---
"""
READY = 'ports: [web], ready: {http: "http://127.0.0.1:${{ fixture.ports.web }}/"}'
INSTALLED = 'process: {command: ["${{ fixture.install.bin }}"]}'
FAULTS = {
    "version": (
        f"install: {{go: {OPERATOR}/cmd/mpi-operator, module: {OPERATOR}, version: v0.8.99}}"
        f"\n  {INSTALLED}",
        f"{OPERATOR} v0.8.99 cannot be fetched",
        f"{OPERATOR}@v0.8.99: ",
    ),
    "package": (
        f"install: {{go: {OPERATOR}/cmd/nothing, module: {OPERATOR}, version: v0.8.2}}"
        f"\n  {INSTALLED}",
        f"{OPERATOR}/cmd/nothing v0.8.2 cannot be built: exit code 1",
        f"{OPERATOR}/cmd/nothing",
    ),
    "exits": (
        "process: {command: [sh, -c, 'echo starting; echo cannot open the door >&2; exit 3'], "
        f"{READY}}}",
        "its process ended before it was ready: exit code 3",
        "cannot open the door",
    ),
    "never": (
        "timeout: 2s\n  process: {command: [sh, -c, 'echo waiting for it; exec sleep 600'], "
        f"{READY}}}",
        "its process was not ready within 2 s: no answer at http://127.0.0.1:",
        "waiting for it",
    ),
}


@pytest.fixture(scope="module")
def ran(kspec, tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults")
    config = "apiVersion: kspec.dev/v1\nkind: Config\nspec: {parallel: 8}\n"
    (folder / "kspec.yaml").write_text(config)
    fixtures = (FIXTURE.format(name=name, spec=spec) for name, (spec, *_) in FAULTS.items())
    (folder / "fixtures.yaml").write_text("".join(fixtures).removesuffix("---\n"))
    specs = [SPEC.format(name=name, fixtures=name) for name in FAULTS]
    specs.append(SPEC.format(name="nothing", fixtures=""))
    (folder / "specs.yaml").write_text("".join(specs).removesuffix("---\n"))
    return kspec("run", ".", "--cluster", "embedded", cwd=folder)


def test_the_run_fails_in_an_orderly_way(ran):
    assert ran.code == 1, ran.out
    assert "1 passed, 4 could not run" in ran.out
    assert "left behind: nothing" in ran.out
    assert "Traceback" not in ran.out


def test_a_spec_that_needs_none_of_them_passes(ran):
    assert "✓ needs-nothing " in ran.out


@pytest.mark.parametrize("name", FAULTS)
def test_the_fixture_says_why_with_its_last_lines(ran, name):
    _, why, log = FAULTS[name]
    text = ran.block(f"fixture {name}")
    assert text.lstrip().startswith("fixtures.yaml:"), ran.out
    assert why in text
    assert log in text.partition("last lines of the output:")[2]


@pytest.mark.parametrize("name", FAULTS)
def test_the_spec_that_needs_it_says_the_same(ran, name):
    _, why, log = FAULTS[name]
    text = ran.block(f"needs-{name}")
    assert f"fixture {name}: {why}" in text, ran.out
    assert log in text.partition("last lines of the output:")[2]
