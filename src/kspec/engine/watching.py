"""A case's view of the cluster: which streams it reads, from where, and what it has written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from kspec import clock
from kspec.api.context import Conclusion, Subject
from kspec.clock import Deadline
from kspec.engine.sources import ListedSource, LiveSource, descendants
from kspec.engine.waiting import Inspect, Wait
from kspec.errors import ClusterError
from kspec.matching.checks import Check, Verdict
from kspec.matching.timing import Timing
from kspec.results import Cause, Mismatch
from kspec.snapshots import Object, Resource, Revision, Snapshot, title
from kspec.vocabulary import Graph, Rule, StreamNeed

if TYPE_CHECKING:
    from kspec.cluster.connection import Connection
    from kspec.cluster.stream import Stream


@dataclass(slots=True)
class Observed:
    """A stream that a case reads: where its history begins, and up to which act it is current."""

    stream: Stream
    start: int
    current_to: int = 0


@dataclass(slots=True)
class CaseStreams:
    """The streams of one attempt at a case, and its writes."""

    connection: Connection
    namespace: str
    began: float
    streams: dict[tuple[Resource, str | None], Observed] = field(default_factory=dict)
    written: dict[Resource, list[Revision]] = field(default_factory=dict)
    acts: int = 0
    """How often something ran that may have changed anything."""
    step_starts: dict[str, dict[tuple[Resource, str | None], int]] = field(default_factory=dict)
    step_times: dict[str, float] = field(default_factory=dict)

    async def open_early(self, needs: Iterable[StreamNeed]) -> None:
        """Open what the steps are known to read, so that its history begins now."""
        await asyncio.gather(*(self._try(need) for need in needs))

    async def _try(self, need: StreamNeed) -> None:
        try:
            resource = await self.connection.client.resolve(need.reference, need.api_version)
            await self.observe(resource, need.namespace or self.namespace)
        except ClusterError:
            return  # the kind may arrive later; the step that needs it will tell

    async def observe(self, resource: Resource, namespace: str | None) -> Observed:
        """The stream for a kind in a scope, listed."""
        scope = namespace if resource.namespaced else None
        observed = self.streams.get((resource, scope))
        if observed is None:
            stream = self.connection.hub.stream(resource, scope)
            observed = Observed(stream, stream.position)
            self.streams[(resource, scope)] = observed
        await observed.stream.listed()
        return observed

    def wrote(self, revision: Revision) -> None:
        """Later waits on this kind count only what comes after."""
        self.written.setdefault(revision.resource, []).append(revision)

    def mark_step(self, step: str) -> None:
        """Remember where every stream is as a step starts, for `since`."""
        positions = {key: observed.stream.position for key, observed in self.streams.items()}
        self.step_starts[step] = positions
        self.step_times[step] = clock.now()

    async def current(self, resource: Resource, namespace: str | None) -> Observed:
        """The stream, once it has reached this spec's writes and acts."""
        observed = await self.observe(resource, namespace)
        for revision in self.written.pop(resource, ()):
            await observed.stream.reached(revision)
        if observed.current_to < self.acts:
            acts = self.acts
            await observed.stream.confirm()
            observed.current_to = acts
        return observed

    def start_of(self, resource: Resource, namespace: str | None, since: str | None) -> int:
        """The position where history begins for a wait."""
        key = (resource, namespace if resource.namespaced else None)
        begin = self.streams[key].start
        return self.step_starts.get(since, {}).get(key, begin) if since else begin

    def close(self) -> None:
        """Give the streams back to the hub."""
        for observed in self.streams.values():
            observed.stream.close()
        self.streams.clear()


@dataclass(frozen=True, slots=True)
class StepWatching:
    """`api.Watching` for one step."""

    streams: CaseStreams
    deadline: Deadline
    rules: Mapping[str, Rule]
    saw: Callable[[Object], None]

    async def conclude(
        self, subject: Subject, check: Check, timing: Timing, *, fail_fast: float | None = None
    ) -> Conclusion:
        """See api.Watching."""
        observed = await self._current(subject)
        since = None
        began = self.streams.began
        if timing.reads_history:
            since = self.streams.start_of(subject.resource, subject.namespace, timing.since)
            began = self.streams.step_times.get(timing.since or "", began)
        source = LiveSource(observed.stream, subject.selection, since, began)
        wait = Wait(check, timing, self.deadline, subject.title, self._inspector(), fail_fast)
        verdict, snapshot = await wait.run(source)
        return Conclusion(verdict, snapshot.objects)

    async def nothing_created_by(
        self, owner: Object, kinds: Sequence[Resource], timing: Timing, title: str
    ) -> None:
        """See api.Watching."""
        namespace = (owner.get("metadata") or {}).get("namespace")
        client = self.streams.connection.client
        source = ListedSource(lambda: descendants(client, owner, kinds, namespace))
        wait = Wait(NothingThere(title), timing, self.deadline, title, lambda _item: ())
        await wait.run(source)

    async def present(self, subject: Subject) -> tuple[Object, ...]:
        """See api.Watching."""
        observed = await self._current(subject)
        return observed.stream.now(subject.selection).objects

    async def _current(self, subject: Subject) -> Observed:
        try:
            async with asyncio.timeout_at(self.deadline.at):
                return await self.streams.current(subject.resource, subject.namespace)
        except TimeoutError:
            raise await self._never_current(subject) from None

    async def _never_current(self, subject: Subject) -> ClusterError:
        observed = self.streams.connection.hub.stream(subject.resource, subject.namespace)
        trouble = observed.trouble or "the watch did not catch up"
        observed.close()
        return ClusterError(f"{subject.title} could not be judged: {trouble}")

    def _inspector(self) -> Inspect:
        def inspect(item: Object) -> Iterable[Cause]:
            self.saw(item)
            return inspect_object(self.rules.values(), item)

        return inspect


def inspect_object(rules: Iterable[Rule], item: Object) -> Iterable[Cause]:
    """What the rules for its kind say about an object."""
    group = str(item.get("apiVersion", "")).rpartition("/")[0]
    kind = str(item.get("kind", ""))
    name = f"{group}/{kind}" if group else kind
    for rule in rules:
        if name in rule.kinds:
            for cause in rule.inspect(Graph(item)):
                yield replace(cause, subject=cause.subject or title(item))


@dataclass(frozen=True, slots=True)
class NothingThere:
    """A check that holds while there is no object at all."""

    subject: str

    def evaluate(self, snapshot: Snapshot) -> Verdict:
        """Holds over zero objects; names those that are there."""
        names = [title(item) for item in snapshot.objects]
        if not names:
            return Verdict("holds", summary="nothing")
        found = ", ".join(names)
        mismatch = Mismatch(
            "something was created", expected="nothing", actual=names, subject=self.subject
        )
        return Verdict("pending", (mismatch,), snapshot.objects, summary=f"there is {found}")
