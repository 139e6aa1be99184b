"""What can be installed: exact versions only."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from kspec.errors import InstallError

# https://go.dev/ref/mod#versions and #pseudo-versions; a branch or a prefix is no version.
_GO_VERSION = re.compile(
    r"v(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+incompatible)?"
)
# https://go.dev/ref/mod#go-mod-file-ident
_GO_PATH = re.compile(r"[A-Za-z0-9][\w.~-]*\.[\w.~-]+(/[\w.~+-]+)*")
# https://packaging.python.org/en/latest/specifications/version-specifiers/: == and no wildcard.
_PIN = re.compile(
    r"[A-Za-z0-9]([\w.-]*[A-Za-z0-9])?(\[[\w.,-]+\])?\s*==\s*[0-9A-Za-z][0-9A-Za-z.!+_-]*"
    r"(\s+--hash=sha256:[0-9a-f]{64})*"
)


@dataclass(frozen=True, slots=True)
class GoInstall:
    """A Go module at an exact version, and a program in it unless only its files are wanted."""

    go: str | None
    """The import path of a `main` package; it may lie in another module than `module`."""
    module: str
    version: str

    def check(self) -> None:
        """Raise InstallError unless this names one version and nothing else."""
        if not _GO_VERSION.fullmatch(self.version):
            raise InstallError(
                f"{self.module}: the version must be exact, got '{self.version}'",
                hint="write it as in v1.2.3",
            )
        for path in (self.module, self.go):
            if path is not None and not _GO_PATH.fullmatch(path):
                raise InstallError(f"'{path}' is no import path of Go")

    @property
    def program(self) -> str:
        """The name of the program, as `go install` gives it."""
        parts = (self.go or self.module).split("/")
        if len(parts) > 1 and re.fullmatch(r"v\d+", parts[-1]):
            parts.pop()
        return parts[-1]


@dataclass(frozen=True, slots=True)
class PipInstall:
    """Python packages, each as `name==version`, then ` --hash=sha256:...` any number of times.

    If one has a hash then all need one, dependencies too: that is pip's rule.
    """

    pip: tuple[str, ...]

    def check(self) -> None:
        """Raise InstallError unless every package has an exact version."""
        for item in self.pip:
            if not _PIN.fullmatch(item):
                raise InstallError(
                    f"'{item}': the version must be exact", hint="write it as in name==1.2.3"
                )

    @property
    def hashed(self) -> bool:
        """Whether hashes are given."""
        return any("--hash=" in item for item in self.pip)


def request(
    *, go: str | None, module: str | None, version: str | None, pip: tuple[str, ...]
) -> GoInstall | PipInstall:
    """Turn the keys of a fixture's `install` into what `install` takes."""
    if module:
        return GoInstall(go, module, version or "")
    return PipInstall(pip)


@dataclass(frozen=True, slots=True)
class Installed:
    """Where it is: Go: the module's files, the program. Python: the environment, its `bin`."""

    dir: Path
    bin: Path
