"""One attempt at running a list of steps: a case's, or a fixture's set-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kspec import files
from kspec.clock import Deadline
from kspec.engine.cleanup import CleanUp
from kspec.engine.watching import CaseStreams
from kspec.engine.world import World
from kspec.errors import ProcessError
from kspec.language.scope import Scope
from kspec.language.source import read_documents
from kspec.results import CaseId
from kspec.snapshots import Revision

if TYPE_CHECKING:
    from kspec.processes import Completed


@dataclass(slots=True)
class Attempt:
    """What its steps share. `scope` grows with their outputs."""

    world: World
    case: CaseId
    file: str
    namespace: str
    streams: CaseStreams
    cleanup: CleanUp
    scope: Scope
    deadline: Deadline
    step_timeout: float
    readable: tuple[Path, ...] = ()
    """Folders outside the project that its files may come from: an install directory."""
    notes: list[str] = field(default_factory=list)

    def wrote(self, revision: Revision, *, created: bool) -> None:
        """See api.Writes."""
        self.streams.wrote(revision)
        if created:
            self.cleanup.created(revision)

    def acted(self) -> None:
        """See api.Writes."""
        self.streams.acts += 1

    def locate(self, text: str) -> Path:
        """A path from the spec's file, inside the project or a readable folder."""
        root = self.world.settings.root
        return files.inside(root, Path(self.file).parent, text, also=self.readable)

    def read_manifests(self, name: str, *, raw: bool = False) -> list[Mapping[str, Any]]:
        """See api.ReadManifests."""
        path = self.locate(name)
        installed = any(path.is_relative_to(folder) for folder in self.readable)
        documents = read_documents(files.read_text(path), name)
        nodes = documents if raw or installed else tuple(map(self.scope.resolve, documents))
        return [node.data() for node in nodes if node.value is not None]

    async def run_process(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        stdin: bytes | None = None,
        seconds: float,
    ) -> Completed:
        """See api.ProcessRunner."""
        if self.world.settings.no_exec:
            raise ProcessError(
                f"{argv[0]} was not run: --no-exec forbids running anything on this machine"
            )
        return await self.world.supervisor.run(argv, env=env, cwd=cwd, stdin=stdin, timeout=seconds)

    @property
    def environment(self) -> Mapping[str, str]:
        """What the children of its steps see."""
        own = {"KUBECONFIG": str(self.world.kubeconfig), "NAMESPACE": self.namespace}
        return {**self.world.environment, **own}
