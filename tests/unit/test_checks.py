"""Checks as a spec writes them: what holds, what is told, and what is refused at load."""

import pytest

from kspec.expressions.conversions import CONVERSIONS
from kspec.language.reader import Reader
from kspec.language.source import read_documents
from kspec.matching import checks
from kspec.matching.checks import Comparison, Condition, Expectation, Matcher
from kspec.matching.comparators import COMPARATORS
from kspec.matching.freshness import fresh
from kspec.matching.values import ABSENT
from kspec.snapshots import Snapshot
from kspec.vocabulary import Vocabulary

WORDS = Vocabulary.of((*COMPARATORS, *CONVERSIONS))
JOB = {
    "kind": "MPIJob",
    "metadata": {"name": "pi", "namespace": "ns", "labels": {"a": "b"}},
    "spec": {
        "args": ["x", "z"],
        "memory": "1536Mi",
        "sizes": ["1Gi", "2Gi"],
        "none": None,
        "text": "a\nb\n",
        "data": {"json": '{"num": 3}', "v": "v1.10.2", "t": "5m"},
        "empty": [],
    },
    "status": {
        "phase": "Running",
        "conditions": [
            {"type": "Created", "status": "True"},
            {"type": "Running", "status": "False"},
        ],
    },
}


def node(text):
    [document] = read_documents(text, "a.yaml")
    return document


def read(kind, text, mode="run"):
    reader = Reader(WORDS, mode)
    value = reader.read(kind, node(text))
    assert [str(problem) for problem in reader.problems] == []
    return value


def problems(kind, text, mode="run"):
    reader = Reader(WORDS, mode)
    reader.read(kind, node(text))
    return [
        f"{p.mark.line}:{p.mark.column} {p.message}" + (f" | {p.hint}" if p.hint else "")
        for p in reader.problems
    ]


def judge(text, data=None):
    outcome = read(Comparison, text).judge(JOB if data is None else data)
    return [mismatch.message for mismatch in outcome.mismatches]


HOLDS = [
    "{jsonpath: .status.phase, equals: Running}",
    "{jsonpath: .status.phase, in: [Running, Succeeded], startsWith: Run}",
    "{jsonpath: .status.phase, not: {equals: Failed}}",
    "{jsonpath: .status.phase, not: Failed}",
    "{jsonpath: .status.phase, not: {in: [Failed]}}",
    "{jsonpath: .spec.none, equals: null}",
    "{jsonpath: .spec.none, exists: true}",
    "{jsonpath: .spec.nope, exists: false}",
    "{jsonpath: .spec.nope, not: {exists: true}}",
    "{jsonpath: .status.phase, not: {exists: false}}",
    "{jsonpath: .spec.args, equals: [x, z]}",
    "{jsonpath: .spec.args, contains: x, length: 2, unique: true, sorted: true}",
    "{jsonpath: '{.spec.args[*]}', equals: [x, z]}",
    "{jsonpath: '{.spec.args[*]}', contains: z, length: 2, subsetOf: [x, w, z]}",
    "{jsonpath: '{.spec.args[*]}', match: [x, z]}",
    "{jsonpath: '{.spec.args[0:1]}', equals: x}",
    "{jsonpath: '{.spec.args[*]}', each: {matches: '^[xz]$'}}",
    "{jsonpath: '{.spec.args[*]}', any: z}",
    "{jsonpath: .spec.args, each: {type: string}, any: {equals: x}}",
    "{jsonpath: '{.spec.args[*]}', any: {not: {equals: x}}}",
    "{jsonpath: '{.spec.empty[*]}', length: 0, empty: true, equals: []}",
    "{jsonpath: \"{.status.conditions[?(@.type=='Created')].status}\", equals: 'True'}",
    "{jsonpath: \"{.status.conditions[?(@.type=='Failed')]}\", length: 0}",
    "{jsonpath: \"{.status.conditions[?(@.type=='Failed')].status}\", exists: false}",
    "{jsonpath: .spec.memory, parse: quantity, equals: 1.5Gi}",
    "{jsonpath: .spec.memory, parse: quantity, atLeast: 1Gi, lessThan: 2Gi}",
    "{jsonpath: .spec.memory, parse: quantity, between: [1Gi, 2Gi], in: [1536Mi, 7]}",
    "{jsonpath: '{.spec.sizes[*]}', parse: quantity, equals: [1024Mi, 2048Mi]}",
    "{jsonpath: '{.spec.sizes[*]}', parse: quantity, each: {atLeast: 1Gi}}",
    "{jsonpath: '{.spec.sizes[*]}', parse: quantity, length: 2}",
    "{jsonpath: .spec.text, parse: lines, equals: [a, b]}",
    "{jsonpath: .spec.data.json, parse: json, equals: {num: 3}}",
    "{jsonpath: .spec.data.json, parse: json, match: {num: 3}}",
    "{jsonpath: .spec.data.v, parse: semver, greaterThan: '1.9', equals: 1.10.2}",
    "{jsonpath: .spec.data.t, parse: duration, atMost: 300s}",
    "{jsonpath: .status.phase, parse: json, exists: true}",
    "{jmespath: status.phase, equals: Running}",
    "{jmespath: length(status.conditions), atLeast: 2}",
    "{jmespath: \"status.conditions[?type=='Created'].status\", equals: 'True'}",
    "{jmespath: 'spec.args[*]', contains: x}",
    "{jmespath: nope, exists: false}",
    "{jmespath: 'spec.empty[*]', length: 0}",
]


