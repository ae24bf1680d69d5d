"""Moves pods where nodes have become uneven."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from ..errors import Problem
from ..model import Settings
from .part import ContainerResources, Duration, PartSettings

Percent = Annotated[int, Field(ge=1, le=99)]


class LowUtilization(Settings):
    """Moves pods off nodes that are full, while others are nearly empty. By what pods ask for, not by what they use."""

    nearly_empty_percent: Percent = 30
    """A node of which less is asked for, of processors, memory and pods alike, takes more."""
    full_percent: Percent = 70
    """A node of which more is asked for gives some."""

    def conflicts(self) -> Iterator[Problem]:
        if self.nearly_empty_percent >= self.full_percent:
            yield Problem(
                path=("nearly_empty_percent",),
                message="not below full_percent",
                found=f"{self.nearly_empty_percent} and {self.full_percent}",
                expected="less",
            )


class DeschedulerSettings(PartSettings):
    """Moves pods where nodes have become uneven: after nodes came, or a zone was away; always within disruption budgets."""

    enabled: bool = False
    dry_run: bool = False
    """Say in the log what would be moved, and move nothing."""
    interval: Duration = "10m"
    """How often it looks."""
    duplicates: bool = True
    """Move pods of one workload that share a node."""
    topology_spread: bool = True
    """Move pods that are spread more unevenly than their constraints say."""
    low_utilization: LowUtilization | None = None
    """Even out nodes. Not beside an autoscaler, which empties nodes to take them away: null unless given."""
    lifetime_days: Annotated[int, Field(ge=1, le=365)] | None = None
    """Move pods older than this, so that nothing comes to rely on living for ever; never unless given."""
    most_from_node: Annotated[int, Field(ge=1, le=1000)] = 5
    """Pods that are moved from a node each time, at most."""
    most_in_namespace: Annotated[int, Field(ge=1, le=1000)] = 5
    """Pods that are moved of a namespace each time, at most."""
    resources: ContainerResources = ContainerResources(cpu="100m", memory="128Mi", memory_limit="256Mi")

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        if self.enabled and not (self.duplicates or self.topology_spread or self.low_utilization or self.lifetime_days):
            yield Problem(message="every reason to move a pod is off", expected="one of them on, or `enabled: false`")
