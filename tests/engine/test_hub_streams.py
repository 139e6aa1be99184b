"""The hub and its streams, against the scripted server, in virtual time."""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager

import pytest

from kspec import clock
from kspec.cluster.client import Client
from kspec.cluster.hub import Hub
from kspec.errors import ApiError, ClusterError, UnreachableError
from kspec.snapshots import Gap, Revision, Selection, Snapshot, revision_of
from kspec.testing import ScriptedServer, run

ALL = Selection()
POD = Selection(namespace="n", name="p")


def pod(name: str = "p", *, namespace: str = "n", phase: str = "Pending", **metadata) -> dict:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, **metadata},
        "status": {"phase": phase},
    }


class World:
    """A server, a hub on it, and words for what tests ask."""

    def __init__(self, **options) -> None:
        self.server = ScriptedServer()
        self.client = Client(self.server)
        self.hub = Hub(self.client, **options)
        self.pods = self.server.store.kinds["pods"]

    def stream(self, namespace=None, kind="pods"):
        return self.hub.stream(self.server.store.kinds[kind], namespace)

    async def listed(self, namespace=None, kind="pods"):
        stream = self.stream(namespace, kind)
        await stream.listed()
        return stream

    def lists(self) -> int:
        return self.server.count("GET", "pods", watch=False)

    def written(self, item, *, deleted=False, number: int | None = -1) -> Revision:
        meta = item["metadata"]
        if number == -1:
            number = revision_of(item)
        return Revision(self.pods, meta["namespace"], meta["name"], meta["uid"], number, deleted)


@asynccontextmanager
async def world(**options):
    made = World(**options)
    try:
        yield made
    finally:
        await made.hub.close()


def in_world(**options):
    """Run the test's coroutine in virtual time, with a world."""

    def decorate(scenario):
        def test():
            async def main():
                async with world(**options) as made:
                    await scenario(made)

            run(main())

        test.__name__ = scenario.__name__
        return test

    return decorate


def phases(moments) -> list[str]:
    return [
        "GAP" if isinstance(m, Gap) else ",".join(o["status"]["phase"] for o in m.objects) or "-"
        for m in moments
    ]


def names(snapshot: Snapshot) -> list[str]:
    return [f"{o['metadata']['namespace']}/{o['metadata']['name']}" for o in snapshot.objects]


# The present


@in_world()
async def test_now_is_sorted_and_selected(w):
    w.server.put(pod("b", namespace="m"))
    w.server.put(pod("a", labels={"app": "x"}))
    w.server.put(pod("a", namespace="m", phase="Running"))
    stream = w.stream()
    assert stream.opened_at == math.inf
    assert stream.position == 0
    await clock.pause(3)
    await stream.listed()
    assert stream.opened_at == 0
    assert names(stream.now(ALL)) == ["m/a", "m/b", "n/a"]
    assert names(stream.now(Selection(namespace="m"))) == ["m/a", "m/b"]
    assert names(stream.now(Selection(labels=(("app", "=", ("x",)),)))) == ["n/a"]
    assert names(stream.now(Selection(fields=(("status.phase", "=", ("Running",)),)))) == ["m/a"]
    assert names(stream.now(Selection(name="a"))) == ["m/a", "n/a"]
    snapshot = stream.now(ALL)
    assert (snapshot.revision, snapshot.complete) == (w.server.revision, True)


@in_world()
async def test_a_namespaced_stream_sees_its_namespace_only(w):
    w.server.put(pod(namespace="m"))
    w.server.put(pod(namespace="n"))
    stream = await w.listed("n")
    assert names(stream.now(ALL)) == ["n/p"]
    position = stream.position
    w.server.put(pod(namespace="m", phase="Running"))
    w.server.put(pod(namespace="n", phase="Running"))
    await stream.advance(position, ALL)
    moments, _ = stream.since(ALL, position)
    assert [names(moment) for moment in moments] == [["n/p"]]


# History


