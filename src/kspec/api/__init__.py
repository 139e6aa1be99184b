"""What verbs and plugins are written against. Plugins import this and `kspec.testing` only."""

from kspec.api.context import (
    Conclusion,
    Context,
    ProcessRunner,
    Subject,
    Watching,
    Writes,
)
from kspec.api.hooks import hookimpl, hookspec
from kspec.vocabulary import (
    Comparator,
    Conversion,
    Graph,
    Needs,
    Reporter,
    Rule,
    StreamNeed,
    Verb,
    View,
    key,
)

__all__ = [
    "Comparator",
    "Conclusion",
    "Context",
    "Conversion",
    "Graph",
    "Needs",
    "ProcessRunner",
    "Reporter",
    "Rule",
    "StreamNeed",
    "Subject",
    "Verb",
    "View",
    "Watching",
    "Writes",
    "hookimpl",
    "hookspec",
    "key",
]
