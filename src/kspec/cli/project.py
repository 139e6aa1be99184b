"""What several commands begin with: settings from the command line, a vocabulary, a project."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from kspec.app import plugins
from kspec.app.selection import select
from kspec.engine.expect import check_expect
from kspec.language.declarations import Case, Project, cases
from kspec.language.discover import find_root, load_project
from kspec.language.problems import render
from kspec.settings import Settings
from kspec.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class Loaded:
    """A project as read, and which of its cases are meant."""

    settings: Settings
    vocabulary: Vocabulary
    project: Project
    cases: tuple[Case, ...]


def load(arguments: argparse.Namespace) -> Loaded:
    """Read everything that the paths name; warn of what is doubtful.

    Raises LoadError or UsageError.
    """
    paths = tuple(arguments.paths) or (Path(),)
    root = find_root(paths[0])
    vocabulary = plugins.vocabulary(plugins.load())
    project = load_project(paths, root, vocabulary, check_expect=check_expect)
    if project.warnings:
        sys.stderr.write(render(project.warnings))
    settings = project.config.over(_settings(arguments, paths, root))
    every = tuple(case for spec in project.specs for case in cases(spec))
    return Loaded(settings, vocabulary, project, select(every, settings))


def _settings(arguments: argparse.Namespace, paths: tuple[Path, ...], root: Path) -> Settings:
    known = vars(arguments)
    return Settings(
        paths=paths,
        root=root,
        cluster=known.get("cluster"),
        context=known.get("context"),
        kubeconfig=known.get("kubeconfig"),
        in_cluster=known.get("in_cluster", False),
        parallel=known.get("parallel") or 0,
        names=tuple(arguments.name),
        selector=arguments.selector,
        no_exec=known.get("no_exec", False),
        junit=known.get("junit"),
        jsonl=known.get("jsonl"),
        verbosity=1 if known.get("verbose") else -1 if known.get("quiet") else 0,
        keep=known.get("keep", False),
    )