@in_world()
async def test_replay_gives_the_state_and_then_each_change(w):
    w.server.put(pod())
    w.server.put(pod("other"))
    stream = await w.listed()
    start = stream.position
    w.server.put(pod(phase="Running"))
    w.server.put(pod("other", phase="Failed"))
    w.server.put(pod(phase="Succeeded"))
    await clock.pause(1)
    assert phases(stream.replay(POD, start)) == ["Pending", "Running", "Succeeded"]
    assert phases(stream.replay(POD, start + 1)) == ["Running", "Succeeded"]
    moments, position = stream.since(POD, start)
    assert phases(moments) == ["Running", "Succeeded"]
    assert position == stream.position == start + 3
    assert stream.since(POD, position) == ((), position)
    revisions = [moment.revision for moment in stream.replay(POD, start)]
    assert revisions == sorted(revisions)
    assert phases(stream.replay(POD, 0)) == phases(stream.replay(POD, start))


@in_world()
async def test_an_object_that_leaves_the_selection_is_told(w):
    w.server.put(pod(labels={"a": "1"}))
    stream = await w.listed()
    chosen = Selection(labels=(("a", "exists", ()),))
    start = stream.position
    w.server.put(pod(labels={"b": "1"}))
    w.server.put(pod(labels={"b": "2"}))
    w.server.put(pod(labels={"a": "2"}))
    await clock.pause(1)
    assert phases(stream.replay(chosen, start)) == ["Pending", "-", "Pending"]


@in_world()
async def test_a_recreated_object_is_absent_in_between(w):
    w.server.put(pod())
    stream = await w.listed()
    start = stream.position
    w.server.remove("pods", "p", "n")
    w.server.put(pod(phase="Running"))
    await clock.pause(1)
    assert phases(stream.replay(POD, start)) == ["Pending", "-", "Running"]


@in_world()
async def test_a_relist_with_another_uid_tells_the_removal_first(w):
    w.server.put(pod())
    w.server.put(pod("stays"))
    stream = await w.listed()
    start = stream.position
    w.server.down = "restarting"
    w.server.disconnect("reset")
    w.server.remove("pods", "p", "n")
    w.server.put(pod(phase="Running"))
    w.server.put(pod("new"))
    w.server.expire()
    await clock.pause(1)
    w.server.down = ""
    await clock.pause(10)
    moments = stream.replay(POD, start)
    assert phases(moments) == ["Pending", "GAP", "-", "Running"]
    assert [m.complete for m in moments if isinstance(m, Snapshot)] == [True, False, True]
    assert names(stream.replay(ALL, start)[-1]) == ["n/new", "n/p", "n/stays"]


@in_world()
async def test_a_relist_that_shows_nothing_new_is_still_a_gap(w):
    w.server.put(pod())
    stream = await w.listed()
    await clock.pause(20)
    start = stream.position
    w.server.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "x"}})
    w.server.expire()
    w.server.disconnect()
    await clock.pause(10)
    assert phases(stream.replay(POD, start)) == ["Pending", "GAP"]
    assert phases(stream.replay(Selection(namespace="n", name="never"), start)) == ["-", "GAP"]


@in_world()
async def test_a_relist_tells_what_was_removed_meanwhile(w):
    w.server.put(pod())
    stream = await w.listed()
    start = stream.position
    w.server.down = "restarting"
    w.server.disconnect()
    w.server.remove("pods", "p", "n")
    w.server.expire()
    await clock.pause(1)
    w.server.down = ""
    await clock.pause(10)
    assert phases(stream.replay(POD, start)) == ["Pending", "GAP", "-"]


@in_world(history=4000)
async def test_a_history_that_was_cut_begins_with_a_gap(w):
    w.server.put(pod())
    stream = await w.listed()
    start = stream.position
    for number in range(100):
        w.server.put(pod(phase=f"p{number}"))
        await clock.pause(1)
    moments = stream.replay(POD, start)
    gap, first, *_ = moments
    assert isinstance(gap, Gap)
    assert "4000 bytes" in gap.reason
    assert gap.until >= first.at > 80
    shown = phases(moments)[1:]
    assert 5 < len(shown) < 30
    assert shown == [f"p{number}" for number in range(100 - len(shown), 100)]
    assert phases(stream.since(POD, start)[0]) == ["GAP", *shown]
    late = stream.position - 2
    assert phases(stream.replay(POD, late)) == ["p97", "p98", "p99"]


# Waiting


