"""The words of parse:, and what they refuse."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kspec import clock
from kspec.expressions import conversions
from kspec.expressions.conversions import CONVERSIONS
from kspec.expressions.durations import Duration, duration, show
from kspec.expressions.quantities import quantity
from kspec.expressions.semver import satisfies, semver
from kspec.language.reader import Reader
from kspec.marks import Mark, Node
from kspec.vocabulary import Conversion, Vocabulary

WORDS = Vocabulary.of(CONVERSIONS).all(Conversion)
KEY = base64.encodebytes(b"k" * 40).decode()
PEM = f"-----BEGIN CERTIFICATE-----\n{KEY}-----END CERTIFICATE-----\n"


def test_the_words():
    assert sorted(WORDS) == [
        "age", "base64", "duration", "int", "json", "lines", "pem", "quantity", "semver", "time",
    ]  # fmt: skip
    with_operand = {name for name, word in WORDS.items() if word.operand}
    assert with_operand == {"age", "duration", "int", "quantity", "semver", "time"}


@pytest.mark.parametrize(
    ("word", "value", "found"),
    [
        ("lines", "a\nb\n", ["a", "b"]),
        ("lines", "a\r\nb", ["a", "b"]),
        ("lines", "a\n\n", ["a", ""]),
        ("lines", "", []),
        ("lines", "\n", [""]),
        ("base64", "aGk=", "hi"),
        ("base64", "aG\nk=\n", "hi"),
        ("json", '{"a": [1, 2.5, null]}', {"a": [1, 2.5, None]}),
        ("quantity", "100m", 0.1),
        ("quantity", "1.5Gi", 1610612736),
        ("quantity", 2, 2),
        ("duration", "1h2m3.5s", 3723.5),
        ("int", "42", 42),
        ("int", " -7 ", -7),
        ("int", 3, 3),
        ("time", "1970-01-01T00:01:00Z", 60.0),
        ("time", "1970-01-01T01:01:00.25+01:00", 60.25),
        ("time", "1970-01-01t00:00:01.123456789z", 1.123456789),
        ("age", "5m", 300.0),
        ("pem", PEM + PEM.replace("CERTIFICATE", "RSA PRIVATE KEY"),
         [{"type": "CERTIFICATE", "bytes": 40}, {"type": "RSA PRIVATE KEY", "bytes": 40}]),
        ("pem", PEM.replace("-----\n", "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: x\n\n", 1),
         [{"type": "CERTIFICATE", "bytes": 40}]),
    ],
)  # fmt: skip
def test_conversions(word, value, found):
    assert WORDS[word].convert(value) == found


@pytest.mark.parametrize(
    ("word", "value", "why"),
    [
        ("lines", 3, "is 3, not a text"),
        ("lines", "x" * (conversions.LONGEST + 1), "is longer than"),
        ("base64", "!", "is not base64"),
        ("base64", "/w==", "is base64 of 1 bytes that are no text"),
        ("json", "{", "is not JSON: Expecting property name"),
        ("json", "NaN", "is not JSON: NaN"),
        ("json", "[" * 100_000, "nested too deeply"),
        ("quantity", "1.5 GB", "'1.5 GB' is no quantity"),
        ("quantity", True, "is no quantity"),
        ("quantity", "1" * 40, "is no quantity"),
        ("duration", "5 minutes", "is no duration"),
        ("duration", 5, "5 has no unit: write 5s"),
        ("duration", None, "is no duration"),
        ("int", "1.5", 'is "1.5", not a whole number'),
        ("int", True, "is true, not a whole number"),
        ("semver", "one", "'one' is no semantic version"),
        ("semver", True, "is no semantic version"),
        ("semver", None, "is no semantic version"),
        ("time", "yesterday", 'is "yesterday", not a time'),
        ("time", 5, "is 5, not a time"),
        ("age", "yesterday", "not a time"),
        ("pem", "x", "has no PEM block"),
        ("pem", PEM.replace("END C", "END D"), "has a PEM block CERTIFICATE that does not end"),
        ("pem", PEM.replace("a", "!"), "that is not base64"),
        ("pem", "-----BEGIN X-----\nabc", "has a PEM block X that does not end"),
    ],
)
def test_refusals(word, value, why):
    with pytest.raises(ValueError, match=r".") as caught:
        WORDS[word].convert(value)
    assert why in str(caught.value)


def test_a_private_key_does_not_show():
    assert KEY.strip() not in str(conversions.pem(PEM))


def test_age_is_of_now():
    assert 0 <= conversions.age(clock.timestamp()) < 60


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0), ("0s", 0), ("500ms", 0.5), ("1.5h", 5400), ("2d", 172800), ("1h30m", 5400),
        ("-5s", -5), ("10us", 1e-5), ("10µs", 1e-5), ("3ns", 3e-9), (".5s", 0.5), ("1.s", 1),
    ],
)  # fmt: skip
def test_durations(text, seconds):
    assert duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", "-", "s", "1", "1.5", "1x", "1s 2s", "1h2", "1s" * 40, [], True]
)
def test_no_durations(text):
    with pytest.raises(ValueError, match=r"no duration|has no unit"):
        duration(text)


@pytest.mark.parametrize(
    ("seconds", "text"), [(2.0, "2 s"), (1.25, "1.25 s"), (0.0004, "0 s"), (2e6, "2000000 s")]
)
def test_shown_durations(seconds, text):
    assert show(seconds) == text


class TestReadingDurations:
    def read(self, value, plain=None, mode="run"):
        reader = Reader(Vocabulary(), mode)
        found = Duration.__read__(Node(value, Mark("a", 1, 1), plain=plain), reader)
        return found, [problem.message for problem in reader.problems]

    def test_reads(self):
        found, problems = self.read("1m30s", "1m30s")
        assert (found, type(found), problems) == (90.0, Duration, [])

    def test_refuses(self):
        assert self.read(5, "5") == (None, ["5 has no unit: write 5s for seconds"])
        assert self.read("-5s") == (None, ["a duration here cannot be negative"])
        assert self.read(None) == (None, ["no duration: write 90s, 5m or 1h30m"])

    def test_waits_for_expressions(self):
        assert self.read("${{ vars.x }}", mode="load") == (None, [])

    def test_its_schema(self):
        assert "pattern" in Duration.__json_schema__(Vocabulary())


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1), ("+1", 1), ("-1.5", -1.5), (".5", 0.5), ("1.", 1), ("1Ki", 1024), ("1k", 1000),
        ("1e3", 1000), ("1E3", 1000), ("1E", 10**18), ("1Ei", 2**60), ("1n", 1e-9), ("5u", 5e-6),
        ("2M", 2_000_000), ("0.5Mi", 524288), ("1e-3", 0.001), ("3T", 3 * 10**12), ("1P", 10**15),
    ],
)  # fmt: skip
def test_quantities(text, number):
    assert quantity(text) == number
    assert type(quantity(text)) is type(number)


@given(st.integers(-(10**12), 10**12), st.sampled_from(["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"]))
def test_whole_quantities_are_exact(number, suffix):
    power = 10 * (["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"].index(suffix) + 1)
    assert quantity(f"{number}{suffix}") == number * 2**power


@given(st.integers(-(10**9), 10**9))
def test_a_number_in_three_ways(number):
    assert quantity(f"{number}m") == quantity(f"{number}e-3") == quantity(str(number)) / 1000


ORDER = [
    "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2",
    "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2", "v1.10.0", "2",
]  # fmt: skip


def test_versions_have_semver_order():
    versions = [semver(text) for text in ORDER]
    assert sorted(versions, key=str) != versions
    assert sorted(sorted(versions, key=str)) == versions
    assert [str(version) for version in versions] == ORDER
    assert semver("v1.2") == semver("1.2.0+build")
    assert hash(semver("v1.2")) == hash(semver("1.2.0"))
    assert semver("1.2.3") != "1.2.3"
    assert not semver("1.2.3") < "9"
    assert semver("1.10") > semver("1.9") >= semver("v1.9") != semver("1.8")
    assert semver("1.9") <= semver("1.10")


@pytest.mark.parametrize(
    ("constraint", "version", "holds"),
    [
        (">=1.29", "v1.30.2", True), (">=1.29", "1.28.9", False), ("<2, >1", "1.5", True),
        (">1.29.0", "1.29.0", False), ("<=1.29.0", "1.29.0", True), ("<1.29", "1.29.0", False),
        ("=1.2.3", "1.2.3", True), ("==1.2.3", "1.2.4", False), ("1.2", "1.2.9", True),
        ("1.2.x", "1.2.9", True), ("1.x", "1.3.0", True), ("1.2", "1.3.0", False),
        ("!=1.2.3", "1.2.4", True), ("!=1.2.3", "1.2.3", False),
        ("~1.2.3", "1.2.9", True), ("~1.2.3", "1.3.0", False), ("~1", "1.9.0", True),
        ("^1.2.3", "1.9.0", True), ("^1.2.3", "1.2.2", False), ("^1.2.3", "2.0.0", False),
        ("<1 || >=2", "2.1", True), ("<1 || >=2", "1.5", False), (">= 1.2", "1.2.0", True),
    ],
)  # fmt: skip
def test_constraints(constraint, version, holds):
    assert satisfies(version, constraint) is holds


@pytest.mark.parametrize("constraint", ["", "x", ">=", ">=1 ||", ">=1.2 nonsense"])
def test_no_constraints(constraint):
    with pytest.raises(ValueError, match=r"constraint|version"):
        satisfies("1.2.3", constraint)
