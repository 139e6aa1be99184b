"""A verb that raises what it should not: the run goes on, and the step says where it was."""

from __future__ import annotations

from dataclasses import dataclass

from kspec.app import plugins
from kspec.testing import ScriptedServer, run_spec
from kspec.vocabulary import Verb, Vocabulary

TEXT = """
apiVersion: kspec.dev/v1
kind: Spec
metadata: {name: first}
spec:
  steps: [{boom: {}}]
---
apiVersion: kspec.dev/v1
kind: Spec
metadata: {name: second}
spec:
  steps:
    - apply: {manifest: {apiVersion: v1, kind: ConfigMap, metadata: {name: c}}}
"""


@dataclass(frozen=True, slots=True)
class Boom:
    """No keys."""


async def boom(_model, _context):
    return {}["missing"]


def test_it_is_an_error_of_that_step_and_other_specs_run(tmp_path):
    builtin = plugins.vocabulary(plugins.load(installed=False))
    entries = [entry for kind in builtin.entries.values() for entry in kind.values()]
    words = Vocabulary.of([*entries, Verb("boom", "a broken verb", Boom, boom)])
    events = run_spec(TEXT, ScriptedServer(), folder=tmp_path, vocabulary=words)
    found = {name: str(case.status) for name, case in events.cases.items()}
    assert found == {"first": "error", "second": "passed"}
    (failure,) = events.cases["first"].failures
    assert failure.message.startswith("internal error in `boom`: KeyError: 'missing' (test_plugin_")
    assert failure.mark is not None
    assert failure.mark.line == 6
