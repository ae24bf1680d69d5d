"""A node pool on GKE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from config.gke import BlueGreenUpgrade, GkePool, Upgrade
from config.kubernetes import minor_number

from .naming import CLOUD_TAINT_EFFECTS, fingerprint, node_labels

SHIELDED: gcp.container.NodePoolNodeConfigShieldedInstanceConfigArgsDict = {
    "enable_secure_boot": True,
    "enable_integrity_monitoring": True,
}


@dataclass(frozen=True, kw_only=True)
class GkeNodePoolArgs:
    """What one GKE node pool needs.

    Attributes:
        pool_name: The pool's name in the stack file.
        pool: The pool as the stack file describes it.
        cluster: The GKE cluster that the nodes join.
        location: The cluster's region.
        version: What the stack file says of the nodes' version: a minor, or a full version.
        zones: Zones of the nodes.
        service_account: Address of the nodes' service account.
        labels: Labels of the machines in Google Cloud.
    """

    pool_name: str
    pool: GkePool
    cluster: gcp.container.Cluster
    location: str
    version: str
    zones: Sequence[str]
    service_account: pulumi.Input[str]
    labels: Mapping[str, str]


def gke_pool_fingerprint(args: GkeNodePoolArgs) -> str:
    """The hash of what GKE can't change on live nodes, or could only by making them anew in place.

    Machine type, disk and version would be rolled through the pool by GKE; here they make a new pool. Of the version
    the minor counts: a patch written out later, so that a pool can stay behind, doesn't move it.
    """
    return fingerprint(
        {
            "machine": _machine(args.pool),
            "version": f"1.{minor_number(args.version)}",
            "zones": sorted(args.zones),
        }
    )


def _machine(pool: GkePool) -> gcp.container.NodePoolNodeConfigArgsDict:
    """The part of a node's configuration that it is made by."""
    return {
        "machine_type": pool.machine_types[0],
        "spot": pool.capacity == "spot",
        "image_type": "COS_CONTAINERD",
        "disk_size_gb": pool.disk_gib,
        "disk_type": pool.disk_type,
        "oauth_scopes": ["https://www.googleapis.com/auth/cloud-platform"],  # rights are the account's roles
        "metadata": {"disable-legacy-endpoints": "true"},
        "workload_metadata_config": {"mode": "GKE_METADATA"},
        "shielded_instance_config": SHIELDED,
        "kubelet_config": {"insecure_kubelet_readonly_port_enabled": "FALSE"},
    }


class GkeNodePool(pulumi.ComponentResource):
    """A GKE node pool that is replaced, never upgraded in place; the new one is there before the old one goes."""

    node_pool: gcp.container.NodePool

    def __init__(self, name: str, args: GkeNodePoolArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        pool = args.pool
        mark = gke_pool_fingerprint(args)
        name = f"{name}-{mark}"
        super().__init__("kuber:node_pools:GkeNodePool", name, None, opts)
        self.node_pool = gcp.container.NodePool(
            name,
            name=f"{args.pool_name}-{mark}",
            cluster=args.cluster.id,
            location=args.location,
            node_locations=list(args.zones),
            # A minor alone can't be told to GKE without a difference at each run; the pool then has the control plane's version.
            version=args.version if "-gke." in args.version else None,
            initial_node_count=-(-pool.min // len(args.zones)),  # a zone
            autoscaling={
                # Totals over all zones, as on EKS; GKE's other limits count by zone.
                "total_min_node_count": pool.min,
                "total_max_node_count": pool.max,
                # Spot machines come from whatever zone has them (GKE documentation, "location policy").
                "location_policy": "ANY" if pool.capacity == "spot" else "BALANCED",
            },
            # In a release channel auto-upgrade can't be off; the cluster's maintenance exclusion holds it back.
            management={"auto_repair": True, "auto_upgrade": True},
            upgrade_settings=_upgrade_settings(pool.upgrade),
            node_config=_node_config(args),
            # The autoscaler owns the counts; a changed initial count would replace the pool.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["initialNodeCount", "nodeCount"]),
        )
        self.register_outputs({"nodePoolName": self.node_pool.name})


def _node_config(args: GkeNodePoolArgs) -> gcp.container.NodePoolNodeConfigArgsDict:
    pool = args.pool
    return {
        **_machine(pool),
        "service_account": args.service_account,
        "labels": node_labels(args.pool_name, pool, pool.capacity),
        "taints": [
            {"key": taint.key, "value": taint.value, "effect": CLOUD_TAINT_EFFECTS[taint.effect]}
            for taint in pool.taints
        ],
        "resource_labels": dict(args.labels),
    }


def _upgrade_settings(upgrade: Upgrade) -> gcp.container.NodePoolUpgradeSettingsArgsDict:
    if isinstance(upgrade, BlueGreenUpgrade):
        return {
            "strategy": "BLUE_GREEN",
            "blue_green_settings": {
                "node_pool_soak_duration": f"{upgrade.pool_soak_seconds}s",
                "standard_rollout_policy": {
                    "batch_percentage": upgrade.batch_percent / 100,
                    "batch_soak_duration": f"{upgrade.batch_soak_seconds}s",
                },
            },
        }
    return {"strategy": "SURGE", "max_surge": upgrade.max_surge, "max_unavailable": upgrade.max_unavailable}
