"""`wait`: until objects are created, gone, ready, complete, or a check holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Self

from kspec.api import Context, Subject, Verb, key
from kspec.errors import did_you_mean
from kspec.marks import Node
from kspec.matching.checks import Check, Comparison, Expectation, Verdict
from kspec.matching.timing import Timing
from kspec.snapshots import Snapshot, uid_of
from kspec.verbs.readiness import CONDITION, CREATE, GONE, TABLES, WORDS, Goal
from kspec.verbs.targets import Target, check_target, needs_of
from kspec.vocabulary import Reader, Results, Vocabulary


@dataclass(frozen=True, slots=True)
class For:
    """A word of kubectl's, or one check."""

    goal: Goal | None = None
    comparison: Comparison | None = None

    @classmethod
    def __read__(cls, node: Node, reader: Reader) -> Self | None:
        if reader.deferred(node):
            return None
        if node.map:
            return cls(comparison=reader.read(Comparison, node))
        word, _, rest = str(node.value).partition("=")
        if word == CONDITION and rest:
            name, _, value = rest.partition("=")
            return cls(Goal(CONDITION, name, value or "True"))
        if str(node.value) in (CREATE, GONE, *TABLES):
            return cls(Goal(str(node.value)))
        hint = did_you_mean(word, (CREATE, GONE, CONDITION, *TABLES))
        message = f"`for` is one of {', '.join(WORDS)}, or a check"
        reader.problem(node.mark, message, hint, len(str(node.value)))
        return None

    @classmethod
    def __json_schema__(cls, vocabulary: Vocabulary) -> dict[str, Any]:
        words = [CREATE, GONE, *TABLES]
        return {
            "anyOf": [
                {"enum": words},
                {"type": "string", "pattern": f"^{CONDITION}="},
                Comparison.__json_schema__(vocabulary),
            ]
        }


@dataclass(frozen=True, slots=True)
class Wait:
    """What to wait for."""

    target: Target = key(
        "which objects; with `resources` all that match, at least one", inline=True
    )
    for_: For = key("create, delete, ready, rollout, complete, failed, condition=..., or a check")


async def run(model: Wait, context: Context) -> Results:
    """Wait, by watching."""
    subject = await model.target.subject(context)
    goal = model.for_.goal
    if goal is not None and goal.word == GONE:
        return await _until_gone(subject, context)
    check: Check = goal if goal is not None else _all(model)
    grace = None if goal is not None and goal.failure else 0.0
    if not context.step.options.fail_fast:
        grace = None
    conclusion = await context.watching.conclude(subject, check, Timing(), fail_fast=grace)
    return {"object": conclusion.objects[0] if conclusion.objects else None}


def _all(model: Wait) -> Check:
    comparison = model.for_.comparison
    checks = (comparison,) if comparison is not None else ()
    if model.target.single:
        return Expectation(checks=checks).check(single=True, title=model.target.title)
    every = Expectation(every=Expectation(checks=checks), at_least=1)
    return every.check(single=False, title=model.target.title)


async def _until_gone(subject: Subject, context: Context) -> Results:
    """About the uids that are there when the step starts; none is fine."""
    present = await context.watching.present(subject)
    uids = frozenset(uid_of(item) for item in present)
    await context.watching.conclude(subject, Gone(uids), Timing())
    return {"object": None}


@dataclass(frozen=True, slots=True)
class Gone:
    """Holds when none of these uids is left."""

    uids: frozenset[str]

    def evaluate(self, snapshot: Snapshot) -> Verdict:
        """See readiness."""
        left = tuple(item for item in snapshot.objects if uid_of(item) in self.uids)
        rest = Snapshot(left, snapshot.revision, snapshot.at, snapshot.complete)
        return Goal(GONE).evaluate(rest)


VERB: Final = Verb(
    name="wait",
    doc="Wait until objects reach a state, by watching them.",
    model=Wait,
    run=run,
    results={"object": "the (first) object when it was so"},
    needs=needs_of,
    check=check_target,
    retried=True,
)
