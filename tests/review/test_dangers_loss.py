"""What goes or is replaced although it holds data or serves traffic; protection; renames without an alias."""

from __future__ import annotations

import json

import pytest

from kuber.replacement.differences import TABLE
from kuber.review.dangers import loss
from tests.review.cases import Resource, another, cluster, found, of_rule, only, rules, whole
from tests.support import EKS, GKE, METAL

PROMETHEUS = "system-monitoring/monitoring-prometheus"


@pytest.mark.parametrize(
    ("file", "type_", "name", "level", "reason"),
    [
        (EKS, "Key", "prod-eks-secrets", "high", "with it goes the key that the cluster's secrets are encrypted with"),
        (EKS, "LogGroup", "prod-eks-control-plane", "medium", "with it goes the logs that it has kept"),
        (EKS, "Secret", "system-secrets/vault-token-review", "medium", "with it goes a secret that pods may mount"),
        (GKE, "CryptoKey", "", "high", "its name can't be used again"),
    ],
)
def test_what_holds_data_and_goes_is_told(file: object, type_: str, name: str, level: str, reason: str) -> None:
    before = cluster(file)  # type: ignore[arg-type]
    told = only("data-lost", before, before.without(type_, name))
    assert told.level == level
    assert told.what == f"{type_} {before.one(type_, name)['name']} is deleted"
    assert reason in told.reason


@pytest.mark.parametrize(
    ("file", "type_", "name", "level"),
    [
        (EKS, "NatGateway", "prod-eks-network-nat-eu-west-1a", "high"),
        (EKS, "Route", "prod-eks-network-public", "high"),
        (EKS, "Addon", "prod-eks-coredns", "high"),
        (EKS, "VpcEndpoint", "prod-eks-network-s3", "medium"),
        (EKS, "AccessEntry", "prod-eks-access-210987654321:role/developer", "medium"),
        (EKS, "PodIdentityAssociation", "prod-eks-system-dns-external-dns", "medium"),
        (EKS, "RolePolicyAttachment", "prod-eks-nodes-AmazonEKSWorkerNodePolicy", "medium"),
        (EKS, "AuthBackendRole", "prod-eks-workload", "medium"),
        (GKE, "RouterNat", "", "high"),
        (GKE, "ClusterRoleBinding", "prod-gke-view", "medium"),
        (METAL, "IPAddressPool", "", "high"),
        (METAL, "L2Advertisement", "", "high"),
    ],
)
def test_what_serves_traffic_or_lets_in_and_goes_is_told(file: object, type_: str, name: str, level: str) -> None:
    before = cluster(file)  # type: ignore[arg-type]
    told = only("traffic-stops", before, before.without(type_, name))
    assert told.level == level
    assert told.what == f"{type_} {before.one(type_, name)['name']} is deleted"


def test_objects_of_charts_are_told_too() -> None:
    eks = whole(EKS)
    assert only("data-lost", eks, eks.without("Prometheus", PROMETHEUS)).level == "high"
    assert only("traffic-stops", eks, eks.without("IngressClass", "public")).level == "high"
    public = "system-ingress/nginx-ingress-public-controller"
    told = only("traffic-stops", eks, eks.without("Service", public))
    assert (told.level, told.reason) == ("high", "with it goes a load balancer, whose address becomes another")
    within = only("traffic-stops", eks, eks.without("Service", "system-monitoring/monitoring-prometheus"))
    assert within.level == "medium"


def test_a_service_without_an_address_serves_nobody() -> None:
    eks = whole(EKS)
    assert not of_rule("traffic-stops", eks, eks.without("Service", "kube-system/monitoring-coredns"))


def test_a_replacement_is_told_with_what_makes_it_one() -> None:
    eks = cluster(EKS)
    told = only("data-lost", eks, eks.set("LogGroup", "prod-eks-control-plane", "name", "/other"))
    assert told.what == "LogGroup prod-eks-control-plane is replaced"
    assert "name: /aws/eks/prod-eks/cluster becomes /other" in told.reason


