"""The JSON Schema says what the reader says."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from kspec.errors import LoadError
from kspec.language.discover import load_project
from kspec.language.schema import schema
from kspec.language.source import load_all

SPEC = """\
apiVersion: kspec.dev/v1
kind: Spec
metadata: {name: one, labels: {a: b}}
spec:
  namespace: {labels: {team: a}}
  timeouts: {step: 5s}
  matrix: {os: [a, b], include: [{os: c}]}
  vars: {w: 4}
  steps:
    - name: x
      id: one
      timeout: "${{ vars.w }}s"
      if: vars.w == `4`
      outputs: {uid: object.metadata.uid}
      send: {manifest: {a: "${{ matrix.os }}"}, count: "${{ vars.w }}", mode: fast}
    - look: {resource: pod/a, hold: 1s, labels: {a: b}}
      expect: {object: {a: 1}}
    - shell: echo
  finally: [{shell: "true"}]
"""
FIXTURE = """\
apiVersion: kspec.dev/v1
kind: Fixture
metadata: {name: op}
spec:
  install: {go: a.test/m/x, module: a.test/m, version: v1.0.0}
  provides: {apis: [a/v1/B]}
  setup: [{send: {file: "${{ fixture.install.dir }}/x.yaml", raw: true}}]
  process: {command: [x], ports: [web], fixedPorts: [80], ready: {http: "http://x"}}
  timeout: 10s
"""
CONFIG = """\
apiVersion: kspec.dev/v1
kind: Config
spec:
  clusters: {main: {}, fake: {embedded: {nodes: 3, node: {capacity: {gpu: 8}}}}}
  cluster: main
  parallel: 2
  env: [TAG]
  reports: {junit: x.xml}
"""


def test_it_is_a_schema(words):
    jsonschema.Draft202012Validator.check_schema(schema(words))


@pytest.mark.parametrize("text", [SPEC, FIXTURE, CONFIG], ids=["spec", "fixture", "config"])
def test_good_documents_are_valid(words, text):
    jsonschema.validate(load_all(text, "f")[0], schema(words))


WRONG = [
    ("steps:", "stepz:"),
    ("- shell: echo", "- shell: echo\n      look: {resource: a/b}"),
    ("- shell: echo", "- name: nothing"),
    ("resource: pod/a", "resourse: pod/a"),
    ("resource: pod/a", "resource: 5"),
    ("mode: fast", "mode: fats"),
    ("{step: 5s}", "{stop: 5s}"),
    ("{name: one,", "{name: One_,"),
    ("kind: Spec", "kind: Sepc"),
    ("kspec.dev/v1", "kspec.dev/v2"),
    ("team: a", "team: [a]"),
    ("os: [a, b]", "os: a"),
    ("id: one", "id: 1x"),
]


@pytest.mark.parametrize(("good", "bad"), WRONG, ids=[bad for _, bad in WRONG])
def test_the_reader_and_the_schema_refuse_the_same(words, tmp_path, monkeypatch, good, bad):
    monkeypatch.chdir(tmp_path)
    assert good in SPEC
    text = SPEC.replace(good, bad)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(load_all(text, "f")[0], schema(words))
    (tmp_path / "one.yaml").write_text(text)
    with pytest.raises(LoadError):
        load_project([Path("one.yaml")], tmp_path, words)


def test_docs_are_in_it(words):
    found = schema(words)
    assert found["$defs"]["verb-send"]["description"] == "Send objects.\nResults:\n- object: it"
    spec = found["$defs"]["Spec"]["properties"]["spec"]
    assert spec["properties"]["description"]["description"] == "what it shows, in a sentence"
    assert spec["required"] == ["steps"]
    step = found["$defs"]["step"]["properties"]
    assert {"send", "look", "shell", "if", "continueOnError"} <= step.keys()
    assert found["$defs"]["verb-send"]["anyOf"][0]["properties"].keys() == {
        "manifest", "file", "raw", "force", "count", "mode",
    }  # fmt: skip
