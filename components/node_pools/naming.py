"""Names and labels that pools have alike on every platform."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from config.bare_metal import BareMetalCluster
from config.model import Taint
from config.node_pools import CAPACITY_LABEL, POOL_LABEL, REGION_LABEL, ZONE_LABEL, NodePool

FINGERPRINT_LENGTH = 6
CLOUD_TAINT_EFFECTS = {
    "NoSchedule": "NO_SCHEDULE",
    "PreferNoSchedule": "PREFER_NO_SCHEDULE",
    "NoExecute": "NO_EXECUTE",
}
"""What Kubernetes' effects are called in both clouds' own interfaces."""
_CONTROL_PLANE = Taint(key="node-role.kubernetes.io/control-plane")


def fingerprint(unchangeable: Mapping[str, object]) -> str:
    """A short hash of what can't change on live nodes; a change of it makes a new pool beside the old one.

    Args:
        unchangeable: Plain data. Keys with None are left out, so that a property added to the program later, unset, moves no pool.
    """
    told = {key: value for key, value in unchangeable.items() if value is not None}
    text = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:FINGERPRINT_LENGTH]


def node_labels(pool_name: str, pool: NodePool, capacity: str) -> dict[str, str]:
    """The labels of a pool's nodes: the stack file's, and the two by which services select nodes on any platform."""
    return {**pool.labels, POOL_LABEL: pool_name, CAPACITY_LABEL: capacity}


def machine_labels(settings: BareMetalCluster, node: str) -> dict[str, str]:
    """The labels of a machine's node: its place, its pool's, and its own, which count most."""
    machine = settings.machines[node]
    pool = settings.pools[machine.pool] if machine.pool else None
    of_pool = node_labels(machine.pool, pool, pool.capacity) if machine.pool and pool else {}
    return {REGION_LABEL: settings.site, ZONE_LABEL: machine.zone, **of_pool, **machine.labels}


def machine_taints(settings: BareMetalCluster, node: str) -> tuple[Taint, ...]:
    """The taints of a machine's node: its pool's and its own.

    A node's taints are applied as one list, so that of a control-plane machine with taints of its own keeps the one that kubeadm set.
    """
    machine = settings.machines[node]
    if machine.role == "control_plane":
        return (_CONTROL_PLANE, *machine.taints) if machine.taints else ()
    return (*(settings.pools[machine.pool].taints if machine.pool else ()), *machine.taints)
