"""The settings of one run: command line over environment over `kspec.yaml`, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds."""

    step: float = 30.0
    spec: float = 600.0
    cleanup: float = 60.0


@dataclass(frozen=True, slots=True)
class EmbeddedSettings:
    """What the embedded control plane is made of."""

    nodes: int = 2
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Mapping[str, str], ...] = ()
    capacity: Mapping[str, str] = field(default_factory=dict)
    """Added to, or in place of, the default cpu, memory and pods of every fake node."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a run is told from outside its specs."""

    paths: tuple[Path, ...] = ()
    root: Path = field(default_factory=Path.cwd)
    """The project root: the folder of `kspec.yaml`, else the current directory."""
    cluster: str | None = None
    context: str | None = None
    kubeconfig: str | None = None
    in_cluster: bool = False
    embedded: EmbeddedSettings = field(default_factory=EmbeddedSettings)
    timeouts: Timeouts = field(default_factory=Timeouts)
    parallel: int = 8
    env: tuple[str, ...] = ()
    """Names of environment variables that specs and children may see."""
    names: tuple[str, ...] = ()
    selector: str | None = None
    no_exec: bool = False
    junit: Path | None = None
    jsonl: Path | None = None
    verbosity: int = 0
    keep: bool = False
