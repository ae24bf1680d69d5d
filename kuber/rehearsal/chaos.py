"""What a cloud may do to a cluster at any time: take spot machines back, lose a zone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from config.node_pools import POOL_LABEL, REGION_LABEL, ZONE_LABEL

from .api import Api, Object
from .autoscaler import Capacity
from .control_plane import Nodes, NodeSpec

_NODE = ("v1", "Node")


@dataclass(frozen=True)
class Interruption:
    """A spot pool that the cloud takes back.

    Attributes:
        pool: Its name in the stack file.
        percent: How much of it, from 1 to 100.
    """

    pool: str
    percent: int = 100

    def __str__(self) -> str:
        return f"pool {self.pool}" if self.percent == 100 else f"{self.percent} % of pool {self.pool}"


class Chaos:
    """Takes nodes away without asking anybody, and lets others come later.

    Args:
        api: The cluster.
        nodes: Its nodes.
        capacity: What clouds have to give; machines of one's own come back as they are.
    """

    def __init__(self, api: Api, nodes: Nodes, capacity: Capacity) -> None:
        self._api = api
        self._nodes = nodes
        self._capacity = capacity
        self._lost: list[Object] = []

    def interrupt(self, what: Interruption) -> str:
        """Take a pool's nodes, or a part of them, zone by zone; until it is given back no other comes. What was done, for people."""
        self._capacity.interrupted.add(what.pool)
        there = sorted(self._of(POOL_LABEL, what.pool), key=_zone)
        number = math.ceil(len(there) * what.percent / 100)
        return self._take(there[:number], f"of {len(there)} nodes of pool {what.pool}")

    def lose_zone(self, zone: str) -> str:
        """Take all nodes of a zone; clouds let others come elsewhere. What was done, for people."""
        self._capacity.lost_zones.add(zone)
        done = self._take(self._of(ZONE_LABEL, zone), f"nodes of zone {zone}")
        came = self._capacity.fill()
        return f"{done}; {came} came in other zones" if came else done

    def restore(self) -> str:
        """Let nodes come again where none came; what was done, for people."""
        self._capacity.interrupted.clear()
        self._capacity.lost_zones.clear()
        came = self._capacity.fill()
        own = [_machine(node) for node in self._lost if not node["spec"].get("providerID")]
        self._nodes.add(own)
        self._lost = []
        return f"{came + len(own)} nodes came"

    def _take(self, nodes: Sequence[Object], of: str) -> str:
        self._lost += nodes
        self._nodes.interrupt([node["metadata"]["name"] for node in nodes])
        return f"{len(nodes)} {of} went, with all that ran on them"

    def _of(self, label: str, value: str) -> list[Object]:
        return self._api.list(_NODE, labelSelector=f"{label}={value}")


def _zone(node: Object) -> tuple[str, str]:
    return node["metadata"]["labels"].get(ZONE_LABEL, ""), node["metadata"]["name"]


def _machine(node: Object) -> NodeSpec:
    """A machine of one's own that comes back: the same name, and what was set on its node."""
    labels, capacity = dict(node["metadata"]["labels"]), node["status"]["capacity"]
    taints = [one for one in node["spec"].get("taints") or () if not one["key"].startswith("node.kubernetes.io/")]
    return NodeSpec(
        name=node["metadata"]["name"],
        pool=labels.get(POOL_LABEL, ""),
        zone=labels.get(ZONE_LABEL, ""),
        region=labels.get(REGION_LABEL, ""),
        instance_type="",
        cpu=capacity["cpu"],
        memory=capacity["memory"],
        pods=int(capacity["pods"]),
        labels=labels,
        taints=taints,
    )
