"""Which cases of a project run: by label and by name."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from typing import TYPE_CHECKING

from kspec.cluster.references import label_requirements
from kspec.errors import UsageError
from kspec.settings import Settings
from kspec.snapshots import Selection

if TYPE_CHECKING:
    from kspec.language.declarations import Case


def select(cases: Iterable[Case], settings: Settings) -> tuple[Case, ...]:
    """Those that `-l` and `--name` leave. Raises UsageError when that is none."""
    everything = tuple(cases)
    labels = Selection(labels=label_requirements(settings.selector or ""))
    found = tuple(
        case
        for case in everything
        if labels.matches({"metadata": {"labels": dict(case.spec.labels)}})
        and (not settings.names or any(_named(case, text) for text in settings.names))
    )
    if not found:
        where = ", ".join(str(path) for path in settings.paths) or "."
        some = f"none of {len(everything)} specs is selected" if everything else "there is no spec"
        raise UsageError(f"{some} in {where}", hint="`kspec list` shows what there is")
    return found


def _named(case: Case, pattern: str) -> bool:
    return fnmatch.fnmatchcase(case.id.name, pattern) or fnmatch.fnmatchcase(
        case.spec.name, pattern
    )
