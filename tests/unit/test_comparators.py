"""Every comparator: when it holds, what it says when not, and which operands it refuses."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kspec.expressions.semver import semver
from kspec.matching.comparators import COMPARATORS
from kspec.matching.values import ABSENT, json_equal, shown, type_of
from kspec.vocabulary import Comparator, Vocabulary

WORDS = Vocabulary.of(COMPARATORS).all(Comparator)


def test_the_words():
    assert list(WORDS) == [
        "equals", "in", "contains", "matches", "startsWith", "endsWith", "exists", "empty",
        "length", "greaterThan", "atLeast", "lessThan", "atMost", "between", "subsetOf", "unique",
        "sorted", "type", "match",
    ]  # fmt: skip
    assert all(word.doc.endswith(".") for word in WORDS.values())


@pytest.mark.parametrize(
    ("word", "actual", "operand"),
    [
        ("equals", 5, 5),
        ("equals", 1, 1.0),
        ("equals", {"a": [1, None]}, {"a": [1.0, None]}),
        ("equals", semver("v1.2"), semver("1.2.0")),
        ("in", "a", ["a", "b"]),
        ("contains", [1, 2], 2),
        ("contains", [1, 2, 3], [3, 1]),
        ("contains", [[1], 2], [1]),
        ("contains", [{"type": "Ready", "status": "True"}], {"type": "Ready"}),
        ("contains", "quota exceeded", "exceeded"),
        ("contains", {"key": None}, "key"),
        ("matches", "pi-worker-0", r"worker-\d$"),
        ("startsWith", "pi-0", "pi"),
        ("endsWith", "pi-0", "0"),
        ("exists", 0, True),
        ("exists", None, True),
        ("exists", ABSENT, False),
        ("empty", [], True),
        ("empty", None, True),
        ("empty", {"a": 1}, False),
        ("length", "abc", 3),
        ("length", {}, 0),
        ("greaterThan", 2, 1.5),
        ("greaterThan", semver("1.10"), semver("1.9")),
        ("atLeast", 2, 2),
        ("lessThan", 1, 2),
        ("atMost", 2, 2),
        ("between", 2, [1, 2]),
        ("between", semver("1.5"), [semver("1"), semver("2")]),
        ("subsetOf", [1, "a"], ["a", 1.0, 3]),
        ("subsetOf", [], []),
        ("unique", [1, "1", True, 1.5], True),
        ("unique", [{"a": 1, "b": 2}, {"b": 2, "a": 1.0}], False),
        ("unique", [semver("1"), semver("v1.0")], False),
        ("unique", [[1], [2]], True),
        ("sorted", ["a", "b"], True),
        ("sorted", [2, 1], False),
        ("sorted", [], True),
        ("type", {}, "object"),
        ("type", [], "array"),
        ("type", "", "string"),
        ("type", 1.5, "number"),
        ("type", 2.0, "integer"),
        ("type", False, "boolean"),
        ("type", None, "null"),
        ("match", {"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}),
    ],
)
def test_holds(word, actual, operand):
    assert WORDS[word].operand(operand) is None
    assert WORDS[word].compare(actual, operand) is None


@pytest.mark.parametrize(
    ("word", "actual", "operand", "wrong"),
    [
        ("equals", "Pending", "Running", 'is "Pending", not "Running"'),
        ("equals", 5, "5", 'is 5, not "5" (a number, not a text)'),
        ("equals", True, 1, "is true, not 1"),
        ("equals", "True", True, 'is "True", not true (a text, not a truth value)'),
        ("equals", [1], [1, 2], "is [1], not [1, 2]"),
        ("equals", None, 0, "is null, not 0"),
        ("equals", {"a": 1}, {"b": 1}, 'is {"a": 1}, not {"b": 1}'),
        ("in", "c", ["a", "b"], 'is "c", which is not one of ["a", "b"]'),
        ("contains", [1, 2], 3, "has no 3 among [1, 2]"),
        ("contains", [1, 2], [2, 3, 4], "has no 3, 4 among [1, 2]"),
        ("contains", [{"a": 1}], {"a": 2}, 'has no {"a": 2} among [{"a": 1}]'),
        ("contains", "abc", "x", 'is "abc" without "x"'),
        ("contains", "abc", 1, "is a text, which cannot contain 1"),
        ("contains", {"a": 1}, "b", 'has no key "b"; it has ["a"]'),
        ("contains", 5, "b", "is 5, which is neither list, map nor text"),
        ("matches", "abc", "^b", 'is "abc", which does not match "^b"'),
        ("matches", 5, "^b", "is 5, not a text"),
        ("matches", "a" * ((1 << 20) + 1), "b", 'cannot be searched for "b": the text is longer'),
        ("startsWith", "abc", "b", 'is "abc", which does not start with "b"'),
        ("startsWith", 5, "b", "is 5, not a text"),
        ("endsWith", "abc", "b", 'is "abc", which does not end with "b"'),
        ("exists", ABSENT, True, "is absent"),
        ("exists", 5, False, "is 5, but must not exist"),
        ("empty", [1], True, "is [1], not empty"),
        ("empty", "", False, "is empty"),
        ("empty", 5, True, "is 5, which is neither list, map nor text"),
        ("length", [1], 2, "has length 1, not 2: [1]"),
        ("length", 5, 2, "is 5, which has no length"),
        ("greaterThan", 1, 1, "is 1, not greater than 1"),
        ("atLeast", 0, 1, "is 0, not at least 1"),
        ("lessThan", 1, 1, "is 1, not less than 1"),
        ("atMost", 2, 1, "is 2, not at most 1"),
        ("atLeast", "5", 1, 'is "5", not a number (parse: quantity'),
        ("atLeast", True, 1, "is true, not a number"),
        ("atLeast", "5", semver("1"), 'is "5", not a version'),
        ("between", 5, [1, 2], "is 5, not between 1 and 2"),
        ("between", "5", [1, 2], 'is "5", not a number'),
        ("subsetOf", [1, 2, 3], [1], "has 2, 3 beyond [1]"),
        ("subsetOf", 1, [1], "is 1, not a list"),
        ("unique", [1, 2, 1.0], True, "has 1.0 more than once"),
        ("unique", [1, 2], False, "has no item twice"),
        ("unique", 5, True, "is 5, not a list"),
        ("sorted", [1, 3, 2], True, "is not sorted: 2 comes after 3"),
        ("sorted", [1, 2], False, "is sorted"),
        ("sorted", [1, "a"], True, 'is [1, "a"], whose items have no common order'),
        ("sorted", 5, True, "is 5, not a list"),
        ("type", 1, "string", "is 1, of type number, not string"),
        ("type", 1.5, "integer", "is 1.5, not an integer"),
        ("type", "1", "integer", 'is "1", not an integer'),
        ("match", {"a": {"b": 1}}, {"a": {"b": 2}, "c": 3},
         "does not match: .a.b is 1, not 2; .c is absent"),
    ],
)  # fmt: skip
def test_says_what_is_wrong(word, actual, operand, wrong):
    assert WORDS[word].operand(operand) is None
    assert WORDS[word].compare(actual, operand).startswith(wrong)


@pytest.mark.parametrize(
    ("word", "operand", "complaint"),
    [
        ("in", "a", 'takes a list, not "a"'),
        ("matches", 5, "takes a regular expression"),
        ("matches", "(", "takes a regular expression: missing )"),
        ("startsWith", 5, "takes a text, not 5"),
        ("exists", "yes", 'takes true or false, not "yes"'),
        ("empty", 1, "takes true or false, not 1"),
        ("length", -1, "takes a whole number of 0 or more"),
        ("length", True, "takes a whole number of 0 or more"),
        ("atLeast", "1Gi", "takes a number (a text needs parse:"),
        ("between", [1], "takes a list of two numbers"),
        ("between", [2, 1], "the lower one first"),
        ("between", ["1", "2"], "takes a list of two numbers"),
        ("subsetOf", 1, "takes a list"),
        ("type", "int", "takes one of object, array"),
        ("match", 1, "takes a map or a list"),
    ],
)
def test_refuses_operands(word, operand, complaint):
    assert complaint in WORDS[word].operand(operand)


def test_what_sees_lists_and_absence():
    assert {name for name, word in WORDS.items() if word.takes_list} == {
        "contains", "empty", "length", "subsetOf", "unique", "sorted",
    }  # fmt: skip
    assert {name for name, word in WORDS.items() if word.sees_absent} == {"exists"}


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False)
    | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.sampled_from(COMPARATORS), values, values)
def test_no_comparator_raises(word, actual, operand):
    if word.operand(operand) is None:
        found = word.compare(actual, operand)
        assert found is None or isinstance(found, str)
        assert word.compare(ABSENT, operand) is None or word.sees_absent or word.name != "exists"


@given(values, values)
def test_equality_is_that_of_json(left, right):
    def canonical(value):
        if isinstance(value, dict):
            return {key: canonical(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [canonical(inner) for inner in value]
        return float(value) if isinstance(value, int) and not isinstance(value, bool) else value

    same = json.dumps(canonical(left), sort_keys=True) == json.dumps(
        canonical(right), sort_keys=True
    )
    assert json_equal(left, right) is same or str(left).count("-0.0") != str(right).count("-0.0")
    assert json_equal(left, left)
    assert (WORDS["unique"].compare([left, right], True) is not None) is json_equal(left, right)


@given(values)
def test_values_are_shown_on_one_short_line(value):
    text = shown(value, 40)
    assert len(text) <= 40
    assert "\n" not in text
    assert type_of(value) in {"object", "array", "string", "number", "boolean", "null"}


def test_long_values_are_shortened():
    assert shown("x" * 10_000, 20) == '"' + "x" * 11 + "..." + "xxxx" + '"'
    assert (shown(ABSENT), type_of(ABSENT), repr(ABSENT)) == ("absent",) * 3
