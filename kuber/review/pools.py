"""The node pools of a plan, and what they cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from config.node_pools import CAPACITY_LABEL, POOL_LABEL

from .changes import Plan
from .model import Pool, Range
from .prices import PriceList
from .renames import Resource

NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
GKE_POOL = "gcp:container/nodePool:NodePool"
_NODE_PATCH = "kubernetes:core/v1:NodePatch"
_CONTROL_PLANES: Mapping[str, Literal["eks", "gke"]] = {
    "aws:eks/cluster:Cluster": "eks",
    "gcp:container/cluster:Cluster": "gke",
}


def pools(plan: Plan) -> list[Pool]:
    """The node pools of a plan, by name. Machines of one's own count as they are in the inventory."""
    of_clouds = [pool for one in plan.values() if (pool := pool_of(one))]
    machines = Counter(
        _mapping(_mapping(one["inputs"].get("metadata")).get("labels")).get(POOL_LABEL) or "control plane"
        for one in plan.values()
        if one["type"] == _NODE_PATCH
    )
    own = [
        Pool(name=name, nodes=Range(least=number, most=number), machine_types=(), capacity="machines")
        for name, number in machines.items()
    ]
    return sorted([*of_clouds, *own], key=lambda one: one.name)


def pool_of(resource: Resource) -> Pool | None:
    """The pool that a resource is; None if it is none. One that isn't of a stack file, with labels of its own, is called as it is."""
    inputs = resource["inputs"]
    if resource["type"] == NODE_GROUP:
        labels, machine_types = inputs.get("labels"), inputs.get("instanceTypes")
        scaling = _mapping(inputs.get("scalingConfig"))
        least, most = _number(scaling.get("minSize")), _number(scaling.get("maxSize"))
    elif resource["type"] == GKE_POOL:
        config = _mapping(inputs.get("nodeConfig"))
        labels, machine_types = config.get("labels"), [config.get("machineType")]
        least, most = _gke_range(inputs)
    else:
        return None
    told = _mapping(labels)
    return Pool(
        name=str(told.get(POOL_LABEL) or resource["name"]),
        nodes=Range(least=least, most=most),
        machine_types=tuple(one for one in machine_types if isinstance(one, str))
        if isinstance(machine_types, list)
        else (),
        capacity=str(told.get(CAPACITY_LABEL) or "on_demand"),
    )


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


def nodes(found: Iterable[Pool]) -> Range:
    """How many nodes pools have together."""
    return sum((one.nodes for one in found), Range(least=0, most=0))


def _gke_range(inputs: Mapping[str, Any]) -> tuple[float, float]:
    """GKE counts in all zones together or in each of them, as the names have it."""
    scaling, zones = _mapping(inputs.get("autoscaling")), inputs.get("nodeLocations")
    each = len(zones) if isinstance(zones, list) else 1
    if not scaling:
        fixed = _number(inputs.get("nodeCount")) * each
        return fixed, fixed
    if "totalMaxNodeCount" in scaling:
        return _number(scaling.get("totalMinNodeCount")), _number(scaling["totalMaxNodeCount"])
    return _number(scaling.get("minNodeCount")) * each, _number(scaling.get("maxNodeCount")) * each


def _number(value: Any) -> float:
    """A number; none of what only an apply tells."""
    return value if isinstance(value, (int, float)) else 0


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
