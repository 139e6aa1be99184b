"""Waits of whole specs on the scripted server, with the virtual seconds that they take."""

from __future__ import annotations

import pytest

from kspec import clock
from kspec.testing import ScriptedServer, run_spec

HEAD = """
apiVersion: kspec.dev/v1
kind: Spec
metadata: {name: waits}
spec:
  namespace: {name: ns1}
  timeouts: {step: 10s}
  steps:
"""
RUNNING = "match: {status: {phase: Running}}"


def pod(phase: str, name: str = "p") -> dict:
    metadata = {"name": name, "namespace": "ns1"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": {"phase": phase}}


def job(**status) -> dict:
    metadata = {"name": "j", "namespace": "ns1"}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "status": status}


def failed_job() -> dict:
    condition = {
        "type": "Failed",
        "status": "True",
        "reason": "BackoffLimitExceeded",
        "message": "it has reached the backoff limit",
    }
    return job(failed=1, conditions=[condition])


@pytest.fixture
def server() -> ScriptedServer:
    return ScriptedServer()


@pytest.fixture
def spec(server, tmp_path):
    """Runs steps; the plan says what happens in the cluster at which second."""

    def go(steps: str, plan=(), **options):
        async def script(_server) -> None:
            for at, act in plan:
                await clock.pause(at - clock.now())
                act()

        return run_spec(HEAD + steps, server, folder=tmp_path, script=script, **options)

    return go


def phases(server, *changes) -> list:
    return [(at, lambda phase=phase: server.put(pod(phase))) for at, phase in changes]


def passed(events, seconds: float) -> None:
    assert events.case.failures == ()
    assert events.case.status == "passed"
    assert events.steps[-1].duration == pytest.approx(seconds, abs=0.01)


def failed(events, seconds: float, *words: str):
    failure = events.failure
    assert events.case.status == "failed"
    assert events.steps[-1].duration == pytest.approx(seconds, abs=0.01)
    for word in words:
        assert word in failure.message
    return failure


def test_eventually_ends_with_the_event_that_makes_it_true_and_polls_nothing(server, spec):
    plan = phases(server, (0, "Pending"), (1.5, "Running"))
    passed(spec(f"    - assert: {{resource: pod/p, {RUNNING}}}", plan), 1.5)
    assert server.count("GET", "/pods", watch=False) == 1
    assert server.count("GET", "/pods", watch=True) == 1
    assert [request for request in server.requests if 0 < request.at < 1.5] == []


def test_eventually_fails_at_the_timeout_with_mark_expectation_and_history(server, spec):
    plan = phases(server, (1, "Pending"), (2, "Unknown"), (4, "Pending"))
    failure = failed(
        spec(f"    - assert: {{resource: pod/p, {RUNNING}}}", plan), 10, "it was not so within 10 s"
    )
    (mismatch,) = failure.mismatches
    assert (mismatch.path, mismatch.expected, mismatch.actual) == (
        ".status.phase",
        "Running",
        "Pending",
    )
    assert failure.mark.line == 9
    assert mismatch.mark.line == 9
    assert "phase: Running" in failure.excerpt
    texts = [seen.text for seen in failure.history]
    assert [seen.at for seen in failure.history][-3:] == pytest.approx([1, 2, 4], abs=0.01)
    assert "Unknown" in texts[-2]
    assert "Pending" in texts[-1]


def test_a_step_has_its_own_timeout(spec):
    failed(spec(f"    - {{timeout: 2500ms, assert: {{resource: pod/p, {RUNNING}}}}}"), 2.5)


def test_hold_takes_its_time_from_when_it_became_true(server, spec):
    plan = phases(server, (0, "Pending"), (2, "Running"))
    passed(spec(f"    - assert: {{resource: pod/p, {RUNNING}, hold: 3s}}", plan), 5)


def test_a_hold_may_end_after_the_timeout(server, spec):
    plan = phases(server, (9, "Running"))
    passed(spec(f"    - assert: {{resource: pod/p, {RUNNING}, hold: 4s}}", plan), 13)


def test_the_first_break_ends_a_hold(server, spec):
    plan = phases(server, (2, "Running"), (3, "Failed"), (3.5, "Running"))
    failed(
        spec(f"    - assert: {{resource: pod/p, {RUNNING}, hold: 3s}}", plan),
        3,
        "it held for 1 s of 3 s",
        "Failed",
    )


