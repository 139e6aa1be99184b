"""The words of `parse:`, which turn a text found in an object into what can be compared."""

from __future__ import annotations

import base64
import datetime
import json
import re
from typing import Any, Final

from kspec import clock
from kspec.expressions.durations import duration
from kspec.expressions.quantities import quantity
from kspec.expressions.semver import semver
from kspec.vocabulary import Conversion

LONGEST: Final = 8 << 20
"""Characters of a text that is converted; an object is at most 1.5 MiB, a log may be more."""

# RFC 3339; other forms that `fromisoformat` knows are no Kubernetes time stamps.
_TIME: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})"
)
_PEM_BEGIN: Final = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,64})-----")
_PEM_HEADER: Final = re.compile(r"(?m)^[\w-]+:[^\n]*\n(?:[ \t][^\n]*\n)*")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"is {json.dumps(value, default=str)[:60]}, not a text")  # noqa: TRY004 - conversions raise ValueError
    if len(value) > LONGEST:
        raise ValueError(f"is longer than {LONGEST} characters")
    return value


def lines(value: Any) -> list[str]:
    """The lines of a text; what ends it is no further, empty one."""
    found = _text(value).replace("\r\n", "\n").split("\n")
    return found[:-1] if found[-1] == "" else found


def base64_text(value: Any) -> str:
    """The text behind base64, as in a Secret's data."""
    try:
        raw = base64.b64decode("".join(_text(value).split()), validate=True)
    except ValueError as error:
        raise ValueError("is not base64") from error
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"is base64 of {len(raw)} bytes that are no text") from error


def parse_json(value: Any) -> Any:
    """The data that a JSON text stands for."""
    try:
        return json.loads(_text(value), parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: {error.msg} at line {error.lineno}") from error
    except RecursionError as error:
        raise ValueError("is JSON that is nested too deeply") from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"is not JSON: {name}")


def integer(value: Any) -> int:
    """A whole number, given as such or as text."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d{1,40}\s*", value):
        return int(value)
    raise ValueError(f"is {json.dumps(value, default=str)[:60]}, not a whole number")


def time(value: Any) -> float:
    """Seconds since 1970 of an RFC 3339 time stamp."""
    found = _TIME.fullmatch(value.strip()) if isinstance(value, str) else None
    if not found:
        raise ValueError(
            f"is {json.dumps(value, default=str)[:60]}, not a time such as 2024-05-01T12:00:00Z"
        )
    day, clock_time, fraction, zone = found.groups()
    zone = "+00:00" if zone in "Zz" else zone
    moment = datetime.datetime.fromisoformat(f"{day}T{clock_time}{zone}")
    return moment.timestamp() + float(fraction or 0)


def age(value: Any) -> float:
    """Seconds since a time stamp, by the wall clock; an operand's duration as it is."""
    try:
        return duration(value)
    except ValueError:
        return time(clock.timestamp()) - time(value)


def pem(value: Any) -> list[dict[str, Any]]:
    """The blocks of a PEM text (RFC 7468): `type` and length in `bytes`, never the content."""
    text, blocks, at = _text(value), [], 0
    while begin := _PEM_BEGIN.search(text, at):
        name = begin.group(1)
        end = text.find("-----END ", begin.end())
        if not text.startswith(f"{name}-----", end + len("-----END ")) or end < 0:
            raise ValueError(f"has a PEM block {name} that does not end")
        body = "".join(_PEM_HEADER.sub("", text[begin.end() : end].lstrip()).split())
        try:
            content = base64.b64decode(body, validate=True)
        except ValueError as error:
            raise ValueError(f"has a PEM block {name} that is not base64") from error
        blocks.append({"type": name, "bytes": len(content)})
        at = end
    if not blocks:
        raise ValueError("has no PEM block")
    return blocks


CONVERSIONS: Final[tuple[Conversion, ...]] = (
    Conversion("lines", "The text's lines, as a list.", lines),
    Conversion("base64", "The text behind base64.", base64_text),
    Conversion("json", "The data behind a JSON text.", parse_json),
    Conversion("quantity", "A Kubernetes quantity as a number.", quantity, operand=True),
    Conversion("duration", "A duration in seconds.", duration, operand=True),
    Conversion("int", "A whole number written as text.", integer, operand=True),
    Conversion("semver", "A semantic version, compared by precedence.", semver, operand=True),
    Conversion("time", "An RFC 3339 time stamp.", time, operand=True),
    Conversion(
        "age", "How long ago a time stamp was; the operand is a duration.", age, operand=True
    ),
    Conversion("pem", "The blocks of a PEM text, each with its type and length.", pem),
)