@in_world()
async def test_until_takes_the_present(w):
    w.server.put(pod(phase="Running"))
    stream = await w.listed()
    found = await stream.until(POD, lambda s: bool(s.objects))
    assert phases([found]) == ["Running"]
    assert clock.now() == 0


@in_world()
async def test_until_sees_a_state_that_lasts_no_time(w):
    w.server.put(pod())
    stream = await w.listed()

    async def flicker():
        await clock.pause(5)
        w.server.put(pod(phase="Running"))
        w.server.put(pod(phase="Succeeded"))

    task = asyncio.create_task(flicker())
    found = await stream.until(POD, lambda s: phases([s]) == ["Running"])
    assert clock.now() == 5
    assert phases([found]) == ["Running"]
    await task


@in_world()
async def test_others_changes_wake_nobody(w):
    stream = await w.listed()
    asked = 0

    def never(_snapshot):
        nonlocal asked
        asked += 1
        return False

    waits = [
        asyncio.create_task(stream.until(Selection(namespace="n", name=f"p{i}"), never))
        for i in range(100)
    ]
    await clock.pause(0)
    for number in range(100):
        w.server.put(pod("other", phase=f"x{number}"))
        await clock.pause(0.01)
    assert asked == 100
    w.server.put(pod("p7"))
    await clock.pause(0.01)
    assert asked == 101
    for wait in waits:
        wait.cancel()


@in_world()
async def test_advance_waits_for_any_entry(w):
    stream = w.stream()
    assert await stream.advance(0) == 1
    wait = asyncio.create_task(stream.advance(1))
    await clock.pause(10)
    assert not wait.done()
    w.server.put(pod())
    w.server.put(pod("q"))
    assert await wait in {2, 3}


@in_world()
async def test_a_gap_wakes_everybody(w):
    w.server.put(pod())
    stream = await w.listed()
    wait = asyncio.create_task(stream.advance(stream.position, POD))
    await clock.pause(1)
    w.server.put(pod("other"))
    w.server.put(pod("other", phase="x"))
    w.server.expire()
    w.server.error_event(410, "Expired")
    await clock.pause(5)
    assert wait.done()


# Currency


@in_world()
async def test_reached_after_an_apply(w):
    stream = await w.listed()
    w.server.silence()
    item = w.server.put(pod())
    wait = asyncio.create_task(stream.reached(w.written(item)))
    await clock.pause(1)
    assert not wait.done()
    assert names(stream.now(ALL)) == []
    await wait
    assert names(stream.now(ALL)) == ["n/p"]
    assert clock.now() < 7, "a connection that should have told is renewed after 5 s"


@in_world()
async def test_reached_is_immediate_once_shown(w):
    item = w.server.put(pod())
    stream = await w.listed()
    await stream.reached(w.written(item))
    newer = w.server.put(pod(phase="Running"))
    await stream.reached(w.written(newer))
    w.server.remove("pods", "p", "n")
    await clock.pause(0.1)
    await stream.reached(w.written(newer))
    assert clock.now() < 1


@in_world()
async def test_reached_after_a_delete_without_a_revision(w):
    item = w.server.put(pod())
    stream = await w.listed()
    removed = w.written(item, deleted=True, number=None)
    wait = asyncio.create_task(stream.reached(removed))
    await clock.pause(1)
    assert not wait.done()
    w.server.remove("pods", "p", "n")
    w.server.put(pod())
    await wait
    assert clock.now() < 2
    await stream.reached(removed)


@in_world()
async def test_reached_after_a_delete_that_finalizers_hold(w):
    item = w.server.put(pod(finalizers=["x/y"]))
    stream = await w.listed()
    marked = w.server.remove("pods", "p", "n")
    assert "deletionTimestamp" in marked["metadata"]
    await stream.reached(w.written(marked, deleted=True))
    assert "deletionTimestamp" in stream.now(ALL).objects[0]["metadata"]
    w.server.put(pod())
    await stream.reached(w.written(item, deleted=True, number=None))
    assert names(stream.now(ALL)) == []


@in_world()
async def test_a_delete_before_the_creation_was_shown_is_not_reached(w):
    stream = await w.listed()
    w.server.silence()
    item = w.server.put(pod())
    wait = asyncio.create_task(stream.reached(w.written(item, deleted=True, number=None)))
    await clock.pause(0.5)
    assert not wait.done(), "absent, but only because nothing was shown yet"
    w.server.remove("pods", "p", "n")
    await wait
    w.server.disconnect()
    start = stream.position
    await clock.pause(20)
    assert "n/p" not in names(stream.now(ALL)), stream.replay(ALL, start)


