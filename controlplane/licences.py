"""The licence notices of everything that is linked into the program.

What is linked is read from the program itself (`go version -m`), the texts come from the modules
as they were fetched. `python controlplane/licences.py PROGRAM` prints them.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import build

NAMES: Final = re.compile(r"(licen[cs]e|copying|notice|patents|copyright)([-_.].*)?", re.IGNORECASE)
"""How files with licences are called: https://pkg.go.dev/license-policy"""
CODE: Final = {".go", ".s", ".c", ".h", ".py", ".sh"}


def notices(program: Path) -> str:
    """All notices, each text once. Raises build.BuildError if a module has none."""
    go = build.find_go()
    holders: dict[str, list[str]] = defaultdict(list)
    for module, folder in folders(go, program):
        texts = [*licence_texts(folder)]
        if not texts:
            raise build.BuildError(f"{module} has no licence file in {folder}")
        for text in texts:
            holders[text].append(module)
    rule = "=" * 79
    head = f"Licences of what is linked into {build.NAME}, which consists of Go modules.\n"
    parts = [
        f"{rule}\n" + "\n".join(who) + f"\n{rule}\n\n{text}\n" for text, who in holders.items()
    ]
    return "\n".join([head, *parts])


def folders(go: build.Go, program: Path) -> Iterator[tuple[str, Path]]:
    """Each linked module as `path version`, and where it lies; Go's own library first."""
    linked = re.findall(r"^\tdep\t(\S+)\t", go.output("version", "-m", str(program)), re.MULTILINE)
    form = "{{.Path}} {{with .Replace}}{{.Version}}{{else}}{{.Version}}{{end}}\t{{.Dir}}"
    rows = [
        line.partition("\t") for line in go.output("list", "-m", "-f", form, *linked).splitlines()
    ]
    root = Path(go.output("env", "GOROOT").strip())
    if not (root / "LICENSE").is_file():  # Debian keeps it elsewhere; golang.org/x has the same
        root = next(
            Path(folder) for module, _, folder in rows if module.startswith("golang.org/x/")
        )
    yield f"The Go standard library {go.version}", root
    for module, _, folder in rows:
        yield module, Path(folder)


def licence_texts(folder: Path) -> Iterator[str]:
    """The texts in a module's folder, or below it where it keeps those of code it took over."""
    candidates = sorted(path for path in folder.glob("*") if NAMES.fullmatch(path.name))
    taken_over = sorted(
        path
        for name in ("third_party", "forked", "internal")
        for path in folder.glob(f"{name}/**/*")
        if NAMES.fullmatch(path.name)
    )
    for path in (*candidates, *taken_over):
        if path.is_file() and path.suffix not in CODE:
            yield path.read_text(encoding="utf-8", errors="replace").strip()


if __name__ == "__main__":
    sys.stdout.write(notices(Path(sys.argv[1])))
