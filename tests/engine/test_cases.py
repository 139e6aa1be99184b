"""Cases as wholes on the scripted server: refusals, outputs, `finally`, several side by side."""

from __future__ import annotations

import pytest

from kspec import clock
from kspec.errors import LoadError
from kspec.results import CaseFinished, CaseStarted, to_json
from kspec.settings import Settings
from kspec.testing import ScriptedServer, run_spec

HEAD = """
apiVersion: kspec.dev/v1
kind: Spec
metadata: {name: cases}
spec:
  namespace: {name: ns1}
  timeouts: {step: 10s}
"""
MAKE = "manifest: {apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {a: one}}"
MISSING = "assert: {resource: configmap/none, match: {data: {a: one}}}"


@pytest.fixture
def server() -> ScriptedServer:
    return ScriptedServer()


@pytest.fixture
def spec(server, tmp_path):
    def go(rest: str, **options):
        return run_spec(HEAD + rest, server, folder=tmp_path, **options)

    return go


def statuses(events) -> list[tuple[str, str]]:
    return [(step.phase, str(step.status)) for step in events.steps]


def refused(spec, expect: str, server):
    server.denied.add(("create", "configmaps", "ns1"))
    return spec(f"  steps:\n    - {{create: {{{MAKE}}}, expect: {{error: {expect}}}}}")


@pytest.mark.parametrize(
    "expect",
    [
        "{code: 403}",
        "{reason: Forbidden}",
        "{code: 403, reason: Forbidden, message: {contains: cannot create}}",
    ],
)
def test_a_refusal_as_expected_passes(spec, server, expect):
    assert refused(spec, expect, server).case.status == "passed"


def test_a_refusal_of_another_kind_fails_with_all_that_differs(spec, server):
    events = refused(spec, "{code: 409, message: {contains: quota}}", server)
    assert events.case.status == "failed"
    assert "it was refused, but otherwise" in events.failure.message
    assert [one.path for one in events.failure.mismatches] == ["error.code", "error.message"]
    assert all(one.mark.line == 9 for one in events.failure.mismatches)


def test_a_success_where_a_refusal_must_come_fails_and_is_removed(tmp_path, server):
    server.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "here"}})
    text = HEAD.replace("{name: ns1}", "{existing: here}")
    text += f"  steps:\n    - {{create: {{{MAKE}}}, expect: {{error: {{code: 403}}}}}}"
    events = run_spec(text, server, folder=tmp_path)
    assert events.case.status == "failed"
    assert "a refusal was expected, but it succeeded" in events.failure.message
    assert server.objects("configmaps") == []


def test_an_unexpected_refusal_fails_with_the_servers_words(spec, server):
    server.denied.add(("create", "configmaps", "ns1"))
    failure = spec(f"  steps:\n    - create: {{{MAKE}}}").failure
    assert "cannot create" in failure.message
    assert "403 Forbidden" in failure.message
    assert "expect" in failure.hint


def test_a_server_that_is_down_from_the_start_is_an_error(spec, server):
    server.down = "connection refused by scripted"
    events = spec(f"  steps:\n    - create: {{{MAKE}}}")
    assert events.case.status == "error"
    assert "connection refused by scripted" in events.failure.message
    assert "Traceback" not in str(to_json(events.case))


def test_an_unreachable_server_is_no_expected_refusal(spec, server):
    async def script(_server) -> None:
        await clock.pause(1)
        server.down = "connection refused by scripted"

    rest = f"""  steps:
    - assert: {{resource: configmap/none, absent: true, hold: 500ms}}
    - assert: {{resource: configmap/none, absent: true, hold: 499ms}}
    - {{create: {{{MAKE}}}, timeout: 5s, expect: {{error: {{message: {{contains: refused}}}}}}}}
"""
    server.latency = 0.2
    events = spec(rest, script=script)
    assert events.case.status == "error"


def test_expected_results_are_checked(spec):
    rest = "  steps:\n    - {apply: {" + MAKE + "}, expect: {created: {length: 2}}}"
    events = spec(rest)
    assert events.case.status == "failed"
    assert events.failure.mismatches


def test_outputs_reach_later_steps(spec):
    rest = f"""  steps:
    - id: made
      apply: {{{MAKE}}}
      outputs: {{value: object.data.a, uid: object.metadata.uid}}
    - assert: {{value: "${{{{ steps.made.outputs.value }}}}", match: one}}
    - apply:
        manifest:
          apiVersion: v1
          kind: ConfigMap
          metadata: {{name: d}}
          data: {{of: "${{{{ steps.made.outputs.uid }}}}", where: "${{{{ namespace }}}}"}}
    - id: read
      assert: {{resource: configmap/d, match: {{data: {{where: ns1}}}}}}
      outputs: {{of: object.data.of}}
    - assert:
        value: "${{{{ steps.read.outputs.of }}}}"
        match: "${{{{ steps.made.outputs.uid }}}}"
"""
    events = spec(rest)
    assert events.case.failures == ()
    assert statuses(events) == [("steps", "passed")] * 5


@pytest.mark.parametrize("value", ["one", "3", "[1, 2]", "{a: 1}"])
def test_a_value_of_any_type_is_judged_once(spec, value):
    events = spec(f"  steps:\n    - assert: {{value: {value}, match: two}}\n")
    assert events.case.status == "failed"
    assert events.failure.mismatches[0].expected == "two"
    assert events.case.duration == 0


