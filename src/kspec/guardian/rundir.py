"""The directories of runs: private, locked while their run lives, removed with care.

A run's directory is `BASE/RUN_ID`. Its owner, then its guardian, holds a lock (flock) on it for
as long as it lives, so whether a run is dead is known without trusting a process id.
"""

# pathlib costs 10 ms of the guardian's start, and knows no directory descriptors:
# ruff: noqa: PTH101, PTH102, PTH106, PTH116, PTH120, PTH208

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import sys
from collections.abc import Collection

from kspec.guardian.table import RUN_MARK, end, look, marked

RECORD = ".guardian"
"""The file in a run's directory with the guardian's process id and start time."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


def lock_base(base: str) -> int:
    """Hold the directory of all runs, while one is made or removed; close the result to let go.

    Raises OSError; PermissionError if it is not private to us, so nobody else can make us wait.
    """
    while True:
        handle = os.open(base, _FOLDER)
        try:
            if _lock_private(handle, base):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # it was removed while we waited


def _lock_private(handle: int, path: str) -> bool:
    """Lock a directory of ours; False if the path is another one by then."""
    held = os.fstat(handle)
    if held.st_uid != os.geteuid() or stat.S_IMODE(held.st_mode) & 0o077:
        raise PermissionError(errno.EPERM, "it is not private to this user", path)
    fcntl.flock(handle, fcntl.LOCK_EX)
    return os.path.samestat(held, os.stat(path, follow_symlinks=False))


def make_run(base: str, run_id: str) -> int:
    """Make and lock a run's directory; returns it open. Raises OSError, see `lock_base`."""
    while True:
        with contextlib.suppress(FileExistsError):
            os.mkdir(base, 0o700)
        try:
            lock = lock_base(base)
        except FileNotFoundError:
            continue  # the last of the other runs ended just now
        break
    try:
        os.mkdir(run_id, 0o700, dir_fd=lock)
        handle = os.open(run_id, _FOLDER, dir_fd=lock)
        fcntl.flock(handle, fcntl.LOCK_EX)
    finally:
        os.close(lock)
    return handle


def write_record(directory: int) -> None:
    """Leave word of who guards this run, for people and other tools."""
    me = look(os.getpid())
    handle = os.open(RECORD, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=directory)
    os.write(handle, f"{os.getpid()} {me.start if me else 0}\n".encode())
    os.close(handle)


def remove_run(directory: str, handle: int) -> None:
    """Remove a run's open directory, and the one above it if that was the last run."""
    clear(handle)
    _remove_empty(directory)


def remove_unfinished(directory: str) -> None:
    """Remove a run's directory if it is there and neither its owner nor its guardian holds it."""
    base, name = os.path.split(directory)
    for _, handle in _claim(base, name):
        clear(handle)
        os.close(handle)
    _remove_empty(directory)


def _remove_empty(directory: str) -> None:
    base = os.path.dirname(directory)
    try:
        lock = lock_base(base)
    except OSError:
        return
    for folder in (directory, base):
        try:
            os.rmdir(folder)
        except FileNotFoundError:
            continue
        except OSError:
            break
    os.close(lock)


def clear(top: int) -> None:
    """Remove all that lies in an open directory which nobody else uses any more.

    No link is followed and no mount entered: each folder is renamed within `top` before anything
    in it is touched, and that the kernel refuses for a mount point. It also keeps the depth at 1.
    """
    folders = _strip(top, top)
    while folders:
        name = folders.pop()
        try:
            folder = os.open(name, _FOLDER, dir_fd=top)
        except OSError:
            continue
        folders += _strip(folder, top)
        os.close(folder)
        try:
            os.rmdir(name, dir_fd=top)
        except OSError:
            continue  # something in it could not be removed


def _strip(folder: int, top: int) -> list[str]:
    """Remove the files of a folder and move its folders into `top`; returns their new names."""
    moved = []
    for name in os.listdir(folder):
        try:
            if not stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                os.unlink(name, dir_fd=folder)
                continue
            _unlock(name, folder)
            fresh = f".gone-{os.urandom(8).hex()}"
            os.rename(name, fresh, src_dir_fd=folder, dst_dir_fd=top)
            moved.append(fresh)
        except OSError:
            continue  # a mount point, or somebody else's
    return moved


def _unlock(name: str, folder: int) -> None:
    """Make a folder of ours writable, or it could be neither moved nor emptied."""
    handle = os.open(name, getattr(os, "O_PATH", 0) | _FOLDER, dir_fd=folder)
    try:
        # O_PATH needs no rights on the folder, but then only this way leads to it; see open(2).
        os.chmod(f"/proc/self/fd/{handle}" if sys.platform == "linux" else handle, 0o700)
    finally:
        os.close(handle)


def sweep(bases: Collection[str]) -> None:
    """Finish the job of runs whose owner and guardian both died: their processes, directories."""
    for base in bases:
        for name, handle in _claim(base):
            end(marked(RUN_MARK, name))
            remove_run(f"{base}/{name}", handle)
            os.close(handle)


def _claim(base: str, wanted: str | None = None) -> list[tuple[str, int]]:
    """Lock the directories of all dead runs, or of one; returns their names and handles."""
    try:
        lock = lock_base(base)
    except OSError:
        return []
    claimed = []
    for name in os.listdir(lock) if wanted is None else [wanted]:
        try:
            handle = os.open(name, _FOLDER, dir_fd=lock)
        except OSError:
            continue  # a link or a file: not ours
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            claimed.append((name, handle))
        except OSError:
            os.close(handle)  # it lives
    os.close(lock)
    return claimed
