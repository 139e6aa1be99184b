"""Why things fail: rules about kinds, registered through the same hook as a plugin's."""

from __future__ import annotations

from collections.abc import Iterable

from kspec.api.hooks import hookimpl
from kspec.diagnosis import jobs
from kspec.vocabulary import Rule


@hookimpl
def kspec_rules() -> Iterable[Rule]:
    """All built-in rules."""
    return (jobs.FAILED,)
