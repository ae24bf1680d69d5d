"""A stand-in for what scales node pools: adds nodes for pods that fit nowhere, while the cloud has any to give."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from threading import Event, Lock, RLock, Thread
from typing import Any

from config.node_pools import CAPACITY_LABEL, POOL_LABEL
from kuber.selectors import requirement_holds

from .api import Api, ApiError, Object
from .cloud import CloudStore, NodePools, PoolNodes, Record
from .cloud.node_pools import EKS, GKE
from .control_plane import NodeSpec
from .control_plane.nodes import allocatable
from .workloads import amount, requested

_ROUND_SECONDS = 1.0
_AGAIN_SECONDS = 10.0
"""How long after a node was added for a pod another may be."""
_NAME = "cluster-autoscaler"
_EXPENDABLE = -10
"""Pods of a lower priority are no reason for a node (cluster autoscaler, --expendable-pods-priority-cutoff)."""
_FOR_PODS = Decimal("0.85")
"""Share of a node's allocatable that is left by DaemonSets, about."""


@dataclass(frozen=True, kw_only=True)
class _Group:
    """A node pool that may grow.

    Attributes:
        name: Of the node group or pool in its cloud.
        wants: How many nodes it is to have now.
        most: How many it may have.
        counted_by: By how many `wants` is counted: GKE counts by zone.
        like: What a node of it is.
    """

    name: str
    wants: int
    most: int
    counted_by: int
    like: NodeSpec


class Capacity(NodePools):
    """The node pools of the simulated clouds, of which some may have nothing to give for a while.

    Args:
        nodes: The control plane's.
        store: Holds the pools.
        drain_seconds: How long a node may take to be drained when others come in its place.

    Attributes:
        lost_zones: Zones in which no node comes.
        interrupted: Pools, by the stack file's names, to which no node comes.
    """

    def __init__(self, nodes: PoolNodes, store: CloudStore, *, drain_seconds: float) -> None:
        super().__init__(nodes, store, drain_seconds=drain_seconds)
        self._all_nodes = nodes
        self._one_at_a_time = RLock()
        self.lost_zones: set[str] = set()
        self.interrupted: set[str] = set()

    def groups(self) -> list[_Group]:
        """The pools that may grow now, spot first."""
        found: list[_Group] = []
        for record in [*self._store.resources(type=EKS), *self._store.resources(type=GKE)]:
            pool = self._pool(record)
            if pool.zones and pool.labels.get(POOL_LABEL) not in self.interrupted:
                like, outputs = pool.spec(pool.zones[0]), record.outputs
                by = 1 if record.type == EKS else len(pool.zones)
                wants, most = _eks_size(outputs) if record.type == EKS else _gke_size(outputs, by)
                found.append(_Group(name=pool.name, wants=wants, most=most, counted_by=by, like=like))
        return sorted(found, key=lambda group: (group.like.labels.get(CAPACITY_LABEL) != "spot", group.name))

    def reconcile(self, record: Record) -> None:
        """Bring a pool to its size; not at once from two sides, which would add nodes twice."""
        with self._one_at_a_time:
            super().reconcile(record)

    def fill(self) -> int:
        """Bring every pool that may get nodes to its size, as clouds do by themselves; how many nodes came."""
        before = set(self._all_nodes.names())
        for record in [*self._store.resources(type=EKS), *self._store.resources(type=GKE)]:
            if self._pool(record).labels.get(POOL_LABEL) not in self.interrupted:
                self.reconcile(record)
        return len(set(self._all_nodes.names()) - before)

    def _pool(self, record: Any) -> Any:
        pool = super()._pool(record)
        pool.zones = [zone for zone in pool.zones if zone not in self.lost_zones]
        return pool


class Autoscaler:
    """Scales the pools of a cluster up, from entering the context until leaving it; it never scales down.

    On EKS it acts for the stack's own cluster autoscaler, so only while a pod of that is ready; GKE has its own.

    Args:
        api: The cluster.
        capacity: Its pools.
    """

    def __init__(self, api: Api, capacity: Capacity) -> None:
        self._api = api
        self._capacity = capacity
        self._over = Event()
        self._lock = Lock()
        self._added: dict[str, int] = {}
        self._asked_at: dict[str, float] = {}
        self._waited: set[str] = set()
        self._thread = Thread(target=self._run, name="autoscaler", daemon=True)

    def __enter__(self) -> Autoscaler:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def added(self) -> dict[str, int]:
        """How many nodes it has added since it was asked last, by pool."""
        with self._lock:
            added, self._added = self._added, {}
        return added

    def _run(self) -> None:
        while not self._over.wait(_ROUND_SECONDS):
            try:
                self._look()
            except ApiError:
                continue  # the API server is busy, or gone

    def _look(self) -> None:
        groups = self._capacity.groups()
        if not groups:
            return
        pending = self._api.list(("v1", "Pod"), fieldSelector="status.phase=Pending")
        waiting = self._reasons_for_nodes(pending)
        if not waiting or not (groups[0].counted_by > 1 or self._acts()):
            return
        for group in groups:
            fitting = [pod for pod in waiting if fits(pod, group.like)]
            number = min(_nodes_for(fitting, group.like), group.most - group.wants * group.counted_by)
            if number > 0:
                more = math.ceil(number / group.counted_by)
                self._capacity.scale(group.name, group.wants + more)
                self._asked_at |= dict.fromkeys((pod["metadata"]["uid"] for pod in fitting), time.monotonic())
                pool = group.like.labels.get(POOL_LABEL, group.name)
                with self._lock:
                    self._added[pool] = self._added.get(pool, 0) + more * group.counted_by
                waiting = [pod for pod in waiting if pod not in fitting]

    def _reasons_for_nodes(self, pending: Sequence[Object]) -> list[Object]:
        """Pods that fit nowhere, now and in the last round, though all nodes are ready, and for which none was added lately."""
        waited, self._waited = self._waited, {pod["metadata"]["uid"] for pod in pending}
        if any(not _is_ready(node) for node in self._api.list(("v1", "Node"))):
            self._waited = set()  # what is on its way may be enough
        lately = time.monotonic() - _AGAIN_SECONDS
        return [
            pod
            for pod in pending
            if _is_reason_for_a_node(pod)
            and pod["metadata"]["uid"] in waited & self._waited
            and self._asked_at.get(pod["metadata"]["uid"], lately) <= lately
            and self._volumes_can_be_had(pod)
        ]

    def _volumes_can_be_had(self, pod: Object) -> bool:
        """Whether the zones of its volumes are there: a node elsewhere would be of no use to it."""
        for volume in pod["spec"].get("volumes") or ():
            claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
            found = claim and self._api.get(("v1", "PersistentVolumeClaim"), pod["metadata"]["namespace"], claim)
            name: str = (found or {}).get("spec", {}).get("volumeName", "")
            made = self._api.get(("v1", "PersistentVolume"), None, name) if name else None
            zones = _zones_of(made) if made else set[str]()
            if zones and zones <= self._capacity.lost_zones:
                return False
        return True

    def _acts(self) -> bool:
        """Whether the stack's own autoscaler has a ready pod."""
        return any(
            _NAME in one["metadata"]["name"] and one.get("status", {}).get("readyReplicas")
            for one in self._api.list(("apps/v1", "Deployment"))
        )


