"""Checks that need more than one stack file: address ranges across clusters, and the step from one version to the next."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from config.addresses import NamedRange
from config.cluster import ClusterSettings
from config.errors import Problem, StackFileError, key_path
from config.kubernetes import step_problem
from config.stack_file import CONFIG_KEY, cluster_value, read, read_source, stack_file_path
from config.yaml_source import parse


@dataclass(frozen=True)
class Checked:
    """What a check found of one stack file.

    Attributes:
        problems: Those with other stack files of the project included.
        settings: What it says; None where it can't be used alone.
    """

    problems: list[Problem]
    settings: ClusterSettings | None


def check(stacks: list[str], project: Path, base: str) -> dict[str, Checked]:
    """What is found of each stack file.

    Args:
        stacks: The stacks to check.
        project: The project's folder.
        base: Git revision whose stack files are where the clusters are now.
    """
    found: dict[str, Checked] = {}
    settings: dict[str, ClusterSettings] = {}
    for stack in stacks:
        try:
            settings[stack] = read(stack, project)
            found[stack] = Checked([], settings[stack])
        except StackFileError as error:
            found[stack] = Checked(error.problems, None)
    for stack, one in settings.items():
        source = read_source(stack_file_path(stack, project))
        problems = [*overlaps(stack, one, settings), *_project(stack, one, settings), *_step(stack, one, project, base)]
        placed = [replace(problem, line=source.line_of(("config", CONFIG_KEY, *problem.path))) for problem in problems]
        found[stack] = Checked(placed, one)
    return found


def overlaps(stack: str, one: ClusterSettings, others: Mapping[str, ClusterSettings]) -> Iterator[Problem]:
    """Ranges that another cluster uses too. Clusters are routed to each other and to the data centre, unless isolated."""
    if one.isolated:
        return
    for other_stack, other in others.items():
        if other_stack == stack or other.isolated:
            continue
        for mine in one.address_ranges():
            if clashing := [theirs for theirs in other.address_ranges() if theirs.cidr.overlaps(mine.cidr)]:
                yield _overlap(mine, clashing, other_stack)


def _project(stack: str, one: ClusterSettings, others: Mapping[str, ClusterSettings]) -> Iterator[Problem]:
    """A Google project has one pool of workload identities and one list of bindings, so that two clusters in it share rights."""
    project = getattr(one, "project", None)
    for other_stack, other in others.items():
        if project is not None and other_stack != stack and getattr(other, "project", None) == project:
            yield Problem(
                path=("project", "id"),
                message=f"{other_stack} is in this project, whose workloads would have the rights of this cluster's",
                found=project.id,
                expected="a project for each cluster",
            )


def _overlap(mine: NamedRange, clashing: list[NamedRange], other_stack: str) -> Problem:
    theirs = ", ".join(f"{one.cidr} ({key_path(one.path)})" for one in clashing)
    return Problem(
        path=mine.path,
        message=f"the range is used by {other_stack} too",
        found=f"{mine.cidr} overlaps {theirs}",
        expected="a range of its own",
        hint="`isolated: true` says that the network is routed to no other cluster's",
    )


def _step(stack: str, settings: ClusterSettings, project: Path, base: str) -> Iterator[Problem]:
    before = version_at(stack, project, base)
    if before and (problem := step_problem(before, settings.kubernetes.version)):
        yield problem


def version_at(stack: str, project: Path, revision: str) -> str | None:
    """The control plane's version in the stack file at a git revision; None where that can't be told (a new stack, no git)."""
    file = stack_file_path(stack, project).name
    shown = subprocess.run(
        ["git", "-C", str(project), "show", f"{revision}:./{file}"], capture_output=True, text=True, check=False
    )
    if shown.returncode != 0:
        return None
    try:
        value = cluster_value(parse(shown.stdout, file))
    except StackFileError:
        return None
    version = value.get("kubernetes", {}).get("version") if isinstance(value, dict) else None
    return version if isinstance(version, str) and version.startswith("1.") else None
