"""Hints for broken YAML: the usual traps, each answered with the corrected line."""

from __future__ import annotations

import re
from typing import Final

_QUOTED: Final = r"""(?<![^\s\[\]{},:])(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*')"""
_EXPRESSION: Final = re.compile(
    rf"""{_QUOTED}|(?P<text>[^\s,\[\]{{}}"'$]*(?:\$\{{\{{.*?\}}\}}[^\s,\[\]{{}}"'$]*)+)"""
)
_PATH: Final = re.compile(
    rf"""{_QUOTED}|(?<![$}}\w])(?P<text>\{{[.$@](?:'[^']*'|"[^"]*"|[^}}])*\}})"""
)
_HELM: Final = re.compile(rf"""{_QUOTED}|(?<!\$)(?P<text>\{{\{{[^{{].*?\}}\}})""")
_DOUBLE: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_TAG: Final = re.compile(
    rf"""{_QUOTED}|(?<![^\s\[{{,])(?P<text>![^\s,\[\]{{}}]*(?: [^,\[\]{{}}#]*)?)"""
)

_LONGEST: Final = 1000
"""Characters of a line that is looked at."""
_GENERAL: Final = (
    (r"mapping values are not allowed", "a text that contains ': ' needs quotes"),
    (r"'\\t'|tab", "indent with spaces, not with tabs"),
    (r"found character .*cannot start", "a text that starts with this character needs quotes"),
    (
        r"end of stream|document separator|got '(-|<stream end>|<document)",
        "is a quote, a brace or a bracket left open?",
    ),
    (r"expected ',' or", "inside braces, a text with any of {}[], needs quotes"),
    (r"block end|expected key|block mapping|'-' indicator", "keys of one map are indented alike"),
)


def hint_for(line: str, message: str) -> str | None:
    """What to do about the parser's complaint `message` on this line of the file."""
    line = line[:_LONGEST]
    if "escape" in message:
        return f"in double quotes a backslash escapes; use single quotes: {_single(line)}"
    if "a tag" in message:
        return tag_hint(line)
    if _finds(_HELM, line):
        return helm_hint(line)
    if _finds(_EXPRESSION, line):
        return f"quote the expression: {_quote(_EXPRESSION, line)}"
    if _finds(_PATH, line):
        return f"quote the path: {_quote(_PATH, line)}"
    found = (hint for pattern, hint in _GENERAL if re.search(pattern, message))
    return next(found, None)


def helm_hint(line: str) -> str | None:
    """A hint if the line looks like a Helm template."""
    line = line[:_LONGEST]
    if not _finds(_HELM, line):
        return None
    return f"this looks like a Helm template: render it first, or quote it: {_quote(_HELM, line)}"


def hint_for_key(line: str) -> str | None:
    """For a map or a list in the place of a key."""
    return helm_hint(line) or "inside braces, quote texts that have braces or brackets"


def tag_hint(line: str) -> str:
    """For a value that starts with `!`, which YAML takes for a tag."""
    line = line[:_LONGEST]
    if not _finds(_TAG, line):
        return "a leading '!' starts a YAML tag; quote the text"
    return f"a leading '!' starts a YAML tag; quote the text: {_quote(_TAG, line)}"


def quoted(text: str) -> str:
    """A text as a quoted YAML scalar on one line."""
    if '"' in text or "\\" in text:
        return "'" + text.replace("'", "''") + "'"
    return f'"{text}"'


def _finds(pattern: re.Pattern[str], line: str) -> bool:
    return any(found["text"] for found in pattern.finditer(line))


def _quote(pattern: re.Pattern[str], line: str) -> str:
    def replace(found: re.Match[str]) -> str:
        text = found["text"]
        return quoted(text.rstrip()) if text else found[0]

    return pattern.sub(replace, line).strip()


def _single(line: str) -> str:
    def replace(found: re.Match[str]) -> str:
        return "'" + found[1].replace("'", "''") + "'" if "\\" in found[1] else found[0]

    return _DOUBLE.sub(replace, line).strip()
