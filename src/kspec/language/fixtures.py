"""`Fixture` as declared: shared set-up, and processes on this machine."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar, Final, Literal, Self

from kspec.errors import LoadError
from kspec.expressions.durations import Duration
from kspec.language.describe import model_schema
from kspec.language.metadata import Metadata
from kspec.language.names import check_argv
from kspec.language.reader import Reader as NodeReader
from kspec.language.scope import Scope
from kspec.language.steps import StepDecl
from kspec.marks import Mark, Node
from kspec.vocabulary import Reader, Vocabulary, key

READY_TIMEOUT: Final = Duration(60.0)
"""Seconds: an operator on a loaded machine of two cores needs up to 20."""
_MODULE_VERSION: Final = re.compile(r"v\d+\.\d+\.\d+([-+][0-9A-Za-z.+-]+)?")
_PINNED: Final = re.compile(
    r"[A-Za-z0-9._-]+(\[[A-Za-z0-9._,-]+\])?==[A-Za-z0-9.!+_-]+(\s+--hash=sha256:[0-9a-f]{64})*"
)
_PORT_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_HIGHEST_PORT: Final = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class Provides:
    """What the fixture gives: where it is there already, it is used as it is."""

    apis: tuple[str, ...] = key("kinds, as kubeflow.org/v2beta1/MPIJob", default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallKeys:
    """`install`, as written."""

    TITLE: ClassVar = "install"

    go: str | None = key("the Go package of a program", default=None)
    module: str | None = key("the Go module that it, or what else is used, lies in", default=None)
    version: str | None = key("the module's exact version, as v0.8.2", default=None)
    pip: tuple[str, ...] = key("Python packages with exact versions, as name==1.2", default=())


@dataclass(frozen=True, slots=True)
class InstallDecl:
    """What is built or fetched once, then cached. Versions are exact."""

    go: str | None = None
    module: str | None = None
    version: str | None = None
    pip: tuple[str, ...] = ()

    @classmethod
    def __read__(cls, node: Node, reader: Reader) -> Self | None:
        """Either a Go module with its version, or Python packages."""
        keys: InstallKeys | None = reader.read(InstallKeys, node)
        if keys is None:
            return None
        if bool(keys.module) == bool(keys.pip):
            hint = "write {module, version}, with go for a program, or {pip: [...]}"
            reader.problem(node.mark, "'install' needs a Go module or Python packages", hint)
        if keys.go and not keys.module:
            reader.problem(node.key_marks["go"], "'go' needs 'module' and 'version'", None, 2)
        if keys.module:
            _check_module(node, keys, reader)
        for item in node.map["pip"].items if keys.pip else ():
            if not _PINNED.fullmatch(str(item.value)):
                text = f"a package needs an exact version, got '{item.value}'"
                reader.problem(item.mark, text, f"{item.value}==VERSION", len(str(item.value)))
        return cls(keys.go, keys.module, keys.version, keys.pip)

    @classmethod
    def __json_schema__(cls, vocabulary: Vocabulary) -> dict[str, Any]:
        """The schema of InstallKeys."""
        return model_schema(InstallKeys, vocabulary)


def _check_module(node: Node, keys: InstallKeys, reader: Reader) -> None:
    if keys.version is None:
        reader.problem(node.mark, "'module' needs an exact 'version'", "for example v1.2.3")
    elif not _MODULE_VERSION.fullmatch(keys.version):
        place = node.map["version"].mark
        reader.problem(
            place,
            f"the version is not exact: '{keys.version}'",
            "for example v1.2.3",
            len(keys.version),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyDecl:
    """When a process is ready."""

    TITLE: ClassVar = "ready"
    PLANNED: ClassVar = frozenset({"log", "tcp"})

    http: str = key("a URL that answers with a status below 400")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessDecl:
    """`process`, concrete."""

    TITLE: ClassVar = "process"

    command: tuple[str, ...] = key("a program and its arguments, without a shell")
    env: Mapping[str, str] = key("environment variables", default_factory=dict)
    working_dir: str = key("relative to the file", default=".")
    ports: tuple[str, ...] = key("names for free ports: fixture.ports.NAME", default=())
    fixed_ports: tuple[int, ...] = key("ports that it always uses, held as a lock", default=())
    ready: ReadyDecl | None = key("default: once it is started", default=None)

    @staticmethod
    def concrete(decl: FixtureDecl, scope: Scope, vocabulary: Vocabulary) -> ProcessDecl:
        """A fixture's process with its expressions evaluated.

        Raises ExpressionError, and LoadError for values of a wrong type.
        """
        if decl.process is None:
            raise ValueError(f"fixture {decl.name} has no process")
        reader = NodeReader(vocabulary)
        found: ProcessDecl | None = reader.read(ProcessDecl, scope.resolve(decl.process.node))
        if found is None:
            raise LoadError(reader.problems)
        return found


@dataclass(frozen=True, slots=True)
class ProcessAsWritten:
    """`process` as written: what is known before its expressions are evaluated."""

    node: Node
    ports: tuple[str, ...]
    fixed_ports: tuple[int, ...]

    @classmethod
    def __read__(cls, node: Node, reader: Reader) -> Self:
        """Check all of it; the ports must be written out."""
        reader.read(Annotated[Node, ProcessDecl], node)
        command, ports, fixed = (node.get(word) for word in ("command", "ports", "fixedPorts"))
        if command is not None:
            check_argv(command, reader)
            if command.value == ():
                reader.problem(command.mark, "the command is empty")
        for item in ports.items if ports else ():
            if not _PORT_NAME.fullmatch(str(item.value)):
                reader.problem(item.mark, "a port's name has letters, digits, '-' and '_' only")
        for item in fixed.items if fixed else ():
            if isinstance(item.value, int) and not 0 < item.value <= _HIGHEST_PORT:
                reader.problem(item.mark, f"a port is a number from 1 to {_HIGHEST_PORT}")
        return cls(
            node,
            tuple(str(item.value) for item in (ports.items if ports else ())),
            tuple(one.value for one in (fixed.items if fixed else ()) if type(one.value) is int),
        )

    @classmethod
    def __json_schema__(cls, vocabulary: Vocabulary) -> dict[str, Any]:
        """The schema of ProcessDecl."""
        return model_schema(ProcessDecl, vocabulary)


@dataclass(frozen=True, slots=True, kw_only=True)
class FixtureKeys:
    """The keys of a Fixture's `spec`."""

    TITLE: ClassVar = "spec"
    PLANNED: ClassVar = frozenset({"cluster", "webhooks"})
    EXPRESSIONS: ClassVar = frozenset({"setup", "teardown", "process"})

    scope: Literal["run"] = key("it is shared by the run", default="run")
    fixtures: tuple[str, ...] = key("fixtures that it needs", default=())
    provides: Provides = key("what it gives", default=Provides())
    install: InstallDecl | None = key("built or fetched once, then cached", default=None)
    setup: tuple[StepDecl, ...] = key("steps before the process starts", default=())
    process: ProcessAsWritten | None = key("supervised on this machine", default=None)
    teardown: tuple[StepDecl, ...] = key("steps at the end", default=())
    timeout: Duration = key("until the process is ready", default=READY_TIMEOUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class FixtureDecl(FixtureKeys):
    """A fixture. `mark` is where its name stands."""

    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    mark: Mark

    @classmethod
    def of(cls, metadata: Metadata, keys: FixtureKeys, mark: Mark) -> FixtureDecl:
        """Join the two halves of a document."""
        values = {one.name: getattr(keys, one.name) for one in fields(FixtureKeys)}
        return cls(
            **values,
            name=str(metadata.name),
            labels=dict(metadata.labels),
            annotations=dict(metadata.annotations),
            mark=mark,
        )
