"""Report files: each run writes its own, and a rename puts it in place."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from kspec import files
from kspec.errors import ReportError


@contextlib.contextmanager
def reported(path: Path) -> Iterator[None]:
    """Turns an OSError inside into a ReportError that names the file and the reason."""
    try:
        yield
    except OSError as error:
        raise ReportError(f"{path} cannot be written: {error.strerror or error}") from error


def prepare(path: Path) -> None:
    """Make the folder and see that a file can be written there, before a long run starts.

    An older report is removed: if this run is killed, nobody takes that one for its result.
    Raises ReportError.
    """
    with reported(path):
        if _is_ours_to_replace(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            files.write_atomic(path, "")
            path.unlink(missing_ok=True)  # another run may have been as quick


def write(path: Path, text: str) -> None:
    """Write a whole file at once: readers see the old one or the new one. Raises ReportError."""
    with reported(path):
        if _is_ours_to_replace(path):
            files.write_atomic(path, text)
        else:
            path.write_text(text, encoding="utf-8")


def start(path: Path) -> TextIO:
    """A new, empty file at `path`, to be written line by line. Raises ReportError.

    It is a file of its own, so a run that still writes to an older one does not disturb it.
    """
    with reported(path):
        if not _is_ours_to_replace(path):
            return path.open("w", encoding="utf-8")
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = path.with_name(f".{path.name[:64]}.{secrets.token_hex(4)}")
        stream = beside.open("x", encoding="utf-8")
        beside.replace(path)
        return stream


def _is_ours_to_replace(path: Path) -> bool:
    """Whether a rename may replace it: nothing there, or a regular file.

    Not `/dev/stdout`, a pipe or `/dev/null`: root could replace even these. They are written to.
    """
    return not path.is_symlink() and (path.is_file() or not path.exists())
