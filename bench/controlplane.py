"""Measures the embedded control plane: start, memory, idle CPU, stop, size of the wheel.

`python bench/controlplane.py [--runs N] [--wheel FILE]` prints a table with the aims beside and
writes results/controlplane.json. All times are seconds from the spawn of the program.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import platform
import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from plainapi import PlainApi

from kspec import controlplane
from kspec.clock import pause
from kspec.controlplane import ControlPlane
from kspec.processes import Supervisor
from kspec.settings import EmbeddedSettings

RESULTS: Final = Path(__file__).with_name("results") / "controlplane.json"
AIMS: Final[Mapping[str, tuple[float, str]]] = {
    "first ConfigMap": (1.5, "s"),
    "default service account": (2.7, "s"),
    "first bound pod": (3.0, "s"),
    "first running pod": (math.nan, "s"),
    "resident memory": (480.0, "MiB"),
    "resident at most": (math.nan, "MiB"),
    "idle CPU": (5.0, "% of a core"),
    "stop": (0.3, "s"),
    "wheel": (60.0, "MB"),
}
SETTLED: Final = 15.0
"""Seconds after which the start-up is over and the garbage collector set to its idle mode."""
IDLE: Final = 20.0
CONFIG_MAP: Final = {"metadata": {"name": "first"}}
POD: Final = {
    "metadata": {"name": "first"},
    "spec": {"containers": [{"name": "main", "image": "none"}]},
}
NAMESPACE: Final = "/api/v1/namespaces/default"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--wheel", type=Path)
    arguments = parser.parse_args()
    runs = [asyncio.run(measure(idle=number == 0)) for number in range(arguments.runs)]
    if arguments.wheel:
        runs[0]["wheel"] = arguments.wheel.stat().st_size / 1e6
    results = {
        name: [round(run[name], 3) for run in runs if name in run]
        for name in AIMS
        if any(name in run for run in runs)
    }
    record = {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}",
        "load": round(os.getloadavg()[0], 2),
        "results": results,
        "timeline": runs[-1]["timeline"],
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(record, indent=2) + "\n")
    table(results)


async def measure(*, idle: bool) -> dict[str, Any]:
    """One control plane, from its spawn to its end."""
    async with await Supervisor.open(in_memory=True) as supervisor:
        began = time.monotonic()
        starting = await controlplane.start(supervisor, EmbeddedSettings())
        plane = await starting.ready()
        figures = await asyncio.to_thread(first_objects, plane, began)
        if idle:
            await pause(SETTLED)
            figures["idle CPU"] = await idle_cpu(plane.process.pid)
            figures["resident memory"] = resident(plane.process.pid, "VmRSS")
            figures["resident at most"] = resident(plane.process.pid, "VmHWM")
        began = time.monotonic()
        await plane.stop()
        figures["stop"] = time.monotonic() - began
        return {**figures, "timeline": starting.events}


def first_objects(plane: ControlPlane, began: float) -> dict[str, Any]:
    with PlainApi.of(plane) as api:
        api.expect("POST", f"{NAMESPACE}/configmaps", CONFIG_MAP)
        figures = {"first ConfigMap": time.monotonic() - began}
        for _ in api.watch(f"{NAMESPACE}/serviceaccounts?fieldSelector=metadata.name%3Ddefault"):
            break
        figures["default service account"] = time.monotonic() - began
        # Admission sees the service account a moment after we do.
        api.until_created(f"{NAMESPACE}/pods", POD)
        for event in api.watch(f"{NAMESPACE}/pods"):
            pod = event["object"]
            if "first bound pod" not in figures and pod["spec"].get("nodeName"):
                figures["first bound pod"] = time.monotonic() - began
            if pod["status"].get("phase") == "Running":
                figures["first running pod"] = time.monotonic() - began
                break
    return figures


async def idle_cpu(pid: int) -> float:
    began, before = time.monotonic(), cpu_seconds(pid)
    await pause(IDLE)
    return 100 * (cpu_seconds(pid) - before) / (time.monotonic() - began)


def cpu_seconds(pid: int) -> float:
    """User and system time, fields 14 and 15 of proc_pid_stat(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident(pid: int, which: str) -> float:
    """MiB of the process, its binary included: VmRSS now, VmHWM at its highest (proc(5))."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{which}:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError(f"no {which}")


def table(results: Mapping[str, list[float]]) -> None:
    print(f"{'':26}{'median':>9}{'min':>9}{'max':>9}{'aim':>9}")
    for name, values in results.items():
        aim, unit = AIMS[name]
        seen = (statistics.median(values), min(values), max(values))
        wanted = "-" if math.isnan(aim) else f"{aim:.2f}"
        print(f"{name:26}" + "".join(f"{item:9.2f}" for item in seen) + f"{wanted:>9}  {unit}")


if __name__ == "__main__":
    main()
