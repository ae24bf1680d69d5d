"""`kuber plan` against `terraform plan` on the same graph: CPU of all processes, wall time, memory."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from . import contenders, machine, plan_report, results, terraform
from .arguments import at_least_one, sizes
from .contenders import Contender
from .plan_report import Runs, SizeResult
from .process_tree import MeasurementError, Usage
from .same_graph import GraphsDifferError, require_same

NAME = "plan-vs-terraform"


def main() -> None:
    """Measure, and write the results; ends with 1 if a plan fails or the two sides don't plan the same."""
    options = _options()
    try:
        _measure_all(options.sizes, options.pairs, options.results)
    except (MeasurementError, GraphsDifferError) as error:
        sys.exit(str(error))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.plan_vs_terraform", description=__doc__)
    parser.add_argument("--pairs", type=at_least_one, default=5, help="counted runs of each contender (default: 5)")
    parser.add_argument("--sizes", type=sizes, default=[3, 50, 200], help="numbers of spot pools (default: 3,50,200)")
    parser.add_argument("--results", type=Path, default=results.FOLDER, help="folder of the results")
    return parser.parse_args()


def _measure_all(spot_pools: Sequence[int], pairs: int, folder: Path) -> None:
    described = machine.description()
    measured: list[SizeResult] = []
    missing: str | None = None
    with TemporaryDirectory() as temporary:
        for size in sorted({0, *spot_pools}):  # a plan without spot pools is what all plans start with
            print(f"{size:4} spot pools  preparing", file=sys.stderr, flush=True)
            where = Path(temporary) / str(size)
            kuber = contenders.kuber(where, size)
            theirs: list[Contender] = []
            try:
                theirs = [] if missing else contenders.terraforms(kuber.folder, where, size)
            except terraform.TerraformMissingError as error:
                missing = str(error)
                print(f"{missing}\nOnly kuber is measured.", file=sys.stderr)
            if theirs:
                described |= terraform.versions(theirs[0].folder)
            measured.append(_measure(size, kuber, theirs, pairs))
    text = plan_report.markdown(described, measured, pairs, missing)
    data = {
        "machine": described,
        "pairs": pairs,
        "terraform_missing": missing,
        "goals": [asdict(goal) for goal in plan_report.goals(measured)],
        "sizes": [asdict(result) for result in measured],
    }
    results.write(folder, NAME, text, data)


def _measure(size: int, kuber: Contender, theirs: Sequence[Contender], pairs: int) -> SizeResult:
    """One uncounted run of each, the check that they plan the same, then the counted ones in turn."""
    everyone = (kuber, *theirs)
    for contender in everyone:
        _plan(size, contender, "warm-up")
    resources = kuber.resources()
    for other in theirs:
        require_same(resources, other.resources())
    runs: Runs = {contender.name: [] for contender in everyone}
    for turn in range(1, pairs + 1):
        for contender in everyone:
            runs[contender.name].append(_plan(size, contender, f"run {turn} of {pairs}"))
    return SizeResult(spot_pools=size, resources=dict(sorted(resources.items())), runs=runs)


def _plan(size: int, contender: Contender, which: str) -> Usage:
    usage = contender.plan()
    figures = f"{usage.cpu_seconds:6.2f} s CPU {usage.wall_seconds:6.2f} s wall {usage.peak_mb:5.0f} MB"
    print(f"{size:4} spot pools  {which:12}  {contender.name:24}{figures}", file=sys.stderr, flush=True)
    return usage


if __name__ == "__main__":
    main()
