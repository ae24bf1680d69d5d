"""An EKS cluster as its plan shows it."""

from __future__ import annotations

import json

from config.eks_addons import pinned_addons
from tests.plans import node_groups, plan
from tests.support import EKS, EKS_OTHERWISE, StackFile

CLUSTER = "aws:eks/cluster:Cluster"
ADDON = "aws:eks/addon:Addon"


def test_all_five_logs_of_the_control_plane_are_on_and_kept_for_a_year() -> None:
    cluster = plan(EKS).one(CLUSTER)
    assert cluster.inputs["enabledClusterLogTypes"] == [
        "api",
        "audit",
        "authenticator",
        "controllerManager",
        "scheduler",
    ]
    logs = plan(EKS).one("aws:cloudwatch/logGroup:LogGroup", "prod-eks-control-plane")
    assert logs.inputs["name"] == "/aws/eks/prod-eks/cluster"
    assert logs.inputs["retentionInDays"] == 365
    assert logs in plan(EKS).before(cluster), "else EKS makes the group itself and keeps the logs for ever"


def test_rights_in_the_cluster_come_from_access_entries_alone() -> None:
    cluster = plan(EKS).one(CLUSTER)
    assert cluster.inputs["accessConfig"] == {
        "authenticationMode": "API",
        "bootstrapClusterCreatorAdminPermissions": False,
    }
    assert cluster.inputs["bootstrapSelfManagedAddons"] is False


def test_admins_and_viewers_have_the_policies_that_the_stack_file_says() -> None:
    policies = plan(EKS).all("aws:eks/accessPolicyAssociation:AccessPolicyAssociation")
    assert {one.inputs["principalArn"].rpartition("/")[2]: one.inputs["policyArn"] for one in policies} == {
        "platform-admin": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
        "break-glass": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy",
        "developer": "arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy",
    }
    entries = plan(EKS).all("aws:eks/accessEntry:AccessEntry")
    assert {one.inputs["principalArn"] for one in entries} == {one.inputs["principalArn"] for one in policies}


def test_secrets_are_encrypted_under_a_key_that_rotates() -> None:
    key = plan(EKS).one("aws:kms/key:Key")
    cluster = plan(EKS).one(CLUSTER)
    assert key.inputs["enableKeyRotation"] is True
    assert key.inputs["deletionWindowInDays"] == 30
    assert cluster.inputs["encryptionConfig"]["resources"] == ["secrets"]
    use_of_key = plan(EKS).one("aws:iam/rolePolicy:RolePolicy", "prod-eks-control-plane-key")
    assert {key, use_of_key} <= plan(EKS).before(cluster)


def test_the_endpoint_is_private_and_reached_from_named_ranges() -> None:
    network = plan(EKS).one(CLUSTER).inputs["vpcConfig"]
    assert network["endpointPrivateAccess"] is True
    assert network["endpointPublicAccess"] is False
    assert "publicAccessCidrs" not in network
    rules = [
        rule
        for rule in plan(EKS).all("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule")
        if rule.name.startswith("prod-eks-api-")
    ]
    assert {rule.inputs["description"]: rule.inputs["cidrIpv4"] for rule in rules} == {
        "office-vpn": "10.250.0.0/20",
        "build-machines": "10.251.4.0/24",
        "london-colo": "10.40.0.0/20",
    }
    assert {(rule.inputs["fromPort"], rule.inputs["toPort"], rule.inputs["ipProtocol"]) for rule in rules} == {
        (443, 443, "tcp")
    }


def test_a_public_endpoint_is_open_to_the_named_ranges_alone() -> None:
    network = plan(EKS_OTHERWISE).one(CLUSTER).inputs["vpcConfig"]
    assert network["endpointPublicAccess"] is True
    assert network["publicAccessCidrs"] == ["198.51.100.0/24", "203.0.112.0/22"]


# Add-ons


def test_add_ons_have_the_pinned_versions_of_the_minor() -> None:
    found = {addon.inputs["addonName"]: addon.inputs["addonVersion"] for addon in plan(EKS).all(ADDON)}
    assert found == dict(pinned_addons()["1.35"])


def test_the_stack_file_may_pin_an_add_on_otherwise() -> None:
    assert plan(EKS_OTHERWISE).one(ADDON, "prod-eks-coredns").inputs["addonVersion"] == "v9.9.9-eksbuild.9"
    assert (
        plan(EKS_OTHERWISE).one(ADDON, "prod-eks-vpc-cni").inputs["addonVersion"] == pinned_addons()["1.35"]["vpc-cni"]
    )


def test_what_makes_a_node_ready_comes_before_the_nodes() -> None:
    for group in node_groups(plan(EKS)).values():
        before = plan(EKS).names_before(group)
        assert {"prod-eks-vpc-cni", "prod-eks-kube-proxy", "prod-eks-eks-pod-identity-agent"} <= before
        assert not {"prod-eks-coredns", "prod-eks-aws-ebs-csi-driver"} & before


