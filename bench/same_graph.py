"""Do two plans hold the same resources? Counted kind by kind, since a bench of unequal work says nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

PULUMI_ONLY = ("pulumi:pulumi:Stack", "pulumi:providers:aws", "pulumi:providers:kubernetes")
"""The stack itself and the providers: resources for Pulumi, none for Terraform."""
_COMPONENT = "kuber:"
"""Components group resources, as modules do; Terraform counts neither."""
_OBJECT = "kubernetes:"
"""Objects of the standard stack's base, which can't be left out: Terraform's side has none, so they count against kuber."""

_TERRAFORM_TYPES = {
    "aws:autoscaling/tag:Tag": "aws_autoscaling_group_tag",
    "aws:cloudwatch/logGroup:LogGroup": "aws_cloudwatch_log_group",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": "aws_default_security_group",
    "aws:ec2/eip:Eip": "aws_eip",
    "aws:ec2/flowLog:FlowLog": "aws_flow_log",
    "aws:ec2/internetGateway:InternetGateway": "aws_internet_gateway",
    "aws:ec2/launchTemplate:LaunchTemplate": "aws_launch_template",
    "aws:ec2/natGateway:NatGateway": "aws_nat_gateway",
    "aws:ec2/route:Route": "aws_route",
    "aws:ec2/routeTable:RouteTable": "aws_route_table",
    "aws:ec2/routeTableAssociation:RouteTableAssociation": "aws_route_table_association",
    "aws:ec2/securityGroup:SecurityGroup": "aws_security_group",
    "aws:ec2/subnet:Subnet": "aws_subnet",
    "aws:ec2/vpc:Vpc": "aws_vpc",
    "aws:ec2/vpcEndpoint:VpcEndpoint": "aws_vpc_endpoint",
    "aws:eks/accessEntry:AccessEntry": "aws_eks_access_entry",
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": "aws_eks_access_policy_association",
    "aws:eks/addon:Addon": "aws_eks_addon",
    "aws:eks/cluster:Cluster": "aws_eks_cluster",
    "aws:eks/nodeGroup:NodeGroup": "aws_eks_node_group",
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": "aws_eks_pod_identity_association",
    "aws:iam/role:Role": "aws_iam_role",
    "aws:iam/rolePolicy:RolePolicy": "aws_iam_role_policy",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "aws_iam_role_policy_attachment",
    "aws:kms/alias:Alias": "aws_kms_alias",
    "aws:kms/key:Key": "aws_kms_key",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": "aws_vpc_security_group_ingress_rule",
}


class GraphsDifferError(Exception):
    """The two sides don't plan the same resources."""


def kuber_resources(plan: Mapping[str, Any]) -> Counter[str]:
    """What `kuber plan --json` declares, by Terraform's names of the kinds."""
    kinds: Iterable[str] = (resource["type"] for resource in plan["resources"])
    counted = (kind for kind in kinds if kind not in PULUMI_ONLY and not kind.startswith((_COMPONENT, _OBJECT)))
    return Counter([_TERRAFORM_TYPES.get(kind) or kind for kind in counted])


def terraform_resources(plan: Mapping[str, Any]) -> Counter[str]:
    """What `terraform show -json` of a plan says will be made."""
    changes: Iterable[Mapping[str, Any]] = plan["resource_changes"]
    return Counter(change["type"] for change in changes if change["mode"] == "managed")


def require_same(kuber: Counter[str], terraform: Counter[str]) -> None:
    """Compare kind by kind.

    Raises:
        GraphsDifferError: some kind stands there more often on one side.
    """
    if kuber == terraform:
        return
    lines = [
        f"    {kind}: kuber {kuber[kind]}, Terraform {terraform[kind]}"
        for kind in sorted(kuber | terraform)
        if kuber[kind] != terraform[kind]
    ]
    raise GraphsDifferError("\n".join(["the two sides plan different resources:", *lines]))