def test_settle_begins_again_after_a_break(server, spec):
    plan = phases(server, (1, "Running"), (2, "Failed"), (3, "Running"))
    passed(spec(f"    - assert: {{resource: pod/p, {RUNNING}, settle: 3s}}", plan), 6)


def test_now_does_not_wait(server, spec):
    plan = phases(server, (0, "Pending"), (1, "Running"))
    text = f"    - assert: {{resource: pod/p, {RUNNING}, now: true}}"
    failed(spec(text, plan), 0, "it is not so")


def test_ever_sees_what_came_and_went_before_the_step(server, spec):
    plan = phases(server, (1, "Running"), (2, "Failed"), (3, "Succeeded"))
    text = f"""
    - wait: {{resource: pod/p, for: {{jsonpath: .status.phase, equals: Succeeded}}}}
    - assert: {{resource: pod/p, {RUNNING}, ever: true}}"""
    passed(spec(text, plan), 0)


def test_without_ever_the_past_does_not_count(server, spec):
    plan = phases(server, (1, "Running"), (3, "Succeeded"))
    text = f"""
    - wait: {{resource: pod/p, for: {{jsonpath: .status.phase, equals: Succeeded}}}}
    - assert: {{resource: pod/p, {RUNNING}}}"""
    failed(spec(text, plan), 10)


def test_never_fails_for_what_was_before(server, spec):
    plan = phases(server, (1, "Running"), (3, "Succeeded"))
    text = f"""
    - wait: {{resource: pod/p, for: {{jsonpath: .status.phase, equals: Succeeded}}}}
    - assert: {{resource: pod/p, {RUNNING}, never: true}}"""
    failed(spec(text, plan), 0, "it was so")


def test_transitions_need_their_order(server, spec):
    plan = phases(server, (0, "Pending"), (1, "Running"), (2, "Succeeded"))
    where = "resource: pod/p, transitions: {jsonpath: .status.phase, values: "
    passed(spec(f"    - assert: {{{where}[Pending, Running, Succeeded]}}}}", plan), 2)


def test_transitions_in_another_order_fail(server, spec):
    plan = phases(server, (0, "Pending"), (1, "Running"), (2, "Succeeded"))
    where = "resource: pod/p, transitions: {jsonpath: .status.phase, values: "
    failed(spec(f"    - assert: {{{where}[Succeeded, Running]}}}}", plan), 10)


def test_absent_holds_for_as_long_as_asked(spec):
    passed(spec("    - assert: {resource: secret/s, absent: true, hold: 2s}"), 2)


def test_absent_breaks_when_it_appears(server, spec):
    plan = phases(server, (1, "Pending"))
    failed(spec("    - assert: {resource: pod/p, absent: true, hold: 2s}", plan), 1)


def test_a_status_about_an_older_generation_does_not_count(server, spec):
    def deployment(observed: int, image: str) -> dict:
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "d", "namespace": "ns1"},
            "spec": {"replicas": 1, "image": image},
            "status": {
                "observedGeneration": observed,
                "replicas": 1,
                "updatedReplicas": 1,
                "readyReplicas": 1,
                "availableReplicas": 1,
            },
        }

    def change() -> None:
        server.put(deployment(1, "one"))
        server.put(deployment(1, "two"))

    plan = [(0, change), (3, lambda: server.put(deployment(2, "two")))]
    passed(spec("    - wait: {resource: deployment/d, for: ready}", plan), 3)


def test_the_state_from_before_an_own_write_does_not_count(server, spec):
    text = """
    - apply: {manifest: {apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: "1"}}}
    - assert: {resource: configmap/c, match: {data: {a: "1"}}}
    - apply: {manifest: {apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: "2"}}}
    - assert: {resource: configmap/c, match: {data: {a: "1"}}, now: true}"""
    server.latency = 0.1
    assert '"2"' in spec(text).failure.message


def test_delete_ends_though_the_object_is_made_again(server, spec):
    held = pod("Running")
    held["metadata"]["finalizers"] = ["example.com/held"]

    def replace() -> None:
        server.put(pod("Pending"))  # without its finalizer it goes
        server.put(pod("Running"))

    plan = [(0, lambda: server.put(held)), (4, replace)]
    text = f"""
    - assert: {{resource: pod/p, {RUNNING}}}
    - delete: {{resource: pod/p}}"""
    passed(spec(text, plan), 4)
    assert server.count("DELETE", "/pods/p") == 1
    assert len(server.objects("pods", "ns1")) == 0  # the new one went with the namespace