@pytest.mark.parametrize("text", HOLDS)
def test_holds(text):
    assert judge(text) == []


NOPE = ".nope is absent: the object has kind, metadata, spec, status"
WRONG = {
    "{jsonpath: .status.phase, equals: Pending}": '.status.phase is "Running", not "Pending"',
    "{jsonpath: .status.phase, not: {equals: Running}}":
        '.status.phase is "Running", which not: {equals: "Running"} excludes',
    "{jsonpath: .status.phase, not: {exists: true}}":
        '.status.phase is "Running", which not: {exists: true} excludes',
    "{jsonpath: .status.phase, exists: false}": '.status.phase is "Running", but must not exist',
    "{jsonpath: .status.phse, exists: true}":
        ".status.phse is absent: .status has phase, conditions; did you mean 'phase'?",
    "{jsonpath: .status.phse, not: {exists: false}}":
        ".status.phse is absent: .status has phase, conditions; did you mean 'phase'?",
    "{jsonpath: .status.phse, equals: Running}":
        ".status.phse is absent: .status has phase, conditions; did you mean 'phase'?",
    "{jsonpath: .status.phse, not: {equals: Running}}":
        ".status.phse is absent: .status has phase, conditions; did you mean 'phase'?",
    "{jsonpath: .nope, empty: true}": NOPE,
    "{jsonpath: '{.nope[*]}', length: 0}": NOPE,
    "{jsonpath: '{.nope[*]}', each: x}": NOPE,
    "{jsonpath: \"{.status.conditions[?(@.type=='Ready')].status}\", equals: 'True'}":
        "no item of .status.conditions has type 'Ready'; there are Created, Running",
    "{jsonpath: '{.spec.args[*]}', startsWith: x}":
        '.spec.args[*] yields 2 values ["x", "z"]: comparing with one needs each: or any:',
    "{jsonpath: '{.spec.args[*]}', each: {in: [x]}}":
        'item 1 of .spec.args[*] is "z", which is not one of ["x"]',
    "{jsonpath: '{.spec.args[*]}', any: w}":
        'none of .spec.args[*] fits; the first one is "x", not "w"',
    "{jsonpath: .status.phase, each: x}":
        '.status.phase is "Running", which is no list for each: or any:',
    "{jsonpath: .spec.empty, each: x}": ".spec.empty is empty",
    "{jsonpath: '{.spec.empty[*]}', any: x}": ".spec.empty[*] is absent: .spec.empty has 0 items",
    "{jsonpath: .status.phase, parse: quantity, equals: 1}":
        ".status.phase does not parse ('Running' is no quantity: write 500m, 2 or 1.5Gi): "
        '"Running"',
    "{jsonpath: .status.phase, parse: base64, equals: x}": '.status.phase is not base64: "Running"',
    "{jsonpath: .spec.memory, atLeast: 1}":
        '.spec.memory is "1536Mi", not a number (parse: quantity, int, duration, time or semver '
        "makes one of a text)",
    "{jmespath: nope, equals: null}": "nope is absent or null",
    "{jmespath: 'spec.empty[*]', startsWith: x}": "spec.empty[*] selects nothing",
    "{jmespath: length(nope), equals: 0}":
        "'length(nope)': length() is given nothing and takes string or array or object "
        "(give a default: x || `[]`, or default(x, y))",
}  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_says_what_is_wrong(text):
    assert judge(text) == [WRONG[text]]


