"""`Config`, the project's `kspec.yaml`, as declared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Final

from kspec import files
from kspec.language.metadata import TimeoutKeys
from kspec.settings import EmbeddedSettings, Settings
from kspec.vocabulary import key

EMBEDDED: Final = "embedded"
PARALLEL: Final = 8
"""Cases that run side by side unless something else is asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeKeys:
    """What the fake nodes of an embedded cluster are like."""

    TITLE: ClassVar = "node"

    labels: Mapping[str, str] = key("labels of every node", default_factory=dict)
    taints: tuple[Mapping[str, str], ...] = key("taints of every node", default=())
    capacity: Mapping[str, str | int] = key("added to the default capacity", default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedKeys:
    """An embedded cluster."""

    TITLE: ClassVar = "embedded"

    nodes: int = key("how many fake nodes", default=2)
    node: NodeKeys = key("what they are like", default=NodeKeys())

    def settings(self) -> EmbeddedSettings:
        """The same for the control plane."""
        capacity = {name: str(value) for name, value in self.node.capacity.items()}
        return EmbeddedSettings(self.nodes, self.node.labels, self.node.taints, capacity)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterKeys:
    """One of `clusters`; without keys it is what the command line and the environment name."""

    TITLE: ClassVar = "cluster"

    context: str | None = key("a context of the kubeconfig", default=None)
    embedded: EmbeddedKeys | None = key("an embedded control plane", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """Reports that every run writes."""

    junit: str | None = key("a JUnit XML file, relative to kspec.yaml", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigDecl:
    """The keys of a Config's `spec`."""

    TITLE: ClassVar = "spec"
    PLANNED: ClassVar = frozenset({"plugins", "cleanup", "allowDisruption"})
    EXPRESSIONS: ClassVar[frozenset[str]] = frozenset()

    cluster: str | None = key("the default one of clusters", default=None)
    clusters: Mapping[str, ClusterKeys] = key("clusters by name", default_factory=dict)
    timeouts: TimeoutKeys = key("defaults for all specs", default=TimeoutKeys())
    parallel: int | None = key("cases that run side by side", default=None)
    env: tuple[str, ...] = key("environment variables that specs and scripts see", default=())
    reports: Reports = key("reports that every run writes", default=Reports())

    def over(self, settings: Settings) -> Settings:
        """The settings of a run: what the command line gives, else what is said here.

        `parallel` of 0 and a `cluster`, `context` or `junit` of None are not given. Raises
        PathError when the report would be written outside of the project.
        """
        chosen: dict[str, Any] = {
            "timeouts": self.timeouts.over(settings.timeouts),
            "parallel": settings.parallel or self.parallel or PARALLEL,
            "env": settings.env or self.env,
            "junit": settings.junit or self._junit(settings.root),
        }
        return replace(settings, **chosen, **self._cluster(settings))

    def _junit(self, root: Path) -> Path | None:
        return files.inside(root, root, self.reports.junit) if self.reports.junit else None

    def _cluster(self, settings: Settings) -> dict[str, Any]:
        named = settings.cluster or (None if settings.context else self.cluster)
        if named is None or named not in self.clusters:
            return {"cluster": named}
        entry = self.clusters[named]
        if entry.embedded is not None:
            return {"cluster": EMBEDDED, "embedded": entry.embedded.settings()}
        return {"cluster": None, "context": entry.context or settings.context}
