"""Differences that a person can read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kspec.matching.diff import MOST_LINES, WIDEST, difference
from kspec.matching.values import json_equal

HOSTS = [f"pi-worker-{i}.pi.ns.svc slots=2" for i in range(8)]


@pytest.mark.parametrize(
    ("expected", "actual", "lines"),
    [
        (1, 1.0, []),
        ("Running", "Pending", ['- "Running"', '+ "Pending"']),
        (5, "5", ["- 5", '+ "5"']),
        ({"a": 1, "b": {"c": 2}}, {"b": {"c": 3}}, ["- .a: 1", "- .b.c: 2", "+ .b.c: 3"]),
        ({}, {"d": 4}, ["+ .d: 4"]),
        ({"a.b": 1}, {"a.b": 2}, ["- .a\\.b: 1", "+ .a\\.b: 2"]),
        (["a", "b", "c"], ["a", "c"], ['- [1]: "b"']),
        (["a"], ["a", "b"], ['+ [1]: "b"']),
        (["a", "b"], ["a", "x"], ['- [1]: "b"', '+ [1]: "x"']),
        ([{"n": 1, "v": 2}], [{"n": 1, "v": 3}], ["- [0].v: 2", "+ [0].v: 3"]),
        ([1, 2], [3], ["- [0]: 1", "- [1]: 2", "+ [0]: 3"]),
        ({"a": [1]}, {"a": 1}, ["- .a: [1]", "+ .a: 1"]),
        ("a\nb\nc", "a\nx\nc", ["  a", "- b", "+ x", "  c"]),
        ("a\nb\n", "a\nb", ["  a", "  b", '- ""']),
        ("a\nb ", "a\nb", ["  a", '- "b "', "+ b"]),
        ({"t": "a\nb"}, {"t": "a"}, ["  .t:", "  a", "- b"]),
        ("a\n\x1b[31mb", "a\nb", ["  a", '- "\\u001b[31mb"', "+ b"]),
    ],
)  # fmt: skip
def test_differences(expected, actual, lines):
    assert list(difference(expected, actual)) == lines


def test_equal_lines_are_hidden_but_for_two_around():
    actual = [*HOSTS]
    actual[4] = actual[4].replace("2", "3")
    assert list(difference("\n".join(HOSTS), "\n".join(actual))) == [
        "  ... (2 equal lines)",
        f"  {HOSTS[2]}",
        f"  {HOSTS[3]}",
        f"- {HOSTS[4]}",
        f"+ {actual[4]}",
        f"  {HOSTS[5]}",
        f"  {HOSTS[6]}",
        "  ... (1 equal line)",
    ]


def test_a_missing_item_shows_as_one_line():
    assert list(difference(HOSTS, HOSTS[:3] + HOSTS[4:])) == [f'- [3]: "{HOSTS[3]}"']


def test_long_lists_and_texts_are_bounded():
    numbers = [str(i) for i in range(5000)]
    other = [str(i + 1) for i in range(5000)]
    for left, right in [(numbers, other), ("\n".join(numbers), "\n".join(other))]:
        lines = difference(left, right)
        assert len(lines) <= MOST_LINES
    assert difference(numbers, [*numbers[:-1], "x"]) == ('- [4999]: "4999"', '+ [4999]: "x"')
    assert len(difference(list(range(1000)), list(range(1000, 2000)))) == MOST_LINES


def test_what_lies_beyond_the_aligned_part_is_not_lost():
    left = ["a"] + ["x"] * 399 + ["b"]
    right = ["c"] + ["x"] * 399 + ["d"]
    assert list(difference(left, right)) == [
        '- [0]: "a"',
        '+ [0]: "c"',
        '- [400]: "b"',
        '+ [400]: "d"',
    ]


def test_long_items_that_differ_at_the_end():
    left, right = ["x" * 500 + "a"], ["x" * 500 + "b"]
    assert len(difference(left, right)) == 2


values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.text(alphabet="ab\n ", max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(values, values)
def test_there_are_lines_exactly_where_values_differ(expected, actual):
    lines = difference(expected, actual)
    assert bool(lines) is not json_equal(expected, actual)
    assert len(lines) <= MOST_LINES
    assert all(len(line) <= WIDEST and "\n" not in line for line in lines)
    assert not lines or any(line[0] in "+-" for line in lines)
