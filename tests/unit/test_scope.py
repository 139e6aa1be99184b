"""Expressions: where they stand, what they yield, and what is checked before they run."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kspec.errors import ExpressionError
from kspec.language import templates
from kspec.language.names import Names, check_argv, paths
from kspec.language.reader import Reader
from kspec.language.scope import Scope
from kspec.language.source import read_documents
from kspec.language.templates import Part
from kspec.marks import Mark, Node
from kspec.vocabulary import Vocabulary

SCOPE = Scope(
    {
        "vars": {"n": 3, "name": "pi", "list": [1, 2], "yes": True, "nothing": None, "half": 0.5},
        "run": {"id": "r1"},
        "steps": {"make": {"outputs": {"uid": "u"}}},
    }
)


def node(text):
    (document,) = read_documents(text, "f")
    return document


def resolve(text):
    return SCOPE.resolve(node(f"a: {text}")).data()["a"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${{ vars.n }}", 3),
        ("${{ vars.list }}", [1, 2]),
        ("${{ vars.yes }}", True),
        ("'${{vars.name}}'", "pi"),
        ("job-${{ vars.name }}-${{ vars.n }}", "job-pi-3"),
        ("'${{ vars.yes }}/${{ vars.half }}'", "true/0.5"),
        ("$${{ vars.n }}", "${{ vars.n }}"),
        ("x $${{ a }} ${{ vars.n }}", "x ${{ a }} 3"),
        ("'${{ {a: vars.n, b: {c: vars.name}} }}'", {"a": 3, "b": {"c": "pi"}}),
        ("\"${{ '}}' }}\"", "}}"),
        ("${{ default(vars.nothing, 'x') }}", "x"),
        ("${{ steps.make.outputs.uid }}", "u"),
        ("no expression", "no expression"),
    ],
)
def test_expressions_in_text(text, value):
    found = resolve(text)
    assert found == value
    assert type(found) is type(value)


def test_every_level_is_resolved_and_keeps_its_place():
    resolved = SCOPE.resolve(node("a:\n  - b: ['${{ vars.n }}']\n    c: 1\n"))
    assert resolved.data() == {"a": [{"b": [3], "c": 1}]}
    assert resolved.get("a").items[0].map["b"].items[0].mark.line == 2


def test_literal_keys_and_literal_texts_stay():
    body = node("{text: 'echo ${{ vars.n }}', env: {M: '${{ vars.n }}'}}")
    assert SCOPE.resolve(body, literal=frozenset({"", "text"})).data() == {
        "text": "echo ${{ vars.n }}",
        "env": {"M": 3},
    }
    text = node("echo ${{ vars.n }}")
    assert SCOPE.resolve(text, literal=frozenset({""})).value == "echo ${{ vars.n }}"
    assert SCOPE.resolve(text).value == "echo 3"


def test_one_pass_what_an_expression_yields_is_not_read_again():
    scope = Scope({"vars": {"evil": "${{ run.id }}"}, "run": {"id": "secret"}})
    assert scope.resolve(node("a: x ${{ vars.evil }}")).data() == {"a": "x ${{ run.id }}"}
    assert scope.resolve(node("a: ${{ vars.evil }}")).data() == {"a": "${{ run.id }}"}


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("${{ vars.nothing }}", 8, "'vars.nothing' is null"),
        ("x ${{ vars.zzz }}", 10, "'vars.zzz' is null"),
        ("'x ${{ vars.zzz }}'", 11, "'vars.zzz' is null"),
        ("x ${{ vars.list }}", 10, "'vars.list' is a list"),
        ("${{ vars.n", 4, "not closed"),
        ("${{ }}", 4, "empty"),
        ("${{ vars.n | }}", 16, "not complete"),
    ],
)
def test_errors_say_where(text, column, message):
    with pytest.raises(ExpressionError) as raised:
        resolve(text)
    assert message in raised.value.message
    assert raised.value.mark.column == column


def test_vars_see_the_scope_but_not_themselves():
    scope = Scope({"matrix": {"m": "x"}}).with_vars(node("{a: 'v-${{ matrix.m }}', b: 2}"))
    assert scope.roots["vars"] == {"a": "v-x", "b": 2}
    assert Scope({}).with_vars(None).roots["vars"] == {}


def test_bare_expressions():
    assert SCOPE.evaluate(node("vars.n == `3`")) is True
    assert SCOPE.evaluate(node("object.x"), {"object": {"x": 1}}) == 1
    assert SCOPE.evaluate(node("object.y"), {"object": {}}) is None
    assert SCOPE.evaluate(node("false")) is False
    with pytest.raises(ExpressionError) as raised:
        SCOPE.evaluate(node("a.b["))
    assert raised.value.mark is not None


def test_results_do_not_hide_the_scope():
    assert SCOPE.evaluate(node("vars.n"), {"vars": "x"}) == 3


def test_steps_add_their_outputs():
    scope = SCOPE.with_step("two", {"x": 1})
    assert scope.resolve(node("${{ steps.two.outputs.x }}")).value == 1
    assert scope.resolve(node("${{ steps.make.outputs.uid }}")).value == "u"
    assert "two" not in SCOPE.roots["steps"]


def check(text, names, **options):
    reader = Reader(Vocabulary(), "load")
    names.check(node(text), reader, **options)
    return [(one.mark.column, one.message, one.hint) for one in reader.problems], reader.warnings


NAMES = Names(
    {
        "vars": {"workers": None},
        "env": {},
        "namespace": None,
        "steps": {"make": {"outputs": {"uid": None}}},
        "fixtures": {"op": {"ports": {"metrics": None}, "outputs": None}},
    },
    frozenset({"make", "later"}),
)


@pytest.mark.parametrize(
    "text",
    [
        "${{ vars.workers }}",
        "${{ namespace }}",
        "${{ steps.make.outputs.uid.deep }}",
        "${{ fixtures.op.ports.metrics }}",
        "${{ length(steps.make.outputs.uid) }}",
        "${{ default(vars.workers, 'vars.zzz') }}",
        "'${{ fixtures.op.outputs.list[?vars.a == `1`] }}'",
        '${{ vars."workers" }}',
    ],
)
def test_names_that_exist(text):
    assert check(f"a: {text}", NAMES) == ([], [])


@pytest.mark.parametrize(
    ("text", "column", "message", "hint"),
    [
        ("${{ varz.x }}", 8, "expressions here know no 'varz'", "did you mean 'vars'?"),
        ("${{ vars.worker }}", 13, "vars has no 'worker'", "did you mean 'workers'?"),
        ("x-${{ vars.zzz }}", 15, "vars has no 'zzz'", "it has workers"),
        ("${{ env.HOME }}", 12, "env has no 'HOME'", "it has nothing"),
        ("${{ steps.later.outputs.x }}", 14, "steps has no 'later'",
         "the step 'later' does not come before"),
        ("${{ steps.make.uid }}", 19, "steps.make has no 'uid'", "it has outputs"),
        ("${{ fixtures.op.ports.http }}", 26, "fixtures.op.ports has no 'http'", "it has metrics"),
        ("${{ item.x }}", 8, "expressions here know no 'item'", "'item' exists in loops only"),
        ("${{ vars.workers + 1 }}", 21, "the expression does not parse", None),
        ("${{ nosuch(vars.workers) }}", 8, "the expression does not parse", None),
        ("${{ vars.workers", 4, "the expression does not parse", None),
    ],
)  # fmt: skip
def test_names_that_do_not_exist(text, column, message, hint):
    ((found, said, why),), _ = check(f"a: {text}", NAMES)
    assert found == column
    assert said.startswith(message)
    assert hint in (None, why)


def test_all_mistakes_of_one_text():
    problems, _ = check("a: ${{ x }} ${{ vars.q }} ${{ y }}", NAMES)
    assert [column for column, _, _ in problems] == [8, 22, 31]


def test_keys_take_no_expressions():
    problems, _ = check("{'${{ vars.workers }}': 1}", NAMES)
    assert problems[0][1] == "keys take no expressions"


def test_literal_text_is_warned_about():
    problems, warnings = check("echo ${{ vars.x }}", NAMES, literal=frozenset({""}))
    assert problems == []
    assert "env" in warnings[0].hint


def test_bare_expressions_are_checked_with_results():
    reader = Reader(Vocabulary(), "load")
    NAMES.check_bare(node("object.x && vars.workers"), reader, {"object": "it"})
    NAMES.check_bare(node("true"), reader, {})
    assert reader.problems == []
    NAMES.check_bare(node("object.x"), reader, {})
    NAMES.check_bare(node("${{ object }}"), reader, {"object": "it"})
    assert [one.message for one in reader.problems] == [
        "expressions here know no 'object'",
        "this is an expression already",
    ]


@pytest.mark.parametrize(
    ("command", "refused"),
    [
        ("[sh, -c, 'echo ${{ vars.x }}']", True),
        ("[/bin/bash, -ec, 'echo ${{ vars.x }}']", True),
        ("[env, A=b, bash, -o, pipefail, -c, 'echo ${{ vars.x }}']", True),
        ("['${{ vars.shell }}', -c, 'echo ${{ vars.x }}']", True),
        ("[sh, -c, 'echo $1', '${{ vars.x }}']", False),
        ("[sh, -c, 'echo $X']", False),
        ("[grep, -c, '${{ vars.x }}']", False),
        ("[tool, '${{ vars.x }}']", False),
    ],
)
def test_a_shells_c_takes_no_expressions(command, refused):
    reader = Reader(Vocabulary(), "load")
    check_argv(node(command), reader)
    assert bool(reader.problems) is refused


def test_paths_are_found_outside_of_strings():
    text = "vars.a && 'vars.b' && f(steps.x.outputs.y, `vars.c`) | @.vars.d && x.length(@)"
    assert [path for path, _ in paths(text)] == [["vars", "a"], ["steps", "x", "outputs", "y"]]


@given(
    st.lists(
        st.sampled_from(["${{", "}}", "$${{", "a", "'", '"', "`", "{", "}", " ", "\\"]), max_size=12
    )
)
@settings(max_examples=300, deadline=None)
def test_splitting_loses_nothing(pieces):
    text = "".join(pieces)
    offset = None
    try:
        found = templates.split(text)
    except ExpressionError as error:
        offset = error.offset
    if offset is not None:
        assert 0 <= offset < len(text)
        return
    for part in found:
        if isinstance(part, Part):
            assert text.startswith(part.text, part.offset)
    if not any(isinstance(part, Part) for part in found):
        assert "".join(found) == text.replace("$${{", "${{")


@given(st.text("ab.${}' |", max_size=20))
@settings(max_examples=200, deadline=None)
def test_no_text_makes_anything_but_expression_errors(text):
    reader = Reader(Vocabulary(), "load")
    NAMES.check(Node(text, Mark("f", 1, 1)), reader)
    refused = None
    try:
        SCOPE.resolve(Node(text, Mark("f", 1, 1)))
    except ExpressionError as error:
        refused = error
    assert refused is None or refused.mark is not None
