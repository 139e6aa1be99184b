"""What is checked beyond single values: names, expressions, files, and steps in their order.

It looks at the document as written, so that one mistake does not hide the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeAlias

from kspec import files
from kspec.errors import LoadError, PathError, did_you_mean
from kspec.language import wants
from kspec.language.names import Names, Tree
from kspec.language.reader import Reader
from kspec.language.source import read_documents
from kspec.language.templates import OPEN
from kspec.marks import EMPTY, Mark, Node
from kspec.vocabulary import Verb

CheckExpect: TypeAlias = Callable[[Node, Verb, Reader], None]
"""Checks a step's `expect` against its verb; given by the layer that judges it."""
_DATA: Final = (".yaml", ".yml", ".json")
_OPTIONS: Final = ("name", "timeout", "continueOnError", "failFast", "expect")
_SPEC_PARTS: Final = ("steps", "onFailure", "finally")
_FIXTURE_PARTS: Final = ("setup", "teardown")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What documents are checked against."""

    fixtures: Mapping[str, Node]
    """Fixture documents by name."""
    env: tuple[str, ...] = ()
    check_expect: CheckExpect | None = None


@dataclass(slots=True)
class _Checker:
    """One document's check: the steps passed so far, and whether names may be used in files."""

    around: Surroundings
    reader: Reader
    passed: dict[str, Tree] = field(default_factory=dict)
    ids: dict[str, Mark] = field(default_factory=dict)
    reads_files: bool = False

    def steps(self, parts: tuple[Node | None, ...], names: Names) -> None:
        """Check lists of steps in order; each sees the outputs of those before it."""
        lists = [part.items for part in parts if part is not None]
        for step in (step for items in lists for step in items):
            self._note_id(step)
        for step in (step for items in lists for step in items):
            here = Names({**names.roots, "steps": dict(self.passed)}, frozenset(self.ids))
            self._step(step, here)
            outputs = step.get("outputs")
            name = step.get("id")
            if name is not None and isinstance(name.value, str):
                known = dict.fromkeys(outputs.map if outputs else ())
                self.passed[name.value] = {"outputs": known}

    def _note_id(self, step: Node) -> None:
        name = step.get("id")
        if name is None or not isinstance(name.value, str):
            return
        if name.value in self.ids:
            message = (
                f"the id '{name.value}' is there twice, first in line {self.ids[name.value].line}"
            )
            self.reader.problem(name.mark, message, None, len(name.value))
        self.ids.setdefault(name.value, name.mark)

    def _step(self, step: Node, names: Names) -> None:
        verbs = self.reader.vocabulary.all(Verb)
        verb = next((verbs[name] for name in step.map if name in verbs), None)
        for option in _OPTIONS:
            value = step.get(option)
            if value is not None:
                names.check(value, self.reader)
        condition, outputs, expect = (step.get(name) for name in ("if", "outputs", "expect"))
        if condition is not None:
            names.check_bare(condition, self.reader, EMPTY)
        for value in outputs.map.values() if outputs else ():
            names.check_bare(value, self.reader, verb.results if verb else EMPTY)
        if verb is None:
            return
        body = step.map[verb.name]
        names.check(body, self.reader, literal=verb.literal)
        self._files(body, names)
        if expect is not None:
            self._expect(expect, verb)

    def _expect(self, expect: Node, verb: Verb) -> None:
        if not isinstance(expect.value, Mapping):
            message = f"expect is a map of results, got {wants.found(expect)}"
            self.reader.problem(expect.mark, message, None, wants.width_of(expect))
        elif not expect.map:
            self.reader.problem(expect.mark, "nothing is expected")
        elif self.around.check_expect is not None:
            self.around.check_expect(expect, verb, self.reader)

    def _files(self, body: Node, names: Names) -> None:
        """Read the files of objects that a step names, for mistakes in them."""
        raw = body.get("raw")
        many = body.get("files")
        for node in (body.get("file"), *(many.items if many else ())):
            if node is None or not isinstance(node.value, str):
                continue
            self.reads_files = True
            if OPEN in node.value or self.reader.root is None:
                continue
            interpolated = raw is None or raw.value is not True
            self._file(node, names if interpolated else None)

    def _file(self, node: Node, names: Names | None) -> None:
        root, text = self.reader.root or Path(), str(node.value)
        try:
            path = files.inside(root, Path(node.mark.file).parent, text)
            if not path.exists():
                raise PathError(f"no such file: {text}", hint=files.similar(path))  # noqa: TRY301 - reported with the others
            content = files.read_text(path) if path.suffix in _DATA else ""
            documents = read_documents(content, shown(path))
        except PathError as error:
            self.reader.problem(node.mark, error.message, error.hint, wants.width_of(node))
            return
        except LoadError as error:
            self.reader.problems += error.problems
            return
        if names is not None:
            for document in documents:
                names.check(document, self.reader)


