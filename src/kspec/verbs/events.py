"""`events`: Kubernetes events about an object, in both dialects.

The old recorder writes `source.component`, `count` and `lastTimestamp`; the new one
(events.k8s.io) `reportingComponent`, `series` and `eventTime`. Both are read through core/v1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from kspec.api import Context, Needs, StreamNeed, Subject, Verb, key
from kspec.errors import KspecError
from kspec.marks import Node
from kspec.matching.checks import Matcher, Verdict
from kspec.matching.timing import Timing
from kspec.results import Mismatch
from kspec.snapshots import Object, Selection, Snapshot, uid_of
from kspec.verbs.targets import Reference, Target, needs_of
from kspec.vocabulary import Reader, Results


@dataclass(frozen=True, slots=True)
class Events:
    """Which events, about what, and how many."""

    resource: Reference | None = key(
        "the object that they are about, bound to its uid", default=None
    )
    reason: Matcher | None = key("the event's reason", default=None)
    type: Matcher | None = key("`Normal` or `Warning`", default=None)
    message: Matcher | None = key("the event's message", default=None)
    component: Matcher | None = key("who reports it", default=None)
    count: Matcher | None = key("occurrences in all; default: at least one", default=None)
    namespace: str | None = key("default: the spec's own", default=None)


@dataclass(frozen=True, slots=True)
class Reported:
    """Holds when enough events match."""

    model: Events
    uid: str | None

    def evaluate(self, snapshot: Snapshot) -> Verdict:
        """See Check."""
        about = [item for item in snapshot.objects if self._about(item)]
        found = tuple(item for item in about if not self._lacks(item))
        total = sum(occurrences(item) for item in found)
        enough = self._enough(total)
        summary = "; ".join(line(item) for item in about[-3:]) or "no events"
        if enough is None:
            return Verdict("holds", (), found, summary=summary)
        mismatch = Mismatch(
            enough, expected=self._wanted(), actual=[line(item) for item in about] or "no events"
        )
        return Verdict("pending", (mismatch,), found, summary=summary)

    def _about(self, item: Object) -> bool:
        return self.uid is None or (item.get("involvedObject") or {}).get("uid") == self.uid

    def _lacks(self, item: Object) -> bool:
        pairs = (
            (self.model.reason, item.get("reason")),
            (self.model.type, item.get("type")),
            (self.model.message, item.get("message")),
            (self.model.component, component(item)),
        )
        return any(matcher and matcher.mismatch(actual) is not None for matcher, actual in pairs)

    def _enough(self, total: int) -> str | None:
        if self.model.count is None:
            return None if total else "no such event"
        wrong = self.model.count.mismatch(total)
        return None if wrong is None else f"{total} such events: {wrong}"

    def _wanted(self) -> dict[str, Any]:
        words = ("reason", "type", "message", "component", "count")
        wanted = {word: getattr(self.model, word) for word in words}
        return {word: matcher.written for word, matcher in wanted.items() if matcher}


def component(item: Object) -> str:
    """Who reported it, in either dialect."""
    source = item.get("source") or {}
    return str(item.get("reportingComponent") or source.get("component") or "")


def occurrences(item: Object) -> int:
    """How often it happened, in either dialect."""
    series = item.get("series") or {}
    return int(item.get("count") or series.get("count") or 1)


def line(item: Object) -> str:
    """An event on one line."""
    return f"{item.get('type')} {item.get('reason')}: {item.get('message')}"


async def run(model: Events, context: Context) -> Results:
    """Wait until enough events match."""
    uid, namespace, title = await _about(model, context)
    resource = await context.connection.client.resolve("events", "v1")
    subject = Subject(resource, Selection(namespace=namespace), f"events of {title}")
    conclusion = await context.watching.conclude(subject, Reported(model, uid), Timing())
    check = Reported(model, uid).evaluate(Snapshot(conclusion.objects, 0, 0.0))
    return {"events": list(check.objects)}


async def _about(model: Events, context: Context) -> tuple[str | None, str | None, str]:
    if model.resource is None:
        return None, model.namespace or context.namespace, "the namespace"
    target = Target(resource=model.resource, namespace=model.namespace)
    subject = await target.subject(context)
    present = await context.watching.present(subject)
    if not present:
        raise KspecError(
            f"{subject.title} does not exist, so there are no events about it",
            mark=context.step.mark,
        )
    return uid_of(present[0]), subject.namespace or "default", subject.title


def check(body: Node, reader: Reader) -> None:
    """Something must be asked for."""
    if not set(body.map) & {"reason", "type", "message", "component", "count"}:
        reader.problem(body.mark, "nothing is asked of the events", "add `reason: ...`")


def needs(body: Node) -> Needs:
    """The events, and the kind of the object that they are about."""
    return Needs(streams=(StreamNeed("events", "v1"),)) | needs_of(body)


VERB: Final = Verb(
    name="events",
    doc="Wait until events about an object are there.",
    model=Events,
    run=run,
    results={"events": "the events that match"},
    needs=needs,
    check=check,
    retried=True,
)
