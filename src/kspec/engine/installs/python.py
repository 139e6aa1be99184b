"""Python packages: exact versions, in an environment of their own."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from kspec.engine.installs.requests import Installed, PipInstall
from kspec.engine.installs.store import key_of, obtain, private_folder
from kspec.errors import InstallError, ToolMissingError
from kspec.processes import Supervisor, child_env

ENVIRONMENT: Final = (
    *("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_PROXY"),
    *("PIP_CERT", "PIP_CLIENT_CERT", "PIP_CONFIG_FILE", "PIP_CACHE_DIR", "PIP_DEFAULT_TIMEOUT"),
    *("PIP_RETRIES", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("XDG_CACHE_HOME", "XDG_CONFIG_HOME"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)
"""What pip may see of our environment: where packages come from and how to get there.

Not PIP_TRUSTED_HOST, which skips verification, nor what changes where it installs to.
"""
_LOG_LINES = 20


async def install(
    what: PipInstall, supervisor: Supervisor, *, cache: Path, progress: Callable[[str], None]
) -> Installed:
    """Make an environment with these packages."""
    what.check()
    root = private_folder(private_folder(cache) / "installs")
    key = key_of(pip=what.pip, python=sys.version, at=sys.base_prefix, on=os.uname()[::4])
    title = ", ".join(item.split()[0] for item in what.pip)
    make = functools.partial(_make, what, supervisor, progress, title)
    entry = await obtain(root, key, title, make, progress)
    return Installed(entry.folder, entry.folder / "bin")


async def _make(
    what: PipInstall,
    supervisor: Supervisor,
    progress: Callable[[str], None],
    title: str,
    folder: Path,
) -> dict[str, Any]:
    progress(f"installing {title} with pip")
    wanted = folder / "requirements.txt"
    wanted.write_text("".join(f"{item}\n" for item in what.pip))
    await _run(supervisor, folder, title, "venv", "--without-pip", str(folder))
    rest = ["--python", str(folder / "bin" / "python"), "install", "-q", "-r", str(wanted)]
    rest += ["--require-hashes"] if what.hashed else []
    await _run(supervisor, folder, title, "pip", "--disable-pip-version-check", *rest)
    return {}


async def _run(
    supervisor: Supervisor, folder: Path, title: str, module: str, *arguments: str
) -> None:
    done = await supervisor.run(
        [sys.executable, "-I", "-m", module, *arguments],
        env=child_env(ENVIRONMENT, {}),
        cwd=folder,
        timeout=None,
    )
    if f"No module named {module}" in done.stderr:
        raise ToolMissingError(
            f"{title} needs Python's {module}, which {sys.executable} does not have",
            hint="python -m ensurepip" if module == "pip" else f"install Python's {module}",
        )
    if not done.exit.ok:
        lines = (done.stdout + done.stderr).strip().splitlines()
        raise InstallError(
            f"{title} cannot be installed: {done.exit}",
            exit_code=done.exit.code,
            output="\n".join(lines[-_LOG_LINES:]),
        )