def test_a_hold_is_broken_between_two_uids(server, spec):
    def replace() -> None:
        server.remove("pods", "p", "ns1")
        server.put(pod("Running"))

    plan = [*phases(server, (0, "Running")), (1, replace)]
    failed(spec(f"    - assert: {{resource: pod/p, {RUNNING}, hold: 3s}}", plan), 1, "broke")


def test_a_failed_job_ends_wait_at_once_with_its_cause(server, spec):
    plan = [(0, lambda: server.put(job())), (2, lambda: server.put(failed_job()))]
    events = spec("    - wait: {resource: job/j, for: complete}", plan)
    failure = failed(events, 2, "cannot come true", "BackoffLimitExceeded")
    (cause,) = failure.causes
    assert cause.reason == "BackoffLimitExceeded"
    assert cause.subject == "Job ns1/j"


def test_a_failed_job_ends_assert_after_a_grace(server, spec):
    plan = [(1, lambda: server.put(failed_job()))]
    text = "    - assert: {resource: job/j, match: {status: {succeeded: 1}}}"
    failed(spec(text, plan), 6, "cannot come true")


def test_without_fail_fast_the_timeout_decides(server, spec):
    plan = [(1, lambda: server.put(failed_job()))]
    text = "    - {wait: {resource: job/j, for: complete}, failFast: false}"
    failure = failed(spec(text, plan), 10, "it was not so within 10 s")
    assert failure.causes


def test_a_job_that_fails_as_wanted_passes(server, spec):
    plan = [(1, lambda: server.put(failed_job()))]
    passed(spec("    - wait: {resource: job/j, for: failed}", plan), 1)


def test_a_server_that_goes_away_is_an_error_and_says_why(server, spec):
    def go_away() -> None:
        server.down = "connection refused by scripted"
        server.disconnect("reset")

    plan = [*phases(server, (0, "Pending")), (2, go_away)]
    events = spec(f"    - assert: {{resource: pod/p, {RUNNING}}}", plan)
    assert events.case.status == "error"
    assert "connection refused by scripted" in events.failure.message
    assert "Traceback" not in events.failure.message
    assert events.steps[-1].duration == pytest.approx(10, abs=0.01)
    assert any("ns1" in text for text in events.case.left_behind)


def test_a_disconnect_in_a_hold_that_is_resumed_changes_nothing(server, spec):
    plan = [*phases(server, (0, "Running")), (1, server.disconnect)]
    passed(spec(f"    - assert: {{resource: pod/p, {RUNNING}, hold: 3s}}", plan), 3)


def test_a_break_during_a_disconnect_in_a_hold_is_found(server, spec):
    def flap() -> None:
        server.disconnect()
        server.put(pod("Failed"))
        server.put(pod("Running"))

    plan = [*phases(server, (0, "Running")), (1, flap)]
    events = spec(f"    - assert: {{resource: pod/p, {RUNNING}, hold: 3s}}", plan)
    assert events.case.status == "failed"
    assert "broke" in events.failure.message


def test_a_lost_history_in_a_hold_is_inconclusive(server, spec):
    def lose() -> None:
        server.put(pod("Failed"))
        server.put(pod("Running"))
        server.expire()

    def cut() -> None:
        for watch in server._watches:
            watch.silent = True  # so that the break is not sent before the end
        lose()
        server.disconnect()

    plan = [*phases(server, (0, "Running")), (1, cut)]
    events = spec(f"    - assert: {{resource: pod/p, {RUNNING}, hold: 3s}}", plan)
    assert events.case.status == "inconclusive"
    assert "unobserved" in events.failure.message


def test_a_silent_watch_gives_no_verdict_from_old_state(server, spec):
    def silence() -> None:
        server.silence()
        server.put(pod("Failed"))

    plan = [*phases(server, (0, "Running")), (1, silence)]
    events = spec(f"    - assert: {{resource: pod/p, {RUNNING}, hold: 3s}}", plan)
    assert events.case.status in {"failed", "inconclusive"}