def test_all_that_is_wrong_is_said_where_it_was_asked():
    found = read(Comparison, "jsonpath: .status.phase\nequals: x\nendsWith: z\n").judge(JOB)
    assert [str(mismatch.mark) for mismatch in found.mismatches] == ["a.yaml:2:1", "a.yaml:3:1"]
    first = found.mismatches[0]
    assert (first.path, first.expected, first.actual) == (".status.phase", "x", "Running")
    assert found.state == '.status.phase is "Running"'


REFUSED = {
    "{jsonpath: .a, equal: 1}": "1:16 unknown comparator 'equal' | did you mean 'equals'?",
    "{jsonpath: .a, xyzzy: 1}":
        "1:16 unknown comparator 'xyzzy' | a map here means comparators; write equals: or match:",
    "{jsonpath: .a}": "1:1 a comparator is missing | write equals: or exists: true",
    "{equals: 1}": "1:1 no a check: one of jsonpath or jmespath is needed",
    "{jsonpath: .a, jmespath: a, equals: 1}":
        "1:16 'jsonpath' and 'jmespath' exclude each other | keep one",
    "{jsonpath: .a, atLeast: 1Gi}":
        '1:25 atLeast takes a number (a text needs parse: quantity, int, duration, time, age or '
        'semver), not "1Gi"',
    "{jsonpath: .a, parse: quantity, atLeast: 1GB}":
        "1:42 atLeast with parse: quantity: '1GB' is no quantity: write 500m, 2 or 1.5Gi",
    "{jsonpath: .a, parse: quantty, equals: 1}":
        "1:23 unknown conversion \"quantty\" | did you mean 'quantity'?",
    "{jsonpath: .a, parse: 7, equals: 1}":
        "1:23 unknown conversion 7 | one of age, base64, duration, int, json, lines, pem, "
        "quantity, semver, time",
    "{jsonpath: .a, not: {equals: 1, in: [2]}}":
        "1:16 not takes one comparator | write one check for each",
    "{jsonpath: .a, not: {equls: 1}}": "1:22 unknown comparator 'equls' | did you mean 'equals'?",
    "{jsonpath: .a, each: {equls: 1}}": "1:23 unknown comparator 'equls' | did you mean 'equals'?",
    "{jsonpath: .a, each: {}}": "1:22 a comparator is missing | write equals: or exists: true",
    "{jsonpath: .a b, equals: 1}":
        "1:12 JSONPath '.a b': 'b' is not expected here at character 4 | put unusual keys into "
        "['...']",
    "{jmespath: a b, equals: 1}":
        "1:12 JMESPath 'a b': 'b' is not expected here at character 3",
    "[1]": "1:1 a check is a map: {jsonpath: .status.phase, equals: x}",
}  # fmt: skip


@pytest.mark.parametrize("text", REFUSED)
def test_refused_at_load(text):
    assert problems(Comparison, text) == [REFUSED[text]]


