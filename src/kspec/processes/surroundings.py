"""What a process finds around it: its environment, programs, directories, its log."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from kspec.errors import ProcessError, ToolMissingError

ALWAYS_ALLOWED: Final = ("PATH", "HOME", "LANG", "TMPDIR")
"""The environment variables that every child may see."""
_MEMORY = Path("/dev/shm")  # noqa: S108 - only for a directory of ours in it, checked to be private
_ENOUGH_MEMORY = 1 << 30
_LOG_END = 64 * 1024
_TOOLS = {
    "docker": "install Docker",
    "git": "install git",
    "go": "install Go 1.26 or newer",
    "helm": "install Helm, or kspec[embedded], which has it",
    "kubectl": "install kubectl, or kspec[embedded], which has it",
}


def child_env(allowed: Iterable[str], extra: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a child: PATH, HOME, LANG, TMPDIR, allowed names, `extra`.

    Nothing else gets there; a token in our own environment stays ours unless it is allowed.
    """
    names = (*ALWAYS_ALLOWED, *allowed)
    return {name: os.environ[name] for name in names if name in os.environ} | dict(extra)


def tail(path: Path, lines: int = 20) -> str:
    """Return the last lines of a log, of at most 64 KiB; nothing if there is no log."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _LOG_END))
            text = file.read(_LOG_END).decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def find_program(name: str, path: str, cwd: Path) -> Path:
    """Find a program by path, or by name in the folders of `path`. Raises ToolMissingError."""
    folders = [cwd] if "/" in name else [Path(folder) for folder in path.split(os.pathsep)]
    for folder in folders:
        program = cwd / folder / name
        if program.is_file() and os.access(program, os.X_OK):
            return program
    raise ToolMissingError(f"{name}: no such program", hint=_TOOLS.get(Path(name).name))


def start_error(name: str, cwd: Path, stage: str, number: int) -> ProcessError:
    """Make the error for a process that did not start; `stage` is `cwd` or `exec`."""
    what = f"cannot work in {cwd}" if stage == "cwd" else "cannot be executed"
    return ProcessError(f"{name}: {what}: {os.strerror(number)}")


def run_bases(*, in_memory: bool = False) -> list[Path]:
    """Return where the directories of runs can be, the wanted place first."""
    disk = _private_parents()
    if not _MEMORY.is_dir():
        return [_base(parent) for parent in disk]
    if in_memory:
        space = os.statvfs(_MEMORY)
        if space.f_bavail * space.f_frsize >= _ENOUGH_MEMORY:
            return [_base(parent) for parent in (_MEMORY, *disk)]
    return [_base(parent) for parent in (*disk, _MEMORY)]


def _base(parent: Path) -> Path:
    return parent / f"kspec-{os.geteuid()}"


def _private_parents() -> list[Path]:
    """$XDG_RUNTIME_DIR if it is ours, as its specification demands; the temporary directory."""
    found = []
    session = os.environ.get("XDG_RUNTIME_DIR", "")
    if session and Path(session).is_dir() and Path(session).stat().st_uid == os.geteuid():
        found.append(Path(session).absolute())
    named = Path(os.environ.get("TMPDIR") or "/")
    found.append(named.absolute() if named != Path("/") and named.is_dir() else Path("/tmp"))  # noqa: S108 - see _MEMORY
    return found