def shown(path: Path) -> str:
    """A path as marks name it: from the current directory if it lies beneath, else absolute."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def check_spec(document: Node, reader: Reader, around: Surroundings) -> None:
    """Everything in a Spec that is about more than one value."""
    spec = document.get("spec") or document
    checker = _Checker(around, reader)
    fixtures = _listed_fixtures(spec, reader, around)
    variables, matrix = spec.get("vars"), spec.get("matrix")
    early = Names(
        {
            "matrix": _matrix_names(matrix),
            "env": dict.fromkeys(around.env),
            "run": {"id": None},
            "spec": {"name": None},
        }
    )
    namespace = spec.get("namespace")
    if namespace is not None:
        early.check(namespace, reader)
    names = early.with_roots(namespace=None, fixtures=fixtures, steps={})
    if variables is not None:
        names.check(variables, reader)
    names = names.with_roots(vars=dict.fromkeys(variables.map if variables else ()))
    _not_empty(spec, "steps", reader)
    checker.steps(tuple(spec.get(part) for part in _SPEC_PARTS), names)
    if not checker.reads_files:
        _unused(spec, reader)


def check_fixture(document: Node, reader: Reader, around: Surroundings) -> None:
    """Everything in a Fixture that is about more than one value."""
    spec = document.get("spec") or document
    checker = _Checker(around, reader)
    names = Names(
        {
            "env": dict.fromkeys(around.env),
            "run": {"id": None},
            "namespace": None,
            "fixture": _own(spec),
            "fixtures": _listed_fixtures(spec, reader, around),
        }
    )
    checker.steps(tuple(spec.get(part) for part in _FIXTURE_PARTS), names)
    process = spec.get("process")
    if process is not None:
        names.with_roots(steps=dict(checker.passed)).check(process, reader)


def _listed_fixtures(spec: Node, reader: Reader, around: Surroundings) -> Tree:
    listed = spec.get("fixtures")
    known: dict[str, Any] = {}
    for item in listed.items if listed is not None else ():
        name = item.value
        if not isinstance(name, str):
            continue
        if name in known:
            reader.problem(item.mark, f"the fixture '{name}' is listed twice", None, len(name))
        known[name] = {"ports": None, "outputs": None}
        if name not in around.fixtures:
            hint = did_you_mean(name, around.fixtures) or (
                f"there are {', '.join(sorted(around.fixtures))}" if around.fixtures else None
            )
            reader.problem(item.mark, f"there is no fixture '{name}'", hint, len(name))
            continue
        keys = around.fixtures[name].get("spec")
        known[name]["ports"] = _ports(keys) if keys else None
    return known


def _own(spec: Node) -> Tree:
    own: dict[str, Tree] = {"kubeconfig": None, "ports": _ports(spec)}
    if spec.get("install") is not None:
        own["install"] = {"dir": None, "bin": None}
    return own


def _ports(spec: Node) -> Tree:
    ports = spec.get("process", "ports")
    return dict.fromkeys(str(item.value) for item in (ports.items if ports else ()))


def _matrix_names(matrix: Node | None) -> Tree:
    if matrix is None:
        return {}
    names = dict.fromkeys(name for name in matrix.map if name not in {"include", "exclude"})
    include = matrix.get("include")
    for item in include.items if include else ():
        names |= dict.fromkeys(item.map)
    return names


def _not_empty(spec: Node, part: str, reader: Reader) -> None:
    node = spec.get(part)
    if node is not None and node.value == ():
        reader.problem(node.mark, f"'{part}' is empty, so nothing would be tested", None, 2)


def _unused(spec: Node, reader: Reader) -> None:
    """Doubts about values that no expression reads; files of a step might, then it is not asked."""
    texts = [str(one.value) for one in spec.walk() if isinstance(one.value, str)]
    for root, table in (("vars", spec.get("vars")), ("matrix", spec.get("matrix"))):
        wholly = any(f"{root}" in text.replace(f"{root}.", "") for text in texts)
        for name in table.key_marks if table is not None and not wholly else ():
            if name in {"include", "exclude"} and root == "matrix":
                continue
            if not any(f"{root}.{name}" in text for text in texts):
                mark = table.key_marks[name] if table else spec.mark
                reader.warning(mark, f"{root}.{name} is not used")
