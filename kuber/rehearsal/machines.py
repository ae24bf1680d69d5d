"""The machines of a data centre as the nodes that kubeadm makes of them: there before kuber is asked for anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from config.bare_metal import BareMetalCluster, Machine

from .control_plane import NodeSpec

CPU, MEMORY, PODS = "16", "64Gi", 110
"""What each machine is taken to have: the inventory doesn't say. 110 pods are kubelet's own limit."""

_CONTROL_PLANE_LABELS = {
    "node-role.kubernetes.io/control-plane": "",
    "node.kubernetes.io/exclude-from-external-load-balancers": "",
}
_CONTROL_PLANE_TAINT = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
"""As `kubeadm init` marks a control-plane node (kubeadm documentation, "Implementation details", mark-control-plane)."""


def machine_nodes(settings: BareMetalCluster) -> list[NodeSpec]:
    """A node for each machine of the inventory, without any label of its pool or rack: those are kuber's to set."""
    return [_node(name, machine) for name, machine in settings.machines.items()]


def _node(name: str, machine: Machine) -> NodeSpec:
    control_plane = machine.role == "control_plane"
    labels: Mapping[str, str] = _CONTROL_PLANE_LABELS if control_plane else {}
    taints: Sequence[Mapping[str, str]] = (_CONTROL_PLANE_TAINT,) if control_plane else ()
    return NodeSpec(
        name=name,
        pool=machine.pool or "",
        zone="",
        region="",
        instance_type="",
        cpu=CPU,
        memory=MEMORY,
        pods=PODS,
        labels=labels,
        taints=taints,
    )