def test_traffic_that_moves_to_what_is_made_first_is_a_smaller_danger() -> None:
    eks = cluster(EKS)
    subnet = "prod-eks-network-private-eu-west-1a"
    first = eks.set("Subnet", subnet, "cidrBlock", "10.20.48.0/20")
    moves = next(one for one in of_rule("traffic-moves", eks, first) if one.where == f"Subnet {subnet}")
    assert moves.level == "medium"
    assert moves.reason.startswith("the new one comes first; then goes a subnet that nodes or load balancers are in")
    last = first.option("Subnet", subnet, "deleteBeforeReplace", True)
    stops = next(one for one in of_rule("traffic-stops", eks, last) if one.where == f"Subnet {subnet}")
    assert stops.level == "high"
    assert ", the old one first (cidrBlock:" in stops.reason


def test_what_changes_in_place_is_no_loss() -> None:
    eks = cluster(EKS)
    assert found(eks, eks.set("Subnet", "prod-eks-network-private-eu-west-1a", "tags.Name", "other")) == []


def test_what_the_engine_forgets_is_left_behind() -> None:
    eks = cluster(EKS).option("LogGroup", "prod-eks-control-plane", "retainOnDelete", True)
    told = only("left-behind", eks, eks.without("LogGroup", "prod-eks-control-plane"))
    assert (told.level, told.what) == ("low", "LogGroup prod-eks-control-plane is forgotten, not deleted")
    assert not of_rule("data-lost", eks, eks.without("LogGroup", "prod-eks-control-plane"))


# Namespaces


def test_a_namespace_takes_all_that_is_in_it() -> None:
    off = whole(EKS.set("standard_stack.dns", {"enabled": False}))
    told = only("namespace-goes", whole(EKS), off)
    assert (told.level, told.what) == ("high", "Namespace system-dns is deleted")
    inside = sum(
        one["inputs"].get("metadata", {}).get("namespace") == "system-dns" for one in whole(EKS).resources.values()
    )
    assert told.reason.startswith(f"everything in it goes: {inside} objects of the stack")
    assert rules(whole(EKS), off) == ["high namespace-goes"]  # and nothing of what goes with it, cloud rights included


def test_rights_elsewhere_of_a_namespaces_accounts_go_with_it_and_those_of_others_are_told() -> None:
    eks = whole(EKS)
    gone = eks.without("Namespace", "system-dns")

    def bound(*namespaces: str) -> Resource:
        subjects = [{"kind": "ServiceAccount", "name": "x", "namespace": one} for one in namespaces]
        name = "kube-system/auth-reader"
        metadata = {"name": "auth-reader", "namespace": "kube-system"}
        like = next(one for one in eks.resources.values() if one["type"].endswith("v1:RoleBinding"))
        return another(like, name, metadata=metadata, subjects=subjects)

    assert not of_rule("traffic-stops", eks.plus(bound("system-dns")), gone)
    (told,) = of_rule("traffic-stops", eks.plus(bound("system-dns", "system-logging")), gone)
    assert told.where == "RoleBinding kube-system/auth-reader"


def test_a_namespace_that_the_engine_forgets_takes_nothing() -> None:
    eks = cluster(EKS).option("Namespace", "system-dns", "retainOnDelete", True)
    assert rules(eks, eks.without("Namespace", "system-dns")) == ["low left-behind"]


# Protection


def test_a_protected_resource_that_would_go_is_told() -> None:
    eks = cluster(EKS)
    told = only("protected", eks, eks.without("Key", "prod-eks-secrets"))
    assert (told.level, told.what) == ("high", "Key prod-eks-secrets is protected")
    assert told.reason.startswith("it would be deleted, so the engine refuses")


def test_a_protected_resource_that_changes_in_place_is_no_danger() -> None:
    eks = cluster(EKS)
    assert not of_rule("protected", eks, eks.set("Key", "prod-eks-secrets", "description", "other"))


@pytest.mark.parametrize(("file", "name"), [(EKS, "prod-eks"), (GKE, "prod-gke")])
def test_protection_that_is_lifted_is_told_once(file: object, name: str) -> None:
    before = cluster(file)  # type: ignore[arg-type]
    after = before.option("Cluster", name, "protect", False).set("Cluster", name, "deletionProtection", False)
    told = only("protection-lifted", before, after)
    assert (told.level, told.what) == ("medium", f"Cluster {name} is no longer protected")
    assert rules(before, after) == ["medium protection-lifted"]
    assert found(after, before) == []


