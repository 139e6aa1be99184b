"""What a spec leaves behind: nothing of its own, everything of others, and a word on the rest."""

from __future__ import annotations

import pytest

from kspec import clock
from kspec.testing import ScriptedServer, run_spec

HEAD = """
apiVersion: kspec.dev/v1
kind: Spec
metadata: {name: cleans}
spec:
  namespace: {existing: here}
  timeouts: {step: 10s, cleanup: 20s}
"""
FRESH = HEAD.replace("{existing: here}", "{name: ns1}")
LASTING = "    - assert: {resource: secret/none, absent: true, hold: 8s}\n"


def manifest(name: str, **metadata) -> str:
    extra = "".join(f", {key}: {value}" for key, value in metadata.items())
    return f"{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}{extra}}}, data: {{a: b}}}}"


def make(*names: str) -> str:
    return "".join(f"    - apply: {{manifest: {manifest(name)}}}\n" for name in names)


def config_map(name: str, **metadata) -> dict:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "here", **metadata},
        "data": {"a": "before"},
    }


@pytest.fixture
def server() -> ScriptedServer:
    made = ScriptedServer()
    made.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "here"}})
    return made


@pytest.fixture
def spec(server, tmp_path):
    def go(text: str, **options):
        return run_spec(text, server, folder=tmp_path, **options)

    return go


def deleted(server) -> list[str]:
    """What was asked to be deleted, in order."""
    return [one.path.rpartition("/")[2] for one in server.requests if one.method == "DELETE"]


def names(server, kind: str = "configmaps") -> list[str]:
    return [item["metadata"]["name"] for item in server.objects(kind)]


def test_last_created_is_removed_first_by_its_uid(spec, server):
    events = spec(HEAD + "  steps:\n" + make("a", "b", "c"))
    assert events.case.status == "passed"
    assert deleted(server) == ["c", "b", "a"]
    assert names(server) == []
    removals = [one for one in server.requests if one.method == "DELETE"]
    uids = {one.body["preconditions"]["uid"] for one in removals}
    history = server.store.history["configmaps"]
    assert uids == {seen.object["metadata"]["uid"] for seen in history}
    assert events.finished.left_behind == ()


def test_what_existed_before_is_changed_but_left(spec, server):
    server.put(config_map("old"))
    events = spec(HEAD + "  steps:\n" + make("old", "new"))
    assert events.case.status == "passed"
    assert deleted(server) == ["new"]
    assert names(server) == ["old"]
    assert server.objects("configmaps")[0]["data"] == {"a": "b"}
    assert names(server, "namespaces") == ["here"]
    assert any("existed before" in getattr(event, "message", "") for event in events)


def test_what_another_made_again_under_the_same_name_is_left(spec, server):
    async def script(_server) -> None:
        await clock.pause(2)
        server.remove("configmaps", "a", "here")
        server.put(config_map("a"))

    events = spec(HEAD + "  steps:\n" + make("a", "b") + LASTING, script=script)
    assert events.case.status == "passed"
    assert names(server) == ["a"]
    assert events.case.left_behind == ()


def test_what_the_spec_deleted_itself_needs_no_removal(spec, server):
    text = HEAD + "  steps:\n" + make("a") + "    - delete: {resource: configmap/a}\n"
    events = spec(text)
    assert events.case.status == "passed"
    assert names(server) == []
    assert events.case.left_behind == ()


def test_a_dry_run_creates_nothing_to_remove(spec, server):
    text = HEAD + f"  steps:\n    - apply: {{manifest: {manifest('a')}, dryRun: server}}\n"
    assert spec(text).case.status == "passed"
    assert deleted(server) == []


def test_what_finally_makes_is_removed_too(spec, server):
    text = HEAD + "  steps:\n" + make("a") + "  finally:\n" + make("b")
    assert spec(text).case.status == "passed"
    assert deleted(server) == ["b", "a"]


def test_after_a_failure_everything_is_removed(spec, server):
    wrong = "    - assert: {resource: configmap/a, match: {data: {a: c}}}\n"
    events = spec(HEAD + "  steps:\n" + make("a", "b") + wrong)
    assert events.case.status == "failed"
    assert deleted(server) == ["b", "a"]
    assert names(server) == []


def test_a_fresh_namespace_takes_its_content_with_it(spec, server):
    events = spec(FRESH + "  steps:\n" + make("a", "b"))
    assert events.case.status == "passed"
    assert deleted(server) == ["ns1"]
    assert names(server, "namespaces") == ["here"]
    assert names(server) == []