def test_expressions_are_not_judged_at_load():
    for text in (
        "{jsonpath: '${{ vars.p }}', equals: 1}",
        "{jsonpath: .a, atLeast: '${{ vars.n }}'}",
        "{jsonpath: .a, in: ['${{ vars.n }}', 2]}",
        "{jsonpath: .a, parse: '${{ vars.p }}', equals: 1}",
        "{jsonpath: .a, not: '${{ vars.n }}'}",
        "{jsonpath: .a, not: {equals: '${{ vars.n }}'}}",
        "{jsonpath: .a, each: '${{ vars.n }}'}",
        "'${{ vars.check }}'",
    ):
        assert problems(Comparison, text, mode="load") == [], text
    assert problems(Matcher, "'${{ vars.n }}'", mode="load") == []
    waiting = node("'${{ vars.n }}'")
    assert Comparison.__read__(waiting, Reader(WORDS, "load")) is None
    assert Matcher.__read__(waiting, Reader(WORDS, "load")) is None
    assert "JSONPath" in problems(Comparison, "{jsonpath: '.a b', atLeast: '${{ x }}'}", "load")[0]


class TestMatcher:
    def test_a_scalar_or_list_means_equals(self):
        assert read(Matcher, "5").mismatch(5) is None
        assert read(Matcher, "[1, 2]").mismatch([1, 2]) is None
        assert read(Matcher, "5").mismatch("5") == 'is "5", not 5 (a text, not a number)'

    def test_a_map_means_comparators(self):
        matcher = read(Matcher, "{contains: quota, startsWith: x}")
        assert matcher.mismatch("x quota") is None
        found = matcher.mismatches("nope", "error.message", "Pod a")
        assert [(m.message, m.path, m.subject) for m in found] == [
            ('is "nope" without "quota"', "error.message", "Pod a"),
            ('is "nope", which does not start with "x"', "error.message", "Pod a"),
        ]
        assert matcher.written == {"contains": "quota", "startsWith": "x"}

    def test_absence(self):
        assert read(Matcher, "{equals: 1}").mismatch(ABSENT) == "is absent"
        assert read(Matcher, "{exists: false}").mismatch(ABSENT) is None
        assert read(Matcher, "{equals: 1}").mismatches(ABSENT)[0].actual is None

    def test_unknown_words(self):
        assert problems(Matcher, "{phase: Running}") == [
            "1:2 unknown comparator 'phase' | a map here means comparators; write equals: or match:"
        ]

    def test_schemas(self):
        schema = Matcher.__json_schema__(WORDS)["anyOf"][1]
        assert {"equals", "not", "match"} <= set(schema["properties"])
        schema = Comparison.__json_schema__(WORDS)
        assert {"jsonpath", "parse", "each", "atLeast"} <= set(schema["properties"])
        assert "quantity" in schema["properties"]["parse"]["enum"]


def pod(name, phase="Running", **status):
    meta = {"name": name, "namespace": "ns", "uid": name, "generation": 2}
    return {"kind": "Pod", "metadata": meta, "status": {"phase": phase, **status}}


def evaluate(text, *objects, single=False, complete=True):
    snapshot = Snapshot(objects, 1, 1.0, complete)
    return read(Expectation, text).evaluate(snapshot, single=single, subject="pods")


def said(verdict):
    return [mismatch.message for mismatch in verdict.mismatches]


RUNNING = "{checks: [{jsonpath: .status.phase, equals: Running}]}"


