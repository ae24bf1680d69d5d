"""The command line of benchmarks under the real engine."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from kuber.rehearsal.control_plane import ControlPlaneError, ControlPlaneMissingError
from kuber.rehearsal.engine import EngineMissingError

from . import results
from .arguments import at_least_one
from .charts import charts_at_hand
from .process_tree import MeasurementError


def measure_under_the_engine(
    name: str, about: str | None, measure: Callable[[int, Path], None], *, counted: Literal["pairs", "runs"]
) -> None:
    """Measure with the charts at hand; what can't be measured ends the program with its reason.

    Args:
        name: Of the benchmark.
        about: What `--help` says of it.
        measure: Is given how many runs or pairs of runs count, and the folder of the results.
        counted: Which of the two it counts.
    """
    parser = argparse.ArgumentParser(prog=f"python -m bench.{name}", description=about)
    what = "pairs of runs" if counted == "pairs" else "runs"
    parser.add_argument(
        f"--{counted}", dest="number", type=at_least_one, default=5, help=f"counted {what} (default: 5)"
    )
    parser.add_argument("--results", type=Path, default=results.FOLDER, help="folder of the results")
    options = parser.parse_args()
    try:
        with charts_at_hand():
            measure(options.number, options.results)
    except (MeasurementError, EngineMissingError, ControlPlaneMissingError, ControlPlaneError) as error:
        sys.exit(str(error))
