"""The commands that plan a bench stack: kuber, and Terraform with each form of pools."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from config import read
from config.eks import EksCluster

from . import terraform
from .process_tree import Usage, run
from .same_graph import kuber_resources, terraform_resources
from .stacks import make_project, stack_name
from .terraform_graph import POOL_FORMS, PoolForm, write_configuration

KUBER = "kuber"
_PLAN_FILE = "plan.json"


def terraform_name(form: PoolForm) -> str:
    """How Terraform with a form of pools is called in the results."""
    return f"terraform, {form}"


@dataclass(frozen=True)
class Contender:
    """A command that plans a stack, in a folder of its own.

    Attributes:
        name: How it is called in the results.
        command: The command with its arguments.
        folder: Its working folder.
        environment: All of its environment.
        resources: What its last plan holds, by Terraform's names of the kinds.
    """

    name: str
    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    resources: Callable[[], Counter[str]]

    def plan(self) -> Usage:
        """Plan once, and measure it."""
        return run(self.command, self.folder, self.environment, self.folder / "output.log")


def kuber(folder: Path, size: int) -> Contender:
    """`kuber plan` of the stack with so many spot pools."""
    project = folder / KUBER
    project.mkdir(parents=True)
    make_project(project, size)
    return Contender(
        KUBER,
        [sys.executable, "-m", "kuber", "plan", stack_name(size), "--json", _PLAN_FILE],
        project,
        os.environ,
        lambda: kuber_resources(json.loads((project / _PLAN_FILE).read_text())),
    )


def terraforms(project: Path, folder: Path, size: int) -> list[Contender]:
    """`terraform plan` of the same stack, in each form, initialised.

    Args:
        project: Kuber's folder, which has the stack file.
        folder: Folder for the configurations.
        size: Number of spot pools.

    Raises:
        TerraformMissingError: Terraform or the provider can't be had.
    """
    settings = read(stack_name(size), project)
    if not isinstance(settings, EksCluster):
        raise TypeError("the bench's stacks are EKS clusters")
    return [_terraform(folder / form, stack_name(size), settings, form) for form in POOL_FORMS]


def _terraform(folder: Path, cluster: str, settings: EksCluster, form: PoolForm) -> Contender:
    folder.mkdir()
    write_configuration(folder, cluster, settings, form)
    terraform.initialise(folder)
    return Contender(
        terraform_name(form),
        [terraform.command(), *terraform.PLAN],
        folder,
        terraform.environment(),
        lambda: terraform_resources(terraform.planned(folder)),
    )
