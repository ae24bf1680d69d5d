"""`kuber plan prod-eks` with the whole standard stack: with all charts rendered before, and with none."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from components.charts.cache import ChartCache
from tests.chart_cache import chart_cache, kind_of_charts

from . import machine, results
from .arguments import at_least_one
from .charts import charts_in_words
from .figures import cpu_seconds, peak_mb, wall_seconds
from .process_tree import MeasurementError, Usage, run
from .stacks import PROJECT

NAME = "standard-stack"
_STACK = "prod-eks"
_CPU_GOAL_SECONDS = 2.5
_MEMORY_GOAL_MB = 250
_OVERHEAD_GOAL = 1.3
_HELM_CPU = """#!/bin/bash
TIMEFORMAT="%U %S"
exec 3>&2
{{ time {helm} "$@" 2>&3; }} 2>> {log}
"""
"""Stands in front of helm, and writes down what helm itself used; what it costs itself counts against the plan."""


@dataclass(frozen=True)
class Cold:
    """A plan that had to render everything.

    Attributes:
        usage: Of all processes.
        helm_cpu_seconds: Of helm's own among them.
        renderings: How often helm ran.
    """

    usage: Usage
    helm_cpu_seconds: float
    renderings: int


def main() -> None:
    """Measure, and write the results."""
    parser = argparse.ArgumentParser(prog="python -m bench.standard_stack", description=__doc__)
    parser.add_argument("--runs", type=at_least_one, default=7, help="counted runs of each (default: 7)")
    parser.add_argument("--results", type=Path, default=results.FOLDER, help="folder of the results")
    options = parser.parse_args()
    try:
        _measure(options.runs, options.results)
    except MeasurementError as error:
        sys.exit(str(error))


def _measure(runs: int, folder: Path) -> None:
    described = machine.description()
    with TemporaryDirectory() as temporary:
        scratch = Path(temporary)
        cold = [_cold(scratch / f"cold-{number}") for number in range(runs)]
        warm_cache = scratch / "cold-0"
        warm = [_plan(warm_cache, os.environ, scratch) for _ in range(runs + 1)][1:]
        resources = len(json.loads((scratch / "plan.json").read_text())["resources"])
    results.write(
        folder,
        NAME,
        _report(described, warm, cold, resources),
        {
            "machine": described,
            "charts": kind_of_charts(),
            "resources": resources,
            "warm": [asdict(usage) for usage in warm],
            "cold": [asdict(one) for one in cold],
        },
    )


def _cold(folder: Path) -> Cold:
    """A plan with the archives and none of their renderings."""
    from components.charts.programs import find_program

    cache = ChartCache(folder / "kuber")
    cache.folder.mkdir(parents=True)
    for kind in ("charts", "manifests"):
        (cache.folder / kind).symlink_to(chart_cache().folder / kind)
    log, program = folder / "helm-cpu", folder / "bin" / "helm"
    program.parent.mkdir()
    program.write_text(_HELM_CPU.format(helm=find_program("helm"), log=log))
    program.chmod(0o755)
    usage = _plan(folder, {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}, folder)
    used = [sum(map(float, line.split())) for line in log.read_text().splitlines()]
    return Cold(usage, sum(used), len(used))


def _plan(cache: Path, environment: Mapping[str, str], folder: Path) -> Usage:
    command = [sys.executable, "-m", "kuber", "plan", _STACK, "--json", str(folder / "plan.json")]
    usage = run(command, PROJECT, {**environment, "XDG_CACHE_HOME": str(cache)}, folder / "output.log")
    if "not rendered" in (folder / "output.log").read_text():
        raise MeasurementError(f"not all of {_STACK} was rendered: see {folder / 'output.log'}")
    print(f"{usage.cpu_seconds:7.2f} s CPU", file=sys.stderr, flush=True)
    return usage


def _report(described: dict[str, str], warm: list[Usage], cold: list[Cold], resources: int) -> str:
    cold_usages = [one.usage for one in cold]
    helm = median(one.helm_cpu_seconds for one in cold)
    overhead = median(
        (one.usage.cpu_seconds - cpu_seconds(warm)) / one.helm_cpu_seconds for one in cold
    )  # of rendering alone: the rest of a plan is the same in both
    rows = [
        [name, f"{cpu_seconds(of):.2f}", f"{wall_seconds(of):.2f}", f"{peak_mb(of):.0f}"]
        for name, of in (("rendered before", warm), ("nothing rendered", cold_usages))
    ]
    met = results.met(cpu_seconds(warm) <= _CPU_GOAL_SECONDS and peak_mb(warm) <= _MEMORY_GOAL_MB)
    overhead_met = results.met(overhead <= _OVERHEAD_GOAL)
    return "\n\n".join(
        [
            "# `kuber plan` with the standard stack",
            "Written by `python -m bench.standard_stack`; the [README](../README.md) tells how to read it. "
            f"Medians of {len(warm)} runs. {resources} resources; the charts are {charts_in_words()}.",
            machine.markdown(described),
            results.table(["charts", "CPU, s", "wall, s", "peak memory, MB"], rows),
            f"Goal, at most {_CPU_GOAL_SECONDS} s CPU and {_MEMORY_GOAL_MB} MB with all rendered before: {met}.",
            f"With nothing rendered, helm itself took {helm:.2f} s CPU in {cold[0].renderings} runs; rendering as a whole took "
            f"{overhead:.2f} times that. Goal, at most {_OVERHEAD_GOAL} times: {overhead_met}.\n",
        ]
    )


if __name__ == "__main__":
    main()
