"""Words for tests of the language: three small verbs, so that no built-in is needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from kspec.expressions.durations import Duration
from kspec.marks import Node
from kspec.vocabulary import Reader, Verb, Vocabulary, key


@dataclass(frozen=True, slots=True)
class Source:
    manifest: Mapping[str, Any] | None = key("one object", default=None)
    file: str | None = key("a file of objects", default=None)
    raw: bool = key("do not interpolate files", default=False)


@dataclass(frozen=True, slots=True)
class Send:
    source: Source = key("what", inline=True)
    force: bool = key("take over", default=False)
    count: int = key("how often", default=1)
    mode: Literal["fast", "slow"] = key("how", default="fast")


@dataclass(frozen=True, slots=True)
class Look:
    resource: str = key("which, as kind/name")
    jsonpath: str | None = key("a path", default=None)
    equals: Any = key("the value", default=None)
    hold: Duration | None = key("for how long", default=None)
    labels: Mapping[str, str] = key("by name", default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shell:
    text: str
    env: Mapping[str, str]

    @classmethod
    def __read__(cls, node: Node, reader: Reader) -> Shell | None:
        if isinstance(node.value, str):
            return cls(node.value, {})
        known = {"text": str, "env": Mapping[str, str]}
        fields = reader.fields(node, known, "shell")
        return cls(fields["text"], fields.get("env") or {}) if fields.get("text") else None

    @classmethod
    def __json_schema__(cls, _vocabulary: Vocabulary) -> dict[str, Any]:
        return {"type": ["string", "object"]}


async def _run(_model: Any, _context: Any) -> Mapping[str, Any]:
    return {}


def _one_source(body: Node, reader: Reader) -> None:
    reader.expect_one_of(body, ("manifest", "file"), "source of objects")


@pytest.fixture
def words() -> Vocabulary:
    return Vocabulary.of(
        [
            Verb("send", "Send objects.", Send, _run, {"object": "it"}, check=_one_source),
            Verb("look", "Look at an object.", Look, _run, {"object": "it", "objects": "all"}),
            Verb(
                "shell",
                "Run text.",
                Shell,
                _run,
                {"exitCode": "its exit code"},
                literal=frozenset({"", "text"}),
            ),
        ]
    )