def _zones_of(volume: Object) -> set[str]:
    """The zones that a volume can be reached in; none if in any."""
    terms = ((volume["spec"].get("nodeAffinity") or {}).get("required") or {}).get("nodeSelectorTerms") or ()
    return {
        zone
        for term in terms
        for one in term.get("matchExpressions") or ()
        if one["key"].endswith("/zone") and one["operator"] == "In"
        for zone in one["values"]
    }


def fits(pod: Object, node: NodeSpec) -> bool:
    """Whether an empty node of a kind would take a pod: by selector, required affinity, taints and requests."""
    spec = pod["spec"]
    labels = {
        **node.labels,
        "topology.kubernetes.io/region": node.region,
        "kubernetes.io/arch": node.architecture,
        "kubernetes.io/os": "linux",
    }
    asked = spec.get("nodeSelector") or {}
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    terms = (affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}).get("nodeSelectorTerms")
    cpu, memory = requested(pod)
    room = allocatable(node.cpu, node.memory)
    return (
        all(labels.get(key) == value for key, value in asked.items())
        and (terms is None or any(_term_holds(term, labels) for term in terms))
        and all(_tolerated(taint, spec.get("tolerations") or ()) for taint in node.taints)
        and cpu <= amount(room["cpu"])
        and memory <= amount(room["memory"])
    )


def _nodes_for(pods: Sequence[Object], node: NodeSpec) -> int:
    """How many nodes some pods need, by what they ask for together."""
    if not pods:
        return 0
    asked = [requested(pod) for pod in pods]
    room = allocatable(node.cpu, node.memory)
    cpu, memory = amount(room["cpu"]) * _FOR_PODS, amount(room["memory"]) * _FOR_PODS
    together = (sum((one[0] for one in asked), Decimal(0)) / cpu, sum((one[1] for one in asked), Decimal(0)) / memory)
    alone = sum(one[0] > cpu / 2 or one[1] > memory / 2 for one in asked)  # no two of these on one node
    return max(math.ceil(max(together)), alone, 1)


def _is_reason_for_a_node(pod: Object) -> bool:
    conditions = pod["status"].get("conditions") or ()
    unschedulable = any(one["type"] == "PodScheduled" and one.get("reason") == "Unschedulable" for one in conditions)
    return unschedulable and (pod["spec"].get("priority") or 0) >= _EXPENDABLE


def _is_ready(node: Object) -> bool:
    conditions = node.get("status", {}).get("conditions") or ()
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _term_holds(term: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    return all(_expression_holds(one, labels) for one in term.get("matchExpressions") or ())


def _expression_holds(one: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Of a node selector; a zone may be any, since pools have nodes in several."""
    return one["key"] in ("topology.kubernetes.io/zone", "kubernetes.io/hostname") or requirement_holds(one, labels)


def _tolerated(taint: Mapping[str, str], tolerations: Sequence[Mapping[str, Any]]) -> bool:
    return taint["effect"] == "PreferNoSchedule" or any(
        one.get("effect") in (None, "", taint["effect"])
        and (one.get("key") in (None, "", taint["key"]))
        and (one.get("operator") == "Exists" or one.get("value", "") == taint.get("value", ""))
        for one in tolerations
    )


def _eks_size(outputs: Mapping[str, Any]) -> tuple[int, int]:
    sizes = outputs["scalingConfig"]
    return int(sizes["desiredSize"]), int(sizes["maxSize"])


def _gke_size(outputs: Mapping[str, Any], zones: int) -> tuple[int, int]:
    limits = outputs.get("autoscaling") or {}
    most = int(limits.get("totalMaxNodeCount") or int(limits.get("maxNodeCount") or 0) * zones)
    return int(outputs.get("nodeCount") or 0), most