@in_world()
async def test_a_delete_whose_whole_life_is_still_on_its_way(w):
    stream = await w.listed()
    w.server.silence()
    item = w.server.put(pod())
    w.server.remove("pods", "p", "n")
    await clock.pause(1)
    await stream.reached(w.written(item, deleted=True, number=None))
    assert phases(stream.replay(ALL, 1)) == ["-", "Pending", "-"]


@in_world()
async def test_a_delete_before_the_stream_began_is_reached(w):
    item = w.server.put(pod())
    w.server.remove("pods", "p", "n")
    stream = await w.listed()
    await stream.reached(w.written(item, deleted=True, number=None))
    assert clock.now() <= 1


@in_world()
async def test_confirm_is_immediate_on_a_current_stream(w):
    w.server.put(pod())
    stream = await w.listed()
    w.server.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "x"}})
    await clock.pause(3)
    assert await stream.confirm() == 3
    (last,) = [request for request in w.server.requests[2:] if not request.watch]
    assert "PartialObjectMetadataList" in last.headers["accept"]
    assert clock.now() == 3


@in_world()
async def test_confirm_waits_for_what_the_list_shows(w):
    w.server.put(pod("old"))
    w.server.put(pod("changed"))
    stream = await w.listed()
    w.server.silence()
    w.server.put(pod("new"))
    w.server.put(pod("changed", phase="Running"))
    w.server.remove("pods", "old", "n")
    await clock.pause(1)
    assert names(stream.now(ALL)) == ["n/changed", "n/old"]
    confirmed = await stream.confirm()
    assert confirmed == 1
    assert names(stream.now(ALL)) == ["n/changed", "n/new"]
    assert phases([stream.now(Selection(name="changed"))]) == ["Running"]
    assert clock.now() == 1, "a dead connection is found at once"


@in_world()
async def test_confirm_shows_what_came_and_went_unseen(w):
    stream = await w.listed()
    w.server.silence()
    w.server.put(pod())
    w.server.remove("pods", "p", "n")
    await stream.confirm()
    assert phases(stream.replay(ALL, 1)) == ["-", "Pending", "-"]


@in_world()
async def test_confirm_needs_no_new_connection_where_the_watch_came_that_far(w):
    stream = await w.listed()
    w.server.put(pod())
    await stream.confirm()
    assert w.server.count(watch=True) == 1


@in_world()
async def test_confirm_is_not_fooled_by_a_removal_after_its_list(w):
    stream = await w.listed()
    w.server.latency = 1.0
    wait = asyncio.create_task(stream.confirm())
    await clock.pause(0.5)
    w.server.put(pod())
    await clock.pause(0.6)
    w.server.remove("pods", "p", "n")
    assert await wait == 0
    assert clock.now() < 2


@in_world()
async def test_confirmations_share_a_list_that_begins_after_the_call(w):
    stream = await w.listed()
    w.server.latency = 1.0
    before = w.lists()
    first = [asyncio.create_task(stream.confirm()) for _ in range(20)]
    await clock.pause(0.5)
    second = [asyncio.create_task(stream.confirm()) for _ in range(20)]
    assert set(await asyncio.gather(*first)) == {0}
    assert set(await asyncio.gather(*second)) == {1}
    assert w.lists() == before + 2


@in_world()
async def test_confirm_does_not_believe_an_older_list(w):
    stream = await w.listed()
    w.server.put(pod())
    await clock.pause(1)
    w.server.silence()
    w.server.put(pod("new"))
    w.server.stale_list(by=2)
    await stream.confirm()
    assert names(stream.now(ALL)) == ["n/new", "n/p"]


@in_world()
async def test_confirm_lists_its_namespace_only(w):
    for number in range(10):
        w.server.put(pod(f"p{number}", namespace="m"))
    stream = await w.listed("n")
    await stream.confirm()
    assert w.server.count("GET", "/api/v1/namespaces/n/pods") == 1
    assert w.server.count("GET", "/api/v1/pods", watch=False) == 1


