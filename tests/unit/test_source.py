"""Text to nodes: kubectl's reading of scalars, positions, and what is refused."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kspec.errors import LoadError
from kspec.language import source
from kspec.language.source import load_all, read_documents, read_leniently
from kspec.marks import Mark

# What `kubectl annotate --local -o json` made of each, kubectl v1.3x: go-yaml v2 through JSON.
KUBECTL = {
    "on": True, "yes": True, "y": True, "Y": True, "On": True, "TRUE": True,
    "off": False, "no": False, "n": False, "False": False,
    "yEs": "yEs", "tRue": "tRue",
    "~": None, "null": None, "Null": None, "nuLL": "nuLL",
    "0777": 511, "0o777": 511, "0x1F": 31, "-0x1f": -31, "0b11": 3, "-0b11": -3, "08": 8,
    "1_000": 1000, "+5": 5, "-0": 0,
    "1:30": "1:30", "2001-01-01": "2001-01-01", "2001-01-01T00:00:00Z": "2001-01-01T00:00:00Z",
    "1e3": 1000, "1.0": 1, "1.30": 1.3, ".5": 0.5, "-.5": -0.5, "1.": 1, ".e3": ".e3",
    "1e999": "1e999",
    "18446744073709551615": 18446744073709551615, "99999999999999999999": 100000000000000000000,
    "=": "=", "v1.30": "v1.30", "1.2.3": "1.2.3", "0x": "0x", "+": "+",
    "1_000.5": 1000.5, ".5_0": 0.5,
    "010.5": 10.5, "+0x10": 16, "-0o17": -15, "1.e3": 1000, "1e": "1e", "_1": "_1",
    "9" * 400: "9" * 400,
}  # fmt: skip


def value_of(text):
    (node,) = read_documents(text, "f.yaml")
    return node.data()


def problems_of(text):
    with pytest.raises(LoadError) as raised:
        read_documents(text, "f.yaml")
    return raised.value.problems


def only_problem(text):
    (problem,) = problems_of(text)
    return problem


@pytest.mark.parametrize(("text", "value"), KUBECTL.items(), ids=lambda one: str(one)[:20])
def test_plain_scalars_mean_what_they_mean_to_kubectl(text, value):
    found = value_of(f"a: {text}")["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("text", ["on", "0777", "1.30", "~", ".inf"])
def test_quoted_scalars_and_blocks_are_text(text):
    data = value_of(f"a: \"{text}\"\nb: '{text}'\nc: |-\n  {text}\nd: !!str {text}")
    assert data == dict.fromkeys("abcd", text)


def test_values_and_keys_have_their_places():
    (node,) = read_documents("# c\na:\n  - é: {b: 1, 'c': two}\n", "dir/f.yaml")
    inner = node.get("a").items[0]
    assert node.key_marks["a"] == Mark("dir/f.yaml", 2, 1)
    assert inner.key_marks["é"] == Mark("dir/f.yaml", 3, 5)
    assert inner.map["é"].key_marks["b"] == Mark("dir/f.yaml", 3, 9)
    assert inner.map["é"].map["c"].mark == Mark("dir/f.yaml", 3, 20)


def test_plain_text_is_kept_as_written_and_none_when_quoted():
    (node,) = read_documents("a: 0777\nb: '0777'\nc: x y\nd:\n", "f")
    assert [node.map[key].plain for key in "abcd"] == ["0777", None, "x y", ""]


def test_an_empty_value_stands_where_its_key_stands():
    (node,) = read_documents("x: 1\nempty:\nz: 2\n", "f")
    assert node.map["empty"].mark == Mark("f", 2, 1)


def test_empty_documents_are_left_out():
    assert load_all("---\n---\na: 1\n---\n# nothing\n---\n[]\n", "f") == [{"a": 1}, []]
    assert read_documents("", "f") == ()


def test_byte_order_mark_and_windows_line_ends():
    (node,) = read_documents("\ufeffa: 1\r\nb:\r\n  c: 2\r\n", "f")
    assert node.data() == {"a": 1, "b": {"c": 2}}
    assert node.get("b").key_marks["c"] == Mark("f", 3, 3)


def test_aliases_stand_where_they_are_used():
    (node,) = read_documents("a: &x {p: 1}\nb: *x\n", "f")
    assert node.get("b").data() == {"p": 1}
    assert node.get("b").mark == Mark("f", 2, 4)
    assert node.get("b", "p").mark.line == 1


def test_merge_keys_fill_what_is_not_there():
    text = "a: &x {p: 1, q: 2}\nb: {<<: *x, q: 3}\nc: {q: 4, <<: [{q: 5, r: 6}, *x]}\nd: {'<<': 1}"
    data = value_of(text)
    assert data["b"] == {"p": 1, "q": 3}
    assert data["c"] == {"q": 4, "r": 6, "p": 1}
    assert data["d"] == {"<<": 1}


def test_anchors_end_with_their_document():
    problem = only_problem("a: &x 1\n---\nb: *x\n")
    assert problem.mark == Mark("f.yaml", 3, 4)
    assert "no anchor &x" in problem.message


def test_duplicate_keys_name_both_places():
    problem = only_problem("a: 1\nb: 2\na: 3\n")
    assert problem.mark == Mark("f.yaml", 3, 1)
    assert "f.yaml:1:1" in problem.message


@pytest.mark.parametrize(
    ("key", "what"), [("1", "number 1"), ("on", "boolean on"), ("~", "empty"), ("1.30", "1.30")]
)
def test_keys_that_are_no_text_are_refused(key, what):
    problem = only_problem(f"{key}: x")
    assert what in problem.message
    assert problem.hint == f'quote it: "{key}"'


def test_all_mistakes_are_reported_and_the_rest_is_read():
    documents, problems = read_leniently("a: 1\na: 2\nb: !x y\n3: z\nc: ok\n", "f")
    assert [problem.mark.line for problem in problems] == [2, 3, 4]
    assert documents[0].get("c").value == "ok"


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("a: {b: ${{ vars.x }}, c: d}", 'a: {b: "${{ vars.x }}", c: d}'),
        ("a: [w-${{ index }}-x]", 'a: ["w-${{ index }}-x"]'),
        ("""a: {b: ${{ default(x, "y") }}}""", """a: {b: '${{ default(x, "y") }}'}"""),
        (
            "- {jsonpath: {.status.c[?(@.t=='R')].s}, equals: x}",
            """- {jsonpath: "{.status.c[?(@.t=='R')].s}", equals: x}""",
        ),
        (r'a: {b: "x\.y"}', r"a: {b: 'x\.y'}"),
        ("a: !foo bar", 'a: "!foo bar"'),
        ("a: {b: !foo}", 'a: {b: "!foo"}'),
        ("a: {b: !foo, c: d}", 'a: {b: "!foo", c: d}'),
        ("a: {{ .Values.x }}", 'a: "{{ .Values.x }}"'),
        ("{{- if .Values.x }}", "Helm template"),
        ("a: b: c", "': '"),
        ("a:\n\tb: 1", "spaces"),
        ("a: @x", "quotes"),
        ("a: 'b", "left open"),
        ("a:\nb: 1\n- x", "indented"),
    ],
)
def test_traps_are_answered_with_the_corrected_line(line, hint):
    assert hint in (problems_of(line)[0].hint or "")


def test_quoted_expressions_and_paths_are_no_traps():
    text = """a: {b: "${{ x }}", c: '{.status}', d: "it's {{ }}"}\ne: ${{ x }}\nf: x {.y}"""
    assert value_of(text)["e"] == "${{ x }}"


def test_infinities_are_refused():
    assert "no number" in only_problem("a: .inf").message


@pytest.mark.parametrize(
    ("tag", "good"), [("!!int 5", 5), ('!!int "0x10"', 16), ("!!float 5", 5), ("!!bool on", True)]
)
def test_core_tags_are_read(tag, good):
    assert value_of(f"a: {tag}")["a"] == good


@pytest.mark.parametrize("tag", ["!!int x", "!!python/object:os.system x", "!!binary eA==", "! x"])
def test_other_tags_are_refused_with_a_place(tag):
    assert only_problem(f"a: {tag}").mark == Mark("f.yaml", 1, 4)


# Pieces that YAML cares about, so that random texts get deep into the grammar.
PIECES = st.sampled_from(
    ["a", "b: ", "- ", "{", "}", "[", "]", ", ", ": ", "\n", "\n  ", "'", '"', "&x ", "*x", "!t ",
     "!!int ", "|\n ", ">", "# c", "---\n", "...", "? ", "<<: ", "\\", "\t", "é", "\x85", "%", "@",
     "1.30", "on", "${{", "}}", "{{", "\r\n", "~", ".inf", "\ufeff", "\u2028"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=25).map("".join) | st.text(max_size=80)


@given(TEXTS)
@settings(max_examples=400, deadline=None)
def test_no_text_makes_anything_but_a_load_error(text):
    documents, problems = read_leniently(text, "f")
    for problem in problems:
        assert problem.mark.line >= 1
        assert problem.mark.column >= 1
    for node in documents:
        node.data()


DATA = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text("ab: #-é'\"{}", max_size=6),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abé x-", min_size=1, max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(DATA, st.booleans())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_both_parsers_agree_and_read_back_what_was_written(data, flow):
    text = dump(data, flow=flow)
    fast, problems = source.parse(text, "f", source._events_c)
    slow, others = source.parse(text, "f", source._events_pure)
    assert (fast, problems) == (slow, others)
    assert not problems
    assert [node.data() for node in fast] == ([] if data is None else [data])


def dump(data, *, flow):
    """YAML made by hand: everything quoted, so that what comes back is known."""
    if flow or not isinstance(data, list | dict) or not data:
        return dump_flow(data)
    return dump_block(data, 0)


def dump_flow(data):
    if isinstance(data, dict):
        return "{" + ", ".join(f"{dump_flow(k)}: {dump_flow(v)}" for k, v in data.items()) + "}"
    if isinstance(data, list):
        return "[" + ", ".join(map(dump_flow, data)) + "]"
    if isinstance(data, str):
        return "'" + data.replace("'", "''") + "'"
    if data is None:
        return "null"
    return str(data).lower()


def dump_block(data, depth):
    pad, lines = "  " * depth, []
    entries = data.items() if isinstance(data, dict) else ((None, item) for item in data)
    for key, value in entries:
        head = f"{pad}-" if key is None else f"{pad}{dump_flow(key)}:"
        if isinstance(value, list | dict) and value:
            lines += [head, dump_block(value, depth + 1)]
        else:
            lines.append(f"{head} {dump_flow(value)}")
    return "\n".join(lines)


def test_integers_beyond_64_bits_are_floats_as_in_go():
    assert value_of(f"a: {2**64}")["a"] == 2**64
    assert value_of(f"a: {10**30}")["a"] == 1e30


@pytest.mark.parametrize(
    "text",
    ["a: &x 1\nb: *x\n", "a:\n- \n- x\n-\n", "a:\nb:\n  c:\nd: ''\n", "{a, b: , 'c': }\n",
     "- - a\n  -\n",
     "a: |\n  x\n\n  y\nb: >-\n  z\n  w\n", "? a\n: b\n? c\n", "é: ü\nb: 'ö'\n"],
)  # fmt: skip
def test_both_parsers_agree_on_awkward_texts(text):
    assert source.parse(text, "f", source._events_c) == source.parse(text, "f", source._events_pure)
