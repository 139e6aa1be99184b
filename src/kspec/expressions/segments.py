r"""The steps of a JSONPath, scanned from the forms that Kubernetes users write.

Accepted are kubectl's form (`{.status.phase}`, `.metadata.labels.app\.kubernetes\.io/name`,
https://kubernetes.io/docs/reference/kubectl/jsonpath/) and a subset of RFC 9535
(`$.status.phase`, `$['a']`, `[0]`, `[-1]`, `[1:3]`, `[*]`, `..name`, `[?@.a=='b']`).
Every error has its offset in the text as the user wrote it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from kspec.errors import ExpressionError

Kind: TypeAlias = Literal["name", "index", "slice", "wildcard", "union", "filter"]

LONGEST: Final = 4096
"""Characters of a path; nobody writes longer ones, and parsing time stays bounded."""

MOST_DESCENTS: Final = 2
"""`..` in one path: each one multiplies the nodes that are visited."""

_PLAIN: Final = re.compile(r"[\w./-]+")
_NAME: Final = re.compile(r"(?:\\.|[^\s.\[\]{}()'\"`,|@$*?:=<>!&\\])+")
_INDEX: Final = re.compile(r"\s*(-?\d{1,9})\s*")
_SLICE: Final = re.compile(r"\s*(-?\d{1,9})?\s*:\s*(-?\d{1,9})?\s*(?::\s*(-?\d{1,9})?\s*)?(?=\])")
_QUOTED: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_SPACE: Final = re.compile(r"\s*")
_JSON_ESCAPES: Final = frozenset("bfnrtu")


@dataclass(frozen=True, slots=True)
class Segment:
    """One step of a path.

    `value` is the name, the index, the operands of a union, or the filter as it was written.
    `engine` is the step in jsonpath-ng's grammar. `deep` is true after `..`.
    `offset` and `end` are where it stands in the user's text.
    """

    kind: Kind
    value: str | int | tuple[str | int, ...] | None
    engine: str
    offset: int
    end: int
    deep: bool = False

    @property
    def singular(self) -> bool:
        """Whether it leads to at most one value."""
        return self.kind in {"name", "index"} and not self.deep

    @property
    def shown(self) -> str:
        """The step as kubectl would write it."""
        dots = ".." if self.deep else ""
        match self.kind:
            case "name":
                return f"{dots}{step(str(self.value)).removeprefix('.' * self.deep)}"
            case "filter":
                return f"{dots}[?({self.value})]"
            case _:
                return f"{dots}{self.engine}"


def step(name: str) -> str:
    r"""The step to a key as kubectl writes it: `.phase`, `.app\.kubernetes\.io/name`, `['a b']`."""
    return "." + name.replace(".", r"\.") if _PLAIN.fullmatch(name) else f"[{quote(name)}]"


def unescape(text: str) -> str:
    """A name without the backslashes that kubectl wants before dots."""
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def quote(text: str) -> str:
    """A string literal in jsonpath-ng's grammar, where a backslash keeps the next character."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def unquote(literal: str, offset: int) -> str:
    r"""The text of a quoted literal: JSON's escapes, and `\.` as kubectl has it."""

    def plain(match: re.Match[str]) -> str:
        escape = match.group(0)
        if escape[1] not in _JSON_ESCAPES:
            return escape[1]
        try:
            return str(json.loads(f'"{escape}"'))
        except ValueError as error:
            raise ExpressionError(
                f"{escape!r} is no escape sequence", offset=offset + match.start()
            ) from error

    return re.sub(r"\\u[dD][89abAB]..\\u....|\\u.{0,4}|\\.", plain, literal[1:-1], flags=re.DOTALL)


class Scanner:
    """A position in the text of a path."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self.text = text
        self.at = start
        self.end = end

    def peek(self, token: str) -> bool:
        """Whether `token` comes next."""
        return self.text.startswith(token, self.at, self.end)

    def take(self, token: str) -> bool:
        """Step over `token` if it comes next."""
        if self.peek(token):
            self.at += len(token)
            return True
        return False

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Step over what the pattern matches here."""
        found = pattern.match(self.text, self.at, self.end)
        if found:
            self.at = found.end()
        return found

    def skip_space(self) -> None:
        """Step over white space."""
        self.match(_SPACE)

    def fail(
        self, message: str, *, offset: int | None = None, hint: str | None = None
    ) -> ExpressionError:
        """The error for this place, to be raised."""
        return ExpressionError(message, offset=self.at if offset is None else offset, hint=hint)

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return self.at >= self.end

    @property
    def rest(self) -> str:
        """A few of the characters that come next, for messages."""
        return self.text[self.at : min(self.end, self.at + 12)]

    def quoted(self) -> str | None:
        """The text of a string literal, if one comes next."""
        start = self.at
        found = self.match(_QUOTED)
        return unquote(found.group(0), start) if found else None


