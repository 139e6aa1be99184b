"""What `wait for:` words mean, by kind. A goal is a check like any other.

Ready, complete and failed follow the kinds' own controllers; for kinds without an entry here,
ready is kstatus' reading: a Ready condition, else an observed generation that is current.
https://github.com/kubernetes-sigs/cli-utils/blob/master/pkg/kstatus/README.md
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from kspec.matching.checks import Verdict
from kspec.matching.freshness import fresh
from kspec.results import Mismatch
from kspec.snapshots import Object, Snapshot, title

CREATE: Final = "create"
GONE: Final = "delete"
READY: Final = "ready"
ROLLOUT: Final = "rollout"
COMPLETE: Final = "complete"
FAILED: Final = "failed"
CONDITION: Final = "condition"
WORDS: Final = (CREATE, GONE, READY, ROLLOUT, COMPLETE, FAILED, f"{CONDITION}=NAME[=VALUE]")

Reading = Callable[[Object], str | None]
"""None when it is so, else what is missing."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A check that all objects of a snapshot, and at least one, have come to a state."""

    word: str
    condition: str = ""
    value: str = "True"
    single: bool = False

    @property
    def failure(self) -> bool:
        """Whether a failed object is what is waited for."""
        return self.word in {GONE, FAILED} or self.condition in FAILURES

    def evaluate(self, snapshot: Snapshot) -> Verdict:
        """Holds when every object is there."""
        if self.word == GONE:
            return _gone(snapshot)
        if not snapshot.objects:
            absent = Mismatch("no such object yet", expected=self._expected(), actual="absent")
            return Verdict("pending", (absent,), summary="absent")
        missing = [
            (item, lack) for item in snapshot.objects if (lack := self.lack(item)) is not None
        ]
        if not missing:
            return Verdict("holds", (), snapshot.objects, summary=self._expected())
        mismatches = tuple(
            Mismatch(lack, expected=self._expected(), actual=lack, subject=title(item))
            for item, lack in missing
        )
        return Verdict("pending", mismatches, snapshot.objects, summary=_summary(missing))

    def lack(self, item: Object) -> str | None:
        """What one object lacks, or None."""
        if self.word == CREATE:
            return None
        current, stale = fresh(item)
        if self.word == CONDITION:
            return stale or _condition(current, self.condition, self.value)
        if item.get("metadata", {}).get("deletionTimestamp") and self.word != FAILED:
            return "is terminating"
        table = TABLES[self.word]
        reading = table.get(str(item.get("kind")), table["*"])
        return stale or reading(current)

    def _expected(self) -> str:
        return f"{self.condition}={self.value}" if self.word == CONDITION else self.word


def _summary(missing: list[tuple[Object, str]]) -> str:
    if len(missing) == 1:
        return missing[0][1]
    return "; ".join(f"{item['metadata']['name']}: {lack}" for item, lack in missing[:4])


def _gone(snapshot: Snapshot) -> Verdict:
    if not snapshot.objects:
        return Verdict("holds", summary="gone")
    names = ", ".join(title(item) for item in snapshot.objects)
    held = [
        f"{title(item)} has finalizers {', '.join(item['metadata']['finalizers'])}"
        for item in snapshot.objects
        if item["metadata"].get("finalizers")
    ]
    mismatch = Mismatch(
        "still there" + (f": {'; '.join(held)}" if held else ""), expected="gone", actual=names
    )
    return Verdict("pending", (mismatch,), snapshot.objects, summary=f"{names} still there")


def _status(item: Object) -> Mapping[str, Any]:
    return item.get("status") or {}


def _condition(item: Object, name: str, value: str = "True") -> str | None:
    conditions = _status(item).get("conditions") or ()
    for condition in conditions:
        if str(condition.get("type")).lower() == name.lower():
            if str(condition.get("status")).lower() == value.lower():
                return None
            reason = f" ({condition['reason']})" if condition.get("reason") else ""
            return f"{name}={condition.get('status')}{reason}"
    known = ", ".join(str(condition.get("type")) for condition in conditions)
    return f"no condition {name}" + (f"; there are {known}" if known else "; there are none")


def _pod_ready(item: Object) -> str | None:
    phase = _status(item).get("phase")
    return _condition(item, "Ready") if phase == "Running" else f"phase {phase}"


def _workload_ready(item: Object) -> str | None:
    wanted = (item.get("spec") or {}).get("replicas", 1)
    status = _status(item)
    for name in ("updatedReplicas", "readyReplicas", "availableReplicas"):
        have = status.get(name, 0)
        if have < wanted:
            return f"{name} {have} of {wanted}"
    surplus = status.get("replicas", wanted) - wanted
    return f"{surplus} old replicas remain" if surplus > 0 else None


def _daemonset_ready(item: Object) -> str | None:
    status = _status(item)
    wanted = status.get("desiredNumberScheduled")
    if wanted is None:
        return "no desiredNumberScheduled yet"
    for name in ("updatedNumberScheduled", "numberAvailable"):
        if status.get(name, 0) < wanted:
            return f"{name} {status.get(name, 0)} of {wanted}"
    return None


def _phase(wanted: str) -> Reading:
    def reading(item: Object) -> str | None:
        phase = _status(item).get("phase")
        return None if phase == wanted else f"phase {phase}"

    return reading


def _has(condition: str) -> Reading:
    def reading(item: Object) -> str | None:
        return _condition(item, condition)

    return reading


def _first_of(*conditions: str) -> Reading:
    def reading(item: Object) -> str | None:
        lacks = [_condition(item, name) for name in conditions]
        return None if None in lacks else lacks[0]

    return reading


def _kstatus(item: Object) -> str | None:
    conditions = _status(item).get("conditions") or ()
    names = {str(condition.get("type")) for condition in conditions}
    for name in ("Ready", "Available", "Running"):
        if name in names:
            return _condition(item, name)
    observed = _status(item).get("observedGeneration")
    return None if conditions == () or observed is not None else "no Ready condition"


WORKLOADS: Final[Mapping[str, Reading]] = {
    "Deployment": _workload_ready,
    "StatefulSet": _workload_ready,
    "DaemonSet": _daemonset_ready,
}
TABLES: Final[Mapping[str, Mapping[str, Reading]]] = {
    READY: {
        **WORKLOADS,
        "Pod": _pod_ready,
        "Job": _first_of("Complete", "SuccessCriteriaMet"),
        "Namespace": _phase("Active"),
        "PersistentVolumeClaim": _phase("Bound"),
        "CustomResourceDefinition": _has("Established"),
        "*": _kstatus,
    },
    ROLLOUT: {**WORKLOADS, "*": _kstatus},
    COMPLETE: {"Pod": _phase("Succeeded"), "*": _first_of("Complete", "Succeeded")},
    FAILED: {"Pod": _phase("Failed"), "*": _has("Failed")},
}
FAILURES: Final = frozenset({"Failed", "FailureTarget", "ReplicaFailure"})
