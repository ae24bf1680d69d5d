"""A node pool on EKS."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from config.eks import EksPool
from config.node_pools import Capacity

from .naming import CLOUD_TAINT_EFFECTS, fingerprint, node_labels

_AMI_TYPES = {
    ("al2023", "x86_64"): "AL2023_x86_64_STANDARD",
    ("al2023", "arm64"): "AL2023_ARM_64_STANDARD",
    ("bottlerocket", "x86_64"): "BOTTLEROCKET_x86_64",
    ("bottlerocket", "arm64"): "BOTTLEROCKET_ARM_64",
}
_SYSTEM_DEVICE = "/dev/xvda"
_DATA_DEVICE = {"al2023": _SYSTEM_DEVICE, "bottlerocket": "/dev/xvdb"}
_AUTOSCALER = "k8s.io/cluster-autoscaler"


@dataclass(frozen=True, kw_only=True)
class ManagedNodeGroupArgs:
    """What one EKS managed node group needs.

    Attributes:
        pool_name: The pool's name in the stack file.
        pool: The pool as the stack file describes it.
        cluster_name: The cluster's name, known beforehand.
        cluster: The EKS cluster that the nodes join.
        version: Kubernetes minor of the nodes.
        zones: Zones of the nodes.
        subnet_ids: Private subnets, one a zone of the pool.
        node_role_arn: IAM role of the nodes.
        tags: Tags of machines and disks; the provider's own default tags don't reach what a launch template makes.
    """

    pool_name: str
    pool: EksPool
    cluster_name: str
    cluster: aws.eks.Cluster
    version: str
    zones: Sequence[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    node_role_arn: pulumi.Input[str]
    tags: dict[str, str]


def node_group_fingerprint(args: ManagedNodeGroupArgs) -> str:
    """The hash of what EKS can't change on a live group, or could only by replacing its nodes.

    EKS API reference: UpdateNodegroupConfig takes scaling, labels, taints and update settings alone; UpdateNodegroupVersion, which
    a new version of the launch template needs too, rolls the nodes in place, and the house doesn't.
    """
    pool = args.pool
    return fingerprint(
        {
            "ami": pool.ami,
            "capacity": pool.capacity,
            "machine": _machine(pool),
            "machine_types": pool.machine_types,  # in their order, which to the provider is a change too
            "version": args.version,
            "zones": sorted(args.zones),
        }
    )


def _machine(pool: EksPool) -> dict[str, Any]:
    """The launch template's part that nodes are made by: metadata service and disks; Bottlerocket has a disk for its system alone."""
    devices = {_DATA_DEVICE[pool.ami]: pool.disk_gib} | ({_SYSTEM_DEVICE: None} if pool.ami == "bottlerocket" else {})
    return {
        "metadata_options": {
            "http_endpoint": "enabled",
            "http_tokens": "required",  # IMDSv2
            "http_put_response_hop_limit": 1,  # keeps pods from taking the node's role
        },
        "block_device_mappings": [
            {
                "device_name": device,
                "ebs": {
                    **({"volume_size": size} if size else {}),
                    "volume_type": "gp3",
                    "encrypted": "true",
                    "delete_on_termination": "true",
                },
            }
            for device, size in sorted(devices.items())
        ],
    }


class ManagedNodeGroup(pulumi.ComponentResource):
    """An EKS node pool that is replaced, never upgraded in place.

    Its name carries the fingerprint of what can't change on a live group, so that a change makes the new group first and removes
    the old one after.
    """

    node_group: aws.eks.NodeGroup
    capacity: Capacity

    def __init__(self, name: str, args: ManagedNodeGroupArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        pool = args.pool
        mark = node_group_fingerprint(args)
        name = f"{name}-{mark}"
        super().__init__("kuber:node_pools:ManagedNodeGroup", name, None, opts)
        self.capacity = pool.capacity
        child = pulumi.ResourceOptions(parent=self)
        template = self._launch_template(name, args, child)
        labels = node_labels(args.pool_name, pool, pool.capacity)
        self.node_group = aws.eks.NodeGroup(
            name,
            cluster_name=args.cluster.name,
            node_group_name=f"{args.pool_name}-{mark}",
            node_role_arn=args.node_role_arn,
            subnet_ids=list(args.subnet_ids),
            version=args.version,
            ami_type=_AMI_TYPES[pool.ami, pool.architecture],
            capacity_type=pool.capacity.upper(),
            instance_types=list(pool.machine_types),
            launch_template={"id": template.id, "version": template.latest_version.apply(str)},
            scaling_config={"min_size": pool.min, "max_size": pool.max, "desired_size": pool.min},
            update_config={"max_unavailable_percentage": pool.max_unavailable_percent},
            node_repair_config={"enabled": True},
            labels=labels,
            taints=[
                {"key": taint.key, "value": taint.value, "effect": CLOUD_TAINT_EFFECTS[taint.effect]}
                for taint in pool.taints
            ],
            # The autoscaler owns the desired size; a new version of the template, such as for other tags, is for the pool's next
            # nodes and rolls none. The paths are the provider's camel case: snake case does nothing, silently.
            opts=pulumi.ResourceOptions(
                parent=self, ignore_changes=["scalingConfig.desiredSize", "launchTemplate.version"]
            ),
        )
        self._tag_scaling_group(name, args, labels, child)
        self.register_outputs({"nodeGroupName": self.node_group.node_group_name})

    def _launch_template(
        self, name: str, args: ManagedNodeGroupArgs, child: pulumi.ResourceOptions
    ) -> aws.ec2.LaunchTemplate:
        """Disks, metadata service and tags of the machines; machine types stay on the group, where spot needs them."""
        machine_tags = {**args.tags, "Name": f"{args.cluster_name}-{args.pool_name}"}
        return aws.ec2.LaunchTemplate(
            name,
            update_default_version=True,
            **_machine(args.pool),
            tag_specifications=[
                {"resource_type": kind, "tags": machine_tags} for kind in ("instance", "volume", "network-interface")
            ],
            opts=child,
        )

    def _tag_scaling_group(
        self, name: str, args: ManagedNodeGroupArgs, labels: dict[str, str], child: pulumi.ResourceOptions
    ) -> None:
        """What the cluster autoscaler reads to find the group and to scale it from zero.

        Managed groups don't pass their tags, labels and taints on to the auto scaling group (aws/containers-roadmap #608).
        """
        group = self.node_group.resources[0].autoscaling_groups[0].name
        for role, (key, value) in _autoscaler_tags(args, labels):
            aws.autoscaling.Tag(
                f"{name}-{role}",
                autoscaling_group_name=group,
                tag={"key": key, "value": value, "propagate_at_launch": False},
                opts=child,
            )


def _autoscaler_tags(args: ManagedNodeGroupArgs, labels: dict[str, str]) -> Iterator[tuple[str, tuple[str, str]]]:
    """The tags, each with the role that names its resource (Cluster Autoscaler on AWS, "Auto-Discovery Setup")."""
    yield "autoscaler-enabled", (f"{_AUTOSCALER}/enabled", "true")
    yield "autoscaler-owned", (f"{_AUTOSCALER}/{args.cluster_name}", "owned")
    for key, value in sorted(labels.items()):
        yield f"label-{key}", (f"{_AUTOSCALER}/node-template/label/{key}", value)
    for taint in args.pool.taints:
        key = f"{_AUTOSCALER}/node-template/taint/{taint.key}"
        yield f"taint-{taint.key}", (key, f"{taint.value}:{taint.effect}")
