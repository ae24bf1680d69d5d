"""The Terraform configuration of a bench stack: the resources that the program declares, in plain resources.

What is the same in all stacks stands in `terraform/*.tf`, written as one would by hand; the stack's settings become
variables. The pools, which are what grows, come in two forms, since they cost Terraform differently:

- `written_out`: each pool's resources in blocks of their own, values and all. Terraform's cost grows with the number of
  pools. The goals are held against this form: it is the cheaper one for Terraform where it matters.
- `for_each`: the pools in a variable, and `for_each` over it, as most people write it. For each `[each.key]` Terraform
  builds the values of all instances, so that its cost grows with the square.

Left out on the Terraform side: the cluster's `deletion_protection`, an argument that aws provider 5.100 doesn't have;
and the provider's `allowed_account_ids`, since a plan without an account would be refused. What the program protects
has `prevent_destroy`. Of stack files the bench knows what its own stacks use: pools of Amazon Linux 2023, without
taints, in all zones and at the cluster's version; gateway endpoints; a private API endpoint; NAT per zone.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from string import Template
from typing import Any, Literal, get_args

from components.node_pools.naming import fingerprint, node_labels
from config.addresses import zone_subnets
from config.eks import EksCluster, EksPool
from config.eks_addons import addon_versions

PoolForm = Literal["written_out", "for_each"]
POOL_FORMS: tuple[PoolForm, ...] = get_args(PoolForm)
_SOURCE = Path(__file__).with_name("terraform")
_POOLS = _SOURCE / "pools"
_AUTOSCALER = "k8s.io/cluster-autoscaler"


class _HclTemplate(Template):
    """Placeholders as `@{name}`: the dollar sign is HCL's own."""

    delimiter = "@"


def write_configuration(folder: Path, cluster: str, settings: EksCluster, form: PoolForm) -> None:
    """Write the configuration of a cluster to a folder, ready for `terraform init`."""
    for file in _SOURCE.glob("*.tf"):
        shutil.copy(file, folder)
    variables = _variables(cluster, settings)
    if form == "for_each":
        shutil.copy(_POOLS / "for_each.tf", folder / "node_pools.tf")
        variables["pools"] = {name: _pool_variable(pool) for name, pool in settings.pools.items()}
        pools = ["aws_eks_node_group.pool", "aws_autoscaling_group_tag.pool"]
    else:
        blocks = list(_written_out(cluster, settings))
        (folder / "node_pools.tf").write_text("\n".join(text for _, text in blocks))
        pools = [address for address, _ in blocks]
    (folder / "addons_after_nodes.tf").write_text(
        _filled("addons.tf.template", pools="\n".join(f"    {address}," for address in pools))
    )
    (folder / "terraform.tfvars.json").write_text(json.dumps(variables, indent=2) + "\n")


def _variables(cluster: str, settings: EksCluster) -> dict[str, Any]:
    zones = {zone: zone_subnets(settings.network.cidr, zone) for zone in settings.zones}
    flow_logs = settings.network.flow_logs
    if flow_logs is None:
        raise ValueError("the bench's stacks have flow logs")
    return {
        "cluster": cluster,
        "account_id": settings.account_id,
        "region": settings.region,
        "tags": {"kuber:cluster": cluster, "kuber:environment": settings.environment, **settings.tags},
        "kubernetes_version": settings.kubernetes.version,
        "addon_versions": addon_versions(settings.kubernetes.version, {**settings.addons}),
        "cidr": str(settings.network.cidr),
        "service_cidr": str(settings.network.service_cidr),
        "zones": {zone: {"private": str(cut.private), "public": str(cut.public)} for zone, cut in zones.items()},
        "gateway_endpoints": list(settings.network.vpc_endpoints),
        "flow_logs": {"traffic": flow_logs.traffic, "retention_days": flow_logs.retention_days},
        "log_retention_days": settings.logs.retention_days,
        "key_deletion_window_days": settings.encryption.deletion_window_days,
        "private_cidrs": {name: str(cidr) for name, cidr in settings.endpoint.private_cidrs.items()},
        "access": {
            who: {"principal": principal, "policy": policy}
            for people, policy in (
                (settings.access.admins, "AmazonEKSClusterAdminPolicy"),
                (settings.access.viewers, "AmazonEKSViewPolicy"),
            )
            for who, principal in people.items()
        },
    }


def _ami_type(pool: EksPool) -> str:
    return "AL2023_ARM_64_STANDARD" if pool.architecture == "arm64" else "AL2023_x86_64_STANDARD"


def _pool_variable(pool: EksPool) -> dict[str, Any]:
    return {
        "capacity": pool.capacity,
        "machine_types": list(pool.machine_types),
        "ami_type": _ami_type(pool),
        "min": pool.min,
        "max": pool.max,
        "disk_gib": pool.disk_gib,
        "max_unavailable_percent": pool.max_unavailable_percent,
        "labels": pool.labels,
    }


def _written_out(cluster: str, settings: EksCluster) -> Iterator[tuple[str, str]]:
    """Each pool's node group (with its launch template) and each of its tags: address and text."""
    for name, pool in settings.pools.items():
        labels = node_labels(name, pool, pool.capacity)
        text = _filled(
            "written_out.tf.template",
            id=name,
            name=name,
            full_name=f"{name}-{_fingerprint(pool, settings)}",
            ami_type=_ami_type(pool),
            capacity_type=pool.capacity.upper(),
            machine_types=json.dumps(list(pool.machine_types)),
            labels="{ " + ", ".join(f'"{key}" = "{value}"' for key, value in labels.items()) + " }",
            disk_gib=pool.disk_gib,
            min=pool.min,
            max=pool.max,
            max_unavailable_percent=pool.max_unavailable_percent,
        )
        yield f"aws_eks_node_group.{name}", text
        tags = {f"{_AUTOSCALER}/enabled": "true", f"{_AUTOSCALER}/{cluster}": "owned"} | {
            f"{_AUTOSCALER}/node-template/label/{key}": value for key, value in labels.items()
        }
        for index, (key, value) in enumerate(tags.items()):
            tag = f"{name}_{index}"
            yield (
                f"aws_autoscaling_group_tag.{tag}",
                _filled("autoscaler_tag.tf.template", id=tag, pool_id=name, key=key, value=value),
            )


def _fingerprint(pool: EksPool, settings: EksCluster) -> str:
    return fingerprint(
        {
            "ami": pool.ami,
            "capacity": pool.capacity,
            "disk_gib": pool.disk_gib,
            "machine_types": sorted(pool.machine_types),
            "version": settings.kubernetes.version,
            "zones": sorted(settings.zones),
        }
    )


def _filled(template: str, **values: object) -> str:
    return _HclTemplate((_POOLS / template).read_text()).substitute(values)
