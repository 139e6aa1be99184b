"""The built-in verbs, a module per family, registered through the same hook as a plugin's."""

from __future__ import annotations

from collections.abc import Iterable

from kspec.api.hooks import hookimpl
from kspec.verbs import assertion, delete, events, manifests, script, wait
from kspec.vocabulary import Verb


@hookimpl
def kspec_verbs() -> Iterable[Verb]:
    """All built-in verbs."""
    return (
        *manifests.VERBS,
        delete.VERB,
        wait.VERB,
        assertion.VERB,
        events.VERB,
        script.VERB,
    )
