"""The client against the scripted server, in virtual time."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from kspec import clock
from kspec.clock import Deadline
from kspec.cluster import paths
from kspec.cluster.client import Client
from kspec.errors import ApiError, ClusterError, ReadError, UnknownKindError, UnreachableError
from kspec.snapshots import Resource
from kspec.testing import ScriptedServer, run

if TYPE_CHECKING:
    from kspec.cluster.transport import Response


def config_map(name: str = "a", **data) -> dict:
    metadata = {"name": name, "namespace": "n"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


class World:
    def __init__(self) -> None:
        self.server = ScriptedServer()
        self.client = Client(self.server)
        self.config_maps = self.server.store.kinds["configmaps"]
        self.pods = self.server.store.kinds["pods"]


def with_client(scenario):
    def test():
        async def main():
            await scenario(World())

        run(main())

    test.__name__ = scenario.__name__
    return test


@with_client
async def test_create_get_patch_delete(w):
    created = await w.client.create(config_map(x="1"))
    assert created["metadata"]["uid"]
    assert (await w.client.get(w.config_maps, "a", "n"))["data"] == {"x": "1"}
    patched = await w.client.patch(w.config_maps, "a", {"data": {"y": "2"}}, namespace="n")
    assert patched["data"] == {"x": "1", "y": "2"}
    answer = await w.client.delete(w.config_maps, "a", "n")
    assert answer["details"]["uid"] == created["metadata"]["uid"]
    assert await w.client.delete(w.config_maps, "a", "n") is None
    with pytest.raises(ApiError) as caught:
        await w.client.get(w.config_maps, "a", "n")
    assert (caught.value.code, caught.value.reason) == (404, "NotFound")
    assert caught.value.request == "GET /api/v1/namespaces/n/configmaps/a"


@with_client
async def test_apply_says_whether_it_is_new_and_owns_its_fields(w):
    _, new = await w.client.applied(config_map(x="1", y="1"))
    assert new
    applied, new = await w.client.applied(config_map(x="2"))
    assert (applied["data"], new) == ({"x": "2"}, False)
    other = Client(w.server, field_manager="other")
    with pytest.raises(ApiError) as caught:
        await other.apply(config_map(x="3"))
    assert caught.value.code == 409
    assert caught.value.causes[0]["field"] == ".data.x"
    forced = await other.apply(config_map(x="3"), force=True)
    assert forced["data"] == {"x": "3"}


@with_client
async def test_a_dry_run_writes_nothing(w):
    await w.client.apply(config_map(x="1"), dry_run=True)
    await w.client.create(config_map(x="1"), dry_run=True)
    assert w.server.objects("configmaps") == []


@with_client
async def test_the_manifests_own_namespace_comes_first(w):
    await w.client.apply(config_map("a"), namespace="other")
    bare = config_map("b")
    del bare["metadata"]["namespace"]
    applied = await w.client.apply(bare, namespace="other")
    assert applied["metadata"]["namespace"] == "other"
    assert "namespace" not in bare["metadata"]
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "x"}}
    assert "namespace" not in (await w.client.apply(node, namespace="other"))["metadata"]
    with pytest.raises(ReadError, match="live in a namespace"):
        await w.client.apply(bare)


@with_client
async def test_managed_fields_are_neither_sent_nor_returned(w):
    manifest = config_map()
    manifest["metadata"]["managedFields"] = [{"manager": "x"}]
    await w.client.apply(manifest)
    assert "managedFields" not in w.server.requests[-1].body["metadata"]
    w.server.put(manifest)
    assert "managedFields" not in (await w.client.get(w.config_maps, "a", "n"))["metadata"]
    listing = await w.client.list(w.config_maps)
    assert "managedFields" not in listing.items[0]["metadata"]


@with_client
async def test_a_generated_name_needs_create(w):
    manifest = config_map()
    manifest["metadata"] = {"generateName": "a-", "namespace": "n"}
    created = await w.client.create(manifest)
    assert created["metadata"]["name"].startswith("a-")
    with pytest.raises(ReadError, match=r"metadata\.name"):
        await w.client.apply(manifest)


@with_client
async def test_lists_in_pages_with_selectors(w):
    for number in range(25):
        item = config_map(f"c-{number:02}")
        item["metadata"]["labels"] = {"odd": str(number % 2)}
        w.server.put(item)
    listing = await w.client.list(w.config_maps, "n", limit=10)
    assert len(listing.items) == 25
    assert listing.revision == w.server.revision
    assert w.server.count("GET", "configmaps") == 3
    odd = await w.client.list(w.config_maps, label_selector="odd in (1)")
    assert len(odd.items) == 12
    one = await w.client.list(w.config_maps, field_selector="metadata.name=c-03")
    assert len(one.items) == 1
    bare = await w.client.list(w.config_maps, metadata_only=True)
    assert all("data" not in item and item["kind"] == "ConfigMap" for item in bare.items)


@with_client
async def test_delete_spares_another_uid(w):
    created = await w.client.create(config_map())
    assert await w.client.delete(w.config_maps, "a", "n", uid="other") is None
    assert len(w.server.objects("configmaps")) == 1
    assert await w.client.delete(w.config_maps, "a", "n", uid=created["metadata"]["uid"])
    assert w.server.objects("configmaps") == []
    body = w.server.requests[-1].body
    assert body["propagationPolicy"] == "Background"


@with_client
async def test_a_finalizer_leaves_a_terminating_object(w):
    manifest = config_map()
    manifest["metadata"]["finalizers"] = ["x/y"]
    await w.client.create(manifest)
    answer = await w.client.delete(w.config_maps, "a", "n")
    assert answer["metadata"]["deletionTimestamp"]


@with_client
async def test_the_status_has_its_own_path(w):
    manifest = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "namespace": "n"},
        "status": {"phase": "Running"},
    }
    created = await w.client.create(manifest)
    assert "status" not in created
    body = {"status": {"phase": "Failed"}, "spec": {"ignored": True}}
    patched = await w.client.patch(w.pods, "p", body, namespace="n", subresource="status")
    assert patched["status"] == {"phase": "Failed"}
    assert "spec" not in patched
    assert patched["metadata"]["generation"] == 1


# Repeating


@with_client
async def test_a_write_obeys_retry_after(w):
    w.server.answer(429, method="PATCH", times=2, retry_after=3)
    await w.client.apply(config_map())
    assert clock.now() >= 6
    assert w.server.count("PATCH") == 3


@with_client
async def test_repeating_ends_at_the_deadline(w):
    w.server.answer(503, method="PATCH", times=99)
    with pytest.raises(ApiError) as caught:
        await w.client.apply(config_map(), deadline=Deadline.after(4))
    assert caught.value.code == 503
    assert 1 < clock.now() <= 4
    assert w.server.count("PATCH") <= 12


@with_client
async def test_no_wait_for_what_comes_after_the_deadline(w):
    w.server.answer(429, method="PATCH", retry_after=20)
    with pytest.raises(ApiError):
        await w.client.apply(config_map(), deadline=Deadline.after(4))
    assert clock.now() == 0


@pytest.mark.parametrize(
    ("code", "reason", "message", "repeated"),
    [
        (500, "InternalError", 'failed calling webhook "x": connect: connection refused', True),
        (500, "InternalError", 'failed calling webhook "x": no endpoints available', True),
        (500, "InternalError", "something else", False),
        (400, "BadRequest", 'admission webhook "x" denied the request: connection refused', False),
        (403, "Forbidden", "exceeded quota", False),
        (409, "AlreadyExists", "already exists", False),
        (422, "Invalid", "invalid", False),
        (404, "NotFound", "the server could not find the requested resource", True),
    ],
)
def test_which_refusals_of_a_write_are_repeated(code, reason, message, repeated):
    async def main():
        w = World()
        status = {"kind": "Status", "code": code, "reason": reason, "message": message}
        w.server.answer(code, method="POST", body=json.dumps(status).encode())
        if repeated:
            await w.client.create(config_map())
            return
        with pytest.raises(ApiError) as caught:
            await w.client.create(config_map())
        assert (caught.value.code, caught.value.message) == (code, message)

    run(main())


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_reads_are_repeated_while_the_server_is_in_trouble(code):
    async def main():
        w = World()
        w.server.put(config_map())
        w.server.answer(code, path="configmaps", times=3)
        await w.client.get(w.config_maps, "a", "n")

    run(main())


class Unsure(ScriptedServer):
    """Carries out writes, but the answer is lost."""

    async def request(self, method, path, **options) -> Response:
        response = await super().request(method, path, **options)
        if method in {"POST", "PATCH"} and self.count(method) == 1:
            raise UnreachableError("connection reset by peer")
        return response


@pytest.mark.parametrize("verb", ["create", "apply"])
def test_a_lost_answer_repeats_only_what_is_safe_to_repeat(verb):
    async def main():
        server = Unsure()
        client = Client(server)
        if verb == "create":
            with pytest.raises(UnreachableError):
                await client.create(config_map())
        else:
            await client.apply(config_map())

    run(main())


@with_client
async def test_a_create_is_repeated_when_nothing_was_sent(w):
    await w.client.discovery.resources()
    w.server.down = "connection refused"

    async def back():
        await clock.pause(5)
        w.server.down = ""

    task = asyncio.create_task(back())
    await w.client.create(config_map())
    assert 5 <= clock.now() < 13
    await task


@with_client
async def test_a_server_that_does_not_answer_ends_at_the_deadline(w):
    w.server.latency = 1000
    with pytest.raises(UnreachableError, match="no answer"):
        await w.client.get(w.config_maps, "a", "n", deadline=Deadline.after(5))
    assert clock.now() == pytest.approx(5, abs=1)


@with_client
async def test_an_answer_that_is_no_json(w):
    w.server.answer(200, path="configmaps", body=b"<html>")
    with pytest.raises(ClusterError, match="no JSON"):
        await w.client.get(w.config_maps, "a", "n")


# Kinds that arrive


CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "mpijobs.kubeflow.org"},
    "spec": {
        "group": "kubeflow.org",
        "names": {"kind": "MPIJob", "plural": "mpijobs", "singular": "mpijob"},
        "scope": "Namespaced",
        "versions": [{"name": "v2beta1", "subresources": {"status": {}}}],
    },
}
JOB = {
    "apiVersion": "kubeflow.org/v2beta1",
    "kind": "MPIJob",
    "metadata": {"name": "pi", "namespace": "n"},
}


@with_client
async def test_an_object_right_after_its_definition(w):
    await w.client.discovery.resources()
    await w.client.apply(CRD)
    await w.client.apply(JOB)
    assert (await w.client.resolve("mpijob")).plural == "mpijobs"
    assert clock.now() == 0


@with_client
async def test_an_object_waits_for_its_definition(w):
    async def install():
        await clock.pause(5)
        w.server.put(CRD)

    task = asyncio.create_task(install())
    await w.client.apply(JOB)
    assert 5 <= clock.now() <= 7
    await task


@with_client
async def test_a_kind_that_never_comes(w):
    with pytest.raises(UnknownKindError, match="MPIJob"):
        await w.client.apply(JOB)
    assert clock.now() <= 10


@with_client
async def test_a_manifest_without_a_kind(w):
    with pytest.raises(ReadError, match="apiVersion and kind"):
        await w.client.apply({"metadata": {"name": "x"}})


# Paths

CORE = Resource("", "v1", "Pod", "pods", namespaced=True)
GROUP = Resource("kubeflow.org", "v2beta1", "MPIJob", "mpijobs", namespaced=True)


def test_paths():
    assert paths.collection(CORE) == "/api/v1/pods"
    assert paths.collection(CORE, "n") == "/api/v1/namespaces/n/pods"
    assert paths.item(GROUP, "pi", "n", "status") == (
        "/apis/kubeflow.org/v2beta1/namespaces/n/mpijobs/pi/status"
    )
    assert paths.item(CORE, "system:x y?z#", "n").endswith("/pods/system:x%20y%3Fz%23")
    assert paths.encoded([("a", "x=y,z in (b)&c"), ("d", "é")]) == (
        "a=x%3Dy%2Cz%20in%20%28b%29%26c&d=%C3%A9"
    )


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../secrets/x", "a%2Fb"])
def test_no_name_leads_elsewhere(name):
    with pytest.raises(ReadError, match=r"cannot be a name|namespace"):
        paths.item(CORE, name, "n")
    with pytest.raises(ReadError, match=r"cannot be a name|namespace"):
        paths.item(CORE, "x", name)
