"""Whatever happens to the store and to the connection, the stream tells the truth."""

from __future__ import annotations

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from kspec import clock
from kspec.cluster.client import Client
from kspec.cluster.hub import Hub
from kspec.snapshots import Gap, Selection, Snapshot, revision_of, uid_of
from kspec.testing import ScriptedServer, run

ALL = Selection()
NAMES = ("a", "b", "c")

changes = st.one_of(
    st.tuples(st.just("put"), st.sampled_from(NAMES), st.integers(0, 3)),
    st.tuples(st.just("remove"), st.sampled_from(NAMES)),
    st.tuples(st.just("replace"), st.sampled_from(NAMES), st.integers(0, 3)),
)
faults = st.one_of(
    st.tuples(st.just("pause"), st.sampled_from((0.0, 0.05, 1.0, 20.0, 400.0))),
    st.tuples(st.just("disconnect"), st.sampled_from(("eof", "reset", "cut"))),
    st.tuples(st.just("silence")),
    st.tuples(st.just("error"), st.sampled_from((410, 429, 500))),
    st.tuples(st.just("answer"), st.sampled_from((410, 429, 500, 503)), st.booleans()),
    st.tuples(st.just("expire")),
    st.tuples(st.just("down"), st.sampled_from((0.5, 30.0))),
    st.tuples(st.just("other")),
    st.tuples(st.just("stale"), st.integers(1, 5)),
)
histories = st.lists(st.one_of(changes, changes, faults), max_size=30)


def config_map(name: str, value: int) -> dict:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "n"},
        "data": {"value": str(value)},
    }


class Truth:
    """A store and every state that it had."""

    def __init__(self) -> None:
        self.server = ScriptedServer()
        self.states = [self.state()]

    def state(self) -> tuple:
        return tuple(identity(item) for item in self.server.objects("configmaps"))

    def note(self) -> None:
        if self.state() != self.states[-1]:
            self.states.append(self.state())

    def put(self, name: str, value: int) -> None:
        self.server.put(config_map(name, value))
        self.note()

    def remove(self, name: str) -> None:
        if any(item["metadata"]["name"] == name for item in self.server.objects("configmaps")):
            self.server.remove("configmaps", name, "n")
            self.note()

    async def play(self, op: tuple) -> None:
        server = self.server
        match op:
            case "put", name, value:
                self.put(name, value)
            case "remove", name:
                self.remove(name)
            case "replace", name, value:
                self.remove(name)
                self.put(name, value)
            case "pause", seconds:
                await clock.pause(seconds)
            case "down", seconds:
                server.down = "connection refused"
                server.disconnect("reset")
                await clock.pause(seconds)
                server.down = ""
            case _:
                self.fail(op)

    def fail(self, op: tuple) -> None:
        server = self.server
        match op:
            case "disconnect", how:
                server.disconnect(how)
            case ("silence",):
                server.silence()
            case "error", code:
                server.error_event(code)
            case "answer", code, watch:
                server.answer(code, path="configmaps", watch=watch, retry_after=3)
            case ("expire",):
                server.expire()
            case ("other",):
                server.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "x"}})
            case "stale", by:
                server.stale_list(min(by, server.revision - 100))


def identity(item) -> tuple:
    return item["metadata"]["name"], uid_of(item), revision_of(item)


def of(snapshot: Snapshot) -> tuple:
    return tuple(identity(item) for item in snapshot.objects)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories, histories)
def test_the_stream_tells_the_truth(before, after):
    async def main():
        truth = Truth()
        for op in before:
            if op[0] in {"put", "remove", "replace"}:
                await truth.play(op)
        hub = Hub(Client(truth.server))
        stream = hub.stream(truth.server.store.kinds["configmaps"])
        await stream.listed()
        start, states = stream.position, len(truth.states) - 1
        for op in after:
            await truth.play(op)
        truth.server.take_stale()
        await stream.confirm()
        assert of(stream.now(ALL)) == truth.state()
        moments = stream.replay(ALL, start)
        single = {name: stream.replay(Selection(namespace="n", name=name), start) for name in NAMES}
        pieces, position = [], start
        for _ in range(3):
            more, position = stream.since(ALL, position)
            pieces += more
        await hub.close()
        return truth.states[states:], moments, single, pieces

    states, moments, single, pieces = run(main())
    judge(states, moments)
    assert list(moments[1:]) == pieces
    for name, seen in single.items():
        had = [next((i for i in state if i[0] == name), None) for state in states]
        assert all((of(m) or (None,))[0] in had for m in seen if isinstance(m, Snapshot))


def judge(states: list, moments: tuple) -> None:
    snapshots = [moment for moment in moments if isinstance(moment, Snapshot)]
    whole = [of(snapshot) for snapshot in snapshots if snapshot.complete]
    at = 0
    for state in whole:
        assert state in states[at:], "a state that the store never had, or in the wrong order"
        at = states.index(state, at)
    revisions = [snapshot.revision for snapshot in snapshots]
    assert revisions == sorted(revisions)
    if any(isinstance(moment, Gap) for moment in moments):
        event("with a gap")
    else:
        event("without a gap")
        assert whole == states, "without a gap nothing is left out"
    times = [m.until if isinstance(m, Gap) else m.at for m in moments]
    assert times == sorted(times)
