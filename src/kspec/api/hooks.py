"""The hooks of a plugin: one for each kind of entry. Built-ins are registered the same way.

A plugin is a module or an object with some of these, decorated with `hookimpl`, found through
the entry point group `kspec`:

    from kspec.api import Verb, hookimpl

    @hookimpl
    def kspec_verbs():
        return [Verb(name="modalRun", doc="...", model=ModalRun, run=run)]
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pluggy

from kspec.vocabulary import Comparator, Conversion, Reporter, Rule, Verb, View

PROJECT: Final = "kspec"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def kspec_verbs() -> Iterable[Verb]:  # type: ignore[empty-body]  # a specification has no body
    """Verbs for steps: what a step does, the keys of its body, and the results it documents."""


@hookspec
def kspec_comparators() -> Iterable[Comparator]:  # type: ignore[empty-body]  # as above
    """Words that compare a value with an operand, usable wherever a check is."""


@hookspec
def kspec_conversions() -> Iterable[Conversion]:  # type: ignore[empty-body]  # as above
    """Words for `parse:`, which turns a value into one that can be compared."""


@hookspec
def kspec_views() -> Iterable[View]:  # type: ignore[empty-body]  # as above
    """Structured readings of objects, such as the hosts of an MPIJob's hostfile."""


@hookspec
def kspec_rules() -> Iterable[Rule]:  # type: ignore[empty-body]  # as above
    """Knowledge about why objects fail: asked while waiting and after a failure."""


@hookspec
def kspec_reporters() -> Iterable[Reporter]:  # type: ignore[empty-body]  # as above
    """Ways to report a run. A reporter is given every event in order."""
