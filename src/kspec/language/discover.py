"""Files to a project: what is declared where, with all mistakes of all files at once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kspec import files
from kspec.errors import LoadError, PathError, Problem, UsageError, did_you_mean
from kspec.language import check
from kspec.language.check import CheckExpect, Surroundings
from kspec.language.config import EMBEDDED, ConfigDecl
from kspec.language.declarations import Project
from kspec.language.documents import GROUP, is_ours, read_document, text_at
from kspec.language.fixtures import FixtureDecl
from kspec.language.reader import Reader
from kspec.language.source import read_leniently
from kspec.language.specs import SpecDecl
from kspec.language.walk import CONFIG, discover, walk
from kspec.marks import Mark, Node
from kspec.vocabulary import Vocabulary

__all__ = ["discover", "find_root", "load_project"]

_OURS: Final = re.compile(r"apiVersion[\"']?\s*:\s*[\"']?" + re.escape(GROUP))
_FIXTURE: Final = re.compile(r"kind[\"']?\s*:\s*[\"']?Fixture")


def find_root(start: Path) -> Path:
    """The project root for a path: the nearest folder above it that has a `kspec.yaml`.

    Without one, the current directory, or for a path outside of that, its own folder. Raises
    UsageError where that is `/` or a home directory.
    """
    real = start.resolve()
    folder = real if real.is_dir() else real.parent
    configured = next((one for one in (folder, *folder.parents) if (one / CONFIG).is_file()), None)
    here = Path.cwd()
    fallback = here if folder.is_relative_to(here) else folder
    try:
        return files.project_root(configured or fallback)
    except PathError as error:
        raise UsageError(error.message, hint=error.hint) from None


@dataclass(slots=True)
class _File:
    """A file as read: its documents, or why there are none."""

    path: Path
    documents: tuple[Node, ...] = ()
    problems: tuple[Problem, ...] = ()
    has_fixture: bool = False
    """It looks as if it had a fixture, also where it is broken."""


def load_project(
    paths: Sequence[Path],
    root: Path,
    vocabulary: Vocabulary,
    *,
    check_expect: CheckExpect | None = None,
) -> Project:
    """Read all documents that the paths name, and the fixtures that they need.

    `check_expect` checks the `expect` of steps. Raises LoadError with all mistakes, and
    UsageError when a path is wrong or names a file without a document of ours.
    """
    loading = _Loading(files.project_root(root), vocabulary, check_expect)
    return loading.project(paths)


@dataclass(slots=True)
class _Loading:
    """One load."""

    root: Path
    vocabulary: Vocabulary
    check_expect: CheckExpect | None = None
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    read: dict[Path, _File] = field(default_factory=dict)

    def project(self, paths: Sequence[Path]) -> Project:
        """See `load_project`."""
        nested: list[Path] = []
        chosen = [self._file(path) for path in discover(paths, self.root, nested)]
        for folder in nested:
            mark = Mark(check.shown(folder / CONFIG), 1, 1)
            message = "this folder is a project of its own, so its specs are not read here"
            self.warnings.append(Problem(mark, message, f"name it: {check.shown(folder)}", 1, True))
        self._no_data(paths, chosen)
        chosen = [one for one in chosen if one.documents or one.problems]
        config = self._config()
        documents = [node for one in chosen for node in one.documents]
        self.problems += [problem for one in chosen for problem in one.problems]
        known, hidden = self._fixtures(chosen)
        around = Surroundings(known, config.env, self.check_expect)
        specs = self._specs(documents, around)
        wanted = [node for node in documents if text_at(node, "kind") == "Fixture"]
        fixtures = self._needed(documents, wanted, known, around)
        if self._misses_fixture(documents, known):
            self.problems += hidden
        if self.problems:
            raise LoadError(dict.fromkeys((*self.problems, *self.warnings)))
        warnings = tuple(sorted(dict.fromkeys(self.warnings), key=lambda one: one.mark))
        named = tuple(one.path for one in chosen)
        return Project(self.root, tuple(specs), fixtures, config, warnings, named)

    def _file(self, path: Path) -> _File:
        if path not in self.read:
            self.read[path] = _read(path)
        return self.read[path]

    def _no_data(self, paths: Sequence[Path], chosen: Iterable[_File]) -> None:
        """A file that was named by itself must have something of ours."""
        empty = {one.path for one in chosen if not one.documents and not one.problems}
        for path in paths:
            if path.resolve() in empty:
                raise UsageError(
                    f"{path} has no document of kspec", hint=f"apiVersion: {GROUP}v1, kind: Spec"
                )

    def _reader(self) -> Reader:
        return Reader(self.vocabulary, mode="load", root=self.root)

    def _keep(self, reader: Reader) -> None:
        self.problems += reader.problems
        self.warnings += reader.warnings

    def _config(self) -> ConfigDecl:
        path = self.root / CONFIG
        one = self._file(path) if path.is_file() else _File(path)
        self.problems += [problem for problem in one.problems if problem not in self.problems]
        found = [node for node in one.documents if text_at(node, "kind") == "Config"]
        reader = self._reader()
        for extra in found[1:]:
            reader.problem(extra.mark, f"a second Config; the first is at {found[0].mark}")
        config = read_document(found[0], reader) if found else None
        if isinstance(config, ConfigDecl):
            _check_config(found[0], config, reader)
        self._keep(reader)
        return config if isinstance(config, ConfigDecl) else ConfigDecl()

    def _fixtures(self, chosen: Sequence[_File]) -> tuple[dict[str, Node], list[Problem]]:
        """All fixture documents of the project by name, and the problems of files not chosen."""
        paths = {one.path for one in chosen}
        others = [self._file(path) for path in walk(self.root, self.root) if path not in paths]
        known: dict[str, Node] = {}
        reader = self._reader()
        for node in (node for one in (*chosen, *others) for node in one.documents):
            name = text_at(node, "metadata", "name")
            if text_at(node, "kind") == "Fixture" and name is not None:
                _unique("fixture", name, node, known, reader)
        self._keep(reader)
        return known, [problem for one in others if one.has_fixture for problem in one.problems]

    def _specs(self, documents: Iterable[Node], around: Surroundings) -> list[SpecDecl]:
        found: list[SpecDecl] = []
        names: dict[str, Node] = {}
        for node in documents:
            reader = self._reader()
            kind, name = text_at(node, "kind"), text_at(node, "metadata", "name")
            if kind == "Config":
                if Path(node.mark.file).resolve() != self.root / CONFIG:
                    reader.problem(node.mark, f"a Config belongs in {CONFIG}")
            elif kind != "Fixture":
                decl = read_document(node, reader)
                if kind == "Spec":
                    check.check_spec(node, reader, around)
                    if name is not None:
                        _unique("spec", name, node, names, reader)
                if isinstance(decl, SpecDecl):
                    found.append(decl)
            self._keep(reader)
        return found

    def _needed(
        self,
        documents: Iterable[Node],
        chosen: Iterable[Node],
        known: Mapping[str, Node],
        around: Surroundings,
    ) -> dict[str, FixtureDecl]:
        """The fixtures of the chosen files and all that are needed, dependencies included."""
        found: dict[str, FixtureDecl] = {}
        wanted = [name for node in documents for name in _listed(node)]
        wanted += [name for node in chosen if (name := text_at(node, "metadata", "name"))]
        done: set[str] = set()
        for node in chosen:
            if text_at(node, "metadata", "name") is None:
                self._fixture(node, around)
        while wanted:
            name = wanted.pop(0)
            if name in done or name not in known:
                continue
            done.add(name)
            decl = self._fixture(known[name], around)
            wanted += _listed(known[name])
            if decl is not None:
                found[name] = decl
        self._no_cycles(done, known)
        return found

    def _fixture(self, node: Node, around: Surroundings) -> FixtureDecl | None:
        reader = self._reader()
        decl = read_document(node, reader)
        check.check_fixture(node, reader, around)
        self._keep(reader)
        return decl if isinstance(decl, FixtureDecl) else None

    def _no_cycles(self, names: Iterable[str], known: Mapping[str, Node]) -> None:
        edges = {name: [one for one in _listed(known[name]) if one in known] for name in names}
        rest = dict(edges)
        while free := [name for name, needs in rest.items() if not set(needs) & set(rest)]:
            for name in free:
                del rest[name]
        for name in sorted(rest)[:1]:
            node = known[name].get("spec", "fixtures") or known[name]
            circle = ", ".join(sorted(rest))
            self.problems.append(
                Problem(node.mark, f"fixtures need each other in a circle: {circle}")
            )

    def _misses_fixture(self, documents: Iterable[Node], known: Mapping[str, Node]) -> bool:
        return any(name not in known for node in documents for name in _listed(node))


def _read(path: Path) -> _File:
    name = check.shown(path)
    try:
        text = files.read_text(path)
    except PathError as error:
        return _File(path, problems=(Problem(Mark(name, 1, 1), error.message, error.hint),))
    if GROUP not in text:
        return _File(path)
    documents, problems = read_leniently(text, name)
    ours = any(map(is_ours, documents)) or (problems and _OURS.search(text))
    fixture = _FIXTURE.search(text) is not None
    return _File(path, documents, tuple(problems), fixture) if ours else _File(path)


def _unique(kind: str, name: str, node: Node, known: dict[str, Node], reader: Reader) -> None:
    found = node.get("metadata", "name") or node
    if name in known and known[name] is not node:
        first = (known[name].get("metadata", "name") or known[name]).mark
        message = f"the {kind} '{name}' is there twice, first at {first}"
        reader.problem(found.mark, message, None, len(name))
        return
    known[name] = node


def _listed(node: Node) -> list[str]:
    listed = node.get("spec", "fixtures")
    return [one.value for one in (listed.items if listed else ()) if isinstance(one.value, str)]


def _check_config(node: Node, config: ConfigDecl, reader: Reader) -> None:
    name = node.get("spec", "cluster")
    if name is not None and config.cluster not in (*config.clusters, EMBEDDED):
        hint = did_you_mean(str(config.cluster), (*config.clusters, EMBEDDED))
        message = f"there is no cluster '{config.cluster}' under clusters"
        reader.problem(name.mark, message, hint, len(str(config.cluster)))
    parallel = node.get("spec", "parallel")
    if parallel is not None and config.parallel is not None and config.parallel < 1:
        reader.problem(parallel.mark, "parallel is at least 1")
