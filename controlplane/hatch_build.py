"""Puts the program and the licences of its parts into the wheel."""

from __future__ import annotations

import platform
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

sys.path.insert(0, str(Path(__file__).parent))  # hatchling loads this file, not its folder
import build
import licences

TAGS: Final = {
    ("linux", "x86_64"): "manylinux_2_17_x86_64",
    ("linux", "aarch64"): "manylinux_2_17_aarch64",
    ("darwin", "x86_64"): "macosx_12_0_x86_64",
    ("darwin", "arm64"): "macosx_12_0_arm64",
}
"""The program is linked statically, so any age of the C library is right."""


class ProgramHook(BuildHookInterface):  # type: ignore[type-arg]  # hatchling's is generic in what we never use
    """Builds, unless the install is an editable one: `make` builds then."""

    _scratch: tempfile.TemporaryDirectory[str] | None = None

    def dependencies(self) -> list[str]:
        """Go, where there is none: an isolated build cannot install it itself."""
        found = shutil.which("go")
        version = build.version_of(found) if found else None
        enough = version is not None and build.parsed(version) >= build.OLDEST
        return [] if enough or self.target_name != "wheel" else [build.GO_PACKAGE]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Fill in what the wheel holds besides the Python files."""
        if version == "editable":
            return
        program = build.build()
        self._scratch = tempfile.TemporaryDirectory()
        notices = Path(self._scratch.name) / "THIRD_PARTY_LICENSES.txt"
        notices.write_text(licences.notices(program), encoding="utf-8")
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{TAGS[sys.platform, platform.machine()]}"
        package = "kspec_controlplane"
        build_data["force_include"] |= {
            str(program): f"{package}/{build.NAME}",
            str(notices): f"{package}/{notices.name}",
            str(self._licence()): f"{package}/LICENSE",
        }

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """Remove what was only made for the wheel."""
        del version, build_data, artifact_path
        if self._scratch:
            self._scratch.cleanup()

    def _licence(self) -> Path:
        """Ours: beside us in an sdist, one folder up in the repository."""
        here = Path(self.root)
        return next(
            folder / "LICENSE" for folder in (here, here.parent) if (folder / "LICENSE").is_file()
        )