class TestOneObject:
    def test_holds(self):
        text = (
            "{match: {status: {phase: Running}}, checks: [{jsonpath: .metadata.name, equals: a}]}"
        )
        verdict = evaluate(text, pod("a"), single=True)
        assert verdict.holds
        assert verdict.objects == (pod("a"),)
        assert verdict.summary == '.metadata.name is "a"'

    def test_all_that_differs_is_told(self):
        text = (
            "{match: {status: {phase: Pending}}, checks: [{jsonpath: .metadata.name, equals: b}]}"
        )
        verdict = evaluate(text, pod("a"), single=True)
        assert verdict.kind == "pending"
        assert said(verdict) == [
            '.status.phase is "Running", not "Pending"',
            '.metadata.name is "a", not "b"',
        ]
        assert {mismatch.subject for mismatch in verdict.mismatches} == {"Pod ns/a"}
        assert verdict.summary == '.status.phase is "Running", not "Pending"; .metadata.name is "a"'

    def test_must_exist(self):
        verdict = evaluate(RUNNING, single=True)
        assert (said(verdict), verdict.summary) == (["pods does not exist"], "absent")

    def test_a_bare_reference_asks_for_existence(self):
        assert evaluate("{}", pod("a"), single=True).holds
        verdict = evaluate("{}", single=True)
        assert (verdict.kind, verdict.bare) == ("pending", True)
        assert not evaluate(RUNNING, single=True).bare

    def test_absent(self):
        assert evaluate("{absent: true}", single=True).summary == "absent"
        verdict = evaluate("{absent: true}", pod("a"), single=True)
        assert (said(verdict), verdict.summary) == (["Pod ns/a exists"], "Pod ns/a exists")
        assert said(evaluate("{absent: true}", single=True, complete=False)) == [
            "pods: not all are known, a gap hides some"
        ]

    def test_existence_is_its_summary(self):
        assert evaluate("{}", pod("a"), single=True).summary == "exists"
        assert evaluate("{count: 2}", pod("a"), single=True).summary == "pods: there is 1, not 2"

    def test_as_a_bound_check(self):
        check = read(Expectation, RUNNING).check(single=True, title="pod/a")
        assert check.evaluate(Snapshot((pod("a"),), 1, 1.0)).holds
        assert said(check.evaluate(Snapshot((), 1, 1.0))) == ["pod/a does not exist"]


class TestManyObjects:
    def test_counts(self):
        pods = [pod("a"), pod("b")]
        assert evaluate("{count: 2, atLeast: 2, atMost: 2}", *pods).holds
        verdict = evaluate("{count: 3, atLeast: 3, atMost: 1}", *pods)
        assert said(verdict) == [
            "pods: there are 2, not 3",
            "pods: there are 2, not at least 3",
            "pods: there are 2, not at most 1",
        ]
        assert (verdict.mismatches[0].expected, verdict.mismatches[0].actual) == (3, 2)
        assert verdict.summary == "2 objects"
        assert evaluate("{count: 0}").holds
        assert not evaluate("{count: 0}", complete=False).holds
        assert evaluate("{atLeast: 1}", pod("a"), complete=False).holds
        assert not evaluate("{atMost: 1}", pod("a"), complete=False).holds

    def test_every(self):
        assert evaluate(f"{{every: {RUNNING}}}", pod("a"), pod("b")).holds
        verdict = evaluate(f"{{every: {RUNNING}}}", pod("a"), pod("b", "Failed"))
        assert said(verdict) == ['.status.phase is "Failed", not "Running"']
        assert [item["metadata"]["name"] for item in verdict.objects] == ["b"]
        assert verdict.summary == (
            '2 objects, 1 not as asked; .status.phase is "Failed", not "Running"'
        )
        assert not evaluate(f"{{every: {RUNNING}}}", pod("a"), complete=False).holds

    def test_checks_on_many_are_for_every_one(self):
        assert not evaluate(RUNNING, pod("a"), pod("b", "Failed")).holds

    def test_some(self):
        text = f"{{some: {RUNNING}}}"
        assert evaluate(text, pod("a"), pod("b", "Failed"), complete=False).holds
        verdict = evaluate(text, pod("b", "Failed"), pod("c", "Failed"))
        assert said(verdict) == [
            "pods: none of the 2 is as 'some' asks",
            '.status.phase is "Failed", not "Running"',
        ]

    def test_none(self):
        assert evaluate(f"{{none: {RUNNING}}}", pod("b", "Failed")).holds
        verdict = evaluate(f"{{none: {RUNNING}}}", pod("a"), pod("b", "Failed"))
        assert said(verdict) == ['Pod ns/a is what none may be: .status.phase is "Running"']
        assert str(verdict.mismatches[0].mark) == "a.yaml:1:18"
        found = evaluate("{none: {match: {kind: Pod}}}", pod("a"))
        assert said(found) == ["Pod ns/a is what none may be: it matches"]
        assert str(found.mismatches[0].mark) == "a.yaml:1:16"
        assert not evaluate(f"{{none: {RUNNING}}}", pod("b", "Failed"), complete=False).holds

    def test_over_zero_objects_they_say_nothing(self):
        for word in ("every", "some", "none"):
            verdict = evaluate(f"{{{word}: {RUNNING}}}")
            assert said(verdict) == ["pods: no object matches"]
        assert evaluate(f"{{every: {RUNNING}, count: 0}}").holds
        assert evaluate(f"{{none: {RUNNING}, atLeast: 0}}").holds
        assert not evaluate(f"{{none: {RUNNING}, atMost: 3}}").holds

    def test_bare(self):
        assert evaluate("{}", pod("a")).holds
        assert said(evaluate("{}")) == ["pods: there are none"]

    def test_mismatches_are_bounded(self):
        verdict = evaluate(f"{{every: {RUNNING}}}", *(pod(str(i), "Failed") for i in range(200)))
        assert len(verdict.mismatches) == 50
        assert len(verdict.objects) == 200


