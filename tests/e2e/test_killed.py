"""`kill -9` of a run at any moment: 2 s later nothing of it is left."""

from __future__ import annotations

import contextlib
import os
import random
import re
import subprocess  # noqa: TID251 - this is about a program that is killed from outside
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(300)]

SEED = 20261122
MOMENTS = 10
PATIENCE = 2.0
ORPHAN = "86399"
"""Seconds that the orphan sleeps; by this it is known among all processes."""
SPEC = f"""\
apiVersion: kspec.dev/v1
kind: Spec
metadata: {{name: orphan-maker}}
spec:
  timeouts: {{step: 60s}}
  steps:
    - script: |
        (setsid sleep {ORPHAN} >/dev/null 2>&1 </dev/null &)
        exec sleep 50
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a run had just before it was killed."""

    processes: list[psutil.Process]
    ids: set[str]
    ports: set[int]
    orphan: bool


def bases(temporary: Path) -> list[Path]:
    """Where directories of runs can be; see `kspec.processes.surroundings.run_bases`."""
    return [parent / f"kspec-{os.geteuid()}" for parent in (Path("/dev/shm"), temporary)]


def of_run(temporary: Path, ids: set[str]) -> list[psutil.Process]:
    """Living processes that carry a run's id or the test's own TMPDIR, or name the directory."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            environ, line = process.environ(), " ".join(process.cmdline())
            ours = environ.get("TMPDIR") == str(temporary) or environ.get("KSPEC_RUN_ID") in ids
            named = any(f"/kspec-{os.geteuid()}/{one}" in line for one in ids)
            if (ours or named) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def look(owner: int, temporary: Path) -> Seen:
    processes = {one for one in of_run(temporary, set()) if one.pid != owner}
    with contextlib.suppress(psutil.Error):
        processes |= set(psutil.Process(owner).children(recursive=True))
    ids, ports, orphan = set(), set(), False
    for process in processes:
        with contextlib.suppress(psutil.Error):
            ids.add(process.environ().get("KSPEC_RUN_ID", ""))
            line = process.cmdline()
            ids |= set(re.findall(rf"/kspec-{os.geteuid()}/([0-9a-f]{{10}})", " ".join(line)))
            orphan = orphan or line == ["sleep", ORPHAN]
            connections = process.net_connections("tcp")
            ports |= {one.laddr.port for one in connections if one.status == psutil.CONN_LISTEN}
    for base in bases(temporary):
        for record in base.glob("*/.guardian"):
            with contextlib.suppress(OSError, ValueError, IndexError):
                if int(record.read_text().split()[0]) in {one.pid for one in processes}:
                    ids.add(record.parent.name)
    return Seen(sorted(processes, key=lambda one: one.pid), ids - {""}, ports, orphan)


def left(seen: Seen, temporary: Path, deadline: float) -> list[str]:
    """What is left of it when it is all gone, or at the deadline."""
    waiting = seen.processes
    while waiting and (rest := deadline - time.monotonic()) > 0:
        # Zombies wait for the machine's init; a process that nobody reaps has still ended.
        psutil.wait_procs(waiting, timeout=min(rest, 0.2))
        waiting = of_run(temporary, seen.ids)
    found = [repr(one) for one in of_run(temporary, seen.ids)]
    found += [str(path) for base in bases(temporary) for path in base.glob("*")
              if path.name in seen.ids or temporary in path.parents]  # fmt: skip
    listening = {
        one.laddr.port
        for one in psutil.net_connections("tcp")
        if one.status == psutil.CONN_LISTEN and one.pid in {each.pid for each in seen.processes}
    }
    return found + [f"port {port}" for port in seen.ports & listening]


def test_a_killed_run_leaves_nothing(kspec_argv, mpi_project, tmp_path):
    (mpi_project / "orphan.yaml").write_text(SPEC)
    chance = random.Random(SEED)
    moments = sorted(chance.uniform(0.2, 8.0) for _ in range(MOMENTS))
    print(f"seed {SEED}: {', '.join(f'{one:.2f}' for one in moments)} s")  # noqa: T201 - pytest shows it on failure
    orphans = ports = 0
    for number, moment in enumerate(moments):
        temporary = tmp_path / f"t{number}"
        temporary.mkdir(mode=0o700)
        output = (tmp_path / f"out{number}.txt").open("wb")
        run = subprocess.Popen(
            [*kspec_argv, "run", ".", "--cluster", "embedded"],
            cwd=mpi_project,
            env={**os.environ, "TMPDIR": str(temporary), "XDG_RUNTIME_DIR": ""},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        output.close()
        with pytest.raises(subprocess.TimeoutExpired):
            run.wait(moment)
        seen = look(run.pid, temporary)
        run.kill()
        deadline = time.monotonic() + PATIENCE
        run.wait()
        rest = left(seen, temporary, deadline)
        assert not rest, f"killed after {moment:.2f} s: {rest}"
        orphans += seen.orphan
        ports += bool(seen.ports)
    assert orphans >= 2, "too few runs came as far as the orphan: this shows nothing"
    assert ports >= 2, "too few runs had listening ports"
