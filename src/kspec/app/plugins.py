"""Loads the built-ins and the installed plugins into one vocabulary."""

from __future__ import annotations

from itertools import chain

import pluggy

from kspec import diagnosis, reports, verbs
from kspec.api import hooks
from kspec.expressions import conversions
from kspec.matching import comparators
from kspec.vocabulary import Comparator, Conversion, Vocabulary

ENTRY_POINTS = "kspec"


class Words:
    """The built-in comparators and conversions, whose layers are below the hooks."""

    @hooks.hookimpl
    def kspec_comparators(self) -> tuple[Comparator, ...]:
        """All built-in comparators."""
        return comparators.COMPARATORS

    @hooks.hookimpl
    def kspec_conversions(self) -> tuple[Conversion, ...]:
        """All built-in conversions."""
        return conversions.CONVERSIONS


def load(*, installed: bool = True) -> pluggy.PluginManager:
    """The plugin manager with the built-ins and, unless told otherwise, what is installed."""
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks)
    for builtin in (verbs, diagnosis, reports, Words()):
        manager.register(builtin)
    if installed:
        manager.load_setuptools_entrypoints(ENTRY_POINTS)
    manager.check_pending()
    return manager


def vocabulary(manager: pluggy.PluginManager) -> Vocabulary:
    """Everything that the plugins register. Raises DuplicateEntryError."""
    hook = manager.hook
    kinds = (
        hook.kspec_verbs,
        hook.kspec_comparators,
        hook.kspec_conversions,
        hook.kspec_views,
        hook.kspec_rules,
        hook.kspec_reporters,
    )
    return Vocabulary.of(chain.from_iterable(chain.from_iterable(call()) for call in kinds))
