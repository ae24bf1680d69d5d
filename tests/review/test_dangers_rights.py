"""Rights that become more: in AWS and Google Cloud, in Vault and in the cluster."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from kuber.plan.registration import UNKNOWN
from tests.review.cases import Cluster, another, cluster, found, of_rule, only, whole
from tests.support import EKS, GKE

DNS = "prod-eks-system-dns-external-dns"
ZONE = "arn:aws:route53:::hostedzone/Z0457831PRODEKS0SHOP"
DEVELOPER = "prod-eks-access-210987654321:role/developer"
ADMIN = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSClusterAdminPolicy"


def with_statements(statements: Sequence[Mapping[str, Any]], *, change: bool = True) -> Cluster:
    """EKS where the part dns has other rights in AWS: these besides, or these alone."""
    eks = cluster(EKS)
    document = json.loads(eks.inputs("RolePolicy", DNS)["policy"])
    document["Statement"] = [*(document["Statement"] if change else ()), *statements]
    return eks.set("RolePolicy", DNS, "policy", json.dumps(document))


def allow(*actions: str, on: Sequence[str] | str = "*", **others: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": on, **others}


# IAM


def test_an_action_more_is_told_with_what_it_is_on() -> None:
    told = only("rights-widened", cluster(EKS), with_statements([allow("route53:CreateHostedZone")]))
    assert (told.level, told.where) == ("medium", f"RolePolicy {DNS}")
    assert told.what == f"RolePolicy {DNS} allows more"
    assert told.reason == "may now route53:CreateHostedZone on *"


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        (allow("*"), "may now * on *"),
        (allow("s3:*"), "may now s3:* on *"),
        (allow("iam:PassRole"), "may now iam:PassRole on *"),
        ({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}, "may now anything but iam:* on *"),
    ],
)
def test_nearly_everything_is_a_high_danger(statement: dict[str, Any], reason: str) -> None:
    told = only("rights-widened", cluster(EKS), with_statements([statement]))
    assert (told.level, told.reason) == ("high", reason)


def test_many_actions_are_counted() -> None:
    told = only("rights-widened", cluster(EKS), with_statements([allow(*(f"ec2:Describe{one}" for one in "ABCDEFGH"))]))
    assert told.level == "medium"
    assert told.reason.endswith("ec2:DescribeF on *; and 2 more")


@pytest.mark.parametrize(
    "statement",
    [
        allow("route53:ListHostedZones"),
        allow("ROUTE53:ListHostedZones", on=[ZONE]),
        allow("route53:ListTagsForResource", on=ZONE),
        allow("route53:ChangeResourceRecordSets", on=ZONE, Condition={"StringEquals": {"aws:a": "b"}}),
        {"Effect": "Deny", "Action": "*", "Resource": "*"},
    ],
    ids=["the same", "the same in other letters", "a part", "under a condition", "a denial"],
)
def test_what_was_allowed_already_is_no_danger(statement: dict[str, Any]) -> None:
    assert not of_rule("rights-widened", cluster(EKS), with_statements([statement]))


def test_a_wildcard_covers_what_begins_so() -> None:
    wide, narrow = (
        with_statements([allow("s3:*", on="arn:aws:s3:::*")]),
        with_statements([allow("s3:Get", on="arn:aws:s3:::a")]),
    )
    assert not of_rule("rights-widened", wide, narrow)
    assert only("rights-widened", narrow, wide).reason == "may now s3:* on arn:aws:s3:::*"


def test_the_same_rights_written_otherwise_are_no_danger() -> None:
    eks = cluster(EKS)
    document = json.loads(eks.inputs("RolePolicy", DNS)["policy"])
    apart = [
        {**one, "Action": action, "Resource": resource}
        for one in reversed(document["Statement"])
        for action in one["Action"]
        for resource in one["Resource"]
    ]
    assert not of_rule("rights-widened", eks, with_statements(apart, change=False))


def test_a_right_less_is_no_danger() -> None:
    assert not of_rule("rights-widened", cluster(EKS), with_statements([], change=False))


@pytest.mark.parametrize(
    ("before", "after", "wider"),
    [
        ({"StringEquals": {"aws:a": ["x", "y"]}}, {"StringEquals": {"aws:a": "x"}}, False),
        ({"StringEquals": {"aws:a": "x"}}, {"StringEquals": {"aws:a": "x", "aws:b": "y"}}, False),
        ({"StringEquals": {"aws:a": "x"}}, {"StringEquals": {"aws:a": ["x", "y"]}}, True),
        ({"StringNotEquals": {"aws:a": ["x", "y"]}}, {"StringNotEquals": {"aws:a": "x"}}, True),
        ({"StringEquals": {"aws:a": "x"}}, None, True),
    ],
)
def test_a_condition_counts(before: Any, after: Any, wider: bool) -> None:
    olds, news = (with_statements([allow("s3:Get", **({"Condition": one} if one else {}))]) for one in (before, after))
    assert bool(of_rule("rights-widened", olds, news)) is wider


def test_a_denial_that_goes_is_told() -> None:
    denied = with_statements([{"Effect": "Deny", "Action": "route53:Delete*", "Resource": "*"}])
    assert only("rights-widened", denied, cluster(EKS)).reason == "no longer denied: route53:Delete* on *"


def test_who_may_take_a_role_is_told() -> None:
    eks, path = cluster(EKS), "assumeRolePolicy"
    document = json.loads(eks.inputs("Role", "prod-eks-nodes")[path])
    document["Statement"].append({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"})
    told = only("rights-widened", eks, eks.set("Role", "prod-eks-nodes", path, json.dumps(document)))
    assert (told.level, told.reason) == ("high", 'may now sts:AssumeRole by {"AWS": "*"}')


def test_a_role_that_any_account_may_take_is_told_by_what_no_longer_binds_it() -> None:
    eks, path = cluster(EKS), "assumeRolePolicy"
    document = json.loads(eks.inputs("Role", DNS)[path])
    del document["Statement"][0]["Condition"]["StringEquals"]["aws:RequestTag/kubernetes-service-account"]
    told = only("rights-widened", eks, eks.set("Role", DNS, path, json.dumps(document)))
    assert told.level == "medium"
    assert "sts:AssumeRole by" in told.reason


def test_a_policy_that_only_an_apply_tells_is_not_judged() -> None:
    eks = cluster(EKS)
    assert not of_rule("rights-widened", eks, eks.set("RolePolicy", DNS, "policy", UNKNOWN))
    assert not of_rule("rights-widened", eks.set("RolePolicy", DNS, "policy", UNKNOWN), eks)


def test_a_policy_more_of_a_role_that_is_there_is_told() -> None:
    eks = cluster(EKS)
    more = another(eks.one("RolePolicy", DNS), f"{DNS}-more", policy=json.dumps({"Statement": allow("s3:*")}))
    assert only("rights-widened", eks, eks.plus(more)).reason == "may now s3:* on *"


def test_rights_that_come_with_a_new_part_are_not_told_one_by_one() -> None:
    eks = cluster(EKS)
    before = eks
    for type_ in ("RolePolicy", "Role", "PodIdentityAssociation", "PodIdentity"):
        before = before.without(type_, "prod-eks-system-dns")
    assert not of_rule("rights-widened", before, eks)
    assert not of_rule("rights-given", before, eks)


# Who gets in


def test_an_admin_more_is_told() -> None:
    eks = cluster(EKS)
    like = eks.one("AccessPolicyAssociation", "prod-eks-access-210987654321:role/platform-admin")
    jane = another(like, "prod-eks-access-jane", principalArn="arn:aws:iam::210987654321:user/jane")
    told = only("rights-given", eks, eks.plus(jane))
    assert told.level == "high"
    assert told.what == "AmazonEKSClusterAdminPolicy is given to jane"
    assert told.reason == f"{ADMIN} for arn:aws:iam::210987654321:user/jane, in the whole cluster"


def test_a_viewer_who_becomes_an_admin_is_told() -> None:
    eks = cluster(EKS)
    told = only("rights-given", eks, eks.set("AccessPolicyAssociation", DEVELOPER, "policyArn", ADMIN))
    assert told.level == "high"
    assert told.what == "AmazonEKSClusterAdminPolicy is given to developer"
    assert told.reason.endswith("in the whole cluster, instead of AmazonEKSViewPolicy")


def test_a_viewer_more_is_a_smaller_danger() -> None:
    eks = cluster(EKS)
    viewer = another(
        eks.one("AccessPolicyAssociation", DEVELOPER), "prod-eks-access-joe", principalArn="arn:aws:iam::1:user/joe"
    )
    assert only("rights-given", eks, eks.plus(viewer)).level == "medium"


def test_a_right_for_a_namespace_that_becomes_one_for_all_is_told() -> None:
    eks = cluster(EKS)

    def within(scope: dict[str, Any]) -> Cluster:
        return eks.set("AccessPolicyAssociation", DEVELOPER, "accessScope", scope)

    of_one = within({"type": "namespace", "namespaces": ["default"]})
    assert only("rights-given", of_one, eks).what == "AmazonEKSViewPolicy is given to developer"
    assert only("rights-given", of_one, within({"type": "namespace", "namespaces": ["default", "shop"]}))
    assert not of_rule("rights-given", eks, of_one)


def test_a_role_of_google_more_is_told() -> None:
    gke = cluster(GKE)
    like = gke.one("IAMMember", "prod-gke-access-group:developers@shop.example")
    jane = another(
        like, "prod-gke-access-user:jane@shop.example", member="user:jane@shop.example", role="roles/container.admin"
    )
    told = only("rights-given", gke, gke.plus(jane))
    assert (told.level, told.what) == ("high", "container.admin is given to user:jane@shop.example")


def test_an_account_of_kubernetes_is_named_as_google_does() -> None:
    gke = cluster(GKE)
    name = "prod-gke-system-dns-external-dns"
    member = "serviceAccount:shop-production-7f3a.svc.id.goog[default/shop]"
    told = only("rights-given", gke, gke.plus(another(gke.one("IAMMember", name), f"{name}-2", member=member)))
    assert told.what == f"iam.workloadIdentityUser is given to {member}"


def test_whom_only_an_apply_tells_is_named_by_what_tells_it() -> None:
    gke = cluster(GKE)
    told = only("rights-given", gke, gke.set("IAMMember", "prod-gke-nodes", "role", "roles/editor"))
    assert told.level == "high"
    assert told.what == "editor is given to prod-gke-nodes"
    assert told.reason.endswith("instead of container.defaultNodeServiceAccount")


# Vault


def with_policy(paths: Mapping[str, Sequence[str]]) -> Cluster:
    """EKS with another policy for developers."""
    document = {"path": {path: {"capabilities": list(verbs)} for path, verbs in paths.items()}}
    return cluster(EKS).set("Policy", "prod-eks-developer", "policy", json.dumps(document, indent=1))


KV = "kv/data/prod-eks/*"


@pytest.mark.parametrize(
    ("paths", "level", "reason"),
    [
        ({KV: ["create", "read"]}, "medium", f"may now read {KV}"),
        ({KV: ["create"], "sys/seal": ["update", "sudo"]}, "high", "may now sudo, update sys/seal"),
        ({KV: ["create"], "*": ["read"]}, "high", "may now read *"),
    ],
)
def test_a_policy_of_vault_that_allows_more_is_told(paths: Any, level: str, reason: str) -> None:
    told = only("rights-widened", cluster(EKS), with_policy(paths))
    assert (told.level, told.what, told.reason) == (level, "Policy prod-eks-developer allows more", reason)


@pytest.mark.parametrize(
    "paths",
    [{KV: []}, {KV: ["create"], "kv/data/prod-eks/shop": ["create"]}, {KV: ["create"], "sys/*": ["deny", "read"]}, {}],
    ids=["less", "within a star", "a denial", "nothing"],
)
def test_a_policy_of_vault_that_allows_no_more_is_no_danger(paths: Any) -> None:
    assert not of_rule("rights-widened", cluster(EKS), with_policy(paths))


def test_what_was_denied_in_vault_is_told() -> None:
    before = with_policy({KV: ["create"], "kv/data/prod-eks/ops": ["deny"]})
    assert (
        only("rights-widened", before, cluster(EKS)).reason == "may now create kv/data/prod-eks/ops, which was denied"
    )


@pytest.mark.parametrize(
    ("key", "value", "level", "reason"),
    [
        ("boundServiceAccountNamespaces", ["default", "shop"], "medium", "now also: accounts of the namespace shop"),
        ("boundServiceAccountNamespaces", ["*"], "high", "now also: accounts of the namespace *"),
        (
            "tokenPolicies",
            ["k8s-prod-eks-workload", "k8s-prod-eks-developer"],
            "medium",
            "now also: whoever logs in gets the policy k8s-prod-eks-developer",
        ),
    ],
)
def test_more_who_log_in_to_vault_are_told(key: str, value: list[str], level: str, reason: str) -> None:
    eks = cluster(EKS)
    told = only("rights-widened", eks, eks.set("AuthBackendRole", "prod-eks-workload", key, value))
    assert (told.level, told.reason) == (level, reason)


def test_an_account_among_all_that_may_log_in_is_no_danger() -> None:
    eks = cluster(EKS)
    after = eks.set("AuthBackendRole", "prod-eks-workload", "boundServiceAccountNames", ["shop"])
    assert not of_rule("rights-widened", eks, after)


# RBAC

FILEBEAT = "system-logging-filebeat"


def test_a_role_of_vault_that_takes_tokens_for_anybody_is_told() -> None:
    eks = cluster(EKS)
    told = only("rights-widened", eks, eks.unset("AuthBackendRole", "prod-eks-workload", "audience"))
    assert (told.level, told.reason) == ("medium", "now also: tokens that were made for anybody else")
    assert not of_rule("rights-widened", eks, eks.set("AuthBackendRole", "prod-eks-workload", "audience", "other"))


def with_rbac(*rules: Mapping[str, Any], name: str = FILEBEAT, only_these: bool = False) -> Cluster:
    """EKS with rules more in a ClusterRole."""
    eks = whole(EKS)
    given = [] if only_these else eks.inputs("ClusterRole", name)["rules"]
    return eks.set("ClusterRole", name, "rules", [*given, *rules])


def rule(
    verbs: Sequence[str], resources: Sequence[str], groups: Sequence[str] = ("",), **others: Any
) -> dict[str, Any]:
    return {"apiGroups": list(groups), "resources": list(resources), "verbs": list(verbs), **others}


@pytest.mark.parametrize(
    ("more", "level", "reason"),
    [
        (rule(["get", "list"], ["namespaces"]), "medium", "may now get namespaces; list namespaces"),
        (rule(["get"], ["replicasets"], ["apps"]), "medium", "may now get replicasets.apps"),
        (rule(["get"], ["secrets"]), "high", "may now get secrets"),
        (rule(["get"], ["secrets"], resourceNames=["a"]), "medium", "may now get secrets named a"),
        (rule(["create"], ["pods/exec"]), "high", "may now create pods/exec"),
        (rule(["escalate"], ["clusterroles"], ["rbac.authorization.k8s.io"]), "high", "may now escalate clusterroles"),
        (rule(["*"], ["*"], ["*"]), "high", "may now * *.*"),
        ({"nonResourceURLs": ["/metrics"], "verbs": ["get"]}, "medium", "may now get /metrics"),
    ],
)
def test_a_role_that_allows_more_is_told(more: dict[str, Any], level: str, reason: str) -> None:
    told = only("rights-widened", whole(EKS), with_rbac(more))
    assert (told.level, told.where) == (level, f"ClusterRole {FILEBEAT}")
    assert told.reason.startswith(reason)


def test_a_role_that_says_the_same_otherwise_is_no_danger() -> None:
    apart = [rule([verb], [one]) for one in ("nodes", "pods") for verb in ("watch", "list", "get")]
    assert not of_rule("rights-widened", whole(EKS), with_rbac(*apart, only_these=True))


def test_a_role_that_has_a_star_gets_no_more_by_what_it_covers() -> None:
    more = rule(["delete"], ["prometheuses"], ["monitoring.coreos.com"], resourceNames=["a"])
    assert not of_rule("rights-widened", whole(EKS), with_rbac(more, name="monitoring-operator"))


def test_a_new_role_of_a_part_that_is_there_is_told_if_it_leads_to_everything() -> None:
    eks = whole(EKS)
    like = eks.one("ClusterRole", FILEBEAT)
    grave = another(like, "grave", rules=[rule(["get"], ["secrets"])])
    harmless = another(like, "harmless", rules=[rule(["get"], ["pods"])])
    told = only("rights-given", eks, eks.plus(grave, harmless))
    assert (told.level, told.what) == ("high", "ClusterRole grave is new, and allows nearly everything")


def test_an_admin_of_a_binding_more_is_told() -> None:
    gke, name = cluster(GKE), "prod-gke-cluster-admin"
    subjects = gke.inputs("ClusterRoleBinding", name)["subjects"]
    more = [*subjects, {"kind": "User", "name": "jane@shop.example", "apiGroup": "rbac.authorization.k8s.io"}]
    told = only("rights-given", gke, gke.set("ClusterRoleBinding", name, "subjects", more))
    assert told.level == "high"
    assert told.what == "jane@shop.example gets all rights in the cluster"
    assert told.reason == f"ClusterRoleBinding {name} binds cluster-admin"


def test_a_binding_to_another_role_is_told_for_all_that_it_names() -> None:
    gke = cluster(GKE)
    told = only("rights-given", gke, gke.set("ClusterRoleBinding", "prod-gke-view", "roleRef.name", "cluster-admin"))
    assert (told.level, told.what) == ("high", "developers@shop.example gets all rights in the cluster")


def test_a_viewer_more_of_a_binding_is_a_smaller_danger_unless_it_is_everybody() -> None:
    gke, name = cluster(GKE), "prod-gke-view"
    subjects = gke.inputs("ClusterRoleBinding", name)["subjects"]

    def with_subject(kind: str, subject: str) -> Cluster:
        return gke.set("ClusterRoleBinding", name, "subjects", [*subjects, {"kind": kind, "name": subject}])

    assert only("rights-given", gke, with_subject("User", "joe@shop.example")).level == "medium"
    assert only("rights-given", gke, with_subject("Group", "system:unauthenticated")).level == "high"


def test_an_admin_less_is_told_as_such() -> None:
    gke, name = cluster(GKE), "prod-gke-cluster-admin"
    told = only(
        "rights-withdrawn", gke, gke.set("ClusterRoleBinding", name, "subjects[1]", {"kind": "User", "name": "x"})
    )
    gone = gke.inputs("ClusterRoleBinding", name)["subjects"][1]["name"]
    assert (told.level, told.what) == ("low", f"{gone} loses the rights of cluster-admin")


def test_the_rights_of_a_new_cluster_are_what_they_are() -> None:
    assert not found(None, cluster(EKS))
