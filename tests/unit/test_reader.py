"""Nodes to typed values: strict, all mistakes at once, expressions left for later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kspec.expressions.durations import Duration
from kspec.language.reader import Reader
from kspec.language.source import read_documents
from kspec.marks import Mark, Node, node_of
from kspec.vocabulary import Vocabulary, key

NOWHERE = Mark("", 0, 0)


class Color(StrEnum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True)
class Place:
    host_name: str = key("where")
    port: int | None = key("which port", default=None)


@dataclass(frozen=True, slots=True)
class Options:
    fast: bool = key("quick", default=False)
    ratio: float = key("a part", default=1.0)


@dataclass(frozen=True, slots=True)
class Upper:
    """A type that reads itself."""

    text: str

    @classmethod
    def __read__(cls, node, reader):
        text = reader.read(str, node)
        return None if text is None else cls(text.upper())

    @classmethod
    def __json_schema__(cls, _vocabulary):
        return {"type": "string"}


@dataclass(frozen=True, slots=True)
class Extra:
    """A type that reads itself from some keys of the level it stands on."""

    values: Mapping[str, Any]

    @classmethod
    def __read__(cls, node, reader):
        return cls(reader.fields(node, {"low": int, "high": int}, "extra"))

    @classmethod
    def __json_schema__(cls, _vocabulary):
        return {"type": "object", "properties": {"low": {}, "high": {}}}


@dataclass(frozen=True, slots=True)
class Thing:
    TITLE: ClassVar = "thing"
    PLANNED: ClassVar = frozenset({"someday"})

    name: str = key("what it is called")
    for_: Literal["create", "delete"] | None = key("a reserved word", default=None)
    color: Color = key("its colour", default=Color.RED)
    places: tuple[Place, ...] = key("where it is", default=())
    options: Options = key("how", inline=True, default=Options())
    extra: Extra | None = key("bounds", inline=True, default=None)
    upper: Upper | None = key("loud", default=None)
    either: str | tuple[str, ...] | None = key("one or many", default=None)
    data: Mapping[str, Any] = key("anything", default_factory=dict)
    hold: Duration | None = key("how long", default=None)
    body: Annotated[Node, Place] | None = key("checked, kept as written", default=None)
    renamed: str = key("with another name", name="$special", default="")
    mark: Mark = NOWHERE


def node(text):
    (document,) = read_documents(text, "f")
    return document


def read(text, kind=Thing, mode="run"):
    reader = Reader(Vocabulary(), mode)
    return reader.read(kind, node(text)), reader


def mistakes(text, kind=Thing, mode="run"):
    value, reader = read(text, kind, mode)
    assert value is None
    return [(str(one.mark), one.message, one.hint) for one in reader.problems]


def test_everything_that_a_dataclass_can_have():
    thing, reader = read(
        "name: x\nfor: create\ncolor: blue\n"
        "places: [{hostName: h, port: 1}]\nfast: true\nratio: 2\n"
        "low: 1\nupper: abc\neither: [a, b]\ndata: {k: [1, {x: null}]}\nhold: 1m\n"
        "body: {hostName: z}\n$special: s\n"
    )
    assert reader.problems == []
    assert thing.name == "x"
    assert thing.for_ == "create"
    assert thing.color is Color.BLUE
    assert thing.places == (Place("h", 1),)
    assert thing.options == Options(fast=True, ratio=2.0)
    assert isinstance(thing.options.ratio, float)
    assert thing.extra.values == {"low": 1}
    assert thing.upper == Upper("ABC")
    assert thing.either == ("a", "b")
    assert thing.data == {"k": [1, {"x": None}]}
    assert thing.hold == 60.0
    assert thing.body.get("hostName").value == "z"
    assert thing.renamed == "s"
    assert thing.mark == Mark("f", 1, 1)


def test_defaults_and_absent_inlines():
    thing, _ = read("name: x")
    assert thing.extra is None
    assert thing.options == Options()
    assert thing.places == ()
    assert thing.data == {}


def test_all_mistakes_at_once_with_their_places():
    found = mistakes(
        "nam: x\nfor: created\nplaces:\n  - {hostNme: h}\n  - 5\nratio: fast\nhold: 5\nsomeday: 1\n"
    )
    assert found == [
        ("f:1:1", "unknown key 'nam' in thing", "did you mean 'name'?"),
        ("f:8:1", "'someday' is not supported yet", None),
        ("f:1:1", "thing needs 'name'", "what it is called"),
        ("f:2:6", "expected create or delete, got the text 'created'", "did you mean 'create'?"),
        ("f:4:6", "unknown key 'hostNme' in place", "did you mean 'hostName'?"),
        ("f:4:5", "place needs 'hostName'", "where"),
        ("f:5:5", "expected a map, got the number 5", None),
        ("f:7:7", "5 has no unit: write 5s for seconds", None),
        ("f:6:8", "expected a number, got the text 'fast'", None),
    ]


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("1.30", "expected text, got the number 1.3 (written 1.30)", 'quote it: "1.30"'),
        ("0644", "expected text, got the number 420 (written 0644)", 'quote it: "0644"'),
        ("on", "expected text, got on, which is true", 'quote it: "on"'),
        ("true", "expected text, got true", 'quote it: "true"'),
        ("", "expected text, got nothing", None),
        ("[a]", "expected text, got a list", None),
        ("{a: b}", "expected text, got a map", None),
        ("{.status.phase}", "expected text, got a map", 'quote the path: "{.status.phase}"'),
    ],
)
def test_where_text_is_wanted_quoting_is_suggested(text, message, hint):
    assert mistakes(f"name: {text}") == [("f:1:1" if not text else "f:1:7", message, hint)]


def test_quotes_around_a_number_are_told():
    ((_, message, hint),) = mistakes('{hostName: h, port: "8080"}', Place)
    assert message == "expected a whole number, got the text '8080'"
    assert hint == "without quotes it would not be text"


def test_known_keys_are_listed_when_they_are_few_and_none_is_near():
    assert mistakes("{hostName: h, zzz: 1}", Place)[0][2] == "known keys: hostName, port"


def test_booleans_are_no_numbers():
    assert mistakes("{hostName: h, port: true}", Place)
    assert mistakes("{hostName: h, port: 1.5}", Place)


def test_a_brace_trap_is_told_whatever_is_wanted():
    for name in ("upper", "hold", "either"):
        ((_, _, hint),) = mistakes(f"name: x\n{name}: {{.a.b}}")
        assert hint == 'quote the path: "{.a.b}"'
    assert read("name: x\ndata: {.a.b}")[0].data == {".a.b": None}


def test_while_loading_an_expression_stands_for_any_scalar():
    value, reader = read(
        "name: ${{ a }}\nfor: ${{ b }}\nhold: ${{ c }}\nupper: x-${{ d }}\nfast: ${{ e }}\n"
        "places: [{hostName: x, port: '${{ f }}'}]\ncolor: ${{ g }}",
        mode="load",
    )
    assert value is None
    assert reader.problems == []


def test_while_loading_a_whole_expression_stands_for_lists_and_maps_too():
    _, reader = read("name: x\nplaces: ${{ a }}\ndata: ${{ b }}", mode="load")
    assert reader.problems == []
    ((mark, message, _),) = mistakes("name: x\nplaces: x ${{ a }}", mode="load")
    assert mark == "f:2:9"
    assert message == "expected a list, got the text 'x ${{ a }}'"


def test_while_loading_mistakes_beside_expressions_are_found():
    found = mistakes(
        "name: ${{ a }}\nplaces: [{hostName: '${{ b }}', prt: 1}]\ncolor: green", mode="load"
    )
    assert [message for _, message, _ in found] == [
        "expected red or blue, got the text 'green'",
        "unknown key 'prt' in place",
    ] or {message for _, message, _ in found} == {
        "unknown key 'prt' in place",
        "expected red or blue, got the text 'green'",
    }


def test_a_node_to_keep_does_not_make_its_parent_unknown():
    thing, reader = read("name: x\nbody: {hostName: '${{ a }}'}", mode="load")
    assert reader.problems == []
    assert thing.body.get("hostName").value == "${{ a }}"
    assert mistakes("name: x\nbody: {hostName: '${{ a }}', prt: 1}", mode="load")


def test_when_running_the_same_text_is_text():
    assert read("name: ${{ a }}")[0].name == "${{ a }}"


def test_what_an_expression_yields_becomes_text_where_text_is_wanted():
    mark = Mark("f", 1, 1)
    reader = Reader(Vocabulary())
    for value, text in ((4, "4"), (True, "true"), (1.5, "1.5")):
        assert reader.read(str, Node(value, mark)) == text
    assert reader.problems == []


def test_expect_one_of():
    reader = Reader(Vocabulary())
    assert reader.expect_one_of(node("{a: 1, c: 2}"), ("a", "b"), "source") == "a"
    assert reader.problems == []
    assert reader.expect_one_of(node("{c: 2}"), ("a", "b"), "source") is None
    assert reader.expect_one_of(node("{a: 1, b: 2}"), ("a", "b"), "source") is None
    none, both = reader.problems
    assert none.message == "no source: one of a or b is needed"
    assert both.message == "'a' and 'b' exclude each other"
    assert both.mark.column == 8


def test_unions_take_the_first_type_that_fits_and_tell_of_all():
    kind = int | tuple[int, ...] | Place
    assert read("[1, 2]", kind)[0] == (1, 2)
    assert read("{hostName: h}", kind)[0] == Place("h")
    assert mistakes("x", kind) == [
        ("f:1:1", "expected a whole number or a list or a map, got the text 'x'", None)
    ]
    assert mistakes("{hostNam: h}", kind)[0][1] == "unknown key 'hostNam' in place"


def test_warnings_are_kept_apart():
    reader = Reader(Vocabulary())
    reader.warning(Mark("f", 1, 1), "hm", "look")
    assert reader.problems == []
    assert reader.warnings[0].warning


def test_an_unknown_type_is_a_mistake_of_ours():
    with pytest.raises(TypeError, match="complex"):
        read("1", complex)


DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False)
    | st.text(max_size=5)
    | st.sampled_from(["${{ x }}", "a ${{", "red", "1m", "create"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["name", "for", "places", "hostName", "data", "either", "low", ".x", "body"]
        ),
        inner,
        max_size=5,
    ),
    max_leaves=15,
)  # fmt: skip


@given(DATA, st.sampled_from(["load", "run"]))
@settings(max_examples=300, deadline=None)
def test_no_data_makes_the_reader_fail(data, mode):
    reader = Reader(Vocabulary(), mode)
    value = reader.read(Thing, node_of(data, Mark("f", 1, 1)))
    assert value is None or isinstance(value, Thing)
    assert (value is None) or not reader.problems
    if mode == "run":
        assert (value is None) == bool(reader.problems)
