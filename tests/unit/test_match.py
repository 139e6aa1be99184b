"""Partial matches: what is enough, and that every difference is told at its place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kspec.language.source import read_documents
from kspec.marks import Mark, node_of
from kspec.matching.match import MERGE_KEYS, mismatches

POD = {
    "metadata": {"name": "pi", "labels": {"app.kubernetes.io/name": "pi", "a b": "x"}},
    "spec": {
        "containers": [
            {"name": "web", "image": "nginx:1", "ports": [{"containerPort": 80}]},
            {"name": "log", "image": "fluent:2", "env": [{"name": "A", "value": "1"}]},
        ],
        "args": ["a", "b"],
        "finalizers": [],
    },
    "status": {"conditions": [{"type": "Ready", "status": "False"}], "replicas": 2},
}
MARK = Mark("a.yaml", 1, 1)


def messages(expected, actual=None, **options):
    found = mismatches(node_of(expected, MARK), POD if actual is None else actual, **options)
    return [mismatch.message for mismatch in found]


@pytest.mark.parametrize(
    "expected",
    [
        {},
        {"status": {"replicas": 2}},
        {"status": {"replicas": 2.0}},
        {"metadata": {"labels": {"app.kubernetes.io/name": "pi"}}},
        {"spec": {"containers": [{"name": "log"}]}},
        {"spec": {"containers": [{"name": "log", "env": [{"name": "A"}]}, {"name": "web"}]}},
        {"spec": {"args": ["a", "b"]}},
        {"spec": {"finalizers": []}},
        {"status": {"conditions": [{"type": "Ready"}]}},
    ],
)
def test_is_enough(expected):
    assert messages(expected) == []


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ({"status": {"replicas": 3}}, [".status.replicas is 2, not 3"]),
        (
            {"status": {"replicas": "2"}},
            ['.status.replicas is 2, not "2" (a number, not a text)'],
        ),
        ({"status": {"replica": 2}}, [".status.replica is absent; did you mean 'replicas'?"]),
        ({"status": {"x": None}}, [".status.x is absent"]),
        (
            {"metadata": {"labels": {"app.kubernetes.io/name": "x", "a b": "y"}}},
            [
                '.metadata.labels.app\\.kubernetes\\.io/name is "pi", not "x"',
                ".metadata.labels['a b'] is \"x\", not \"y\"",
            ],
        ),
        (
            {"spec": {"containers": [{"name": "web", "image": "nginx:2"}]}},
            [".spec.containers[?(@.name=='web')].image is \"nginx:1\", not \"nginx:2\""],
        ),
        (
            {"spec": {"containers": [{"name": "db"}]}},
            ['no item of .spec.containers has name "db"; there are "web", "log"'],
        ),
        (
            {"spec": {"containers": [{"name": "web", "ports": [{"containerPort": 81}]}]}},
            [
                "no item of .spec.containers[?(@.name=='web')].ports has containerPort 81; "
                "there are 80"
            ],
        ),
        (
            {"spec": {"containers": [{"name": "web", "env": [{"name": "A"}]}]}},
            [".spec.containers[?(@.name=='web')].env is absent"],
        ),
        ({"spec": {"args": ["a"]}}, [".spec.args has 2 items, not 1"]),
        ({"spec": {"args": ["a", "c"]}}, ['.spec.args[1] is "b", not "c"']),
        (
            {"spec": {"args": {"a": 1}}},
            ['.spec.args is ["a", "b"], not {"a": 1} (a list, not a map)'],
        ),
        ({"status": {"replicas": [2]}}, [".status.replicas is 2, not [2] (a number, not a list)"]),
        ({"spec": 1, "status": 2}, None),
    ],
)  # fmt: skip
def test_says_what_differs(expected, found):
    if found is None:
        assert len(messages(expected)) == 2
    else:
        assert messages(expected) == found


def test_an_empty_list_has_no_item():
    expected = {"spec": {"containers": [{"name": "a"}]}}
    found = messages(expected, {"spec": {"containers": []}})
    assert found == ['no item of .spec.containers has name "a"; it is empty']


def test_of_items_with_the_same_key_the_nearest_counts():
    ports = [{"port": 53, "protocol": "TCP", "x": 1}, {"port": 53, "protocol": "UDP", "x": 2}]
    udp = {"ports": [{"port": 53, "protocol": "UDP", "x": 2}]}
    assert messages(udp, {"ports": ports}) == []
    near = {"ports": [{"port": 53, "protocol": "UDP", "x": 3}]}
    assert messages(near, {"ports": ports}) == [".ports[?(@.port==53)].x is 2, not 3"]


def test_lists_without_a_key_of_their_own_are_exact():
    assert messages({"containers": [{"image": "a"}]}, {"containers": [{"image": "a"}]}) == []
    two = {"containers": [{"image": "a"}, {"image": "b"}]}
    found = messages({"containers": [{"image": "a"}]}, two)
    assert found == [".containers has 2 items, not 1"]


def test_exact_lists_ignore_merge_keys():
    reverse = {"spec": {"containers": [{"name": "log"}, {"name": "web"}]}}
    assert messages(reverse) == []
    assert messages(reverse, lists="exact") == [
        '.spec.containers[0].name is "web", not "log"',
        '.spec.containers[1].name is "log", not "web"',
    ]


class TestContains:
    def found(self, expected, actual):
        return messages({"x": expected}, {"x": actual}, lists="contains")

    def test_anywhere(self):
        assert self.found([3, 1], [1, 2, 3]) == []
        assert self.found([{"a": 1}], [{"b": 1}, {"a": 1, "b": 2}]) == []

    def test_missing(self):
        assert self.found([3], [1]) == ["no item of .x matches 3"]

    def test_each_item_counts_once(self):
        assert self.found([1, 1], [1, 2]) == [
            "no item of .x matches 1 that no other expected item takes"
        ]

    def test_items_are_shared_out_cleverly(self):
        assert self.found([{}, {"a": 1}], [{"a": 1}, {}]) == []
        assert self.found([{}, {"b": 1}, {"a": 1}], [{"a": 1}, {"b": 1}, {}]) == []


def test_each_mismatch_points_at_the_line_that_asked():
    text = "spec:\n  containers:\n  - name: web\n    image: x\n    foo: 1\nstatus:\n  replicas: 3\n"
    [document] = read_documents(text, "a.yaml")
    found = mismatches(document, POD, subject="Pod ns/pi")
    assert [(m.path, str(m.mark)) for m in found] == [
        (".spec.containers[?(@.name=='web')].image", "a.yaml:4:12"),
        (".spec.containers[?(@.name=='web')].foo", "a.yaml:5:5"),
        (".status.replicas", "a.yaml:7:13"),
    ]
    assert (found[2].expected, found[2].actual, found[2].subject) == (3, 2, "Pod ns/pi")
    assert (found[1].expected, found[1].actual) == (1, None)


def test_mismatches_are_bounded():
    assert len(messages({str(i): i for i in range(500)}, {"x": 1})) == 100


def test_the_table_of_merge_keys():
    assert MERGE_KEYS["conditions"] == ("type",)
    assert list(MERGE_KEYS) == sorted(MERGE_KEYS)


names = st.sampled_from(["containers", "name", "ports", "port", "x", "y"])
values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["a", "b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


@given(values, st.sampled_from(["byKey", "exact", "contains"]))
def test_everything_matches_itself(value, lists):
    assert messages(value, value if value is not None else {}, lists=lists) == [] or value is None


@given(st.dictionaries(names, values, min_size=1), st.data())
def test_a_part_matches_the_whole(value, data):
    keys = data.draw(st.sets(st.sampled_from(sorted(value))))
    assert messages({key: value[key] for key in keys}, value) == []
    changed = data.draw(st.sampled_from(sorted(value)))
    assert messages({changed: {"other": value[changed]}}, value)


@given(values, values)
def test_exact_is_stricter_than_by_key_or_contains(expected, actual):
    actual = {"x": actual}
    if not messages({"x": expected}, actual, lists="exact"):
        assert not messages({"x": expected}, actual, lists="contains")