STALE = pod("a", observedGeneration=1)
STALE_CONDITION = pod(
    "a",
    conditions=[
        {"type": "Ready", "status": "True", "observedGeneration": 1},
        {"type": "Live", "status": "True", "observedGeneration": 2},
    ],
)


class TestFreshness:
    def test_what_is_fresh(self):
        for item in (
            pod("a"),
            pod("a", observedGeneration=2),
            {"metadata": {"generation": 2}},
            {"status": {}},
            pod("a", conditions="x"),
            {**STALE, "metadata": {"generation": 2, "deletionTimestamp": "now"}},
            {**STALE, "metadata": {}},
        ):
            assert fresh(item) == (item, None)

    def test_a_stale_status_does_not_count(self):
        item, reason = fresh(STALE)
        assert "status" not in item
        assert reason == (
            ".status does not count yet: it is about generation 1, and the object is at 2"
        )

    def test_a_stale_condition_does_not_count(self):
        item, reason = fresh(STALE_CONDITION)
        assert [condition["type"] for condition in item["status"]["conditions"]] == ["Live"]
        assert reason == "condition Ready does not count yet: about an older generation than 2"
        old = {"observedGeneration": 1}
        assert "conditions ?, ? do not" in fresh(pod("a", conditions=[old, old]))[1]

    def test_the_reason_is_told(self):
        for text in (
            RUNNING,
            "{match: {status: {phase: Running}}}",
            "{checks: [{jsonpath: .status.phase, exists: true}]}",
            "{checks: [{jmespath: status.phase, equals: Running}]}",
            "{checks: [{jsonpath: .status.error, exists: false}]}",
            "{checks: [{jmespath: 'length(status.conditions || `[]`)', equals: 0}]}",
        ):
            verdict = evaluate(text, STALE, single=True)
            assert said(verdict) == [fresh(STALE)[1]], text
            assert verdict.summary == fresh(STALE)[1]

    def test_what_does_not_read_the_status_is_judged(self):
        assert evaluate(
            "{checks: [{jsonpath: .metadata.name, equals: a}]}", STALE, single=True
        ).holds
        assert evaluate("{match: {metadata: {name: a}}}", STALE, single=True).holds
        text = "{match: {metadata: {name: b}, status: {phase: x}}}"
        assert said(evaluate(text, STALE, single=True)) == [
            '.metadata.name is "a", not "b"', fresh(STALE)[1],
        ]  # fmt: skip

    def test_a_stale_condition_is_undecided(self):
        ready = "{jsonpath: \"{.status.conditions[?(@.type=='Ready')].status}\", equals: 'True'}"
        reason = fresh(STALE_CONDITION)[1]
        assert said(evaluate(f"{{checks: [{ready}]}}", STALE_CONDITION, single=True)) == [reason]
        absent = "{jsonpath: \"{.status.conditions[?(@.type=='Ready')]}\", exists: false}"
        assert said(evaluate(f"{{checks: [{absent}]}}", STALE_CONDITION, single=True)) == [reason]
        live = "{jsonpath: \"{.status.conditions[?(@.type=='Live')].status}\", equals: 'True'}"
        assert evaluate(f"{{checks: [{live}]}}", STALE_CONDITION, single=True).holds

    def test_none_does_not_hold_by_a_stale_status(self):
        failed = "{checks: [{jsonpath: .status.phase, equals: Failed}]}"
        assert evaluate(f"{{none: {failed}}}", pod("a")).holds
        assert said(evaluate(f"{{none: {failed}}}", STALE)) == [fresh(STALE)[1]]
        both = "{checks: [{jsonpath: .status.phase, equals: x}, {jsonpath: .kind, equals: Job}]}"
        assert evaluate(f"{{none: {both}}}", STALE).holds


