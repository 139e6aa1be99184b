"""Which files of a folder may hold documents."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from kspec import files
from kspec.errors import PathError, UsageError, did_you_mean

CONFIG: Final = "kspec.yaml"
"""Its folder is a project's root."""
SUFFIXES: Final = frozenset({".yaml", ".yml"})
IGNORED: Final = frozenset({"__pycache__", "node_modules", "site-packages", "venv"})
MOST: Final = 100_000
"""Entries of a folder's tree; more is surely not a folder of specs."""


def discover(paths: Sequence[Path], root: Path, nested: list[Path] | None = None) -> list[Path]:
    """The YAML files that the paths name, folders walked, sorted, each once, as real paths.

    Hidden folders, virtual environments and links that lead out of the project are skipped, and
    so are folders with a `kspec.yaml` of their own, which are added to `nested`. Raises
    UsageError for a path that does not exist, is no YAML file, or is outside of `root`.
    """
    found: dict[Path, None] = {}
    for path in paths:
        real = _inside(path, root)
        if real.is_dir():
            found |= dict.fromkeys(walk(real, root, nested))
        elif real.suffix in SUFFIXES:
            found[real] = None
        else:
            raise UsageError(f"{path} is no YAML file", hint="specs end in .yaml or .yml")
    return list(found)


def _inside(path: Path, root: Path) -> Path:
    if not path.exists():
        names = [one.name for one in path.parent.iterdir()] if path.parent.is_dir() else []
        raise UsageError(f"{path} does not exist", hint=did_you_mean(path.name, names))
    try:
        return files.inside(root, Path.cwd(), str(path))
    except PathError as error:
        raise UsageError(error.message, hint=error.hint) from None


def walk(folder: Path, root: Path, nested: list[Path] | None = None) -> Iterator[Path]:
    """The YAML files beneath a folder, sorted, as in `discover`."""
    seen: set[Path] = set()
    count = 0
    for place, folders, names in os.walk(folder):
        count += len(folders) + len(names)
        if count > MOST:
            raise UsageError(
                f"{folder} holds more than {MOST:,} files", hint="name the folder of the specs"
            )
        wanted = sorted(name for name in folders if _wanted(Path(place, name)))
        own = [name for name in wanted if (Path(place, name) / CONFIG).is_file()]
        folders[:] = [name for name in wanted if name not in own]
        if nested is not None:
            nested += [Path(place, name) for name in own]
        for name in sorted(names):
            path = _real(Path(place, name), root)
            if path is not None and path not in seen:
                seen.add(path)
                yield path


def _wanted(folder: Path) -> bool:
    name = folder.name
    return not name.startswith(".") and name not in IGNORED and not (folder / "pyvenv.cfg").exists()


def _real(path: Path, root: Path) -> Path | None:
    if path.suffix not in SUFFIXES or path.name.startswith("."):
        return None
    try:
        real = files.inside(root, path.parent, path.name)
    except PathError:
        return None
    return real if real.is_file() else None