def test_objects_in_other_namespaces_are_removed_before_the_own_one(spec, server):
    elsewhere = f"    - apply: {{manifest: {manifest('far', namespace='here')}}}\n"
    assert spec(FRESH + "  steps:\n" + make("a") + elsewhere).case.status == "passed"
    assert deleted(server) == ["far", "ns1"]


def test_an_interrupted_run_cleans_up_first(spec, server):
    text = HEAD + "  steps:\n" + make("a", "b") + LASTING + "  finally:\n" + make("c")
    events = spec(text, interrupt_at=3)
    assert events.finished.interrupted
    assert events.case.reason == "interrupted"
    assert events.case.status == "error"
    assert deleted(server) == ["c", "b", "a"]
    assert names(server) == []
    assert events.finished.duration == pytest.approx(3, abs=0.01)


def test_an_interrupt_drains_the_fresh_namespaces(spec, server):
    events = spec(FRESH + "  steps:\n" + make("a") + LASTING, interrupt_at=3)
    assert events.finished.interrupted
    assert names(server, "namespaces") == ["here"]


def test_an_interrupt_while_the_namespace_is_made_ready_removes_it(spec, server):
    server.latency = 1.0
    events = spec(FRESH + "  steps:\n" + make("a"), interrupt_at=2.5)
    assert events.finished.interrupted
    history = server.store.history["namespaces"]
    assert [seen.type for seen in history if seen.object["metadata"]["name"] == "ns1"] == [
        "ADDED",
        "DELETED",
    ]
    assert names(server, "namespaces") == ["here"]


def test_cases_that_had_no_turn_are_counted(spec):
    text = HEAD + "  serial: true\n  steps:\n" + LASTING
    both = text + "---" + text.replace("cleans", "second")
    events = spec(both, interrupt_at=3)
    assert events.finished.counts == {"error": 1, "not run": 1}


def test_a_finalizer_that_hangs_is_named_with_its_command(spec):
    held = f"    - apply: {{manifest: {manifest('held', finalizers='[example.com/x]')}}}\n"
    events = spec(HEAD + "  steps:\n" + make("a") + held)
    assert events.case.status == "passed"
    assert events.case.duration == pytest.approx(20, abs=0.01)
    assert any(
        text.startswith("kubectl delete configmaps held --namespace here")
        for text in events.case.left_behind
    )
    assert events.finished.left_behind == events.case.left_behind


def test_a_finalizer_that_hangs_does_not_keep_the_rest(spec, server):
    held = f"    - apply: {{manifest: {manifest('held', finalizers='[example.com/x]')}}}\n"
    events = spec(HEAD + "  steps:\n" + make("a") + held)
    assert "a" in deleted(server)
    assert names(server) == ["held"]
    assert not any("delete configmaps a " in text for text in events.case.left_behind)


def test_clean_up_waits_for_a_finalizer_that_ends(spec, server):
    async def script(_server) -> None:
        await clock.pause(5)
        (item,) = server.objects("configmaps")
        server.put({**item, "metadata": {**item["metadata"], "finalizers": []}})

    held = f"    - apply: {{manifest: {manifest('held', finalizers='[example.com/x]')}}}\n"
    events = spec(HEAD + "  steps:\n" + held, script=script)
    assert events.case.left_behind == ()
    assert events.case.duration == pytest.approx(5, abs=0.01)


def test_what_may_not_be_deleted_is_named_with_the_reason(spec, server):
    server.denied.add(("delete", "configmaps", "here"))
    events = spec(HEAD + "  steps:\n" + make("a", "b"))
    assert len(events.case.left_behind) == 2
    assert all("cannot delete" in text for text in events.case.left_behind)
    assert events.case.left_behind[0].startswith("kubectl delete configmaps b --namespace here")


def test_a_namespace_that_does_not_exist_fails_and_makes_nothing(spec, server):
    events = spec(HEAD.replace("here", "nowhere") + "  steps:\n" + make("a"))
    assert events.case.status != "passed"
    assert "namespace nowhere does not exist" in events.failure.message
    assert names(server, "namespaces") == ["here"]


def test_a_namespace_of_that_name_that_exists_is_no_ones_to_remove(spec, server):
    server.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ns1"}})
    events = spec(FRESH + "  steps:\n" + make("a"))
    assert events.case.status == "failed"
    assert "already exists" in events.failure.message
    assert names(server, "namespaces") == ["here", "ns1"]
