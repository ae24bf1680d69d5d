"""Simulated EKS. Error codes are those of the EKS API reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kuber.rehearsal.cloud.aws_account import role_is_there
from kuber.rehearsal.cloud.aws_network import LAUNCH_TEMPLATE, SUBNET, arn, in_subnet, with_group
from kuber.rehearsal.cloud.kinds import Autoname, CloudError, Kind, Needs, Resource, Unique
from kuber.wire import UNKNOWN, Properties

CLUSTER = "aws:eks/cluster:Cluster"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"

_NEWEST_VERSION = "1.35"
"""What a cluster gets that asks for no version."""


def _of_cluster(*, holds: bool = False) -> Needs:
    return Needs(
        "clusterName",
        CLUSTER,
        "name",
        "ResourceNotFoundException: No cluster found for name: {value}.",
        "ResourceInUseException: Cluster has nodegroups attached" if holds else "",
        goes_too=not holds,
    )


def _cluster(resource: Resource) -> Properties:
    name, region, endpoint = resource.record.id, resource.place.region, resource.endpoint
    mark = resource.hex(32, "endpoint").upper()
    subnets = resource.get("vpcConfig.subnetIds") or []
    subnet = resource.find(SUBNET, id=subnets[0]) if subnets else None
    return {
        "arn": arn(resource, "cluster/", name, "eks"),
        "endpoint": endpoint.url if endpoint else f"https://{mark}.gr7.{region}.eks.amazonaws.com",
        "certificateAuthority": {"data": endpoint.authority_data if endpoint else ""},
        "identities": [{"oidcs": [{"issuer": f"https://oidc.eks.{region}.amazonaws.com/id/{mark}"}]}],
        "createdAt": resource.record.created_at.isoformat(),
        "platformVersion": "eks.3",
        "status": "ACTIVE",
        "version": resource.get("version", _NEWEST_VERSION),
        "vpcConfig": {
            "clusterSecurityGroupId": f"sg-0{resource.hex(16, 'group')}",
            **({"vpcId": subnet.outputs["vpcId"]} if subnet else {}),
        },
    }


def _node_group(resource: Resource) -> Properties:
    name, cluster = resource.get("nodeGroupName"), resource.get("clusterName")
    mark = resource.uuid("group")
    version = resource.get("version") or _cluster_version(resource)
    return {
        "arn": arn(resource, "nodegroup/", f"{cluster}/{name}/{mark}", "eks"),
        "resources": [
            {"autoscalingGroups": [{"name": f"eks-{name}-{mark}"}], "remoteAccessSecurityGroupId": ""},
        ],
        "status": "ACTIVE",
        "version": version,
        "releaseVersion": resource.get("releaseVersion") or f"{version}.0-20261101",
        "capacityType": resource.get("capacityType", "ON_DEMAND"),
    }


def _cluster_version(resource: Resource) -> str:
    cluster = resource.find(CLUSTER, name=resource.get("clusterName"))
    return cluster.outputs["version"] if cluster else _NEWEST_VERSION


def _sizes_fit(resource: Resource, _: Mapping[str, Any] | None) -> None:
    least, wanted, most = (resource.get(f"scalingConfig.{one}") for one in ("minSize", "desiredSize", "maxSize"))
    if UNKNOWN in (least, wanted, most) or None in (least, wanted, most):
        return
    if least > wanted:
        raise CloudError(
            f"InvalidParameterException: Minimum capacity {least} can't be greater than desired size {wanted}"
        )
    if wanted > most:
        raise CloudError(f"InvalidParameterException: desired capacity {wanted} can't be greater than max size {most}")
    if most < 1:
        raise CloudError(f"InvalidParameterException: max size {most} can't be less than 1")


def _nodes_are_not_ahead(resource: Resource, _: Mapping[str, Any] | None) -> None:
    version, cluster = resource.get("version"), _cluster_version(resource)
    if version not in (None, UNKNOWN) and _minor(version) > _minor(cluster):
        raise CloudError(
            f"InvalidParameterException: Nodegroup Kubernetes version should be equal to or less than the cluster version {cluster}"
        )


def _one_minor_at_a_time(resource: Resource, before: Mapping[str, Any] | None) -> None:
    """Of a live cluster: up by one minor, and never down (the rollback within 7 days is another call)."""
    if before is None:
        return
    old, new = before.get("version"), resource.get("version")
    if old and new not in (None, UNKNOWN) and not 0 <= _minor(new) - _minor(old) <= 1:
        raise CloudError(f"InvalidParameterException: Unsupported Kubernetes minor version update from {old} to {new}")


def _minor(version: str) -> int:
    try:
        return int(version.split(".")[1])
    except (IndexError, ValueError):
        raise CloudError(f"InvalidParameterException: unsupported Kubernetes version {version}") from None


def _is_unprotected(resource: Resource) -> None:
    if resource.get("deletionProtection"):
        raise CloudError(
            f"InvalidRequestException: Cluster {resource.record.id} has deletion protection enabled: it can't be deleted until that"
            " is off"
        )


KINDS: Mapping[str, Kind] = {
    CLUSTER: Kind(
        id=lambda resource: resource.get("name"),
        outputs=_cluster,
        autoname=Autoname(property="name", length=100),
        unique=[Unique(["name"], "ResourceInUseException: Cluster already exists with name: {name}")],
        needs=[in_subnet("vpcConfig.subnetIds[*]"), with_group("vpcConfig.securityGroupIds[*]")],
        rules=[role_is_there("roleArn"), _one_minor_at_a_time],
        guard=_is_unprotected,
    ),
    NODE_GROUP: Kind(
        id=lambda resource: f"{resource.get('clusterName')}:{resource.get('nodeGroupName')}",
        outputs=_node_group,
        autoname=Autoname(property="nodeGroupName", length=63),
        unique=[
            Unique(
                ["clusterName", "nodeGroupName"],
                "ResourceInUseException: NodeGroup already exists with name {nodeGroupName} and cluster name {clusterName}",
            )
        ],
        needs=[
            _of_cluster(holds=True),
            in_subnet("subnetIds[*]"),
            Needs(
                "launchTemplate.id",
                LAUNCH_TEMPLATE,
                "id",
                "InvalidRequestException: You must specify a valid launch template: {value} does not exist",
            ),
        ],
        rules=[role_is_there("nodeRoleArn"), _sizes_fit, _nodes_are_not_ahead],
    ),
    "aws:eks/addon:Addon": Kind(
        id=lambda resource: f"{resource.get('clusterName')}:{resource.get('addonName')}",
        outputs=lambda resource: {
            "arn": arn(
                resource,
                "addon/",
                f"{resource.get('clusterName')}/{resource.get('addonName')}/{resource.uuid()}",
                "eks",
            ),
            "addonVersion": resource.get("addonVersion", "v1.0.0-eksbuild.1"),
            "createdAt": resource.record.created_at.isoformat(),
            "modifiedAt": resource.record.created_at.isoformat(),
        },
        unique=[Unique(["clusterName", "addonName"], "ResourceInUseException: Addon already exists.")],
        needs=[_of_cluster()],
        rules=[role_is_there("serviceAccountRoleArn")],
    ),
    "aws:eks/accessEntry:AccessEntry": Kind(
        id=lambda resource: f"{resource.get('clusterName')}:{resource.get('principalArn')}",
        outputs=lambda resource: {
            "accessEntryArn": arn(
                resource,
                "access-entry/",
                f"{resource.get('clusterName')}/{resource.uuid()}",
                "eks",
            ),
            "createdAt": resource.record.created_at.isoformat(),
            "modifiedAt": resource.record.created_at.isoformat(),
            "userName": resource.get("userName") or resource.get("principalArn"),
        },
        unique=[
            Unique(
                ["clusterName", "principalArn"],
                "ResourceInUseException: The specified access entry resource is already in use on this cluster.",
            )
        ],
        needs=[_of_cluster()],
    ),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": Kind(
        id=lambda resource: "#".join(resource.get(one) for one in ("clusterName", "principalArn", "policyArn")),
        outputs=lambda resource: {
            "associatedAt": resource.record.created_at.isoformat(),
            "modifiedAt": resource.record.created_at.isoformat(),
        },
        overwrites=True,  # AssociateAccessPolicy
        unique=[Unique(["clusterName", "principalArn", "policyArn"], "")],
        needs=[
            _of_cluster(),
            Needs(
                "principalArn",
                "aws:eks/accessEntry:AccessEntry",
                "principalArn",
                "ResourceNotFoundException: The specified principalArn could not be found: {value}",
                goes_too=True,
            ),
        ],
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": Kind(
        id=lambda resource: f"a-{resource.hex(17)}",
        outputs=lambda resource: {
            "associationArn": arn(
                resource,
                "podidentityassociation/",
                f"{resource.get('clusterName')}/{resource.record.id}",
                "eks",
            ),
            "associationId": resource.record.id,
        },
        unique=[
            Unique(
                ["clusterName", "namespace", "serviceAccount"],
                "ResourceInUseException: Association already exists: {id}",
            )
        ],
        needs=[_of_cluster()],
        rules=[role_is_there("roleArn")],
    ),
}
