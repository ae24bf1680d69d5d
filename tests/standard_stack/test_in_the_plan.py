"""The standard stack as resources of the program: what is declared, and in which order."""

from __future__ import annotations

import pytest

from tests.plans import Plan, Resource, plan, plan_with_charts
from tests.standard_stack.rendered import stack_of
from tests.support import EKS, GKE, SHIPPED, StackFile

every_stack = pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stack)
BUNDLE = "pulumi-python:dynamic/charts:CrdBundle"


@every_stack
def test_every_object_is_a_resource_and_nothing_is_asked_of_a_network(file: StackFile) -> None:
    planned = plan_with_charts(file)
    objects = stack_of(file).identities
    declared = [one for one in planned.resources.values() if one.type.startswith("kubernetes:")]
    of_the_stack = [one for one in declared if "StandardStack$" in one.urn]
    assert len(of_the_stack) == len(objects)
    assert planned.connections == []


@every_stack
def test_custom_resources_come_after_their_crds(file: StackFile) -> None:
    planned = plan_with_charts(file)
    rules = planned.all("kubernetes:monitoring.coreos.com/v1:PrometheusRule")
    [operator] = [one for one in planned.all(BUNDLE) if one.name == "prometheus-operator"]
    assert all(operator in planned.before(rule) for rule in rules)
    certificates = planned.all("kubernetes:cert-manager.io/v1:Certificate")
    webhook = _object(planned, "apps/v1:Deployment", "system-certificates/cert-manager-webhook")
    for certificate in certificates:
        before = planned.before(certificate)
        assert webhook in before, certificate.name
        assert any(one.type == BUNDLE and one.name == "cert-manager" for one in before), certificate.name


@every_stack
def test_all_of_it_comes_after_the_nodes_and_so_goes_before_them(file: StackFile) -> None:
    planned = plan_with_charts(file)
    provider = planned.one("pulumi:providers:kubernetes")
    stray = [
        one.urn
        for one in planned.resources.values()
        if "StandardStack$" in one.urn and one.type.startswith("kubernetes:") and one.provider != provider.urn
    ]
    assert stray == []
    pools = {one for one in planned.resources.values() if one.type.startswith("kuber:node_pools:")}
    if file in (EKS, GKE):
        assert pools <= planned.before(provider)


def test_load_balancers_go_before_what_removes_them_and_volumes_before_their_claims() -> None:
    planned = plan_with_charts(EKS)
    controller = _object(planned, "apps/v1:Deployment", "system-load-balancers/aws-load-balancer-controller")
    balanced = [
        one for one in planned.all("kubernetes:core/v1:Service") if one.inputs["spec"].get("type") == "LoadBalancer"
    ]
    assert balanced
    assert all(controller in planned.before(one) for one in balanced)
    prometheus = planned.all("kubernetes:monitoring.coreos.com/v1:Prometheus")[0]
    storage_class = prometheus.inputs["spec"]["storage"]["volumeClaimTemplate"]["spec"]["storageClassName"]
    assert storage_class in planned.names_before(prometheus)


@every_stack
def test_workloads_come_after_every_policy_about_their_pods_and_so_go_before_they_lose_their_way_out(
    file: StackFile,
) -> None:
    planned = plan_with_charts(file)
    pairs = [
        (workload, policy)
        for workload in planned.resources.values()
        if workload.type.rpartition(":")[2] in ("Deployment", "DaemonSet", "StatefulSet", "Job", "CronJob")
        for policy in _policies_about(planned, workload)
    ]
    assert len(pairs) > len({workload.name for workload, _ in pairs}), "no policy but the one that denies"
    late = [
        f"{workload.name} without {policy.name}" for workload, policy in pairs if policy not in planned.before(workload)
    ]
    assert late == []


def test_what_removes_load_balancers_keeps_its_way_to_the_cloud_until_they_are_gone() -> None:
    planned = plan_with_charts(EKS)
    controller = _object(planned, "apps/v1:Deployment", "system-load-balancers/aws-load-balancer-controller")
    purposes = {
        purpose
        for policy in _policies_about(planned, controller)
        for purpose in policy.inputs["metadata"].get("annotations", {}).get("kuber.dev/egress", "").split(", ")
    }
    assert {"api-server", "cloud", "cloud-credentials"} <= purposes
    for service in planned.all("kubernetes:core/v1:Service"):
        if service.inputs["spec"].get("type") == "LoadBalancer":
            assert _policies_about(planned, controller) <= planned.before(service), service.name


def test_workloads_wait_for_their_rights_in_the_cloud() -> None:
    on_eks, on_gke = plan_with_charts(EKS), plan_with_charts(GKE)
    dns = "system-dns/external-dns"
    assert any(
        one.type == "aws:eks/podIdentityAssociation:PodIdentityAssociation" and "external-dns" in one.name
        for one in on_eks.before(_object(on_eks, "apps/v1:Deployment", dns))
    )
    account = _object(on_gke, "core/v1:ServiceAccount", dns)
    address = account.inputs["metadata"]["annotations"]["iam.gke.io/gcp-service-account"]
    [google] = [
        one
        for one in on_gke.before(account)
        if one.type == "gcp:serviceaccount/account:Account" and "external-dns" in one.name
    ]
    assert address.startswith(f"{google.inputs['accountId']}@")


@every_stack
def test_data_of_secrets_is_never_shown(file: StackFile) -> None:
    secrets = [one for one in plan_with_charts(file).resources.values() if one.type == "kubernetes:core/v1:Secret"]
    shown = [
        one.name for one in secrets for key in ("data", "stringData") if one.inputs.get(key, "[secret]") != "[secret]"
    ]
    assert shown == []


def test_without_its_charts_the_rest_of_the_cluster_is_planned_and_what_is_missing_is_said() -> None:
    planned = plan(EKS)
    [told] = [warning for warning in planned.warnings if warning.startswith("not rendered, not in the cache: ")]
    assert "kube-prometheus-stack 88.5.3" in told
    assert "`kuber charts fetch`" in told
    assert planned.one("kubernetes:apps/v1:DaemonSet", "system-logging/filebeat")
    assert planned.none("kubernetes:monitoring.coreos.com/v1:Prometheus")


def test_crds_take_little_room_in_the_state() -> None:
    bundles = plan_with_charts(EKS).all(BUNDLE)
    assert max(len(str(one.inputs)) for one in bundles) < 8_000


def _policies_about(planned: Plan, workload: Resource) -> set[Resource]:
    """NetworkPolicies whose pods are a workload's."""
    spec = workload.inputs["spec"]
    template = spec.get("jobTemplate", {}).get("spec", spec)["template"]
    labels = template.get("metadata", {}).get("labels") or {}
    return {
        policy
        for policy in planned.all("kubernetes:networking.k8s.io/v1:NetworkPolicy")
        if policy.inputs["metadata"]["namespace"] == workload.inputs["metadata"]["namespace"]
        and (policy.inputs["spec"]["podSelector"].get("matchLabels") or {}).items() <= labels.items()
    }


def _object(planned: Plan, kind: str, name: str) -> Resource:
    [found] = [one for one in planned.all(f"kubernetes:{kind}") if one.name == name]
    return found
