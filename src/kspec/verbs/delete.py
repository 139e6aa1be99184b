"""`delete`: objects removed, and by default waited for until they are gone."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final, Literal

from kspec.api import Context, Subject, Verb, key
from kspec.errors import KspecError
from kspec.matching.timing import Timing
from kspec.snapshots import Object, Revision, Selection, uid_of
from kspec.verbs.readiness import GONE, Goal
from kspec.verbs.targets import Target, check_target, needs_of
from kspec.vocabulary import Results


@dataclass(frozen=True, slots=True)
class Delete:
    """What to remove and how."""

    target: Target = key("which objects", inline=True)
    wait: bool = key("until the objects are gone", default=True)
    propagation: Literal["Background", "Foreground", "Orphan"] = key(
        "what happens to what they own", default="Background"
    )
    ignore_not_found: bool = key("a named object that does not exist is fine", default=False)


async def run(model: Delete, context: Context) -> Results:
    """Delete what is there now; with `wait`, end when those uids are gone."""
    subject = await model.target.subject(context)
    doomed = await context.watching.present(subject)
    if not doomed and model.target.single and not model.ignore_not_found:
        raise KspecError(
            f"{subject.title} does not exist, so there is nothing to delete",
            mark=context.step.mark,
            hint="`ignoreNotFound: true` says that this is fine",
        )
    for item in doomed:
        await _delete(item, subject, model, context)
    if model.wait:
        await asyncio.gather(*(_gone(item, subject, context) for item in doomed))
    return {"count": len(doomed)}


async def _delete(item: Object, subject: Subject, model: Delete, context: Context) -> None:
    meta, uid = item["metadata"], uid_of(item)
    await context.connection.client.delete(
        subject.resource,
        meta["name"],
        meta.get("namespace"),
        uid=uid,
        propagation=model.propagation,
    )
    revision = Revision(
        subject.resource, meta.get("namespace"), meta["name"], uid, None, deleted=True
    )
    context.writes.wrote(revision, created=False)


async def _gone(item: Object, subject: Subject, context: Context) -> None:
    meta = item["metadata"]
    exact = Selection(meta.get("namespace"), meta["name"], uid_of(item))
    await context.watching.conclude(
        Subject(subject.resource, exact, subject.title), Goal(GONE, single=True), Timing()
    )


VERB: Final = Verb(
    name="delete",
    doc="Remove objects; ends when they are gone.",
    model=Delete,
    run=run,
    results={"count": "how many objects were deleted"},
    needs=needs_of,
    check=check_target,
)
