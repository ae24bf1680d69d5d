"""Labels and taints on the nodes of one's own machines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from config.bare_metal import BareMetalPool, Machine
from config.model import Taint

from .naming import node_labels

FIELD_MANAGER = "kuber-inventory"
REGION_LABEL, ZONE_LABEL = "topology.kubernetes.io/region", "topology.kubernetes.io/zone"


@dataclass(frozen=True, kw_only=True)
class MachineNodeArgs:
    """What one machine's node is to look like.

    Attributes:
        node: Name of the node.
        machine: The machine as the inventory describes it.
        pool_name: The pool that it belongs to; None for a control-plane machine.
        pool: The pool's labels and taints.
        site: The data centre.
    """

    node: str
    machine: Machine
    pool_name: str | None
    pool: BareMetalPool
    site: str


def machine_labels(args: MachineNodeArgs) -> dict[str, str]:
    """The node's labels: its place, its pool's, and its own, which count most."""
    pool = node_labels(args.pool_name, args.pool, args.pool.capacity) if args.pool_name else {}
    return {REGION_LABEL: args.site, ZONE_LABEL: args.machine.zone, **pool, **args.machine.labels}


def machine_taints(args: MachineNodeArgs) -> tuple[Taint, ...]:
    """The pool's taints and the machine's own."""
    return (*args.pool.taints, *args.machine.taints)


class MachineNode(pulumi.ComponentResource):
    """Applies an inventory's labels and taints to a node, server-side, under a field manager of our own.

    The labels of others stay: only what kuber set is changed or, when it leaves the inventory, removed. Taints are one list to the
    API server (it is atomic in the Node schema), so a node is given taints only where the inventory names some.
    """

    def __init__(self, name: str, args: MachineNodeArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kuber:node_pools:MachineNode", name, None, opts)
        taints = machine_taints(args)
        kubernetes.core.v1.NodePatch(
            name,
            metadata={
                "name": args.node,
                "labels": machine_labels(args),
                "annotations": {"pulumi.com/patchFieldManager": FIELD_MANAGER, "pulumi.com/patchForce": "true"},
            },
            spec={"taints": list(_taints(taints))} if taints else None,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.register_outputs({"node": args.node})


def _taints(taints: Iterable[Taint]) -> Iterable[kubernetes.core.v1.TaintPatchArgsDict]:
    for taint in taints:
        yield {"key": taint.key, "effect": taint.effect} | ({"value": taint.value} if taint.value else {})
