"""JSONPath as kubectl users write it, what is refused, and why something is missing."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonpath_ng.ext.parser import parse

from kspec.errors import ExpressionError
from kspec.expressions import jsonpath
from kspec.expressions.missing import explain_missing
from kspec.expressions.segments import LONGEST, quote, step
from kspec.language.reader import Reader
from kspec.marks import Mark, Node
from kspec.vocabulary import Vocabulary

JOB = {
    "metadata": {"labels": {"app.kubernetes.io/name": "pi", "1st": "x"}, "uid": "u"},
    "spec": {"replicas": 3, "args": ["a", "b", "c"], "empty": [], "none": None, "map": {}},
    "status": {
        "phase": "Running",
        "conditions": [
            {"type": "Created", "status": "True", "n": 1},
            {"type": "Running", "status": "False", "n": 2, "ok": True},
        ],
    },
}


@pytest.mark.parametrize(
    "text",
    [
        "{.status.phase}",
        ".status.phase",
        "status.phase",
        "{status.phase}",
        "$.status.phase",
        "@.status.phase",
        "{ .status.phase }",
        " .status.phase ",
        "$['status'][\"phase\"]",
        ".status['phase']",
        "$[ 'status' ].phase",
    ],
)
def test_one_place_in_every_form(text):
    path = jsonpath.compile(text)
    assert path.singular
    assert path.find(JOB) == ["Running"]
    assert (path.text, path.shown) == (text, ".status.phase")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (r".metadata.labels.app\.kubernetes\.io/name", ["pi"]),
        (r"{.metadata.labels['app\.kubernetes\.io/name']}", ["pi"]),
        (".metadata.labels['app.kubernetes.io/name']", ["pi"]),
        (".metadata.labels.1st", ["x"]),
        (".spec.args[0]", ["a"]),
        (".spec.args[-1]", ["c"]),
        (".spec.args[3]", []),
        (".spec.replicas.x", []),
        (".spec.none", [None]),
        (".spec.replicas[0]", []),
        (".nope", []),
    ],
)
def test_paths_to_one_value(text, found):
    path = jsonpath.compile(text)
    assert path.singular
    assert path.find(JOB) == found


@pytest.mark.parametrize("text", ["$", "@", "{.}", "{@}", "{$}", "."])
def test_the_object_itself(text):
    path = jsonpath.compile(text)
    assert path.find(JOB) == [JOB]
    assert (path.shown, path.singular) == (".", True)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (".spec.args[*]", ["a", "b", "c"]),
        (".spec.args[1:]", ["b", "c"]),
        ("{.spec.args[-1:]}", ["c"]),
        (".spec.args[::2]", ["a", "c"]),
        (".spec.args[ 0 : 1 ]", ["a"]),
        (".spec.args[0,2]", ["a", "c"]),
        (".spec['replicas','none']", [3, None]),
        (".metadata.labels.*", ["pi", "x"]),
        ("..type", ["Created", "Running"]),
        ("$..['type']", ["Created", "Running"]),
        ("..conditions[0].type", ["Created"]),
        ("{.status.conditions[?(@.type=='Running')].status}", ["False"]),
        ('{.status.conditions[?(@.type == "Running")].status}', ["False"]),
        ("$.status.conditions[?@.type=='Running'].status", ["False"]),
        (".status.conditions[?(@.n>1)].type", ["Running"]),
        (".status.conditions[?(@.n<=1.5)].type", ["Created"]),
        (".status.conditions[?(@.n==-1)].type", []),
        (".status.conditions[?(@.ok==true)].type", ["Running"]),
        (".status.conditions[?(@.ok)].type", ["Running"]),
        (".status.conditions[?(!@.ok)].type", ["Created"]),
        (".status.conditions[?(@.ok!=true && @.n==1)].type", ["Created"]),
        (".status.conditions[?(@.n==7 || (@.n==2 && @.ok))].type", ["Running"]),
        (".status.conditions[?((@.n==1) && @.type)].type", ["Created"]),
        (".status.conditions[?(@.x==null)].type", []),
        (".status.conditions[?(@.type==$.status.phase)].type", ["Running"]),
        (".status.conditions[?(@['type']=='Running')].n", [2]),
        ("..[?(@.ok)].n", [2]),
        (r".metadata[?(@.app\.kubernetes\.io/name=='pi')].1st", ["x"]),
        (".status.conditions[?(@.n==true)].type", []),
        (".status.conditions[?(@.type!='it\\'s')].n", [1, 2]),
    ],
)
def test_paths_to_many_values(text, found):
    path = jsonpath.compile(text)
    assert not path.singular
    assert path.find(JOB) == found


@pytest.mark.parametrize(
    ("text", "message", "offset", "hint"),
    [
        ("", "the path is empty", 0, "status.phase"),
        ("  ", "the path is empty", 0, None),
        ("{.a", "'}' is missing", 3, None),
        ("{range .items[*]}{.x}{end}", "range ... end is a template", 0, "{.items[*].name}"),
        ("{.a}{.b}", "a template of several paths", 4, None),
        (".a[?(@.type==Ready)]", "Ready is not quoted", 13, "write 'Ready'"),
        (".a[?(@.type=='x' && @.b==True)]", "True is not quoted", 25, None),
        (".a[?(@.t=~'x')]", "=~ is not supported", 8, "matches"),
        (".a[?(@.t='x')]", "'=' is no comparison", 8, "write =="),
        (".a[?(@.t=='x' & @.y)]", "'&' is no operator", 14, "write &&"),
        (".a[?(@.t=='x' | @.y)]", "'|' is no operator", 14, "write ||"),
        (".a[?(@.t=='x]", "the quote is not closed", 10, None),
        ('.a[?(@.t=="x]', "the quote is not closed", 10, None),
        (".a[?(@.x `len`)]", "backtick", 9, "jmespath"),
        (".a.`len`", "backtick operators are not supported", 3, "length:"),
        (".a[?(type=='x')]", "starts with '@'", 5, "@.type"),
        (".a[?('x'==@.type)]", "the path stands on the left", 8, None),
        (".a[?(1==@.type)]", "the path stands on the left", 6, None),
        (".a[?(length(@.x)==1)]", "the function length() is not supported", 5, "jmespath"),
        (".a[?(@.x[?(@.y)])]", "a filter inside of a filter", 5, None),
        (".a[?(@.x==@.y[*])]", "a path to one value on its right", 10, None),
        (".a[?(@.x==)]", "')]' is not expected here", 10, None),
        (".a[?(@.x", "the filter is not complete", 8, None),
        (".a[?(@.x=='1']", "']' is not expected here", 13, None),
        (".a[?" + "(" * 40, "nested too deeply", 37, None),
        (".a[foo]", "neither a quoted key nor a number", 3, "['foo']"),
        (".a[0", "']' is missing", 4, None),
        (".a[1x]", "']' is missing", 4, "['1x']"),
        (".a[(@.length-1)]", "scripts in brackets", 3, None),
        (".a[", "a key, a number", 3, None),
        (".a[]", "a key, a number", 3, None),
        (".a['x", "the quote is not closed", 3, None),
        (".a['x',1]", "either names or numbers", 2, None),
        (".a['\\u12']", "is no escape sequence", 3, None),
        (".a.", "a name is missing after '.'", 3, None),
        (".a..", "a name is missing after '..'", 4, None),
        (".a b", "'b' is not expected here", 3, None),
        ("a: b", "': b' is not expected here", 1, None),
        (".a|b", "is not JSONPath", 2, "jmespath"),
        (".a{b", "braces only stand around", 2, None),
        ("..a..b..c", "more than 2 '..'", 9, None),
        ("." + "a" * LONGEST, "longer than", None, None),
    ],
)
def test_refusals(text, message, offset, hint):
    with pytest.raises(ExpressionError) as caught:
        jsonpath.compile(text)
    assert message in caught.value.message
    assert caught.value.offset == offset
    assert (hint or "") in (caught.value.hint or "")


def test_escapes_in_quotes():
    data = {"a\nb": 1, "it's": 2, "€": 3, "\U0001f600": 4, "a\\b": 5}
    for text, value in [
        (r"$['a\nb']", 1),
        (r"$['it\'s']", 2),
        ('$["it\'s"]', 2),
        (r"$['\u20ac']", 3),
        (r"$['\ud83d\ude00']", 4),
        (r"$['a\\b']", 5),
        (r".it\'s", 2),
    ]:
        assert jsonpath.compile(text).find(data) == [value], text


def test_a_filter_that_the_engine_refuses(monkeypatch):
    def broken(_text):
        raise SyntaxError

    monkeypatch.setattr(jsonpath, "_engine", broken)
    with pytest.raises(ExpressionError, match="is not valid") as caught:
        jsonpath.compile.__wrapped__(".a[?(@.b)]")
    assert caught.value.offset == 2


def test_ordered_texts_are_doubtful():
    assert "compares strings by their characters" in jsonpath.compile("a[?(@.m<'2Gi')]").warnings[0]
    assert jsonpath.compile("a[?(@.m<2)]").warnings == ()


@pytest.mark.parametrize(
    ("text", "reads"),
    [(".status.x", True), (".spec.x", False), ("$", True), ("..x", True), ("['status']", True)],
)
def test_what_reads_the_status(text, reads):
    assert jsonpath.compile(text).reads_status is reads


@pytest.mark.parametrize(
    ("text", "trunk"),
    [(".a.b", ".a.b"), (".a.b[*].c", ".a.b"), ("..x", "."), (".a[?(@.x)].y", ".a")],
)
def test_the_trunk(text, trunk):
    assert jsonpath.compile(text).trunk.shown == trunk


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (".status.phase", ""),
        (
            ".status.phse",
            ".status.phse is absent: .status has phase, conditions; did you mean 'phase'?",
        ),
        (".foo.bar", ".foo is absent: the object has metadata, spec, status"),
        (".spec.map.x", ".spec.map.x is absent: .spec.map is empty"),
        (".status.phase.x", '.status.phase.x is absent: .status.phase is "Running"'),
        (".spec.args[7]", ".spec.args[7] is absent: .spec.args has 3 items"),
        (
            ".status.conditions.type",
            ".status.conditions.type is absent: .status.conditions is a list of 2 items; "
            "write .status.conditions[*].type",
        ),
        (
            ".status.conditions[?(@.type=='Ready')].status",
            "no item of .status.conditions has type 'Ready'; there are Created, Running",
        ),
        (
            ".status.conditions[?(@.foo==1)]",
            "no item of .status.conditions has foo 1; none has it at all",
        ),
        (".spec.empty[?(@.foo==1)]", ".spec.empty is empty"),
        (".status[?(@.x.y=='a')]", "no item of .status has x.y 'a'; none has it at all"),
        (
            ".status.conditions[?(@.n>7)]",
            "none of the 2 items of .status.conditions is one with @.n>7",
        ),
        (
            ".status.conditions[*].foo",
            ".status.conditions[*].foo is absent in each of the 2 items of .status.conditions[*]",
        ),
        (
            ".spec.args[1:2].foo",
            ".spec.args[1:2].foo is absent in the only item of .spec.args[1:2]",
        ),
        ("..zzz", "there is no ..zzz anywhere in the object"),
    ],
)
def test_why_something_is_missing(text, why):
    assert explain_missing(jsonpath.compile(text), JOB) == why


def test_long_lists_are_cut_short():
    why = explain_missing(jsonpath.compile(".x"), {f"k{i}": 1 for i in range(12)})
    assert why.endswith("k7 and 4 more")


class TestReading:
    def read(self, value, mode="run"):
        reader = Reader(Vocabulary(), mode)
        path = reader.read(jsonpath.Path, Node(value, Mark("a.yaml", 3, 7)))
        return path, reader

    def test_reads_a_string(self):
        path, reader = self.read(".a[?(@.b<'1')]")
        assert path == jsonpath.compile(".a[?(@.b<'1')]")
        assert len(reader.warnings) == 1

    def test_tells_where_it_is_wrong(self):
        path, reader = self.read(".a[?(@.type==Ready)]")
        assert path is None
        [problem] = reader.problems
        assert problem.mark == Mark("a.yaml", 3, 7)
        assert problem.message == (
            "JSONPath '.a[?(@.type==Ready)]': Ready is not quoted at character 14"
        )
        assert "write 'Ready'" in problem.hint

    def test_wants_a_string(self):
        assert "is a string" in self.read(3)[1].problems[0].message

    def test_an_expression_is_not_judged(self):
        path, reader = self.read("${{ vars.path }}", mode="load")
        assert (path, reader.problems) == (None, [])
        assert (
            jsonpath.Path.__read__(Node("${{ x }}", Mark("a", 1, 1)), Reader(Vocabulary(), "load"))
            is None
        )

    def test_its_schema(self):
        assert jsonpath.Path.__json_schema__(Vocabulary())["type"] == "string"


names = st.text(min_size=1, max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | names,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=12,
)


def places(value, path=()):
    """Every place of a value."""
    yield path, value
    items = dict(enumerate(value)) if isinstance(value, list) else value
    for key, inner in items.items() if isinstance(items, dict) else ():
        yield from places(inner, (*path, key))


@given(values)
@example({"\n": {"'": 1, "a b ": 2, "\\": 3, "é": 4}})
def test_every_place_can_be_named(value):
    for path, inner in places(value):
        kubectl = "".join(f"[{key}]" if isinstance(key, int) else step(key) for key in path)
        rfc = "$" + "".join(f"[{json.dumps(key)}]" for key in path)
        engine = "$" + "".join(f"[{quote(key) if isinstance(key, str) else key}]" for key in path)
        assert [match.value for match in parse(engine).find(value)] == [inner]
        assert jsonpath.compile(rfc).find(value) == [inner]
        assert jsonpath.compile(kubectl or "$").find(value) == [inner]
        assert jsonpath.compile("{" + (kubectl or ".") + "}").shown == (kubectl or ".")


@given(st.text(alphabet="ab.[]{}()'\"?@$*:,=!&|\\ 01", max_size=14))
def test_any_text_compiles_or_is_refused(text):
    try:
        path = jsonpath.compile(text)
    except ExpressionError as error:
        offset = error.offset
    else:
        offset = 0
        assert isinstance(path.find({"a": [{"b": 1}]}), list)
    assert offset is not None
    assert 0 <= offset <= len(text)