def test_an_output_of_no_step_is_found_at_load(spec):
    with pytest.raises(LoadError, match="nobody"):
        spec('  steps:\n    - assert: {value: "${{ steps.nobody.outputs.x }}", match: {a: 1}}\n')


def test_a_step_with_a_false_if_is_skipped(spec):
    rest = f"""  steps:
    - {{if: "namespace == 'other'", {MISSING}}}
    - apply: {{{MAKE}}}
"""
    assert statuses(spec(rest)) == [("steps", "skipped"), ("steps", "passed")]


def test_a_failure_ends_the_steps_but_not_finally(spec):
    rest = f"""  steps:
    - {MISSING}
    - apply: {{{MAKE}}}
  onFailure:
    - assert: {{resource: configmap/c, absent: true, now: true}}
  finally:
    - {MISSING.replace("}}}", "}}, now: true}")}
    - apply: {{{MAKE}}}
"""
    events = spec(rest)
    assert statuses(events) == [
        ("steps", "failed"),
        ("onFailure", "passed"),
        ("finally", "failed"),
        ("finally", "passed"),
    ]
    assert len(events.case.failures) == 2
    assert events.case.duration == pytest.approx(10, abs=0.01)


def test_finally_runs_after_success_and_on_failure_does_not(spec):
    rest = f"""  steps: [{{apply: {{{MAKE}}}}}]
  onFailure: [{{apply: {{{MAKE}}}}}]
  finally: [{{apply: {{{MAKE}}}}}]
"""
    assert statuses(spec(rest)) == [("steps", "passed"), ("finally", "passed")]


def test_continue_on_error_goes_on_and_still_fails(spec):
    rest = f"""  steps:
    - {{continueOnError: true, {MISSING}}}
    - apply: {{{MAKE}}}
"""
    events = spec(rest)
    assert statuses(events) == [("steps", "failed"), ("steps", "passed")]
    assert events.case.status == "failed"
    assert events.finished.counts == {"failed": 1}


def test_the_specs_timeout_bounds_its_steps(server, tmp_path):
    text = HEAD.replace("step: 10s", "step: 10s, spec: 4s") + f"  steps:\n    - {MISSING}\n"
    events = run_spec(text, server, folder=tmp_path)
    assert events.case.status == "failed"
    assert events.case.duration == pytest.approx(4, abs=0.01)


def test_processes_are_refused_in_virtual_time(spec):
    events = spec("  steps:\n    - script: 'true'\n")
    assert events.case.status != "passed"
    assert "virtual time" in events.failure.message


def two(extra: str = "") -> str:
    steps = "  steps:\n    - assert: {resource: configmap/none, absent: true, hold: 4s}\n"
    one = HEAD.replace("{name: ns1}", "{name: ns1}" + extra) + steps
    return one + "---" + one.replace("cases", "others").replace("ns1", "ns2")


def overlap(events) -> int:
    most = running = 0
    for event in events:
        running += isinstance(event, CaseStarted) - isinstance(event, CaseFinished)
        most = max(most, running)
    return most


def test_two_specs_run_side_by_side(server, tmp_path):
    events = run_spec(two(), server, folder=tmp_path)
    assert {name: case.status for name, case in events.cases.items()} == {
        "cases": "passed",
        "others": "passed",
    }
    assert events.finished.duration == pytest.approx(4, abs=0.05)
    assert overlap(events) == 2


@pytest.mark.parametrize("extra", ["\n  locks: [gpu]", "\n  serial: true"])
def test_locks_and_serial_specs_exclude_each_other(server, tmp_path, extra):
    events = run_spec(two(extra), server, folder=tmp_path)
    assert events.finished.counts == {"passed": 2}
    assert events.finished.duration == pytest.approx(8, abs=0.05)
    assert overlap(events) == 1


def test_no_more_run_at_once_than_allowed(server, tmp_path):
    settings = Settings(root=tmp_path, parallel=1)
    events = run_spec(two(), server, folder=tmp_path, settings=settings)
    assert events.finished.duration == pytest.approx(8, abs=0.05)


def test_different_locks_exclude_nothing(server, tmp_path):
    text = two("\n  locks: [gpu]").replace("gpu", "other", 1)
    assert run_spec(text, server, folder=tmp_path).finished.duration == pytest.approx(4, abs=0.05)


def test_each_combination_of_a_matrix_is_a_case(server, tmp_path):
    head = HEAD.replace("  namespace: {name: ns1}\n", "  matrix: {word: [one, two]}\n")
    rest = f"""  steps:
    - apply: {{{MAKE.replace("a: one", 'a: "${{ matrix.word }}"')}}}
    - assert: {{resource: configmap/c, match: {{data: {{a: one}}}}, now: true}}
"""
    events = run_spec(head + rest, server, folder=tmp_path)
    assert {name: str(case.status) for name, case in events.cases.items()} == {
        "cases[word=one]": "passed",
        "cases[word=two]": "failed",
    }


def test_what_the_script_raises_reaches_the_test(spec):
    async def script(_server) -> None:
        raise KeyError("from the script")

    with pytest.raises(KeyError, match="from the script"):
        spec(f"  steps:\n    - apply: {{{MAKE}}}\n", script=script)
