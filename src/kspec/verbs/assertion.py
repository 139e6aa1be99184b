"""`assert`: what must be true of objects, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from kspec import clock
from kspec.api import Context, Needs, Verb, key
from kspec.errors import KspecError, StepFailedError, UnknownKindError
from kspec.marks import Node
from kspec.matching import checks, timing
from kspec.matching.checks import Expectation
from kspec.matching.timing import Timing
from kspec.results import Failure
from kspec.snapshots import Resource, Snapshot
from kspec.verbs.targets import Reference, Target, check_target, needs_of
from kspec.vocabulary import Reader, Results

CREATED_KINDS: Final = ("pods", "jobs.batch", "services", "configmaps", "secrets")
"""Over which `nothingCreatedBy` looks by default."""
TERMINAL_GRACE: Final = 5.0
"""Seconds for which a terminal cause must last before it ends an assert."""


@dataclass(frozen=True, slots=True)
class Assert:
    """On what, what, and when."""

    target: Target = key("which objects", inline=True)
    expectation: Expectation = key("what must hold", inline=True)
    timing: Timing = key("when it must hold", inline=True)
    value: Any = key("a value in place of objects, as `${{ steps.x.outputs.y }}`", default=None)
    nothing_created_by: Reference | None = key(
        "an object that must own nothing, at any depth", default=None
    )
    kinds: tuple[str, ...] = key("the kinds that `nothingCreatedBy` looks at", default=())


async def run(model: Assert, context: Context) -> Results:
    """Judge once, or until the timing decides."""
    if model.nothing_created_by is not None:
        return await _nothing_created(model, model.nothing_created_by, context)
    if model.target.resource is None and model.target.resources is None:
        return _value(model)
    subject = await model.target.subject(context)
    late = model.expectation.negative and _written_late(context.step.body)
    if late and not model.timing.fits_negatives:
        raise _vacuous(context)
    check = model.expectation.check(single=model.target.single, title=subject.title)
    conclusion = await context.watching.conclude(
        subject, check, model.timing, fail_fast=_grace(model, context)
    )
    objects = conclusion.objects
    return {"object": objects[0] if objects else None, "objects": list(objects)}


def _written_late(body: Node) -> bool:
    """Whether only an expression tells that something must be absent."""
    words = (body.map.get(word) for word in ("absent", "count", "atLeast"))
    return any(node is not None and "${{" in str(node.value) for node in words)


def _vacuous(context: Context) -> KspecError:
    """A negative whose words were expressions, so that it could not be seen at load."""
    return KspecError(
        "this would pass at once, before anything could happen",
        mark=context.step.verb_mark,
        hint="say when: `hold: 3s` (stays so for 3 s) or `now: true`",
    )


def _grace(model: Assert, context: Context) -> float | None:
    negative = model.expectation.negative or model.timing.name in {"now", "never"}
    return None if negative or not context.step.options.fail_fast else TERMINAL_GRACE


def _value(model: Assert) -> Results:
    """A value is judged once: it cannot change."""
    check = model.expectation.check(single=True, title="value")
    verdict = check.evaluate(Snapshot((model.value,), 0, clock.now()))
    if not verdict.holds:
        failure = Failure("value: it is not as expected", mismatches=verdict.mismatches)
        raise StepFailedError(failure)
    return {"object": model.value, "objects": [model.value]}


async def _nothing_created(model: Assert, reference: Reference, context: Context) -> Results:
    target = Target(resource=reference, namespace=model.target.namespace)
    subject = await target.subject(context)
    owners = await context.watching.present(subject)
    if not owners:
        raise KspecError(
            f"{reference} does not exist, so `nothingCreatedBy` would say nothing",
            mark=context.step.mark,
        )
    kinds = await _kinds(model.kinds, context)
    await context.watching.nothing_created_by(
        owners[0], kinds, model.timing, f"nothing created by {reference}"
    )
    return {"object": owners[0], "objects": [owners[0]]}


async def _kinds(names: tuple[str, ...], context: Context) -> list[Resource]:
    client = context.connection.client
    if names:
        return [await client.resolve(name) for name in names]
    found = []
    for name in CREATED_KINDS:
        try:
            found.append(await client.resolve(name))
        except UnknownKindError:
            continue  # a cluster without the batch group has no jobs to look for
    return found


def check(body: Node, reader: Reader) -> None:
    """Load-time rules: one subject, something to check, and no vacuous negative."""
    check_target(body, reader, others=("value", "nothingCreatedBy"))
    checks.check(body, reader, single="resources" not in body.map)
    timing.check(body, reader)
    keys = set(body.map)
    timed = keys & {"now", "hold", "settle", "never"} or _just_deleted(body, reader)
    if "nothingCreatedBy" in keys:
        if not timed:
            _untimed(body, "nothingCreatedBy", reader)
        return
    if "kinds" in keys:
        reader.problem(body.key_marks["kinds"], "`kinds` goes with `nothingCreatedBy`", width=5)
    if "value" in keys and keys & TIMED:
        word = sorted(keys & TIMED)[0]
        reader.problem(body.key_marks[word], "a value does not change: it is judged once")
    if not keys & WHAT:
        reader.problem(body.mark, "nothing is checked", f"add one of {', '.join(sorted(WHAT))}")
    _check_negatives(body, reader, timed=bool(timed))


WHAT: Final = frozenset(
    {"match", "checks", "count", "atLeast", "atMost", "every", "some", "none", "absent"}
    | {"transitions"}
)
TIMED: Final = frozenset({"now", "hold", "ever", "transitions", "since", "settle", "never"})


def _check_negatives(body: Node, reader: Reader, *, timed: bool) -> None:
    if timed:
        return
    for word in ("absent", "none", "count"):
        node = body.map.get(word)
        if node is not None and (word != "count" or node.value == 0) and node.value is not False:
            _untimed(body, word, reader)
    listed = body.map.get("checks")
    for item in listed.items if listed is not None else ():
        exists = item.map.get("exists")
        if exists is not None and exists.value is False:
            _untimed(item, "exists", reader)


def _just_deleted(body: Node, reader: Reader) -> bool:
    """Whether the step before deletes the same thing, and so waits until it is gone."""
    verb, other = reader.previous or ("", body)
    wait = other.get("wait")
    if verb != "delete" or (wait is not None and wait.value is not True):
        return False
    return all(_plain(body, word) == _plain(other, word) for word in TARGET)


def _plain(body: Node, word: str) -> object:
    node = body.map.get(word)
    return None if node is None else node.data()


TARGET: Final = ("resource", "resources", "selector", "fieldSelector", "namespace", "apiVersion")


def _untimed(body: Node, word: str, reader: Reader) -> None:
    reader.problem(
        body.key_marks.get(word, body.mark),
        f"`{word}` would pass at once, before anything could happen",
        "say when: `hold: 3s` (stays so for 3 s) or `now: true`; "
        "right after a `delete` of the same thing neither is needed",
        width=len(word),
    )


def needs(body: Node) -> Needs:
    """The streams that it reads; a value needs no cluster."""
    if "value" in body.map:
        return Needs(cluster=False)
    owner = body.get("nothingCreatedBy")
    if owner is not None:
        return needs_of(body.with_value({"resource": owner}))
    return needs_of(body)


VERB: Final = Verb(
    name="assert",
    doc="Check objects, by watching until it holds or the step's timeout ends.",
    model=Assert,
    run=run,
    results={
        "object": "the (first) object when it was judged",
        "objects": "all objects when they were judged",
    },
    needs=needs,
    check=check,
    retried=True,
)
