"""Scripts find `kubectl` and `helm` on the embedded cluster, also on machines that have none."""

from __future__ import annotations

import sys
from pathlib import Path

SPEC = """
apiVersion: kspec.dev/v1
kind: Spec
metadata: {name: tools}
spec:
  steps:
    - script: kubectl get namespace "$NAMESPACE" -o name
      expect: {stdout: {startsWith: namespace/kspec-tools-}}
    - script: helm version --short
      expect: {stdout: {startsWith: v4.}}
"""


def test_kubectl_and_helm_of_the_control_planes_program(kspec, tmp_path, monkeypatch):
    (tmp_path / "tools.yaml").write_text(SPEC)
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    ran = kspec("run", "tools.yaml", "--cluster", "embedded", cwd=tmp_path)
    assert ran.code == 0, ran.out
