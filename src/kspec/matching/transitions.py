"""`transitions`: the values that a path took, in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from kspec.expressions.jsonpath import Path
from kspec.matching.checks import Verdict
from kspec.matching.freshness import fresh
from kspec.matching.progress import Passed, Progress
from kspec.matching.values import json_equal, shown
from kspec.snapshots import Gap, Object, Snapshot, uid_of
from kspec.vocabulary import key


@dataclass(frozen=True, slots=True)
class Transitions:
    """Which values, and where."""

    jsonpath: Path = key("The path whose values are followed.")
    values: tuple[Any, ...] = key("Values that it takes, in this order; others may come between.")
    exact: bool = key("No other values may come before, between or after.", default=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Following(Progress):
    """The values of a path in the latest uid, as far as they were observed."""

    wanted: Transitions
    uid: str | None = None
    values: tuple[Any, ...] = ()
    previous: Gap | None = None
    """A gap just before the next snapshot."""
    blurred: bool = False
    """Whether values of this uid may be missing from `values`."""

    def _matters(self, gap: Gap) -> bool:  # noqa: ARG002 - the base's
        return True

    def _gap(self, gap: Gap) -> Progress:
        return replace(self, unseen=self.unseen or gap, previous=gap, blurred=True)

    def _observe(self, snapshot: Snapshot, verdict: Verdict, at: float) -> Progress:  # noqa: ARG002 - the base's
        if at > self.deadline:
            return self._too_late()
        item = snapshot.objects[-1] if snapshot.objects else None
        if item is None:
            return replace(self, previous=None)
        following = self if uid_of(item) == self.uid else self._of_another(item)
        values = _followed(following.values, self.wanted.jsonpath, item)
        following = replace(following, values=values, previous=None)
        return following._decide(Passed(snapshot)) if following._satisfied else following  # noqa: SLF001 - the same class

    def _of_another(self, item: Object) -> Following:
        """Begin anew: its first values may hide in a gap that ends where it is first seen."""
        return replace(self, uid=uid_of(item), values=(), blurred=self.previous is not None)

    @property
    def _satisfied(self) -> bool:
        if not self.wanted.exact:
            return _contains(self.values, self.wanted.values)
        same = len(self.values) == len(self.wanted.values)
        return same and not self.blurred and all(map(_is, self.values, self.wanted.values))

    def _too_late(self) -> Progress:
        saw = ", ".join(_written(value) for value in self.values) or "no value"
        wanted = ", ".join(map(shown, self.wanted.values))
        how = "exactly" if self.wanted.exact else "in this order"
        return self._fail(f"{self.wanted.jsonpath.shown} went through {saw}; not {how} {wanted}")


def _followed(values: tuple[Any, ...], path: Path, item: Object) -> tuple[Any, ...]:
    """The values, with the object's present one if it is another than the last."""
    nodes = path.find(fresh(item)[0])
    if not nodes or (values and json_equal(values[-1], nodes)):
        return values
    return (*values, nodes)


def _contains(values: Sequence[Any], wanted: Sequence[Any]) -> bool:
    following = iter(values)
    return all(any(_is(value, one) for value in following) for one in wanted)


def _is(nodes: list[Any], wanted: Any) -> bool:
    """A list may stand for all values of a path, or for the one value that is a list."""
    return json_equal(nodes, wanted) or (len(nodes) == 1 and json_equal(nodes[0], wanted))


def _written(nodes: list[Any]) -> str:
    return shown(nodes[0] if len(nodes) == 1 else nodes)
