"""Safe access to files: paths that stay inside, bounded reads, writes by rename, safe removal.

Specs are written by others, so every path that a spec names goes through `inside`. Failures are
`errors.PathError` with the reason.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import re
import stat
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from kspec.errors import PathError, did_you_mean

TEXT_LIMIT: Final = 16 * 1024 * 1024
"""Bytes of the largest text file that is read: an operator's bundle of CRDs has about 5 MB."""

_MOUNTS: Final = Path("/proc/self/mountinfo")
"""The fifth field of each line is a mount point: proc_pid_mountinfo(5)."""
_OCTAL: Final = re.compile(r"\\([0-7]{3})")
_DEEP: Final = 64
"""Directories are removed by recursion to this depth; what is deeper is first moved up."""


def inside(root: Path, base: Path, text: str, *, also: Sequence[Path] = ()) -> Path:
    """The real path that `text` names, seen from the directory `base`.

    It lies beneath `root` or one of `also` (such as a fixture's install directory), also after
    symbolic links are followed; it need not exist. Raises PathError otherwise.
    """
    if not text or "\0" in text:
        raise PathError("a path must not be empty" if not text else "a path has no NUL characters")
    allowed = [project_root(place) for place in (root, *also)]
    written = base / text
    try:
        real = written.resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of links, up to Python 3.12
        raise PathError(f"'{text}' cannot be followed: {error}") from None
    if any(real.is_relative_to(place) for place in allowed):
        return real
    lexical = Path(os.path.normpath(base.resolve() / text))
    if any(lexical.is_relative_to(place) for place in allowed):
        raise PathError(f"'{text}' follows a symbolic link out of the project root {allowed[0]}")
    raise PathError(
        f"'{text}' leads out of the project root {allowed[0]}",
        hint="files of a spec stay in the folder of kspec.yaml, or in the current directory",
    )


def project_root(path: Path) -> Path:
    """The real path of a directory that may hold a project: never `/` nor a home directory."""
    try:
        real = path.resolve()
    except (OSError, RuntimeError) as error:
        raise PathError(f"{path} cannot be followed: {error}") from None
    if real == Path(real.anchor):
        raise PathError(f"{real} cannot be the project root", hint="start in the project's folder")
    if real in _homes():
        raise PathError(
            f"{real}, a home directory, cannot be the project root",
            hint="put the specs and a kspec.yaml in a folder of their own",
        )
    return real


def _homes() -> Iterator[Path]:
    with contextlib.suppress(RuntimeError, OSError):
        yield Path.home().resolve()
    with contextlib.suppress(KeyError, OSError):
        yield Path(pwd.getpwuid(os.getuid()).pw_dir).resolve()


def read_bytes(path: Path, limit: int = TEXT_LIMIT) -> bytes:
    """A regular file of at most `limit` bytes. Raises PathError with the reason."""
    try:
        # Without O_NONBLOCK, opening a named pipe would wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise PathError(f"no such file: {path}", hint=similar(path)) from None
    except (OSError, ValueError) as error:
        raise PathError(f"{path} cannot be read: {_reason(error)}") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise PathError(f"{path} is not a regular file")
        with open(descriptor, "rb", closefd=False) as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        raise PathError(f"{path} cannot be read: {_reason(error)}") from None
    finally:
        os.close(descriptor)
    if len(data) > limit:
        raise PathError(f"{path} is larger than {limit:,} bytes")
    return data


def read_text(path: Path, limit: int = TEXT_LIMIT) -> str:
    """As `read_bytes`, decoded from UTF-8 without a byte order mark."""
    try:
        return read_bytes(path, limit).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PathError(f"{path} is not UTF-8 text: byte {error.start}: {error.reason}") from None


