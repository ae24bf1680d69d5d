"""`kuber plan` against `terraform plan` on the same graph: CPU of all processes, wall time, memory.

Run from the project's folder: `python -m bench.plan_vs_terraform --pairs 5 --sizes 3,50,200`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from config import read
from config.eks import EksCluster

from . import figures, machine, results, terraform
from .process_tree import MeasurementError, Usage, run
from .same_graph import GraphsDifferError, kuber_resources, require_same, terraform_resources
from .stacks import make_project
from .terraform_graph import POOL_FORMS, write_configuration

NAME = "plan-vs-terraform"
OURS = "kuber"
RATIO_GOALS = {3: 0.2, 50: 0.2, 200: 0.25}
"""Most CPU of ours over Terraform's, by number of spot pools."""
GROWTH_GOAL = 1.1
MEMORY_GOAL_MB = {3: 150.0}
_PLAN_FILE = "plan.json"


@dataclass(frozen=True)
class Contender:
    """A command that plans a stack, in a folder of its own.

    Attributes:
        name: `kuber`, or Terraform with the form of its pools.
    """

    name: str
    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]

    def plan(self) -> Usage:
        """Plan once."""
        return run(self.command, self.folder, self.environment, self.folder / "output.log")


Runs = dict[str, list[Usage]]
"""Measurements of one size, by contender."""


def main() -> None:
    """Measure, and write the results."""
    options = _options()
    described = machine.description()
    sizes: list[int] = sorted({0, *options.sizes})
    runs: dict[int, Runs] = {}
    resources: dict[int, int] = {}
    missing = None
    with TemporaryDirectory() as temporary:
        for size in sizes:
            folder = Path(temporary) / str(size)
            ours, settings = _kuber(folder, size)
            try:
                theirs = _terraforms(folder, ours.folder.name, settings) if missing is None else []
            except terraform.TerraformMissingError as error:
                theirs, missing = [], str(error)
                print(f"{missing}\nOnly kuber's own figures are taken.", file=sys.stderr)
            if theirs:
                described |= terraform.versions(theirs[0].folder)
            contenders = [ours, *theirs]
            _warm_up(size, contenders)
            resources[size] = _resources_on_all_sides(ours, theirs)
            runs[size] = _measure(size, contenders, options.pairs)

    text = _report(described, runs, resources, missing)
    data = {
        "machine": described,
        "pairs": options.pairs,
        "terraform_missing": missing,
        "goals": [{"what": what, "met": met} for what, met in _goals(runs)],
        "sizes": [
            {"spot_pools": size, "resources": resources[size], "runs": {name: list(map(asdict, of)) for name, of in all_of.items()}}
            for size, all_of in runs.items()
        ],
    }
    results.write(options.results, NAME, text, data)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.plan_vs_terraform", description=__doc__)
    parser.add_argument("--pairs", type=_at_least_one, default=5, help="counted runs of each contender (default: 5)")
    parser.add_argument("--sizes", type=_sizes, default="3,50,200", help="numbers of spot pools (default: 3,50,200)")
    parser.add_argument("--results", type=Path, default=results.FOLDER, help="folder of the results")
    return parser.parse_args()


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number


def _sizes(text: str) -> list[int]:
    return [_at_least_one(part) for part in text.split(",")]


def _kuber(folder: Path, size: int) -> tuple[Contender, EksCluster]:
    project = folder / OURS
    project.mkdir(parents=True)
    stack = make_project(project, size)
    settings = read(stack, project)
    if not isinstance(settings, EksCluster):
        raise TypeError("the bench measures EKS stacks")
    command = [sys.executable, "-m", "kuber", "plan", stack, "--json", _PLAN_FILE]
    return Contender(OURS, command, project, os.environ), settings


def _terraforms(folder: Path, cluster: str, settings: EksCluster) -> list[Contender]:
    contenders: list[Contender] = []
    for form in POOL_FORMS:
        configuration = folder / form
        configuration.mkdir()
        write_configuration(configuration, cluster, settings, form)
        terraform.initialise(configuration)
        command = [terraform.command(), *terraform.PLAN]
        contenders.append(Contender(_theirs(form), command, configuration, terraform.environment()))
    return contenders