@pytest.mark.parametrize(
    ("text", "negative"),
    [
        ("{absent: true}", True),
        ("{count: 0}", True),
        ("{count: 1}", False),
        ("{atLeast: 0}", True),
        ("{atMost: 0}", False),
        (f"{{none: {RUNNING}}}", True),
        (f"{{none: {RUNNING}, count: 2}}", False),
        (f"{{every: {RUNNING}}}", False),
        ("{checks: [{jsonpath: .a, exists: false}]}", True),
        ("{checks: [{jsonpath: .a, not: {exists: true}}]}", True),
        ("{checks: [{jsonpath: .a, not: {exists: false}}]}", False),
        ("{checks: [{jsonpath: .a, exists: false}, {jsonpath: .b, equals: 1}]}", False),
        ("{checks: [{jsonpath: '{.a[*]}', exists: false, each: 1}]}", False),
        ("{every: {checks: [{jsonpath: .a, exists: false}]}}", True),
        ("{match: {a: 1}, checks: [{jsonpath: .a, exists: false}]}", False),
        ("{}", False),
    ],
)
def test_negatives(text, negative):
    assert read(Expectation, text).negative is negative


@pytest.mark.parametrize(
    ("text", "single", "found"),
    [
        (RUNNING, True, []),
        (RUNNING, False, ["checks on many objects says not which of them are meant"]),
        ("{match: {}}", False, ["match on many objects says not which of them are meant"]),
        (f"{{every: {RUNNING}}}", False, []),
        (f"{{every: {RUNNING}}}", True, ["every is for many objects, and this is one"]),
        ("{every: {}}", False, ["every needs match or checks"]),
        ("{every: {lists: exact}}", False, ["every needs match or checks"]),
        ("{absent: true}", True, []),
        ("{absent: false}", True, ["absent: false says nothing"]),
        ("{absent: true, count: 1}", False, ["count of what is absent cannot be checked"]),
        ("{lists: exact}", True, ["lists is about match, and there is none"]),
        ("{lists: exact, match: {}}", True, []),
    ],
)
def test_mistakes_that_types_do_not_show(text, single, found):
    reader = Reader(WORDS, "load")
    checks.check(node(text), reader, single=single)
    assert [problem.message for problem in reader.problems] == found


def test_a_condition_is_read_with_its_lists():
    assert (
        read(Condition, "{match: {a: [1]}, lists: contains}").judge({"a": [2, 1]}).mismatches == ()
    )
