"""The cache of installs: one maker at a time, valid by its record, checked before each use.

ROOT/KEY.json         the record: the folder, the digest of each file in it, and more
ROOT/KEY-RANDOM/      the files; a folder that no record names is rubbish
ROOT/KEY.lock
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import stat
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kspec.errors import InstallError

FORMAT = 1
"""Changes whenever an older entry must not be used any more."""
_BLOCK = 1 << 20


def key_of(**facts: object) -> str:
    """Return the name of an install in the cache: a digest of all that it depends on."""
    text = json.dumps({"format": FORMAT} | facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True)
class Entry:
    """A valid install. `facts` is what its maker wanted to remember."""

    folder: Path
    facts: Mapping[str, Any]


def private_folder(path: Path) -> Path:
    """Make a folder that only we can write to. Raises InstallError if it is somebody else's."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise InstallError(f"no cache at {path}: {error.strerror}") from error
    writable = stat.S_IMODE(found.st_mode) & 0o022
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or writable:
        raise InstallError(
            f"the cache {path} is not ours alone to write to",
            hint=f"chmod go-w {path}, or set KSPEC_CACHE to another folder",
        )
    return path


@contextlib.asynccontextmanager
async def locked(path: Path, waiting: Callable[[], None]) -> AsyncIterator[None]:
    """Hold a lock between programs; `waiting` is called if another one holds it now."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        waiting()
        os.close(handle)
        handle = await _lock_in_thread(path)
    try:
        yield
    finally:
        os.close(handle)


async def _lock_in_thread(path: Path) -> int:
    """Wait for the lock without stopping the loop; returns the descriptor that holds it.

    A daemon thread, because a wait that was cancelled must not hold up the end of the program.
    """
    loop = asyncio.get_running_loop()
    result: asyncio.Future[int] = loop.create_future()

    def deliver(handle: int) -> None:
        if result.done():
            os.close(handle)
        else:
            result.set_result(handle)

    def wait() -> None:
        handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
        fcntl.flock(handle, fcntl.LOCK_EX)
        try:
            loop.call_soon_threadsafe(deliver, handle)
        except RuntimeError:  # the loop is closed
            os.close(handle)

    threading.Thread(target=wait, daemon=True).start()
    return await result


def load(root: Path, key: str) -> Entry | None:
    """Return the valid entry; None if there is none. Raises ValueError if a file has changed."""
    try:
        record = json.loads((root / f"{key}.json").read_text())
        folder = root / record["folder"]
        files: Mapping[str, str] = record["files"]
        facts: Mapping[str, Any] = record["facts"]
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise ValueError("its record cannot be read") from error
    if folder.parent != root:
        raise ValueError("its record names another place")
    for name, expected in files.items():
        if _digest(folder / name) != expected:
            raise ValueError(f"{name} has changed")
    return Entry(folder, facts)


def make_folder(root: Path, key: str) -> Path:
    """Make a new folder for an install, and remove those that were never finished or are old.

    Only under the key's lock.
    """
    (root / f"{key}.json").unlink(missing_ok=True)
    for old in root.glob(f"{key}-*"):
        remove(old)
    folder = root / f"{key}-{os.urandom(4).hex()}"
    folder.mkdir(mode=0o700)
    return folder


def remove(folder: Path) -> None:
    """Remove a folder of ours, as far as possible; links in it are not followed."""
    shutil.rmtree(folder, ignore_errors=True)


def publish(root: Path, key: str, folder: Path, facts: Mapping[str, Any]) -> Entry:
    """Make a finished folder valid, by writing its record in one step."""
    files = {
        str(path.relative_to(folder)): _digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_symlink() or path.is_file()
    }
    record = {"folder": folder.name, "files": files, "facts": dict(facts)}
    fresh = folder.with_suffix(".new")
    with fresh.open("w") as file:
        json.dump(record, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(root / f"{key}.json")
    return Entry(folder, facts)


def _digest(path: Path) -> str:
    """Return the SHA-256 of a file, or of where a link leads; empty if there is neither."""
    digest = hashlib.sha256()
    try:
        if path.is_symlink():
            return hashlib.sha256(os.fsencode(path.readlink())).hexdigest()
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    except OSError:
        return ""
    return digest.hexdigest()


async def obtain(
    root: Path,
    key: str,
    title: str,
    make: Callable[[Path], Any],
    progress: Callable[[str], None],
    still_good: Callable[[Entry], str | None] = lambda _: None,
) -> Entry:
    """Return the valid entry, made now if there is none.

    `make` fills a folder and returns facts to remember, `still_good` says what else is wrong with
    an entry, `title` is for messages.
    """
    async with locked(
        root / f"{key}.lock", lambda: progress(f"waiting for another kspec that installs {title}")
    ):
        try:
            entry = await asyncio.to_thread(load, root, key)
            wrong = await asyncio.to_thread(still_good, entry) if entry else None
        except ValueError as error:
            entry, wrong = None, str(error)
        if entry and not wrong:
            return entry
        if wrong:
            progress(f"{title} in the cache is damaged ({wrong}): made anew")
        folder = make_folder(root, key)
        try:
            facts = await make(folder)
            return await asyncio.to_thread(publish, root, key, folder, facts)
        except BaseException:
            remove(folder)
            raise
