"""What the measurements of a size say: medians, ratios, growth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from statistics import median

from .process_tree import Usage


@dataclass(frozen=True)
class Ratio:
    """How two contenders compare: the median over pairs of runs made one after the other, and the extremes."""

    median: float
    least: float
    most: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.least:.2f} to {self.most:.2f})"


def cpu_seconds(runs: Sequence[Usage]) -> float:
    """Median CPU."""
    return median(run.cpu_seconds for run in runs)


def wall_seconds(runs: Sequence[Usage]) -> float:
    """Median wall time."""
    return median(run.wall_seconds for run in runs)


def peak_mb(runs: Sequence[Usage]) -> float:
    """Median of the peaks of memory."""
    return median(run.peak_mb for run in runs)


def cpu_ratio(ours: Sequence[Usage], theirs: Sequence[Usage]) -> Ratio:
    """Our CPU over theirs, pair by pair."""
    return _ratio([one.cpu_seconds / other.cpu_seconds for one, other in zip(ours, theirs, strict=True)])


def wall_ratio(ours: Sequence[Usage], theirs: Sequence[Usage]) -> Ratio:
    """Our wall time over theirs, pair by pair."""
    return _ratio([one.wall_seconds / other.wall_seconds for one, other in zip(ours, theirs, strict=True)])


def _ratio(ratios: Sequence[float]) -> Ratio:
    return Ratio(median(ratios), min(ratios), max(ratios))


@dataclass(frozen=True)
class Growth:
    """How CPU grows with a number of things, as the exponent between two sizes; 1 is linear.

    Attributes:
        above_start: Of the CPU above that with none of them; None where it is lost in the noise.
        plain: Of all CPU; the fixed cost of starting makes it look smaller.
    """

    above_start: float | None
    plain: float


def growth(cpu_by_size: Mapping[int, float], smaller: int, larger: int) -> Growth:
    """Growth from the smaller to the larger size; `cpu_by_size` has size 0 too."""
    factor = log(larger / smaller)
    small, large = (cpu_by_size[size] - cpu_by_size[0] for size in (smaller, larger))
    return Growth(
        above_start=log(large / small) / factor if small > 0 and large > 0 else None,
        plain=log(cpu_by_size[larger] / cpu_by_size[smaller]) / factor,
    )
