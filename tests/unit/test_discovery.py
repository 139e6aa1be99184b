from __future__ import annotations

import asyncio

import pytest

from kspec import clock
from kspec.cluster.client import Client
from kspec.errors import ApiError, UnknownKindError, UnreachableError
from kspec.snapshots import Resource
from kspec.testing import ScriptedServer, run

MPI = Resource(
    "kubeflow.org", "v2beta1", "MPIJob", "mpijobs", True, "mpijob", ("mpi",), ("list",), ("status",)
)
OTHER_EVENTS = Resource("events.k8s.io", "v1", "Event", "events", True, "event", ("ev",))


def server_with_kinds() -> ScriptedServer:
    server = ScriptedServer()
    server.add_kind(MPI)
    server.add_kind(OTHER_EVENTS)
    return server


@pytest.mark.parametrize("aggregated", [True, False])
@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("mpijob", "mpijobs.kubeflow.org"),
        ("mpijobs", "mpijobs.kubeflow.org"),
        ("MPIJob", "mpijobs.kubeflow.org"),
        ("mpi", "mpijobs.kubeflow.org"),
        ("mpijobs.kubeflow.org", "mpijobs.kubeflow.org"),
        ("mpijobs.v2beta1.kubeflow.org", "mpijobs.kubeflow.org"),
        ("deploy", "deployments.apps"),
        ("deployments.v1.apps", "deployments.apps"),
        ("pods", "pods"),
        ("pods.v1", "pods"),
        ("po", "pods"),
        ("events", "events"),
        ("events.events.k8s.io", "events.events.k8s.io"),
        ("ns", "namespaces"),
    ],
)
def test_what_a_word_means(reference, name, aggregated):
    server = server_with_kinds()
    server.aggregated = aggregated

    async def main():
        return await Client(server).resolve(reference)

    assert run(main()).name == name


@pytest.mark.parametrize("aggregated", [True, False])
def test_what_is_known_of_a_kind(aggregated):
    server = server_with_kinds()
    server.aggregated = aggregated

    async def main():
        return await Client(server).resolve("mpijob")

    assert run(main()) == MPI
    assert server.count() == (2 if aggregated else 8)


def test_the_api_version_narrows():
    async def main():
        client = Client(server_with_kinds())
        assert (await client.resolve("event", "events.k8s.io/v1")).group == "events.k8s.io"
        assert (await client.resolve("event", "v1")).group == ""
        with pytest.raises(UnknownKindError, match="in v9") as caught:
            await client.resolve("mpijob", "v9")
        assert caught.value.hint == "it is served in kubeflow.org/v2beta1"

    run(main())


@pytest.mark.parametrize(
    ("reference", "near"), [("mpijbo", "mpijob"), ("deploymnets", "deployments"), ("zzz", None)]
)
def test_an_unknown_kind_gets_a_hint(reference, near):
    async def main():
        with pytest.raises(UnknownKindError) as caught:
            await Client(server_with_kinds()).resolve(reference)
        return caught.value

    error = run(main())
    assert error.hint == (near and f"did you mean '{near}'?")
    assert reference in error.message


def test_many_lookups_of_a_missing_kind_make_one_discovery():
    """50 lookups made 50 discoveries with the kubernetes client (python.md, trap 10)."""
    server = ScriptedServer()
    server.latency = 0.3

    async def main():
        client = Client(server)
        for expected in (1, 2):
            results = await asyncio.gather(
                *(client.resolve("mpijob") for _ in range(50)), return_exceptions=True
            )
            assert {type(result) for result in results} == {UnknownKindError}
            assert server.count("GET", "/apis") == expected
            await clock.pause(5)

    run(main())


def test_a_missing_kind_is_asked_for_again_but_not_at_once():
    server = ScriptedServer()

    async def main():
        client = Client(server)
        for _ in range(100):
            with pytest.raises(UnknownKindError):
                await client.resolve("mpijob")
            await clock.pause(0.05)
        assert 4 <= server.count("GET", "/apis") <= 7
        server.add_kind(MPI)
        await clock.pause(1)
        assert await client.resolve("mpijob") == MPI

    run(main())


def test_known_kinds_are_not_asked_for_again():
    server = ScriptedServer()

    async def main():
        client = Client(server)
        for _ in range(100):
            await client.resolve("pods")
            await clock.pause(60)

    run(main())
    assert server.count() == 2


def test_a_server_that_accepts_only_the_plain_form():
    server = server_with_kinds()
    server.aggregated = False
    server.answer(406, path="/apis")
    server.answer(406, path="/api")

    async def main():
        return await Client(server).resolve("mpijob")

    assert run(main()) == MPI


def test_a_group_that_is_down_takes_only_its_kinds_along():
    server = server_with_kinds()
    server.aggregated = False
    server.answer(404, path="/apis/events.k8s.io")

    async def main():
        client = Client(server)
        assert await client.resolve("mpijob") == MPI
        assert (await client.resolve("event")).group == ""

    run(main())


def test_discovery_outlasts_trouble():
    server = ScriptedServer()
    server.answer(503, path="/api", times=4)

    async def main():
        await Client(server).resolve("pods")

    run(main())


def test_discovery_that_fails_is_tried_anew():
    server = ScriptedServer()
    server.down = "connection refused"

    async def main():
        client = Client(server)
        with pytest.raises(UnreachableError):
            await client.resolve("pods")
        server.down = ""
        assert (await client.resolve("pods")).kind == "Pod"

    run(main())


def test_who_may_not_discover_is_told():
    server = ScriptedServer()
    server.answer(403, path="/api", times=2, reason="Forbidden")

    async def main():
        await Client(server).resolve("pods")

    with pytest.raises(ApiError) as caught:
        run(main())
    assert caught.value.code == 403
