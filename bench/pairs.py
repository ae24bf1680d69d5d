"""The command line of benchmarks in which two contenders take turns under the real engine."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from kuber.rehearsal.control_plane import ControlPlaneError, ControlPlaneMissingError
from kuber.rehearsal.engine import EngineMissingError

from . import results
from .arguments import at_least_one
from .charts import charts_at_hand
from .process_tree import MeasurementError


def measure_pairs(name: str, about: str | None, measure: Callable[[int, Path], None]) -> None:
    """Measure with the charts at hand; what can't be measured ends the program with its reason.

    Args:
        name: Of the benchmark.
        about: What `--help` says of it.
        measure: Is given how many pairs of runs count, and the folder of the results.
    """
    parser = argparse.ArgumentParser(prog=f"python -m bench.{name}", description=about)
    parser.add_argument("--pairs", type=at_least_one, default=5, help="counted pairs of runs (default: 5)")
    parser.add_argument("--results", type=Path, default=results.FOLDER, help="folder of the results")
    options = parser.parse_args()
    try:
        with charts_at_hand():
            measure(options.pairs, options.results)
    except (MeasurementError, EngineMissingError, ControlPlaneMissingError, ControlPlaneError) as error:
        sys.exit(str(error))
