"""The node pools of a plan, and what they cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from config.node_pools import CAPACITY_LABEL, POOL_LABEL

from .changes import Plan
from .model import Pool, Range
from .prices import PriceList
from .renames import Resource

NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
GKE_POOL = "gcp:container/nodePool:NodePool"
_NODE_PATCH = "kubernetes:core/v1:NodePatch"
_CONTROL_PLANES = {"aws:eks/cluster:Cluster": "eks", "gcp:container/cluster:Cluster": "gke"}


def pools(plan: Plan) -> list[Pool]:
    """The node pools of a plan, by name. Machines of one's own count as they are in the inventory."""
    of_clouds = [pool for one in plan.values() if (pool := pool_of(one))]
    machines = Counter(
        one["inputs"]["metadata"].get("labels", {}).get(POOL_LABEL) or "control plane"
        for one in plan.values()
        if one["type"] == _NODE_PATCH
    )
    own = [
        Pool(name=name, nodes=Range(least=number, most=number), machine_types=(), capacity="machines")
        for name, number in machines.items()
    ]
    return sorted([*of_clouds, *own], key=lambda one: one.name)


def pool_of(resource: Resource) -> Pool | None:
    """The pool that a resource is; None if it is none."""
    inputs = resource["inputs"]
    if resource["type"] == NODE_GROUP:
        scaling = inputs["scalingConfig"]
        return _pool(inputs["labels"], scaling["minSize"], scaling["maxSize"], inputs["instanceTypes"])
    if resource["type"] == GKE_POOL:
        config, scaling = inputs["nodeConfig"], inputs["autoscaling"]
        return _pool(
            config["labels"], *_gke_range(scaling, len(inputs.get("nodeLocations", ("",)))), [config["machineType"]]
        )
    return None


def money(plan: Plan, prices: PriceList) -> tuple[Range, list[str]]:
    """What a cluster's control plane and nodes cost a month, from the least to the most that its pools allow.

    Returns:
        The range, and the names of what the price list doesn't know, which counts as nothing.
    """
    total, missing = Range(least=0, most=0), set[str]()
    for one in plan.values():
        if platform := _CONTROL_PLANES.get(one["type"]):
            price = prices.control_plane.get(platform)
            total += Range(least=price or 0, most=price or 0)
            missing |= {f"the control plane of {platform}"} if price is None else set()
    for pool in pools(plan):
        known = [price for type_ in pool.machine_types if (price := prices.of_month(type_, pool.capacity)) is not None]
        missing |= {
            f"{type_}, {pool.capacity.replace('_', ' ')}"
            for type_ in pool.machine_types
            if prices.of_month(type_, pool.capacity) is None
        }
        if known:
            total += Range(least=pool.nodes.least * min(known), most=pool.nodes.most * max(known))
    return total, sorted(missing)


def nodes(found: Iterator[Pool] | list[Pool] | tuple[Pool, ...]) -> Range:
    """How many nodes pools have together."""
    return sum((one.nodes for one in found), Range(least=0, most=0))


def _pool(labels: Mapping[str, str], least: Any, most: Any, machine_types: list[str]) -> Pool:
    return Pool(
        name=labels[POOL_LABEL],
        nodes=Range(least=least, most=most),
        machine_types=tuple(machine_types),
        capacity=labels[CAPACITY_LABEL],
    )


def _gke_range(scaling: Mapping[str, Any], zones: int) -> tuple[int, int]:
    if "totalMaxNodeCount" in scaling:
        return scaling.get("totalMinNodeCount", 0), scaling["totalMaxNodeCount"]
    return scaling.get("minNodeCount", 0) * zones, scaling.get("maxNodeCount", 0) * zones
