"""What people write to name objects: `kind/name`, label selectors and field selectors.

https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors
"""

from __future__ import annotations

import re
from typing import Final, TypeAlias

from kspec.errors import ReadError
from kspec.snapshots import Selection

Requirement: TypeAlias = tuple[str, str, tuple[str, ...]]
"""Key, operator and values, as in `Selection.labels`."""

_KEY: Final = r"[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?"
_VALUE: Final = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?"
_LABEL_RULE: Final = re.compile(
    rf"(?P<absent>!\s*(?P<absent_key>{_KEY}))"
    rf"|(?P<set_key>{_KEY})\s+(?P<set>in|notin)\s*\((?P<values>[^()]*)\)"
    rf"|(?P<key>{_KEY})\s*(?P<operator>==|!=|=)\s*(?P<value>{_VALUE})"
    rf"|(?P<present>{_KEY})"
)
_FIELD_RULE: Final = re.compile(
    r"(?P<key>[A-Za-z][\w.\-\[\]/]*)\s*(?P<operator>==|!=|=)\s*(?P<value>(?:\\.|[^,=\\])*)"
)


def split_reference(text: str) -> tuple[str, str]:
    """Kind and name of `mpijob/pi` or `modaljobs.modal-operator.io/train`. Raises ReadError."""
    kind, slash, name = text.strip().partition("/")
    if not slash or not kind or not name:
        raise ReadError(f"'{text}' names no object", hint="write kind/name, as in pod/web-0")
    if "/" in name:
        raise ReadError(
            f"'{text}' has more than one slash",
            hint="write kind/name; a group belongs to the kind, as in deployments.apps/web",
        )
    if any(character.isspace() for character in text.strip()):
        raise ReadError(f"'{text}' names no object: there is a space in it")
    return kind, name


def label_requirements(text: str) -> tuple[Requirement, ...]:
    """The requirements of `app=x,tier in (a,b),!c,d,e!=f`. Raises ReadError."""
    found: list[Requirement] = []
    for part in _parts(text, "label selector"):
        match = _LABEL_RULE.fullmatch(part)
        if match is None:
            raise _unreadable(text, part, "label selector", "as in app=web, tier in (a, b), !old")
        found.append(_label_rule(match, text))
    return tuple(found)


def field_requirements(text: str) -> tuple[Requirement, ...]:
    """The requirements of `status.phase=Running,spec.nodeName!=n1`. Raises ReadError."""
    found: list[Requirement] = []
    for part in _parts(text, "field selector"):
        match = _FIELD_RULE.fullmatch(part)
        if match is None:
            raise _unreadable(text, part, "field selector", "as in status.phase=Running")
        value = re.sub(r"\\(.)", r"\1", match["value"].strip())
        found.append((match["key"], "!=" if match["operator"] == "!=" else "=", (value,)))
    return tuple(found)


def selection(
    *, namespace: str | None = None, name: str | None = None, labels: str = "", fields: str = ""
) -> Selection:
    """A Selection from selectors as text. Raises ReadError."""
    return Selection(
        namespace=namespace,
        name=name,
        labels=label_requirements(labels),
        fields=field_requirements(fields),
    )


def _label_rule(match: re.Match[str], text: str) -> Requirement:
    if match["absent"]:
        return match["absent_key"], "!", ()
    if match["set"]:
        values = tuple(value.strip() for value in match["values"].split(","))
        wrong = next((value for value in values if not re.fullmatch(_VALUE, value)), None)
        if wrong is not None:
            raise _unreadable(text, wrong, "label selector", "its values are words")
        return match["set_key"], match["set"], values
    if match["operator"]:
        return match["key"], "!=" if match["operator"] == "!=" else "=", (match["value"],)
    return match["present"], "exists", ()


def _parts(text: str, what: str) -> list[str]:
    """What stands between the commas outside of parentheses and escapes."""
    if not text.strip():
        return []
    parts = [part.strip() for part in re.split(r",(?![^(]*\))", _hidden(text))]
    if not all(parts):
        raise ReadError(f"the {what} '{text}' has an empty part between its commas")
    return [part.replace("\0", "\\,") for part in parts]


def _hidden(text: str) -> str:
    """Escaped commas out of the way."""
    return text.replace("\\,", "\0")


def _unreadable(text: str, part: str, what: str, example: str) -> ReadError:
    return ReadError(f"the {what} '{text}' cannot be read at '{part}'", hint=example)
