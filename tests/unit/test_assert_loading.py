"""What is refused of an `assert` before any cluster is touched."""

from __future__ import annotations

import pytest

from kspec.app import plugins
from kspec.lint import lint

HEAD = """apiVersion: kspec.dev/v1
kind: Spec
metadata: {name: loading}
spec:
  steps:
    - assert: """

WORDS = plugins.vocabulary(plugins.load(installed=False))


def problems(tmp_path, body: str) -> list[str]:
    (tmp_path / "kspec.yaml").write_text("apiVersion: kspec.dev/v1\nkind: Config\nspec: {}\n")
    (tmp_path / "spec.yaml").write_text(f"{HEAD}{body}\n")
    return [one.message for one in lint([tmp_path], WORDS) if not one.warning]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{resource: pod/x, absent: true}", "`absent` would pass at once"),
        ("{resources: pods, count: 0}", "`count` would pass at once"),
        ("{resources: pods, none: {match: {a: b}}}", "`none` would pass at once"),
        ("{nothingCreatedBy: pod/x}", "`nothingCreatedBy` would pass at once"),
        ("{resource: pod/x, checks: [{jsonpath: .a, exists: false}]}", "`exists` would pass at"),
        ("{resources: pods, checks: [{jsonpath: .a, equals: 1}]}", "checks on many objects says"),
        ("{resource: pod/x, every: {match: {a: b}}}", "every is for many objects"),
        ("{resource: pod/x, now: true, ever: true, match: {a: b}}", "'now' and 'ever' exclude"),
        ("{resource: pod/x}", "nothing is checked"),
        ("{resource: pod/x, selector: a=b, match: {a: b}}", "`selector` goes with `resources`"),
        ("{resource: pod, match: {a: b}}", "pod"),
    ],
)
def test_it_is_named(tmp_path, body, message):
    found = problems(tmp_path, body)
    assert [text for text in found if message in text], found


@pytest.mark.parametrize(
    "body",
    [
        "{resource: pod/x, absent: true, hold: 1s}",
        "{resources: pods, count: 0, now: true}",
        "{resources: pods, count: 2, none: {match: {a: b}}, hold: 1s}",
        "{nothingCreatedBy: pod/x, hold: 3s}",
    ],
)
def test_a_negative_with_a_time_is_fine(tmp_path, body):
    assert problems(tmp_path, body) == []


DELETED = """apiVersion: kspec.dev/v1
kind: Spec
metadata: {name: loading}
spec:
  steps:
    - delete: {%s}
    - assert: {resource: pod/x, absent: true}
"""


@pytest.mark.parametrize(
    ("delete", "wrong"),
    [
        ("resource: pod/x", 0),
        ("resource: pod/y", 1),
        ("resource: pod/x, wait: false", 1),
        ("resource: pod/x, namespace: other", 1),
    ],
)
def test_a_negative_needs_no_time_right_after_a_delete_of_the_same(tmp_path, delete, wrong):
    (tmp_path / "spec.yaml").write_text(DELETED % delete)
    assert len([one for one in lint([tmp_path], WORDS) if not one.warning]) == wrong


def test_a_delete_of_another_spec_is_not_the_step_before(tmp_path):
    other = HEAD.replace("loading", "other") + "{resource: pod/x, absent: true}\n"
    first = (DELETED % "resource: pod/x").split("    - assert")[0]
    (tmp_path / "spec.yaml").write_text(f"{first}---\n{other}")
    assert len([one for one in lint([tmp_path], WORDS) if not one.warning]) == 1
