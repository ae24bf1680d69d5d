"""A whole rehearsal of prod-eks as a person runs it, and what its control plane takes."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from kuber.rehearsal.control_plane import ControlPlane
from tests.chart_cache import kind_of_charts
from tests.support import EKS

from . import machine, results
from .charts import charts_in_words
from .command_line import measure_under_the_engine
from .figures import cpu_seconds, peak_mb, wall_seconds
from .process_tree import Usage, run_apart
from .stacks import PROJECT

NAME = "rehearse"
_WALL_GOAL_SECONDS = 90
_READY_GOAL_SECONDS = 8
_MEMORY_GOAL_MB = 600


@dataclass(frozen=True)
class Rehearsal:
    """One rehearsal.

    Attributes:
        usage: Of all its processes: control plane, engine, program, simulations.
        steps: Seconds of each step, by its name; the engine's and the simulation's.
    """

    usage: Usage
    steps: dict[str, float]


@dataclass(frozen=True)
class Start:
    """One start of a control plane.

    Attributes:
        ready_seconds: Until it answers and all its programs are ready.
        memory_mb: What its programs take then, in units of 10^6 bytes.
    """

    ready_seconds: float
    memory_mb: float


def main() -> None:
    """Measure, and write the results."""
    measure_under_the_engine(NAME, __doc__, _measure, counted="runs")


def _measure(runs: int, folder: Path) -> None:
    described = machine.description()
    starts = [_start() for _ in range(runs)]
    rehearsals = [_rehearsal() for _ in range(runs)]
    results.write(
        folder,
        NAME,
        _report(described, starts, rehearsals),
        {
            "machine": described,
            "charts": kind_of_charts(),
            "control_plane": [asdict(one) for one in starts],
            "rehearsals": [asdict(one) for one in rehearsals],
        },
    )


def _start() -> Start:
    began = time.perf_counter()
    with ControlPlane() as control_plane:
        made = Start(time.perf_counter() - began, control_plane.memory_mb())
    print(f"{made.ready_seconds:7.2f} s, {made.memory_mb:.0f} MB: control plane", file=sys.stderr, flush=True)
    return made


def _rehearsal() -> Rehearsal:
    with TemporaryDirectory() as temporary:
        scratch = Path(temporary)
        words = [sys.executable, "-m", "kuber", "rehearse", EKS.stack, "--json", str(scratch / "result.json")]
        usage = run_apart(words, PROJECT, os.environ, scratch / "output.log")
        result = json.loads((scratch / "result.json").read_text())
    steps = {one["name"]: one["seconds"] for one in result["steps"]}
    print(f"{usage.wall_seconds:7.2f} s, {usage.cpu_seconds:7.2f} s CPU: rehearsal", file=sys.stderr, flush=True)
    return Rehearsal(usage, steps)


def _report(described: dict[str, str], starts: Sequence[Start], rehearsals: Sequence[Rehearsal]) -> str:
    usages = [one.usage for one in rehearsals]
    ready = median(one.ready_seconds for one in starts)
    memory = median(one.memory_mb for one in starts)
    rows = [[name, f"{median(one.steps[name] for one in rehearsals):.1f}"] for name in rehearsals[0].steps]
    reached = ready <= _READY_GOAL_SECONDS and memory <= _MEMORY_GOAL_MB
    return "\n\n".join(
        [
            f"# A rehearsal of {EKS.stack}",
            "Written by `python -m bench.rehearse`; the [README](../README.md) tells how to read it. "
            f"Medians of {len(rehearsals)} runs; the charts are {charts_in_words()}.",
            machine.markdown(described),
            results.table(["step", "wall, s"], rows),
            f"All of it: {wall_seconds(usages):.1f} s, with {cpu_seconds(usages):.1f} s of CPU and {peak_mb(usages):.0f} MB of "
            f"resident memory in all processes. Goal, at most {_WALL_GOAL_SECONDS} s on 2 cores: "
            f"{results.met(wall_seconds(usages) <= _WALL_GOAL_SECONDS)}.",
            f"The control plane is ready after {ready:.1f} s, and takes {memory:.0f} MB then. Goal, at most {_READY_GOAL_SECONDS} s "
            f"and {_MEMORY_GOAL_MB} MB: {results.met(reached)}.\n",
        ]
    )


if __name__ == "__main__":
    main()
