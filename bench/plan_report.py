"""The report of `plan_vs_terraform`: tables, growth, and the goals."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from . import machine
from .contenders import KUBER, terraform_name
from .figures import Growth, cpu_ratio, cpu_seconds, growth, peak_mb, wall_seconds
from .process_tree import Usage
from .results import table
from .terraform_graph import PoolForm

HELD_AGAINST: PoolForm = "written_out"
"""The form that the goals speak of: the one that is cheaper for Terraform."""
_CPU_RATIO_GOALS = {3: 0.2, 50: 0.2, 200: 0.25}
_GROWTH_GOAL = 1.1
_MEMORY_GOALS_MB = {3: 150}

Runs = dict[str, list[Usage]]
"""Measurements by contender."""


@dataclass(frozen=True, kw_only=True)
class SizeResult:
    """What was measured for one number of spot pools.

    Attributes:
        spot_pools: How many.
        resources: Resources that each side plans, by Terraform's names of the kinds.
        runs: The counted runs of each contender, in order.
    """

    spot_pools: int
    resources: Mapping[str, int]
    runs: Runs


@dataclass(frozen=True)
class Goal:
    """A goal, what was measured, and whether it is met."""

    what: str
    measured: str
    met: bool


def goals(measured: Sequence[SizeResult]) -> Iterator[Goal]:
    """The goals that the measurements can speak of."""
    for result in measured:
        size = result.spot_pools
        theirs = result.runs.get(terraform_name(HELD_AGAINST))
        if theirs and size in _CPU_RATIO_GOALS:
            most, ratio = _CPU_RATIO_GOALS[size], cpu_ratio(result.runs[KUBER], theirs)
            yield Goal(f"{size} spot pools: at most {most} of Terraform's CPU", str(ratio), ratio.median <= most)
        if size in _MEMORY_GOALS_MB:
            most_mb, peak = _MEMORY_GOALS_MB[size], peak_mb(result.runs[KUBER])
            yield Goal(f"{size} spot pools: at most {most_mb} MB", f"{peak:.0f} MB", peak <= most_mb)
    grown = _growth(measured, KUBER)
    if grown and grown.above_start is not None:
        exponent = grown.above_start
        yield Goal(f"growth exponent at most {_GROWTH_GOAL}", f"{exponent:.2f}", exponent <= _GROWTH_GOAL)


def _growth(measured: Sequence[SizeResult], contender: str) -> Growth | None:
    """Growth between the two largest sizes."""
    sizes = [result.spot_pools for result in measured if result.spot_pools]
    if len(sizes) < 2 or any(contender not in result.runs for result in measured):
        return None
    return growth({result.spot_pools: cpu_seconds(result.runs[contender]) for result in measured}, *sizes[-2:])


def markdown(described: Mapping[str, str], measured: Sequence[SizeResult], pairs: int, missing: str | None) -> str:
    """The whole report."""
    sections = [
        "# `kuber plan` against `terraform plan`",
        "Written by `python -m bench.plan_vs_terraform`; the [README](../README.md) tells how to read it. "
        f"Medians of {pairs} runs.",
        machine.markdown(described),
    ]
    if missing:
        sections.append(f"Terraform was not measured: {missing}")
    if met := list(goals(measured)):
        rows = [[goal.what, goal.measured, "yes" if goal.met else "no"] for goal in met]
        sections += ["## Goals", table(["goal", "measured", "met"], rows)]
    names = list(measured[0].runs)
    sections += [
        "## CPU of all processes, in seconds",
        _by_size(measured, names, lambda runs: f"{cpu_seconds(runs):.2f}"),
        *_ratios(measured, names),
        *_growths(measured, names),
        "## Wall time, in seconds",
        _by_size(measured, names, lambda runs: f"{wall_seconds(runs):.2f}"),
        "## Peak memory, in MB",
        _by_size(measured, names, lambda runs: f"{peak_mb(runs):.0f}"),
    ]
    return "\n\n".join(sections) + "\n"


def _by_size(measured: Sequence[SizeResult], names: Sequence[str], shown: Callable[[Sequence[Usage]], str]) -> str:
    rows = [
        [str(result.spot_pools), str(sum(result.resources.values())), *(shown(result.runs[name]) for name in names)]
        for result in measured
    ]
    return table(["spot pools", "resources", *names], rows)


def _ratios(measured: Sequence[SizeResult], names: Sequence[str]) -> list[str]:
    others = [name for name in names if name != KUBER]
    if not others:
        return []
    rows = [
        [str(result.spot_pools), *(str(cpu_ratio(result.runs[KUBER], result.runs[name])) for name in others)]
        for result in measured
    ]
    header = ["spot pools", *(f"to {name}" for name in others)]
    return ["Kuber's CPU to Terraform's, median over pairs of runs (least to most):", table(header, rows)]


def _growths(measured: Sequence[SizeResult], names: Sequence[str]) -> list[str]:
    grown = [(name, exponents) for name in names if (exponents := _growth(measured, name))]
    if not grown:
        return []
    smaller, larger = [result.spot_pools for result in measured][-2:]
    rows = [[name, _shown(exponents.above_start), _shown(exponents.plain)] for name, exponents in grown]
    return [
        f"Growth exponent of CPU from {smaller} to {larger} spot pools; 1 is linear:",
        table(["", "above a plan without spot pools", "of all CPU"], rows),
    ]


def _shown(exponent: float | None) -> str:
    return "in the noise" if exponent is None else f"{exponent:.2f}"
