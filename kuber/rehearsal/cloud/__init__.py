"""Simulated clouds: providers for aws, gcp and vault that the real engine talks to, and what they hold."""

from __future__ import annotations

from collections.abc import Sequence

from kuber.rehearsal.cloud import aws_account, aws_eks, aws_network, gcp, vault
from kuber.rehearsal.cloud.credentials import credential_plugins
from kuber.rehearsal.cloud.endpoint import Endpoint
from kuber.rehearsal.cloud.faults import Fault, Faults
from kuber.rehearsal.cloud.kinds import Kind
from kuber.rehearsal.cloud.node_pools import NodePools, PoolNodes
from kuber.rehearsal.cloud.provider import SimulatedCloud
from kuber.rehearsal.cloud.store import CloudStore, CloudStoreError, Record
from kuber.rehearsal.provider import StandInProvider

KINDS: dict[str, dict[str, Kind]] = {
    "aws": {**aws_network.KINDS, **aws_account.KINDS, **aws_eks.KINDS},
    "gcp": {**gcp.KINDS},
    "vault": {**vault.KINDS},
}
"""What is known of resource types, by package."""


def providers(
    store: CloudStore,
    *,
    endpoint: Endpoint | None = None,
    nodes: PoolNodes | None = None,
    faults: Faults | None = None,
    drain_seconds: float = 900,
) -> Sequence[StandInProvider]:
    """Providers for aws, gcp and vault over one store.

    Args:
        store: Holds what there is.
        endpoint: What each simulated cluster answers as its own; None for addresses where nothing answers.
        nodes: Where the nodes of node pools appear; None for pools without nodes.
        faults: What goes wrong.
        drain_seconds: How long nodes of a pool that shrinks or goes may take to be drained; EKS takes 15 minutes.
    """
    pools = NodePools(nodes, store, drain_seconds=drain_seconds)
    return [
        SimulatedCloud(package, kinds, store, endpoint=endpoint, node_pools=pools, faults=faults)
        for package, kinds in KINDS.items()
    ]


__all__ = [
    "KINDS",
    "CloudStore",
    "CloudStoreError",
    "Endpoint",
    "Fault",
    "Faults",
    "NodePools",
    "PoolNodes",
    "Record",
    "credential_plugins",
    "providers",
]
