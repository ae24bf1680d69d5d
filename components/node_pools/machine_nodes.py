"""Labels and taints on the nodes of one's own machines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from config.bare_metal import BareMetalCluster
from config.model import Taint

from .naming import machine_labels, machine_taints

FIELD_MANAGER = "kuber-inventory"


@dataclass(frozen=True, kw_only=True)
class MachineNodesArgs:
    """Whose nodes are to be labelled.

    Attributes:
        settings: The cluster, with its inventory and pools.
    """

    settings: BareMetalCluster


class MachineNodes(pulumi.ComponentResource):
    """Applies an inventory's labels and taints to its nodes, server-side, under a field manager of our own.

    The labels of others stay: only what kuber set is changed or, when it leaves the inventory, removed. Taints are one list to the
    API server (it is atomic in the Node schema), so a node is given taints only where the inventory names some.
    """

    def __init__(self, name: str, args: MachineNodesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kuber:node_pools:MachineNodes", name, None, opts)
        for node in args.settings.machines:
            taints = machine_taints(args.settings, node)
            kubernetes.core.v1.NodePatch(
                f"{name}-{node}",
                metadata={
                    "name": node,
                    "labels": machine_labels(args.settings, node),
                    "annotations": {"pulumi.com/patchFieldManager": FIELD_MANAGER},
                },
                spec={"taints": list(_as_kubernetes(taints))} if taints else None,
                opts=pulumi.ResourceOptions(parent=self),
            )
        self.register_outputs({"nodes": sorted(args.settings.machines)})


def _as_kubernetes(taints: Iterable[Taint]) -> Iterator[kubernetes.core.v1.TaintPatchArgsDict]:
    for taint in taints:
        one: kubernetes.core.v1.TaintPatchArgsDict = {"key": taint.key, "effect": taint.effect}
        yield {**one, "value": taint.value} if taint.value else one