@in_world()
async def test_confirm_fails_when_the_server_is_away(w):
    stream = await w.listed()
    w.server.down = "connection refused"
    with pytest.raises(UnreachableError, match="refused"):
        await stream.confirm()
    assert 20 < clock.now() < 31
    w.server.down = ""
    assert await stream.confirm() > 20


@in_world()
async def test_an_abandoned_confirmation_harms_nobody(w):
    stream = await w.listed()
    w.server.latency = 5.0
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await stream.confirm()
    assert await stream.confirm() >= 1


# Sharing


@in_world()
async def test_streams_of_one_kind_share_a_watch(w):
    streams = [w.stream(f"n{number}") for number in range(50)] + [w.stream()]
    await asyncio.gather(*(stream.listed() for stream in streams))
    assert (w.lists(), w.server.count(watch=True)) == (1, 1)


@in_world()
async def test_the_watch_ends_some_time_after_its_last_user(w):
    first, second = w.stream("a"), w.stream("b")
    await first.listed()
    await clock.pause(0.1)
    first.close()
    first.close()
    await clock.pause(1000)
    assert w.server.watching == 1
    with second:
        pass
    await clock.pause(20)
    assert w.server.watching == 1
    again = w.stream("c")
    await clock.pause(100)
    assert (w.server.watching, w.lists()) == (1, 1)
    again.close()
    await clock.pause(31)
    assert w.server.watching == 0
    await w.listed("a")
    assert w.lists() == 2


@in_world()
async def test_closing_the_hub_ends_every_wait(w):
    stream = await w.listed()
    waits = [
        asyncio.create_task(coroutine)
        for coroutine in (
            stream.until(POD, lambda _: False),
            stream.advance(stream.position),
            stream.reached(Revision(w.pods, "n", "p", "u", 10**9)),
        )
    ]
    await clock.pause(1)
    await w.hub.close()
    results = await asyncio.gather(*waits, return_exceptions=True)
    assert [type(result) for result in results] == [ClusterError] * 3
    assert w.server.watching == 0
    with pytest.raises(ClusterError, match="closed"):
        w.stream()


@in_world()
async def test_where_all_namespaces_are_forbidden_each_has_its_own_watch(w):
    w.server.denied |= {("list", "pods", ""), ("list", "pods", "forbidden")}
    w.server.put(pod(namespace="a"))
    w.server.put(pod(namespace="b"))
    streams = [w.stream("a"), w.stream("b"), w.stream("a")]
    await asyncio.gather(*(stream.listed() for stream in streams))
    assert [names(stream.now(ALL)) for stream in streams] == [["a/p"], ["b/p"], ["a/p"]]
    assert w.server.count("GET", "/api/v1/pods") == 1
    await w.listed("c")
    assert w.server.count("GET", "/api/v1/pods") == 1, "decided once per kind"
    for namespace in (None, "forbidden"):
        with pytest.raises(ApiError) as caught:
            await w.listed(namespace)
        assert caught.value.code == 403


@in_world()
async def test_a_kind_that_may_not_be_watched_says_so(w):
    w.server.denied |= {("watch", "pods", "")}
    stream = w.stream("n")
    with pytest.raises(ApiError) as caught:
        await stream.until(POD, lambda _: False)
    assert caught.value.code == 403


@in_world()
async def test_cluster_scoped_kinds_have_one_stream(w):
    w.server.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "x"}})
    stream = await w.listed("ignored", "nodes")
    assert len(stream.now(ALL).objects) == 1
    assert len(stream.now(Selection(name="x")).objects) == 1


# Trouble


@in_world()
async def test_trouble_is_named_with_its_age(w):
    stream = await w.listed()
    assert stream.trouble is None
    w.server.down = "connection refused"
    w.server.disconnect("reset")
    await clock.pause(12)
    assert stream.trouble == "no news of pods since 12 s: connection refused"
    w.server.down = ""
    await clock.pause(8)
    assert stream.trouble is None


@in_world()
async def test_a_stream_waits_out_a_server_that_is_not_there_yet(w):
    w.server.down = "connection refused"
    stream = w.stream()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(20):
            await stream.listed()
    assert "refused" in stream.trouble
    w.server.down = ""
    await stream.listed()
