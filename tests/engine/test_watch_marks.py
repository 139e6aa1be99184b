"""The watch by itself, against the scripted server, in virtual time."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from kspec import clock
from kspec.cluster import watch
from kspec.cluster.calls import Caller
from kspec.errors import ApiError
from kspec.snapshots import Gap
from kspec.testing import ScriptedServer, run


def config_map(name: str, **data: str) -> dict:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "n"},
        "data": data,
    }


class Watching:
    """A watch that collects its marks while the test goes on."""

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self.source = watch.Source(Caller(server), server.store.kinds["configmaps"])
        self.marks: list[tuple[float, watch.Mark]] = []
        self._task: asyncio.Task | None = None

    async def __aenter__(self):
        self._task = asyncio.create_task(self._collect())
        await clock.pause(0.001)
        return self

    async def __aexit__(self, *_error: object) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _collect(self) -> None:
        async with aclosing(watch.watch(self.source)) as marks:
            async for mark in marks:
                self.marks.append((clock.now(), mark))

    def of(self, kind: type) -> list:
        return [mark for _, mark in self.marks if isinstance(mark, kind)]

    @property
    def names(self) -> list[str]:
        return [f"{mark.type} {mark.object['metadata']['name']}" for mark in self.of(watch.Changed)]

    @property
    def watches(self) -> int:
        return self.server.count(watch=True)

    @property
    def lists(self) -> int:
        return self.server.count("GET", "configmaps", watch=False)


def watching(scenario, server: ScriptedServer | None = None):
    """Run a scenario beside a watch."""
    server = server or ScriptedServer()

    async def main() -> Watching:
        async with Watching(server) as watched:
            await scenario(server, watched)
        return watched

    return run(main())


def test_lists_then_watches():
    server = ScriptedServer()
    server.put(config_map("a"))

    async def scenario(server, _watched):
        server.put(config_map("b"))
        server.put(config_map("b", x="1"))
        server.remove("configmaps", "a", "n")
        await clock.pause(0.1)

    watched = watching(scenario, server)
    (listed,) = watched.of(watch.Listed)
    assert [item["metadata"]["name"] for item in listed.items] == ["a"]
    assert listed.revision == 101
    assert watched.names == ["ADDED b", "MODIFIED b", "DELETED a"]
    assert [mark.revision for mark in watched.of(watch.Changed)] == [102, 103, 104]
    assert (watched.lists, watched.watches) == (1, 1)


def test_listed_objects_say_their_kind_and_have_no_managed_fields():
    server = ScriptedServer()
    item = config_map("a")
    item["metadata"]["managedFields"] = [{"manager": "x"}]
    server.put(item)

    async def scenario(server, _watched):
        item["data"] = {"x": "1"}
        server.put(item)
        await clock.pause(0.1)

    watched = watching(scenario, server)
    for seen in (watched.of(watch.Listed)[0].items[0], watched.of(watch.Changed)[0].object):
        assert (seen["apiVersion"], seen["kind"]) == ("v1", "ConfigMap")
        assert "managedFields" not in seen["metadata"]


def test_lists_in_pages():
    server = ScriptedServer()
    for number in range(1201):
        server.put(config_map(f"c-{number:04}"))

    async def scenario(_server, _watched):
        await clock.pause(0.1)

    watched = watching(scenario, server)
    (listed,) = watched.of(watch.Listed)
    assert len(listed.items) == 1201
    assert watched.lists == 3


def test_pages_that_expire_begin_anew():
    server = ScriptedServer()
    for number in range(600):
        server.put(config_map(f"c-{number:04}"))
    server.latency = 1.0

    async def scenario(server, _watched):
        await clock.pause(1.5)
        server.put(config_map("new"))
        server.expire()
        await clock.pause(10)

    watched = watching(scenario, server)
    (listed,) = watched.of(watch.Listed)
    assert len(listed.items) == 601
    assert not watched.of(Gap)


def test_resumes_at_the_bookmark():
    async def scenario(server, watched):
        server.put({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "x"}})
        await clock.pause(61)
        assert [mark.revision for mark in watched.of(watch.Bookmark)] == [101]
        server.disconnect()
        await clock.pause(1)

    watched = watching(scenario)
    last = [request for request in watched.server.requests if request.watch][-1]
    assert last.query["resourceVersion"] == "101"
    assert last.query["allowWatchBookmarks"] == "true"


def test_watches_do_not_all_end_together():
    async def scenario(_server, _watched):
        await clock.pause(3600)

    watched = watching(scenario)
    lasting = [
        int(request.query["timeoutSeconds"]) for request in watched.server.requests if request.watch
    ]
    assert all(240 <= seconds <= 360 for seconds in lasting)
    assert len(set(lasting)) > 1
    assert 10 <= len(lasting) <= 16
    assert watched.lists == 1
    assert not watched.of(watch.Trouble)


@pytest.mark.parametrize("form", ["event", "status"])
def test_a_lost_revision_is_listed_anew_with_a_gap(form):
    server = ScriptedServer()
    server.expire_as = form
    server.put(config_map("a"))

    async def scenario(server, watched):
        await clock.pause(10)
        server.put(config_map("b"))
        await clock.pause(10)
        server.down = "gone for a while"
        server.disconnect()
        server.remove("configmaps", "a", "n")
        server.put(config_map("c"))
        server.expire()
        await clock.pause(5)
        server.down = ""
        await clock.pause(10)
        server.put(config_map("d"))
        await clock.pause(1)
        assert watched.lists == 2

    watched = watching(scenario, server)
    (gap,) = watched.of(Gap)
    assert gap.since == pytest.approx(10, abs=0.1)
    assert 25 <= gap.until <= 33
    assert "lost" in gap.reason
    kinds = [type(mark) for _, mark in watched.marks]
    assert kinds.index(Gap) + 1 == len(kinds) - 1 - kinds[::-1].index(watch.Listed)
    assert [item["metadata"]["name"] for item in watched.of(watch.Listed)[1].items] == ["b", "c"]
    assert watched.names == ["ADDED b", "ADDED d"]


def test_a_revision_that_is_always_lost_makes_no_hot_loop():
    """kr8s made 716 watches in 2 s; the kubernetes client gives up."""

    async def scenario(server, watched):
        server.answer(410, watch=True, times=10_000, reason="Expired")
        server.disconnect()
        await clock.pause(60)
        assert 10 <= watched.watches <= 30
        assert 10 <= watched.lists <= 30

    watching(scenario)


@pytest.mark.parametrize("how", ["eof", "reset", "cut"])
def test_a_disconnect_loses_and_repeats_nothing(how):
    async def scenario(server, watched):
        for number in range(20):
            server.put(config_map(f"c-{number}"))
            server.disconnect(how)
            server.put(config_map(f"d-{number}"))
            await clock.pause(7)
        assert watched.lists == 1

    watched = watching(scenario)
    wanted = [f"ADDED {letter}-{number}" for number in range(20) for letter in "cd"]
    assert watched.names == wanted
    assert not watched.of(Gap)


def test_a_server_that_ends_every_watch_at_once_is_not_hammered():
    """The kubernetes client made 612 connections in 1.5 s."""

    async def scenario(server, watched):
        server.answer(200, watch=True, times=10_000, body=b" ")
        server.disconnect()
        await clock.pause(1.5)
        assert watched.watches <= 8
        await clock.pause(58.5)
        assert 12 <= watched.watches <= 30

    watching(scenario)


def test_an_unreachable_server_is_tried_until_it_is_back():
    async def scenario(server, watched):
        server.down = "connection refused"
        server.disconnect("reset")
        await clock.pause(120)
        assert 20 <= watched.watches <= 60
        assert watched.of(watch.Trouble)[-1].reason == "connection refused"
        server.put(config_map("a"))
        server.down = ""
        await clock.pause(8)

    watched = watching(scenario)
    assert watched.names == ["ADDED a"]
    assert isinstance(watched.marks[-1][1], watch.Changed)


def test_an_unreachable_server_at_the_start_is_trouble_too():
    server = ScriptedServer()
    server.down = "connection refused"

    async def scenario(server, watched):
        await clock.pause(60)
        assert 8 <= watched.lists <= 30
        server.down = ""
        await clock.pause(8)

    watched = watching(scenario, server)
    assert len(watched.of(watch.Listed)) == 1
    assert not watched.of(Gap)


def test_a_silent_connection_is_renewed():
    async def scenario(server, watched):
        await clock.pause(61)
        server.silence()
        server.put(config_map("a"))
        await clock.pause(watch.SILENCE - 2)
        assert watched.names == []
        await clock.pause(3)
        assert watched.names == ["ADDED a"]

    watched = watching(scenario)
    assert [mark.reason for mark in watched.of(watch.Trouble)] == ["the watch fell silent"]
    assert watched.lists == 1


def test_a_server_that_never_answers_is_given_up():
    async def scenario(server, watched):
        server.latency = 1_000_000
        server.disconnect()
        await clock.pause(600)
        assert 5 <= watched.watches <= 8

    watching(scenario)


def test_retry_after_is_obeyed():
    """Kubernetes 1.34 answers a watch with 429 while its storage initializes."""

    async def scenario(server, watched):
        server.answer(429, watch=True, times=3, retry_after=17)
        server.disconnect()
        await clock.pause(0.5)
        assert watched.watches == 2
        await clock.pause(16)
        assert watched.watches == 2
        await clock.pause(36)
        assert watched.watches == 5
        server.put(config_map("a"))
        await clock.pause(1)

    watched = watching(scenario)
    assert watched.names == ["ADDED a"]
    assert watched.lists == 1


def test_a_server_may_not_make_us_wait_for_ever():
    async def scenario(server, watched):
        server.answer(429, watch=True, times=1, retry_after=86_400)
        server.disconnect()
        await clock.pause(62)
        assert watched.watches == 3

    watching(scenario)


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_errors_of_the_server_are_waited_out(code):
    server = ScriptedServer()
    server.answer(code, watch=False, times=3)

    async def scenario(server, _watched):
        await clock.pause(5)
        server.answer(code, watch=True, times=3)
        server.disconnect()
        server.put(config_map("a"))
        await clock.pause(5)

    watched = watching(scenario, server)
    assert watched.names == ["ADDED a"]
    assert len(watched.of(watch.Trouble)) == 6
    assert not watched.of(Gap)


def test_an_error_event_that_is_no_410_resumes():
    async def scenario(server, watched):
        server.error_event(500, "InternalError", "etcd leader changed")
        server.put(config_map("a"))
        await clock.pause(5)
        assert watched.lists == 1

    watched = watching(scenario)
    assert watched.names == ["ADDED a"]
    assert watched.of(watch.Trouble)[0].reason == "etcd leader changed"


def test_what_was_told_before_is_not_told_again():
    async def scenario(server, _watched):
        server.put(config_map("a"))
        server.put(config_map("a", x="1"))
        await clock.pause(1)
        server.replay_event(server.store.history["configmaps"][0])
        server.put(config_map("a", x="2"))
        await clock.pause(1)

    watched = watching(scenario)
    assert [mark.revision for mark in watched.of(watch.Changed)] == [101, 102, 103]


def test_an_older_list_is_not_believed():
    async def scenario(server, watched):
        server.put(config_map("a"))
        server.put(config_map("b"))
        await clock.pause(1)
        server.expire()
        server.put(config_map("c"))
        server.store.compacted += 1
        server.stale_list(by=3)
        server.disconnect("eof")
        # the watch resumes at 102 while the history begins at 103
        server.put(config_map("d"))
        await clock.pause(5)
        assert watched.lists == 3

    watched = watching(scenario)
    first, second = watched.of(watch.Listed)
    assert len(first.items) == 0
    assert len(second.items) == 4
    assert any("older than" in mark.reason for mark in watched.of(watch.Trouble))


def test_a_future_revision_is_waited_for():
    """An API server whose cache is behind answers 504; the watch comes back to it."""

    async def scenario(server, watched):
        server.put(config_map("a"))
        await clock.pause(1)
        server.answer(504, watch=True, times=2, reason="Timeout")
        server.disconnect()
        server.put(config_map("b"))
        await clock.pause(5)
        assert watched.lists == 1

    assert watching(scenario).names == ["ADDED a", "ADDED b"]


@pytest.mark.parametrize("code", [401, 403, 404, 405])
def test_a_refusal_at_the_start_is_raised(code):
    server = ScriptedServer()
    server.answer(code, watch=False, times=99, reason="Forbidden")

    async def main():
        async for _ in watch.watch(watch.Source(Caller(server), server.store.kinds["configmaps"])):
            pass

    with pytest.raises(ApiError) as caught:
        run(main())
    assert caught.value.code == code
    assert server.count() == 1


def test_a_refusal_later_is_trouble():
    async def scenario(server, _watched):
        server.answer(403, watch=True, times=3, reason="Forbidden")
        server.disconnect()
        server.put(config_map("a"))
        await clock.pause(10)

    watched = watching(scenario)
    assert watched.names == ["ADDED a"]
    assert len(watched.of(watch.Trouble)) == 3


def test_a_connection_can_be_renewed():
    async def scenario(server, watched):
        for number in range(10):
            server.silence()
            server.put(config_map(f"c-{number}"))
            await clock.pause(1)
            watched.source.renew()
            watched.source.renew()
            await clock.pause(0.01)
            assert len(watched.names) == number + 1

    watched = watching(scenario)
    assert not watched.of(watch.Trouble)
    assert (watched.lists, watched.watches) == (1, 11)


def test_a_body_that_is_no_status_still_tells():
    server = ScriptedServer()
    server.answer(503, watch=False, body=b"<html>\x1b[31mupstream down</html>")

    async def scenario(_server, _watched):
        await clock.pause(1)

    (trouble,) = watching(scenario, server).of(watch.Trouble)
    assert trouble.reason == "HTTP 503: <html> [31mupstream down</html>"
