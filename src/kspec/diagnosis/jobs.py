"""Rules about batch Jobs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from kspec.results import Cause, Severity
from kspec.vocabulary import Graph, Rule


def failed(graph: Graph) -> Iterable[Cause]:
    """A Job whose Failed condition is True never runs again.

    https://kubernetes.io/docs/concepts/workloads/controllers/job/#terminal-job-conditions
    """
    status = graph.root.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition.get("type") == "Failed" and condition.get("status") == "True":
            reason = str(condition.get("reason") or "Failed")
            message = f"failed for good: {reason}: {condition.get('message') or 'no message'}"
            pods = f"{status.get('failed', 0)} pods failed"
            yield Cause(reason, message, Severity.TERMINAL, evidence=(pods,))


FAILED: Final = Rule(
    name="job-failed",
    doc="A Job that failed does not recover.",
    kinds=("batch/Job",),
    inspect=failed,
)