# Renames


def test_a_rename_without_an_alias_is_told_as_one() -> None:
    eks = cluster(EKS)
    after = eks.renamed("Addon", "prod-eks-coredns", "prod-eks-dns")
    told = only("renamed-without-alias", eks, after)
    assert (told.level, told.what) == ("high", "Addon prod-eks-coredns seems to be renamed")
    assert told.reason.startswith("Addon prod-eks-dns: made with the same inputs as what is deleted")
    assert not of_rule("traffic-stops", eks, after)


def test_a_rename_that_an_alias_covers_is_no_danger() -> None:
    eks = cluster(EKS)
    after = eks.renamed("Addon", "prod-eks-coredns", "prod-eks-dns", aliases=[{"spec": {"name": "prod-eks-coredns"}}])
    assert found(eks, after) == []


def test_what_is_made_with_other_inputs_is_no_rename() -> None:
    eks = cluster(EKS)
    old = eks.one("Addon", "prod-eks-coredns")
    after = eks.without("Addon", "prod-eks-coredns").plus(another(old, "prod-eks-dns", addonName="other-dns"))
    assert not of_rule("renamed-without-alias", eks, after)
    assert of_rule("traffic-stops", eks, after)


def test_one_of_several_alike_is_paired_with_one_alone() -> None:
    eks = cluster(EKS)
    first = eks.one("Addon", "prod-eks-coredns")
    before = (
        eks.plus(another(first, "prod-eks-dns-1"))
        .without("Addon", "prod-eks-coredns")
        .plus(another(first, "prod-eks-dns-2"))
    )
    after = eks.without("Addon", "prod-eks-coredns").plus(another(first, "prod-eks-dns-3"))
    assert [one.what for one in of_rule("renamed-without-alias", before, after)] == [
        "Addon prod-eks-dns-1 seems to be renamed"
    ]
    assert [one.what for one in of_rule("traffic-stops", before, after)] == ["Addon prod-eks-dns-2 is deleted"]


# What the tables are about


def test_the_tables_name_types_that_the_program_makes() -> None:
    clouds = {one for one in loss.GRAVITY if not one.startswith("kubernetes:")}
    known = json.loads(TABLE.read_text(encoding="utf-8"))["types"]
    assert clouds - set(known) <= {"gcp:dns/dnsManagedZoneIamMember:DnsManagedZoneIamMember"}
    made = {one["type"] for file in (EKS, GKE, METAL) for one in whole(file).resources.values()}
    by_choice = {  # of the stack file, or of a chart of another version
        "kubernetes:apps/v1:StatefulSet",
        "kubernetes:core/v1:PersistentVolumeClaim",
        "kubernetes:metallb.io/v1beta1:BGPAdvertisement",
        "kubernetes:metallb.io/v1beta2:BGPPeer",
        "kubernetes:traefik.io/v1alpha1:IngressRoute",
    }
    assert {one for one in loss.GRAVITY if one.startswith("kubernetes:")} - made == by_choice


def test_a_cluster_that_goes_with_its_stack_file_is_one_danger() -> None:
    (told,) = found(cluster(EKS), None)
    assert (told.level, told.rule, told.where) == ("high", "cluster-removed", "prod-eks")
    protected = sum(bool(one["options"].get("protect")) for one in cluster(EKS).resources.values())
    assert f"its {len(cluster(EKS).resources)} resources stay" in told.reason
    assert told.reason.endswith(f"; {protected} of them are protected")


def test_nothing_is_dangerous_where_nothing_changes() -> None:
    for file in (EKS, GKE, METAL):
        assert found(whole(file), whole(file)) == []
        assert found(None, whole(file)) == []


def test_the_worst_comes_first() -> None:
    eks = cluster(EKS)
    after = eks.without("LogGroup", "prod-eks-control-plane").without("Key", "prod-eks-secrets")
    levels = [
        one.level
        for one in found(eks, after.set("NodeGroup", "prod-eks-workers-spot-e806c9", "scalingConfig.minSize", 6))
    ]
    assert levels == sorted(levels, key=["high", "medium", "low"].index)
    assert len(set(levels)) == 3
