"""Secret values are found in every form in which they could reach a report."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kspec.marks import Mark
from kspec.masking import MASK, ChunkMasker, Masker, MaskingSink
from kspec.results import (
    CaseFinished,
    CaseId,
    Event,
    Failure,
    Mismatch,
    Observation,
    RunStarted,
    Status,
)

SECRET = 'p@ss "wörd"/+&%\\n-x7'
MARK = Mark("a.yaml", 3, 7)

# Values without the mask's own character, and long enough to be masked.
values = st.text(st.characters(exclude_characters="*", exclude_categories=["Cs"]), min_size=8)
secrets = values.filter(lambda text: len(text.strip()) >= 8)
plain = st.text(st.sampled_from("abc ={}\"',\n"), max_size=30)

FORMS = {
    "as it is": str,
    "URL": lambda value: quote(value, safe=""),
    "URL with slashes": quote,
    "form": quote_plus,
    "URL in lower case": lambda value: "".join(
        chr(byte) if chr(byte).isalnum() and byte < 128 else f"%{byte:02x}"
        for byte in value.encode()
    ),
    "URL twice": lambda value: quote(quote(value, safe=""), safe=""),
    "JSON": json.dumps,
    "JSON not in ASCII": lambda value: json.dumps(value, ensure_ascii=False),
    "JSON in JSON": lambda value: json.dumps(json.dumps({"a": value})),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 for URLs": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    "base64 without padding": lambda value: base64.b64encode(value.encode()).decode().rstrip("="),
}


@pytest.mark.parametrize("form", FORMS)
@given(secret=secrets, before=plain, after=plain)
def test_a_secret_is_masked_in_every_form(form, secret, before, after):
    secret = secret.strip()
    if form == "URL in lower case":
        secret = "".join(c for c in secret if c not in "-_.~/") + "/xyzxyzxyz"
    written = FORMS[form](secret)
    masked = Masker([secret]).text(f"{before}{written}{after}")
    assert MASK in masked
    assert written not in masked
    assert secret not in masked


@given(secret=secrets, before=st.binary(max_size=9), after=st.binary(max_size=9))
def test_base64_of_something_longer_gives_at_most_two_bytes_at_each_end(secret, before, after):
    secret = secret.strip() + "0123456789"
    whole = base64.b64encode(before + secret.encode() + after).decode()
    masked = Masker([secret]).text(whole)
    assert MASK in masked
    kept = len(masked.replace(MASK, "")) * 6 / 8
    assert kept <= len(before) + len(after) + 4 + 2


@pytest.mark.parametrize("width", [64, 76])
def test_wrapped_base64_is_masked(width):
    secret = "s" * 200 + "end"
    whole = base64.b64encode(secret.encode()).decode()
    wrapped = "\n".join(whole[start : start + width] for start in range(0, len(whole), width))
    assert Masker([secret]).text(f"data:\n{wrapped}\n") == f"data:\n{MASK}\n"


@given(st.lists(secrets, min_size=1, max_size=5), st.lists(st.integers(0, 4)))
def test_no_secret_remains_however_they_overlap_and_follow(found, order):
    text = "".join(found[index % len(found)] for index in order)
    masked = Masker(found).text(text)
    assert not any(secret.strip() in masked for secret in found)


def test_overlapping_values_leave_no_rest():
    assert Masker(["abcdefgh", "efghijkl"]).text("<abcdefghijkl>") == f"<{MASK}>"


def test_the_longest_value_wins():
    assert Masker(["hunter22", "hunter22-and-more"]).text("hunter22-and-more!") == f"{MASK}!"


@given(plain)
def test_text_without_secrets_is_unchanged(text):
    assert Masker(["hunter22"]).text(text) == text


@given(secrets, plain)
def test_masking_twice_changes_nothing(secret, text):
    masker = Masker([secret])
    once = masker.text(text + secret + text)
    assert masker.text(once) == once


@given(secret=secrets, before=plain, after=plain, cuts=st.lists(st.integers(0, 200)))
def test_a_secret_split_over_chunks_is_masked(secret, before, after, cuts):
    text = f"{before}{secret}{after}"
    masker = Masker([secret])
    chunks, bounds = ChunkMasker(masker), [0, *sorted({min(cut, len(text)) for cut in cuts})]
    ends = [*bounds[1:], len(text)]
    pieces = [chunks.feed(text[start:end]) for start, end in zip(bounds, ends, strict=True)]
    masked = "".join([*pieces, chunks.flush()])
    assert secret.strip() not in masked
    assert masked == masker.text(text) or MASK in masked


def test_chunks_hold_back_no_more_than_they_must():
    chunks = ChunkMasker(Masker(["hunter22"]))
    assert chunks.feed("all is well\nhunt") == "all is well\n"
    assert chunks.feed("ing") == "hunting"


def test_a_long_text_cut_within_a_secret_shows_no_part_of_it():
    secret = "0123456789abcdefghij"
    masker = Masker([secret])
    assert masker.text(secret[6:] + "x" * 300) == MASK + "x" * 300
    assert masker.text("x" * 300 + secret[:12]) == "x" * 300 + MASK


@pytest.mark.parametrize("value", ["", "abc", "true", "False", "null", "   "])
def test_what_would_be_found_everywhere_is_not_masked(value):
    text = "abc true False null and    blanks"
    assert Masker([value]).text(text) == text


def test_the_lines_of_a_private_key_are_masked_alone():
    line = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7"
    key = f"-----BEGIN PRIVATE KEY-----\n{line}\nQUJDREVGR0hJSktM\n-----END PRIVATE KEY-----\n"
    assert Masker([key]).mask([line, "-----BEGIN PRIVATE KEY-----"]) == [
        MASK,
        "-----BEGIN PRIVATE KEY-----",
    ]


def test_the_strings_of_a_json_secret_are_masked_alone():
    docker = {"auths": {"registry.example": {"username": "u", "password": "correcthorse"}}}
    masker = Masker([json.dumps(docker)])
    assert masker.text("login with correcthorse") == f"login with {MASK}"


def test_secrets_are_learned_from_objects():
    masker = Masker()
    binary = base64.b64encode(b"\xff\xfe\x00\x01binary").decode()
    masker.learn(
        {
            "kind": "Secret",
            "data": {"password": base64.b64encode(b"correcthorse").decode(), "key": binary},
            "stringData": {"token": "battery-staple"},
        }
    )
    masked = masker.text(f"correcthorse {binary} battery-staple")
    assert masked == f"{MASK} {MASK} {MASK}"


def test_other_objects_teach_nothing():
    masker = Masker()
    masker.learn({"kind": "ConfigMap", "data": {"hosts": "worker-0 slots=2"}})
    assert masker.text("worker-0 slots=2") == "worker-0 slots=2"


def test_a_token_secret_does_not_mask_its_namespace():
    masker = Masker()
    data = {"namespace": "default", "token": "eyJhbGciOi"}
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    masker.learn({"kind": "Secret", "type": "kubernetes.io/service-account-token", "data": encoded})
    assert masker.text("default eyJhbGciOi") == f"default {MASK}"


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | plain,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(plain, inner, max_size=4),
    max_leaves=12,
)


@given(secret=secrets, data=json_like, place=st.sampled_from(["key", "value", "list"]))
def test_plain_data_keeps_its_shape_and_loses_its_secrets(secret, data, place):
    secret = "x" + secret.strip()  # so that none begins within the other data
    holding = {"key": {secret: data}, "value": {"a": secret, "b": data}, "list": [secret, data]}
    masked = Masker([secret]).mask(holding[place])
    assert json.dumps(masked) == json.dumps(holding[place]).replace(json.dumps(secret)[1:-1], MASK)


def test_a_number_that_is_a_secret_is_masked_in_data_only():
    masker = Masker(["48151623"])
    mismatch = Mismatch("differs", expected=48151623, actual={"pin": [48151623]})
    assert masker.mask(mismatch) == Mismatch("differs", expected=MASK, actual={"pin": [MASK]})
    assert masker.mask(Observation(48151623, "48151623")) == Observation(48151623, MASK)


class Kept:
    def __init__(self):
        self.events: list[Event] = []
        self.closed = False

    def handle(self, event):
        self.events.append(event)

    def close(self):
        self.closed = True


def test_every_part_of_an_event_is_masked_before_a_reporter_sees_it():
    failure = Failure(
        f"it is {SECRET}",
        mark=MARK,
        excerpt=SECRET,
        mismatches=(Mismatch(SECRET, actual={"data": SECRET}, mark=MARK),),
        history=(Observation(0.5, SECRET),),
        output=html.unescape(SECRET),
        hint=SECRET,
    )
    event = CaseFinished(
        CaseId("spec", (("value", SECRET),)),
        MARK,
        Status.FAILED,
        1.5,
        "2026-01-01T00:00:00Z",
        failures=(failure,),
        left_behind=(f"kubectl delete {SECRET}",),
    )
    kept = Kept()
    sink = MaskingSink(kept, Masker([SECRET, "failed"]))
    sink.handle(event)
    sink.close()
    [masked] = kept.events
    assert isinstance(masked, CaseFinished)
    assert SECRET not in repr(masked)
    assert repr(SECRET)[1:-1] not in repr(masked)
    assert masked.mark == MARK
    assert masked.failures[0].mark == MARK
    assert masked.status is Status.FAILED
    assert kept.closed


def test_values_are_added_while_the_run_goes_on():
    masker, kept = Masker(), Kept()
    sink = MaskingSink(kept, masker)
    event = RunStarted("id", "0.1.0", "now", 1, "token correcthorse")
    sink.handle(event)
    masker.add(["correcthorse"])
    sink.handle(event)
    assert [item.cluster for item in kept.events] == ["token correcthorse", f"token {MASK}"]