def similar(path: Path) -> str | None:
    """A hint with the nearest name in the directory of a file that is not there."""
    with contextlib.suppress(OSError, ValueError):
        return did_you_mean(path.name, (entry.name for entry in os.scandir(path.parent)))
    return None


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def write_atomic(path: Path, data: bytes | str, mode: int = 0o644) -> None:
    """Replace a file at once: readers see the old content or the new one. Raises OSError."""
    content = data.encode() if isinstance(data, str) else data
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:64]}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(descriptor, mode)
            stream.write(content)
            stream.flush()
            os.fsync(descriptor)
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def private_dir(path: Path) -> Path:
    """Make a directory for this user only (0700), or check one. Raises PathError."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.lstat()
    except OSError as error:
        raise PathError(f"{path} cannot be made: {_reason(error)}") from None
    if not stat.S_ISDIR(found.st_mode):
        raise PathError(f"{path} is a symbolic link or no directory: refused")
    if found.st_uid != os.getuid():
        raise PathError(f"{path} belongs to another user: refused")
    if found.st_mode & 0o077:
        raise PathError(f"{path} is open to other users: refused", hint=f"chmod 700 {path}")
    return path


def remove_tree(path: Path) -> None:
    """Remove a directory and what is in it, if it is there.

    Links are removed, never followed. Mounts are never crossed: what is mounted inside stays,
    with the directories above it, and PathError says so. A link at `path` itself is unlinked.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(found.st_mode):
        path.unlink()
        return
    real = path.parent.resolve() / path.name
    remover = _Remover(found.st_dev, _mounts_beneath(real))
    if str(real) in remover.mounts:
        raise PathError(f"{real} is a mount point: not removed")
    descriptor = _open_dir(str(real))
    try:
        remover.empty(descriptor, str(real), descriptor, 0)
    finally:
        os.close(descriptor)
    if remover.mounted:
        raise PathError(f"not removed, since it is mounted: {', '.join(remover.mounted)}")
    real.rmdir()


def _mounts_beneath(path: Path) -> frozenset[str]:
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:  # not Linux: only the device number tells
        return frozenset()
    fields = (line.split(" ")[4] for line in lines if line.count(" ") > 4)  # noqa: PLR2004 - see _MOUNTS
    points = (_OCTAL.sub(lambda found: chr(int(found[1], 8)), field) for field in fields)
    return frozenset(point for point in points if Path(point).is_relative_to(path))


def _open_dir(name: str, parent: int | None = None) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, dir_fd=parent)
    with contextlib.suppress(OSError):  # Go's module cache is read-only
        os.fchmod(descriptor, 0o700)
    return descriptor


class _Remover:
    """One removal: its device, the mounts to leave alone, and what it left."""

    def __init__(self, device: int, mounts: frozenset[str]) -> None:
        self.device = device
        self.mounts = mounts
        self.mounted: list[str] = []
        self.kept: set[str] = set()
        self._numbers = itertools.count()

    def empty(self, directory: int, path: str, top: int, depth: int) -> None:
        """Remove what is in an open directory; again, since deep ones are moved to the top."""
        while names := [
            name for name in os.listdir(directory) if f"{path}/{name}" not in self.kept
        ]:
            for name in names:
                self._remove(directory, name, f"{path}/{name}", top, depth)

    def _remove(self, directory: int, name: str, path: str, top: int, depth: int) -> None:
        found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        if path in self.mounts or found.st_dev != self.device:
            self.mounted.append(path)
            self.kept.add(path)
        elif not stat.S_ISDIR(found.st_mode):
            os.unlink(name, dir_fd=directory)
        elif depth >= _DEEP:
            os.rename(name, self._free_name(top), src_dir_fd=directory, dst_dir_fd=top)
        else:
            self._remove_dir(directory, name, path, top, depth)

    def _free_name(self, top: int) -> str:
        taken = set(os.listdir(top))
        return next(name for number in self._numbers if (name := f"deep-{number}") not in taken)

    def _remove_dir(self, directory: int, name: str, path: str, top: int, depth: int) -> None:
        kept = len(self.kept)
        child = _open_dir(name, directory)
        try:
            self.empty(child, path, top, depth + 1)
        finally:
            os.close(child)
        if len(self.kept) == kept:
            os.rmdir(name, dir_fd=directory)
        else:
            self.kept.add(path)
