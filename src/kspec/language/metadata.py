"""What all documents have: names and labels, checked as Kubernetes checks them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

from kspec.expressions.durations import Duration
from kspec.language import wants
from kspec.marks import Mark, Node
from kspec.settings import Timeouts
from kspec.vocabulary import Reader, Vocabulary, key

API_VERSION: Final = "kspec.dev/v1"
_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_VALUE: Final = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


class Name(str):
    """A DNS label (RFC 1123), as namespaces are named."""

    __slots__ = ()

    @classmethod
    def __read__(cls, node: Node, reader: Reader) -> Self | None:
        """At most 63 of lower case letters, digits and inner dashes."""
        text = reader.read(str, node)
        if text is None:
            return None
        if not _LABEL.fullmatch(text):
            message = "a name has at most 63 lower case letters, digits and '-'"
            better = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63].strip("-")
            hint = f"for example {better}" if better else None
            found = f"{message}, got {wants.shorten(text)}"
            reader.problem(node.mark, found, hint, wants.width_of(node))
        return cls(text)

    @classmethod
    def __json_schema__(cls, _vocabulary: Vocabulary) -> dict[str, Any]:
        """A string."""
        return {"type": "string", "pattern": f"^{_LABEL.pattern}$"}


class LabelValue(str):
    """The value of a label, with Kubernetes' limits, so that `-l` can select it."""

    __slots__ = ()

    @classmethod
    def __read__(cls, node: Node, reader: Reader) -> Self | None:
        """At most 63 letters, digits, `-`, `_` and `.`."""
        text = reader.read(str, node)
        if text is None:
            return None
        if not _VALUE.fullmatch(text):
            message = "a label has at most 63 letters, digits, '-', '_' and '.'"
            found = f"{message}, got {wants.shorten(text)}"
            reader.problem(node.mark, found, None, wants.width_of(node))
        return cls(text)

    @classmethod
    def __json_schema__(cls, _vocabulary: Vocabulary) -> dict[str, Any]:
        """A string."""
        return {"type": "string", "pattern": f"^{_VALUE.pattern}$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """`metadata`."""

    name: Name = key("unique among the documents of its kind in the project")
    labels: Mapping[str, LabelValue] = key("selected with -l", default_factory=dict)
    annotations: Mapping[str, str] = key("free text for people and tools", default_factory=dict)
    mark: Mark


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeoutKeys:
    """`timeouts`."""

    TITLE: ClassVar = "timeouts"

    step: Duration | None = key("of one step, unless it has its own", default=None)
    spec: Duration | None = key("of all steps of a spec", default=None)
    cleanup: Duration | None = key("of finally and clean-up", default=None)

    def over(self, defaults: Timeouts) -> Timeouts:
        """These where they are given, else the defaults."""
        return Timeouts(
            defaults.step if self.step is None else float(self.step),
            defaults.spec if self.spec is None else float(self.spec),
            defaults.cleanup if self.cleanup is None else float(self.cleanup),
        )
