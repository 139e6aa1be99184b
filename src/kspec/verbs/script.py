"""`script`: shell text, run on this machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from kspec.api import Context, Needs, Verb
from kspec.errors import ProcessError
from kspec.marks import Node
from kspec.vocabulary import Reader, Results, Vocabulary

SHELL: Final = ("/bin/sh", "-e", "-c")
"""POSIX shell; the first command that fails ends it."""


@dataclass(frozen=True, slots=True)
class Script:
    """Text, or `{text, env, workingDir}`."""

    text: str
    env: Mapping[str, str]
    working_dir: str = "."

    @classmethod
    def __read__(cls, node: Node, reader: Reader) -> Self | None:
        if isinstance(node.value, str):
            return cls(node.value, {})
        known = {"text": str, "env": Mapping[str, str], "workingDir": str}
        fields = reader.fields(node, known, "script")
        if "text" not in node.map:
            reader.problem(node.mark, "a script is shell text, or needs `text`")
        if "text" not in fields:
            return None
        return cls(fields["text"], fields.get("env") or {}, fields.get("workingDir") or ".")

    @classmethod
    def __json_schema__(cls, _vocabulary: Vocabulary) -> dict[str, Any]:
        text = {"type": "string"}
        properties = {
            "text": text,
            "env": {"type": "object", "additionalProperties": text},
            "workingDir": text,
        }
        whole = {"type": "object", "properties": properties, "required": ["text"]}
        return {"anyOf": [text, {**whole, "additionalProperties": False}]}


async def run(model: Script, context: Context) -> Results:
    """Run it; an exit code that is not 0 fails the step unless `expect` asks for it."""
    done = await context.run_process(
        (*SHELL, model.text),
        env={**context.environment, **model.env},
        cwd=context.locate(model.working_dir),
        seconds=context.deadline.remaining,
    )
    context.writes.acted()
    if done.timed_out:
        output = done.stdout + done.stderr
        raise ProcessError(f"script did not end within {done.duration:.1f} s", output=output)
    expected = context.step.options.expect
    if not done.exit.ok and (expected is None or "exitCode" not in expected.map):
        output = done.stdout + done.stderr
        raise ProcessError(f"script: {done.exit}", exit_code=done.exit.code, output=output)
    return {
        "exitCode": done.exit.code,
        "stdout": done.stdout,
        "stderr": done.stderr,
        "json": _json(done.stdout),
    }


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def check(body: Node, reader: Reader) -> None:
    """The text takes no expressions: they would be read as shell."""
    text = body if isinstance(body.value, str) else body.map.get("text")
    if text is not None and text.value == "":
        reader.problem(text.mark, "the script is empty")


VERB: Final = Verb(
    name="script",
    doc="Run shell text on this machine, with KUBECONFIG and NAMESPACE set.",
    model=Script,
    run=run,
    results={
        "exitCode": "the shell's exit code",
        "stdout": "what it wrote to standard output",
        "stderr": "what it wrote to standard error",
        "json": "standard output read as JSON, null if it is none",
    },
    needs=lambda _body: Needs(local_exec=True),
    check=check,
    literal=frozenset({"", "text"}),
)
