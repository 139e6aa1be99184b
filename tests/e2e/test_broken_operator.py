"""An operator whose output is broken on its way in: the hostfile spec must fail and say where."""

from __future__ import annotations

import re

import pytest

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(300)]

LINES = 'object.data.hostfile.split("\\n")'
BREAKS = {
    "one slot wrong": (
        f'{LINES}.map(l, l.startsWith("pi-worker-2.") ? l.replace("slots=2", "slots=3") : l)',
        ("- [2]:", "slots=2", "+ [2]:", "slots=3"),
    ),
    "one worker missing": (
        f'{LINES}.filter(l, !l.startsWith("pi-worker-3."))',
        ("- [3]:", "pi-worker-3.pi."),
    ),
}
# The API server begins to use a new policy a second or so later: the script asks until it does.
BROKEN = """\
apiVersion: kspec.dev/v1
kind: Fixture
metadata: {name: broken-operator}
spec:
  fixtures: [mpi-operator]
  setup:
    - apply:
        manifest:
          apiVersion: admissionregistration.k8s.io/v1
          kind: MutatingAdmissionPolicy
          metadata: {name: broken}
          spec:
            failurePolicy: Fail
            reinvocationPolicy: Never
            matchConstraints:
              resourceRules:
                - apiGroups: [""]
                  apiVersions: [v1]
                  operations: [CREATE, UPDATE]
                  resources: [configmaps]
            matchConditions:
              - {name: hostfile, expression: "object.metadata.name == 'pi-config'"}
            mutations:
              - patchType: JSONPatch
                jsonPatch:
                  expression: >-
                    [JSONPatch{op: "replace", path: "/data/hostfile", value: LINES.join("\\n")},
                    JSONPatch{op: "add", path: "/data/broken", value: "yes"}]
    - apply:
        manifest:
          apiVersion: admissionregistration.k8s.io/v1
          kind: MutatingAdmissionPolicyBinding
          metadata: {name: broken}
          spec: {policyName: broken}
    - script: |
        until kubectl create configmap pi-config --from-literal=hostfile=x --dry-run=server \\
          -o yaml | grep -q broken; do :; done
"""


@pytest.mark.parametrize("name", BREAKS)
def test_the_hostfile_spec_fails_and_names_the_line(kspec, mpi_project, name):
    lines, expected = BREAKS[name]
    spec = mpi_project / "hostfile.yaml"
    text = spec.read_text()
    assert "fixtures: [mpi-operator]" in text
    spec.write_text(text.replace("fixtures: [mpi-operator]", "fixtures: [broken-operator]"))
    (mpi_project / "broken.yaml").write_text(BROKEN.replace("LINES", lines))

    ran = kspec("run", "hostfile.yaml", "--cluster", "embedded", cwd=mpi_project)

    assert ran.code == 1, ran.out
    assert "Traceback" not in ran.out
    failed = ran.block("mpijob-hostfile[implementation=OpenMPI,slots= slots=2]")
    assert re.search(r"hostfile\.yaml:\d+:\d+: configmap/pi-config", failed), ran.out
    difference = failed.partition("difference")[2].partition("while waiting")[0]
    assert all(part in difference for part in expected), failed
    assert len(re.findall(r"^ +[-+] \[", difference, re.MULTILINE)) <= 2, failed
