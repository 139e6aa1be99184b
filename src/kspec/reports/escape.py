"""Data made harmless for reports: what cannot be shown is shown as its code, never obeyed.

Messages, logs and values come from clusters and programs that we do not trust. A terminal obeys
escape sequences, a CI runner obeys workflow commands, XML 1.0 has no way to write most control
characters, and a direction mark makes a line read as what it is not.
"""

from __future__ import annotations

import re
from typing import Final

LOG_LIMIT: Final = 64 * 1024
"""Characters of one log in a report. GitLab reads 30 MB per file; a suite may have 1000 cases."""

# ECMA-48 control sequences (colours, cursor moves): they carry no text, so nothing is lost.
_CONTROL_SEQUENCE: Final = re.compile("(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]")

# Not to be written as such: control characters but tab and newline, lone surrogates and
# non-characters (both illegal in XML 1.0), marks that change the direction of text or have no
# width, separators that some readers take for a newline, and invisible tags.
_UNSAFE: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ud800-\udfff\ufdd0-\ufdef\ufff9-\ufffb\ufffe\uffff\U000e0000-\U000e007f"
    + "".join(
        f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0x110000, 0x10000)
    )
    + "]"
)

# GitHub's runner obeys `::command::` at the start of a line after white space, and `##[command]`
# anywhere in it; Azure and TeamCity have `##vso[` and `##teamcity[`.
_COMMAND_LINE: Final = re.compile(r"^(\s*):(?=:)", re.MULTILINE)
_COMMAND: Final = re.compile(r"#(?=#\w*\[)")

# GitLab and Jenkins take `[[ATTACHMENT|path]]` in a test's output for a file to publish.
_ATTACHMENT: Final = re.compile(r"\[(?=\[ATTACHMENT\|)", re.IGNORECASE)


def code(character: str) -> str:
    r"""The character's code as Python writes it: `\x1b`, `\u202e`, `\U000e0001`."""
    number = ord(character)
    if number < 0x100:  # noqa: PLR2004 - Python's own limits of the three forms
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"  # noqa: PLR2004 - as above


def visible(text: str) -> str:
    """The text without colours, with everything that a reader could obey shown as its code.

    Newlines and tabs stay; a carriage return before a newline goes.
    """
    without = _CONTROL_SEQUENCE.sub("", text.replace("\r\n", "\n"))
    return _UNSAFE.sub(lambda found: code(found[0]), without)


def one_line(text: str) -> str:
    """As `visible`, on one line: further lines are joined with a blank."""
    return " ".join(visible(text).split("\n")).replace("\t", " ")


def no_commands(text: str) -> str:
    """The text with the workflow commands of CI systems disarmed; apply to what is printed."""
    return _COMMAND.sub(r"\\x23", _COMMAND_LINE.sub(r"\1\\x3a", text))


def no_attachments(text: str) -> str:
    """The text with attachment tags disarmed; apply to what goes into a JUnit file."""
    return _ATTACHMENT.sub(r"\\x5b", text)


def cap(text: str, limit: int = LOG_LIMIT) -> str:
    """At most about `limit` characters: the first quarter and the last three, and what is left out.

    The end says more about a failure than the beginning.
    """
    if len(text) <= limit:
        return text
    head, tail = limit // 4, limit - limit // 4
    return f"{text[:head]}\n... {len(text) - limit} characters left out ...\n{text[-tail:]}"