def scan(scanner: Scanner) -> list[Segment]:
    """The segments from the scanner's position on, as far as they go."""
    segments: list[Segment] = []
    while not scanner.done:
        start = scanner.at
        deep = scanner.take("..")
        if scanner.peek("["):
            segments.append(_bracket(scanner, start, deep))
        elif deep or scanner.take("."):
            if not (deep or segments or scanner.rest):
                break  # kubectl's `{.}`: the object itself
            segments.append(_dotted(scanner, start, deep))
        else:
            break
    if sum(segment.deep for segment in segments) > MOST_DESCENTS:
        raise scanner.fail(f"more than {MOST_DESCENTS} '..' in one path")
    return segments


def _dotted(scanner: Scanner, start: int, deep: bool) -> Segment:
    if scanner.take("*"):
        return Segment("wildcard", None, "[*]", start, scanner.at, deep)
    found = scanner.match(_NAME)
    if not found and scanner.peek("`"):
        raise scanner.fail(
            "backtick operators are not supported", hint="use length:, or jmespath: instead"
        )
    if not found:
        raise scanner.fail(
            f"a name is missing after '{'..' if deep else '.'}'",
            hint="write a key, as in .status.phase; put unusual keys into ['...']",
        )
    return name_segment(unescape(found.group(0)), start, scanner.at, deep=deep)


def name_segment(name: str, start: int, end: int, *, deep: bool = False) -> Segment:
    """The step to a key."""
    return Segment("name", name, f"[{quote(name)}]", start, end, deep)


def _bracket(scanner: Scanner, start: int, deep: bool) -> Segment:
    opening = scanner.at
    scanner.at += 1
    scanner.skip_space()
    if scanner.take("?"):
        return _filter(scanner, start, opening, deep)
    if scanner.take("*"):
        segment = Segment("wildcard", None, "[*]", start, scanner.at, deep)
    elif found := scanner.match(_SLICE):
        parts = [found.group(1) or "", found.group(2) or ""]
        parts += [found.group(3)] if found.group(3) else []
        segment = Segment("slice", None, f"[{':'.join(parts)}]", start, scanner.at, deep)
    else:
        segment = _selectors(scanner, start, deep)
    scanner.skip_space()
    if not scanner.take("]"):
        raise scanner.fail("']' is missing", hint=_bracket_hint(scanner, opening))
    return segment


def _bracket_hint(scanner: Scanner, opening: int) -> str | None:
    inner = re.match(r"\[\s*(\w[\w./-]*)\s*\]", scanner.text[opening : scanner.end])
    return f"quote the key: ['{inner.group(1)}']" if inner else None


def _selectors(scanner: Scanner, start: int, deep: bool) -> Segment:
    opening = scanner.at - 1
    values: list[str | int] = []
    while True:
        scanner.skip_space()
        name = scanner.quoted()
        if name is not None:
            values.append(name)
        elif found := scanner.match(_INDEX):
            values.append(int(found.group(1)))
        else:
            raise scanner.fail(_what_in_brackets(scanner), hint=_bracket_hint(scanner, opening))
        scanner.skip_space()
        if not scanner.take(","):
            break
    if len(values) == 1:
        kind: Kind = "name" if isinstance(values[0], str) else "index"
        return Segment(kind, values[0], _engine_union(values), start, scanner.at, deep)
    if len({type(value) for value in values}) > 1:
        raise scanner.fail("a list in brackets has either names or numbers", offset=opening)
    return Segment("union", tuple(values), _engine_union(values), start, scanner.at, deep)


def _what_in_brackets(scanner: Scanner) -> str:
    if scanner.peek("("):
        return "scripts in brackets are not supported; [-1] is the last item"
    if scanner.done or scanner.peek("]"):
        return "a key, a number, '*' or a filter is missing in the brackets"
    if scanner.text[scanner.at] in "'\"":
        return "the quote is not closed"
    return f"'{scanner.rest}' in brackets is neither a quoted key nor a number"


def _engine_union(values: list[str | int]) -> str:
    return "[" + ",".join(quote(v) if isinstance(v, str) else str(v) for v in values) + "]"


def _filter(scanner: Scanner, start: int, opening: int, deep: bool) -> Segment:
    from kspec.expressions.filters import scan_filter  # noqa: PLC0415 - they call each other

    inner = scanner.at
    engine = scan_filter(scanner)
    written = scanner.text[inner : scanner.at].strip()
    if not scanner.take("]"):
        raise scanner.fail("the filter's ']' is missing", offset=opening)
    if written.startswith("(") and written.endswith(")") and _balanced(written[1:-1]):
        written = written[1:-1]
    return Segment("filter", written, f"[?{engine}]", start, scanner.at, deep)


def _balanced(text: str) -> bool:
    depth = 0
    for character in _QUOTED.sub("", text):
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return depth == 0