def test_what_runs_on_nodes_comes_after_them() -> None:
    """On-demand ones: where there is no spot capacity, DNS still comes up."""
    every = node_groups(plan(EKS)).values()
    groups = {group for group in every if group.inputs["capacityType"] == "ON_DEMAND"}
    assert len(groups) == 2
    for addon in ("prod-eks-coredns", "prod-eks-aws-ebs-csi-driver"):
        assert groups <= plan(EKS).before(plan(EKS).one(ADDON, addon))


def test_add_ons_that_call_aws_have_their_rights_first() -> None:
    for addon, account in (("vpc-cni", "aws-node"), ("aws-ebs-csi-driver", "ebs-csi-controller-sa")):
        before = plan(EKS).before(plan(EKS).one(ADDON, f"prod-eks-{addon}"))
        association = plan(EKS).one(
            "aws:eks/podIdentityAssociation:PodIdentityAssociation", f"prod-eks-kube-system-{account}"
        )
        assert association in before


def test_kubernetes_objects_go_before_the_nodes_do() -> None:
    """Load balancers and volumes left behind would hold up the network's removal."""
    groups = set(node_groups(plan(EKS)).values())
    assert groups <= plan(EKS).before(plan(EKS).one("pulumi:providers:kubernetes"))


# Roles


def test_nodes_have_the_least_rights_they_join_with() -> None:
    attached = [
        one.inputs["policyArn"].rpartition("/")[2]
        for one in plan(EKS).all("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
        if one.name.startswith("prod-eks-nodes-")
    ]
    assert sorted(attached) == ["AmazonEC2ContainerRegistryPullOnly", "AmazonEKSWorkerNodePolicy"]


def test_each_role_is_for_one_service() -> None:
    services = {
        role.name.removeprefix("prod-eks-"): [
            statement["Principal"]["Service"] for statement in json.loads(role.inputs["assumeRolePolicy"])["Statement"]
        ]
        for role in plan(EKS).all("aws:iam/role:Role")
        if not role.name.startswith("prod-eks-system-")  # workloads of the standard stack
    }
    assert services == {
        "control-plane": ["eks.amazonaws.com"],
        "nodes": ["ec2.amazonaws.com"],
        "network-flow-logs": ["vpc-flow-logs.amazonaws.com"],
        "kube-system-aws-node": ["pods.eks.amazonaws.com"],
        "kube-system-ebs-csi-controller-sa": ["pods.eks.amazonaws.com"],
    }


LONGEST = StackFile(
    "a-cluster-with-the-longest-nam",
    EKS.replacing("      workers-spot-memory:", "      the-pool-with-the-longest-name:").text,
)


def test_names_of_roles_leave_room_for_what_the_engine_appends() -> None:
    """IAM takes 64 characters; the engine appends a dash and seven of its own to the resource's name."""
    roles = plan(LONGEST).all("aws:iam/role:Role")
    assert [role.name for role in roles if len(role.inputs.get("name") or f"{role.name}-1234567") > 64] == []


def test_names_of_node_groups_fit() -> None:
    """EKS takes 63 characters."""
    names = [group.inputs["nodeGroupName"] for group in node_groups(plan(LONGEST)).values()]
    assert max(len(name) for name in names) in range(31, 64)


# Whose cluster it is


def test_another_account_s_credentials_are_refused() -> None:
    provider = plan(EKS).one("pulumi:providers:aws")
    assert json.loads(provider.inputs["allowedAccountIds"]) == ["210987654321"]
    assert provider.inputs["region"] == "eu-west-1"


def test_everything_is_tagged_with_its_cluster_and_owner() -> None:
    tags = json.loads(plan(EKS).one("pulumi:providers:aws").inputs["defaultTags"])["tags"]
    assert tags == {
        "kuber:cluster": "prod-eks",
        "kuber:environment": "production",
        "owner": "platform",
        "cost-center": "shop",
    }


def test_a_production_cluster_has_no_extended_support_by_accident() -> None:
    assert plan(EKS).one(CLUSTER).inputs["upgradePolicy"] == {"supportType": "STANDARD"}


# Protection


def test_cluster_network_and_key_are_protected_and_pools_are_not() -> None:
    assert {one.type for one in plan(EKS).resources.values() if one.protected} == {
        CLUSTER,
        "aws:ec2/vpc:Vpc",
        "aws:kms/key:Key",
    }
    assert plan(EKS).one(CLUSTER).inputs["deletionProtection"] is True


def test_protection_can_be_lifted() -> None:
    assert [one.name for one in plan(EKS_OTHERWISE).resources.values() if one.protected] == []
    assert plan(EKS_OTHERWISE).one(CLUSTER).inputs["deletionProtection"] is False


def test_an_unprotected_production_cluster_is_warned_of() -> None:
    assert any("protect is false" in warning for warning in plan(EKS_OTHERWISE).warnings)
    assert not any("protect is false" in warning for warning in plan(EKS).warnings)
