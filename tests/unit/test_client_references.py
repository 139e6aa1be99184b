from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kspec.cluster import references
from kspec.errors import ReadError
from kspec.snapshots import Selection


def test_a_reference():
    assert references.split_reference("mpijob/pi") == ("mpijob", "pi")
    found = references.split_reference("modaljobs.modal-operator.io/train")
    assert found == ("modaljobs.modal-operator.io", "train")


@pytest.mark.parametrize("text", ["", "pod", "/x", "pod/", "a/b/c", "pod/a b", "/"])
def test_what_is_no_reference(text):
    with pytest.raises(ReadError):
        references.split_reference(text)


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("", ()),
        ("app=x", (("app", "=", ("x",)),)),
        ("app==x", (("app", "=", ("x",)),)),
        ("app != x", (("app", "!=", ("x",)),)),
        ("app=", (("app", "=", ("",)),)),
        ("app", (("app", "exists", ()),)),
        ("!app", (("app", "!", ()),)),
        ("in", (("in", "exists", ()),)),
        (
            "training.kubeflow.org/job-role=worker, tier in (a,b),!c,d notin (e)",
            (
                ("training.kubeflow.org/job-role", "=", ("worker",)),
                ("tier", "in", ("a", "b")),
                ("c", "!", ()),
                ("d", "notin", ("e",)),
            ),
        ),
    ],
)
def test_label_selectors(text, rules):
    assert references.label_requirements(text) == rules


@pytest.mark.parametrize(
    "text",
    ["app=x,", ",", "app=x y", "a in b", "a in (b", "a>1", "=x", "a in (b c)", "-a=1", "a~b"],
)
def test_label_selectors_that_cannot_be_read(text):
    with pytest.raises(ReadError, match="label selector"):
        references.label_requirements(text)


def test_field_selectors():
    assert references.field_requirements("status.phase=Running,spec.nodeName!=n1") == (
        ("status.phase", "=", ("Running",)),
        ("spec.nodeName", "!=", ("n1",)),
    )
    assert references.field_requirements(r"a=x\,y\=z") == (("a", "=", ("x,y=z",)),)
    for text in ("status.phase", "a in (b)", "a=b=c", "=b"):
        with pytest.raises(ReadError, match="field selector"):
            references.field_requirements(text)


def test_a_selection():
    chosen = references.selection(namespace="n", labels="a=1", fields="status.phase!=Failed")
    item = {"metadata": {"namespace": "n", "labels": {"a": "1"}}, "status": {"phase": "Running"}}
    assert chosen.matches(item)
    assert not chosen.matches({**item, "status": {"phase": "Failed"}})
    assert references.selection() == Selection()


words = st.from_regex(r"[a-z0-9]([-a-z0-9_.]{0,8}[a-z0-9])?", fullmatch=True)
rules = st.one_of(
    st.tuples(words, st.sampled_from(["=", "!="]), words.map(lambda w: (w,))),
    st.tuples(words, st.sampled_from(["in", "notin"]), st.lists(words, min_size=1).map(tuple)),
    st.tuples(words, st.sampled_from(["exists", "!"]), st.just(())),
)


def written(rule) -> str:
    key, operator, values = rule
    match operator:
        case "exists":
            return key
        case "!":
            return f"!{key}"
        case "in" | "notin":
            return f"{key} {operator} ({', '.join(values)})"
        case _:
            return f"{key}{operator}{values[0]}"


@given(st.lists(rules))
def test_what_is_written_is_read_back(wanted):
    assert references.label_requirements(",".join(map(written, wanted))) == tuple(wanted)


@given(st.text())
def test_no_text_breaks_the_readers(text):
    for read in (
        references.split_reference,
        references.label_requirements,
        references.field_requirements,
    ):
        with suppress(ReadError):
            read(text)
