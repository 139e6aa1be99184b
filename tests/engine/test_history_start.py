"""History begins with the attempt: what was opened for it before its first step misses nothing."""

from __future__ import annotations

from kspec.testing import ScriptedServer, run_spec

TEXT = """
apiVersion: kspec.dev/v1
kind: Spec
metadata: {name: history}
spec:
  timeouts: {step: 5s}
  steps:
    - apply: {manifest: {apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: one}}}
    - assert: {resource: configmap/c, match: {data: {a: two}}, ever: true}
"""


def test_what_never_was_fails_and_is_not_inconclusive(tmp_path):
    server = ScriptedServer()
    server.latency = 0.2
    events = run_spec(TEXT, server, folder=tmp_path)
    assert str(events.case.status) == "failed", events.case.failures
    assert "unobserved" not in events.failure.message
