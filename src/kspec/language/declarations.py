"""What files declare: the types that everything above the language sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kspec.errors import Problem
from kspec.language.config import ClusterKeys, ConfigDecl
from kspec.language.fixtures import FixtureDecl, InstallDecl, ProcessDecl, Provides, ReadyDecl
from kspec.language.matrix import Matrix
from kspec.language.metadata import Metadata, TimeoutKeys
from kspec.language.specs import Case, Namespace, Requires, SpecDecl, cases
from kspec.language.steps import StepDecl, StepOptions

__all__ = [
    "Case",
    "ClusterKeys",
    "ConfigDecl",
    "FixtureDecl",
    "InstallDecl",
    "Matrix",
    "Metadata",
    "Namespace",
    "ProcessDecl",
    "Project",
    "Provides",
    "ReadyDecl",
    "Requires",
    "SpecDecl",
    "StepDecl",
    "StepOptions",
    "TimeoutKeys",
    "cases",
]


@dataclass(frozen=True, slots=True)
class Project:
    """What was read: the selected specs in file order, and every fixture that they need."""

    root: Path
    specs: tuple[SpecDecl, ...]
    fixtures: Mapping[str, FixtureDecl]
    config: ConfigDecl
    warnings: tuple[Problem, ...] = ()
    files: tuple[Path, ...] = field(default=())
    """The files that the paths named, with documents of ours."""
