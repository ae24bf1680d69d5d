"""One model of a node pool for every platform; each platform adds its own fields and refuses what it can't do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field

from .errors import Problem, shown
from .kubernetes import skew_problem
from .machine_types import architecture
from .model import Labels, MinorVersion, Name, Settings, Taints

Capacity = Literal["on_demand", "spot"]
POOL_LABEL = "kuber.dev/pool"
CAPACITY_LABEL = "kuber.dev/capacity"
REGION_LABEL, ZONE_LABEL = "topology.kubernetes.io/region", "topology.kubernetes.io/zone"
OWN_LABELS = (POOL_LABEL, CAPACITY_LABEL, REGION_LABEL, ZONE_LABEL)
"""Set on each node by kuber or the cloud, alike on every platform, so that a service selects nodes the same way everywhere."""


def own_label_problems(labels: Labels) -> Iterator[Problem]:
    """Labels that are not a stack file's to set."""
    for key in sorted(set(labels) & set(OWN_LABELS)):
        yield Problem(path=("labels", key), message="kuber sets this label itself", expected="another key")


class NodePool(Settings):
    """What a pool is on any platform: which pods it is for."""

    capacity: Capacity = "on_demand"
    labels: Labels = {}
    """Labels of the nodes."""
    taints: Taints = ()
    """Taints of the nodes."""

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        yield from own_label_problems(self.labels)
        seen: set[tuple[str, str]] = set()
        for index, taint in enumerate(self.taints):
            if (taint.key, taint.effect) in seen:
                yield Problem(
                    path=("taints", index), message=f"{taint.key}:{taint.effect} stands twice", expected="each once"
                )
            seen.add((taint.key, taint.effect))


class CloudNodePool(NodePool):
    """A pool that a cloud scales: machines made and removed by the autoscaler between `min` and `max`.

    Changing machine types, capacity, disk, zones or version makes a new pool beside the old one, which goes after
    (design decision 11); min, max, labels and taints change in place.
    """

    capacity: Capacity = "on_demand"
    """on_demand, or spot: cheaper machines that the cloud may take back at any time."""
    machine_types: Annotated[tuple[str, ...], Field(strict=False, min_length=1, max_length=20)]
    """Machine types, all of one architecture."""
    min: Annotated[int, Field(ge=0, le=1000)]
    """Fewest nodes, over all zones."""
    max: Annotated[int, Field(ge=1, le=1000)]
    """Most nodes, over all zones."""
    disk_gib: Annotated[int, Field(ge=20, le=16384)] = 100
    """Size of each node's disk, in GiB."""
    zones: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | None = None
    """Zones of the nodes; all of the cluster's unless given."""
    version: MinorVersion | None = None
    """Kubernetes minor of the nodes; the control plane's unless given."""

    @property
    def architecture(self) -> str:
        """x86_64 or arm64."""
        return architecture(self.machine_types[0])

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        if self.min > self.max:
            yield Problem(
                path=("min",), message="min is above max", found=f"min {self.min}, max {self.max}", expected="min ≤ max"
            )
        yield from self._machine_type_problems()

    def _machine_type_problems(self) -> Iterator[Problem]:
        kinds: dict[str, str] = {}
        for index, machine_type in enumerate(self.machine_types):
            if machine_type in kinds:
                yield Problem(
                    path=("machine_types", index), message=f"{machine_type} stands twice", expected="each type once"
                )
            try:
                kinds[machine_type] = architecture(machine_type)
            except ValueError:
                continue
        if len(set(kinds.values())) > 1:
            yield Problem(
                path=("machine_types",),
                message="machine types of different architectures",
                found=", ".join(f"{name} ({kind})" for name, kind in kinds.items()),
                expected="one architecture in a pool: images are built for one",
            )


def machine_type_problems(
    pool: CloudNodePool, family_of: Callable[[str], str], families: Mapping[str, str], example: str
) -> Iterator[Problem]:
    """Machine types that the platform doesn't have.

    Args:
        family_of: Takes "m7g.large" to "m7g"; ValueError for what is no machine type.
        families: Known families, with their architecture.
        example: A machine type of the platform.
    """
    from difflib import get_close_matches

    for index, machine_type in enumerate(pool.machine_types):
        try:
            family = family_of(machine_type)
        except ValueError:
            family = None
        if family in families:
            continue
        close = get_close_matches(family or machine_type, families, n=3)
        yield Problem(
            path=("machine_types", index),
            message=f"unknown machine family `{family}`" if family else "not a machine type of this platform",
            found=shown(machine_type),
            expected=f"a machine type such as {example}",
            hint=f"families alike: {', '.join(close)}" if close else None,
        )


def pool_problems(
    pools: Mapping[Name, CloudNodePool], zones: Sequence[str], control_plane: str, node_skew: int
) -> Iterator[Problem]:
    """What pools must keep to within their cluster: its zones, its version, and room for what may not be interrupted."""
    for name, pool in pools.items():
        for index, zone in enumerate(pool.zones or ()):
            if zone not in zones or zone in (pool.zones or ())[:index]:
                yield Problem(
                    path=("pools", name, "zones", index),
                    message="not another zone of this cluster",
                    found=shown(zone),
                    expected=f"of {', '.join(zones)}, each once",
                )
        if pool.version and (problem := skew_problem(pool.version, control_plane, node_skew)):
            yield problem.below("pools", name)
    if not any(pool.capacity == "on_demand" and pool.min > 0 for pool in pools.values()):
        yield Problem(
            path=("pools",),
            message="no pool always has an on-demand node",
            expected="an on-demand pool with min 1 or more, for what may not be interrupted (the autoscaler itself)",
            hint="add a small pool with `capacity: on_demand`",
        )
