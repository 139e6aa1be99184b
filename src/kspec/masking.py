"""Secret values kept out of everything that is reported.

A `Masker` knows values: the data of Secrets that were seen, tokens, credentials. It finds them in
text and in plain data, also as base64 (at any offset, wrapped or not), URL-encoded, and escaped in
JSON. What is looked for, and what is not:

- A value shorter than 4 characters is not masked: it would be found everywhere and hide nothing.
  A value such as `admin` is, wherever it stands; a report with too many stars is the safer mistake.
- Of a value of several words or lines, the words of 16 characters and more are masked also alone
  (a line of a private key). Of a JSON value, its strings of 8 characters and more are.
- A long text that was cut may begin or end within a value: there, 8 characters are enough.
- Short offset-base64 forms (under 8 characters) and other encodings (hexadecimal, compressed,
  encrypted) are not looked for.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import Any, Final, TypeVar
from urllib.parse import quote, quote_plus

from kspec.marks import Mark
from kspec.results import Event
from kspec.snapshots import Object
from kspec.vocabulary import ReportSink

MASK: Final = "***"
MIN_LENGTH: Final = 4
MIN_WORD: Final = 16
MIN_LEAF: Final = 8
MIN_EDGE: Final = 8
LONG_TEXT: Final = 256
"""Characters from which on a text may be one that was cut."""

_NOT_SECRET: Final = frozenset({"true", "false", "null", "none", MASK})
_PUBLIC_KEYS: Final = frozenset({"namespace", "ca.crt", "service-ca.crt"})
"""Data of a service account token that is the same for everyone in the namespace."""
_LINE_WIDTHS: Final = (64, 76)
"""Where openssl (RFC 7468) and base64 (RFC 2045) wrap their lines."""

T = TypeVar("T")


class Masker:
    """Knows secret values, more of them while a run goes on, and replaces them with `***`."""

    def __init__(self, values: Iterable[str] = ()) -> None:
        self._known: set[str] = set()
        self._forms: tuple[str, ...] = ()
        self.add(values)

    def add(self, values: Iterable[str]) -> None:
        """Mask these values, too, from now on."""
        new = {part for value in values for part in _parts(value)} - self._known
        if not new:
            return
        self._known |= new
        forms = {form for value in new for form in _encodings(value)}
        self._forms = tuple(sorted({*self._forms, *forms}, key=len, reverse=True))

    def learn(self, item: Object) -> None:
        """Add what is secret in an object as the API server sends it: a Secret's data."""
        if item.get("kind") == "Secret":
            self.add(_secret_values(item))

    def text(self, text: str) -> str:
        """The text with every known value replaced."""
        spans = [span for form in self._forms for span in _occurrences(form, text)]
        if len(text) >= LONG_TEXT:
            spans += [span for form in self._forms for span in _edges(form, text)]
        return _cut(text, spans) if spans else text

    def mask(self, value: T) -> T:
        """The same JSON-like value or record with every known value replaced, keys included.

        A number whose text is a known value is replaced in plain data, not in a record's own
        numeric fields, which come from kspec.
        """
        masked: T = self._mask(value) if self._forms else value
        return masked

    def _mask(self, value: Any) -> Any:
        if isinstance(value, str):
            # A Status is a str too, and one of our words.
            return value if isinstance(value, Enum) else self.text(value)
        if isinstance(value, Mapping):
            return {self._mask(key): self._mask(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return type(value)([self._mask(item) for item in value])
        if isinstance(value, int | float) and not isinstance(value, bool):
            return MASK if str(value) in self._known else value
        if dataclasses.is_dataclass(value) and not isinstance(value, type | Mark):
            return dataclasses.replace(value, **dict(self._fields(value)))
        return value

    def _fields(self, record: Any) -> Iterator[tuple[str, Any]]:
        for field in dataclasses.fields(record):
            value = getattr(record, field.name)
            if field.type == "Any" or not isinstance(value, int | float):
                yield field.name, self._mask(value)


class MaskingSink:
    """Masks every event before it reaches the reporters: the one place where this happens."""

    def __init__(self, following: ReportSink, masker: Masker) -> None:
        self._following = following
        self._masker = masker

    def handle(self, event: Event) -> None:
        self._following.handle(self._masker.mask(event))

    def close(self) -> None:
        self._following.close()


class ChunkMasker:
    """Masks a text that arrives in pieces; a value may be split over any number of them.

    The tail in which a value could have begun is held back until more arrives or `flush`.
    """

    def __init__(self, masker: Masker) -> None:
        self._masker = masker
        self._held = ""

    def feed(self, chunk: str) -> str:
        """Take a piece, give what is certain by now."""
        text = self._held + chunk
        forms = self._masker._forms  # noqa: SLF001 - one module
        hold = max((_begun(form, text) for form in forms), default=0)
        spans = _merged(span for form in forms for span in _occurrences(form, text))
        until = len(text) - hold
        # A value that is there in full is not cut in two by the hold of another one.
        until = next((start for start, end in spans if start < until < end), until)
        self._held = text[until:]
        return self._masker.text(text[:until])

    def flush(self) -> str:
        """The rest."""
        text, self._held = self._held, ""
        return self._masker.text(text)


def _parts(value: str) -> Iterator[str]:
    """A value and those of its parts that are secret by themselves."""
    whole = value.strip()
    if len(whole) >= MIN_LENGTH and whole.lower() not in _NOT_SECRET:
        yield whole
    words = whole.split()
    if len(words) > 1:
        # Not the `-----BEGIN PRIVATE` of a key: it is in every key.
        yield from (word for word in words if len(word) >= MIN_WORD and not word.startswith("---"))
    if whole.startswith(("{", "[")):
        yield from (leaf for leaf in _json_leaves(whole) if len(leaf) >= MIN_LEAF)


def _json_leaves(text: str) -> Iterator[str]:
    try:
        pending = [json.loads(text)]
    except (ValueError, RecursionError):
        return
    while pending:
        match pending.pop():
            case str(leaf):
                yield leaf
            case dict(entries):
                pending.extend(entries.values())
            case list(items):
                pending.extend(items)


def _encodings(value: str) -> Iterator[str]:
    """A value in all forms that are looked for."""
    yield value
    for quoted in (quote(value, safe=""), quote(value), quote_plus(value)):
        yield from (quoted, quoted.replace("%", "%25"), _lower_hex(quoted))
    for ascii_only in (True, False):
        escaped = json.dumps(value, ensure_ascii=ascii_only)[1:-1]
        yield from (escaped, json.dumps(escaped, ensure_ascii=ascii_only)[1:-1])
    yield from _base64_forms(value.encode("utf-8", "surrogateescape"))


def _lower_hex(quoted: str) -> str:
    pieces = quoted.split("%")
    return "%".join([pieces[0], *(piece[:2].lower() + piece[2:] for piece in pieces[1:])])


def _base64_forms(data: bytes) -> Iterator[str]:
    """Base64 of the bytes, also as a part of something longer that was encoded as a whole.

    Three bytes make four characters, so there are three offsets at which the bytes can begin.
    Characters that depend on the neighbours too are left out.
    """
    whole = base64.b64encode(data).decode()
    forms = [whole, whole.rstrip("=")]
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + data).decode()
        first, last = -(-offset * 8 // 6), (offset + len(data)) * 8 // 6
        if last - first >= MIN_EDGE:
            forms.append(encoded[first:last])
    forms += [_wrapped(whole, width) for width in _LINE_WIDTHS if len(whole) > width]
    for form in forms:
        yield from (form, form.replace("+", "-").replace("/", "_"))


def _wrapped(text: str, width: int) -> str:
    return "\n".join(text[start : start + width] for start in range(0, len(text), width))


def _secret_values(secret: Object) -> Iterator[str]:
    token = secret.get("type") == "kubernetes.io/service-account-token"
    for key, value in (secret.get("data") or {}).items():
        if token and key in _PUBLIC_KEYS:
            continue
        try:
            yield base64.b64decode(str(value), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            yield str(value)
    yield from map(str, (secret.get("stringData") or {}).values())


def _occurrences(form: str, text: str) -> Iterator[tuple[int, int]]:
    """All places of a form in a text, overlapping ones too."""
    start = text.find(form)
    while start >= 0:
        yield start, start + len(form)
        start = text.find(form, start + 1)


def _edges(form: str, text: str) -> Iterator[tuple[int, int]]:
    """Where a text begins with the end of a form, or ends with the beginning of one."""
    if len(form) <= MIN_EDGE:
        return
    head = text[:MIN_EDGE]
    for start, _ in _occurrences(head, form):
        if text.startswith(form[start:]):
            yield 0, len(form) - start
            break
    begun = _begun(form, text, MIN_EDGE)
    if begun:
        yield len(text) - begun, len(text)


def _begun(form: str, text: str, least: int = 1) -> int:
    """The length of the longest proper beginning of a form that a text ends with.

    0 if it is shorter than `least`.
    """
    tail = text[-(len(form) - 1) :]
    starts = (start for start, _ in _occurrences(form[:least], tail))
    return next((len(tail) - start for start in starts if form.startswith(tail[start:])), 0)


def _merged(spans: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """Overlapping spans joined, in order."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if joined and start < joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined


def _cut(text: str, spans: Iterable[tuple[int, int]]) -> str:
    pieces, at = [], 0
    for start, end in _merged(spans):
        pieces += [text[at:start], MASK]
        at = end
    return "".join([*pieces, text[at:]])
