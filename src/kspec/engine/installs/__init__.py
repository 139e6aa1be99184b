"""What a fixture's `install` asks for: built once, cached outside the tree, pinned, verified.

Each install is known by a key: what was asked for, with what tool, for what machine. It is made
under a lock, in a folder of its own, and becomes valid when its record, with the digest of every
file, is renamed into place. The digests are checked before each use.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from kspec.engine.installs import golang, python
from kspec.engine.installs.golang import Go, find_go
from kspec.engine.installs.requests import GoInstall, Installed, PipInstall, request
from kspec.processes import Supervisor

__all__ = [
    "Go",
    "GoInstall",
    "Installed",
    "PipInstall",
    "default_cache",
    "find_go",
    "install",
    "request",
]


def default_cache() -> Path:
    """Return $KSPEC_CACHE, else `kspec` in $XDG_CACHE_HOME, else in `~/.cache`."""
    named = os.environ.get("KSPEC_CACHE")
    if named:
        return Path(named).absolute()
    user = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(user).expanduser().absolute() / "kspec"


async def install(
    what: GoInstall | PipInstall,
    supervisor: Supervisor,
    *,
    cache: Path,
    progress: Callable[[str], None],
) -> Installed:
    """Build or fetch it, or find it in the cache. `progress` gets a line for each long step.

    Raises InstallError, with the end of what the tool wrote, if that fails or the version is not
    exact; ToolMissingError if there is no Go, or no pip.
    """
    if isinstance(what, GoInstall):
        return await golang.install(what, supervisor, cache=cache, progress=progress)
    return await python.install(what, supervisor, cache=cache, progress=progress)
