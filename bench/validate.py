"""`kuber validate`: CPU of checking all stack files at once, and each alone."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from . import machine, results
from .arguments import at_least_one
from .figures import cpu_seconds, peak_mb, wall_seconds
from .process_tree import MeasurementError, Usage, run
from .stacks import PROJECT

NAME = "validate"
_CPU_GOAL_SECONDS = 0.3


def main() -> None:
    """Measure, and write the results; ends with 1 if a stack file is not valid."""
    options = _options()
    try:
        _measure_all(options.runs, options.results)
    except MeasurementError as error:
        sys.exit(str(error))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.validate", description=__doc__)
    parser.add_argument("--runs", type=at_least_one, default=9, help="counted runs (default: 9)")
    parser.add_argument("--results", type=Path, default=results.FOLDER, help="folder of the results")
    return parser.parse_args()


def _measure_all(runs: int, folder: Path) -> None:
    described = machine.description()
    stacks = sorted(path.name.split(".")[1] for path in PROJECT.glob("Pulumi.*.yaml"))
    measured = {"all": _validate([], runs), **{stack: _validate([stack], runs) for stack in stacks}}
    results.write(
        folder,
        NAME,
        _report(described, measured, len(stacks), runs),
        {
            "machine": described,
            "stack_files": len(stacks),
            "cpu_goal_seconds": _CPU_GOAL_SECONDS,
            "runs": {what: [asdict(usage) for usage in usages] for what, usages in measured.items()},
        },
    )


def _validate(stacks: list[str], runs: int) -> list[Usage]:
    """One uncounted run, then the counted ones."""
    command = [sys.executable, "-m", "kuber", "validate", *stacks]
    with TemporaryDirectory() as temporary:
        usages = [run(command, PROJECT, os.environ, Path(temporary) / "output.log") for _ in range(runs + 1)][1:]
    print(f"{' '.join(stacks) or 'all':20}{cpu_seconds(usages):6.3f} s CPU", file=sys.stderr, flush=True)
    return usages


def _report(described: dict[str, str], measured: dict[str, list[Usage]], stack_files: int, runs: int) -> str:
    rows = [
        [what, f"{cpu_seconds(usages):.3f}", f"{wall_seconds(usages):.3f}", f"{peak_mb(usages):.0f}"]
        for what, usages in measured.items()
    ]
    each = cpu_seconds(measured["all"]) / stack_files
    slowest = max(cpu_seconds(usages) for usages in measured.values() if usages is not measured["all"])
    met = results.met(max(each, slowest) <= _CPU_GOAL_SECONDS)
    return "\n\n".join(
        [
            "# `kuber validate`",
            "Written by `python -m bench.validate`; the [README](../README.md) tells how to read it. "
            f"Medians of {runs} runs.",
            machine.markdown(described),
            results.table(["stack file", "CPU, s", "wall, s", "peak memory, MB"], rows),
            f"All {stack_files} at once: {each:.3f} s CPU a stack file. The slowest alone: {slowest:.3f} s.",
            f"Goal, at most {_CPU_GOAL_SECONDS} s CPU for each stack file, alone and together: {met}.\n",
        ]
    )


if __name__ == "__main__":
    main()
