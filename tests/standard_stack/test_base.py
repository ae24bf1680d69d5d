"""Priorities, and the rules of the namespace `default`."""

from __future__ import annotations

from typing import Any

from components.standard_stack.ingress import classes as ingress_classes
from tests.plans import plan
from tests.standard_stack.alone import alone
from tests.standard_stack.rendered import Objects, stack_of
from tests.support import METAL, StackFile

PLAIN = alone(METAL)
REACHED = {
    "reachable_from_namespaces": ["system-mesh"],
    "reachable_from_cidrs": {"offices": "10.250.0.0/20"},
    "pod_security": "restricted",
    "default_requests": {"cpu": "50m", "memory": "64Mi"},
    "quota": {
        **{"requests_cpu": "200", "requests_memory": "800Gi", "requests_storage": "5Ti"},
        **{"pods": 2000, "persistent_volume_claims": 40, "load_balancers": 0},
    },
}
TIGHTER = alone(METAL, base={"application_is_default_priority": False, "default_namespace": REACHED})


def priorities(objects: Objects) -> dict[str, Any]:
    return {one["metadata"]["name"]: one for one in objects.all("PriorityClass")}


def sources(objects: Objects) -> list[Any]:
    return objects.one("NetworkPolicy", "default-deny", "default")["spec"]["ingress"][0]["from"]


def with_default_namespace(**settings: Any) -> StackFile:
    return alone(METAL, base={"default_namespace": settings})


def test_what_others_rely_on_goes_before_applications_and_headroom_gives_way_to_everything() -> None:
    values = {name: one["value"] for name, one in priorities(stack_of(PLAIN)).items()}
    assert sorted(values, key=lambda name: -values[name]) == [
        "cluster-service",
        "application",
        "interruptible",
        "headroom",
    ]
    assert values["headroom"] < 0, "pods without a class would have the priority 0, and headroom gives way to those too"
    assert values["headroom"] >= -10, "the autoscaler makes no node for what is below -10"


def test_neither_headroom_nor_what_is_interruptible_pushes_anybody_aside() -> None:
    policies = {name: one["preemptionPolicy"] for name, one in priorities(stack_of(PLAIN)).items()}
    assert {name for name, policy in policies.items() if policy == "Never"} == {"headroom", "interruptible"}


def test_pods_that_name_no_priority_are_applications_unless_the_cluster_has_a_default_of_its_own() -> None:
    assert [name for name, one in priorities(stack_of(PLAIN)).items() if one["globalDefault"]] == ["application"]
    assert not [name for name, one in priorities(stack_of(TIGHTER)).items() if one["globalDefault"]]


def test_applications_are_reached_by_each_other_the_ingress_and_prometheus_alone() -> None:
    policy = stack_of(PLAIN).one("NetworkPolicy", "default-deny", "default")
    assert policy["spec"]["policyTypes"] == ["Ingress"], "where they may go isn't restricted"
    prometheus = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "system-monitoring"}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}},
    }
    labelled = {"namespaceSelector": {"matchLabels": {"kuber.dev/reaches-default": "true"}}}
    assert sources(stack_of(PLAIN)) == [{"podSelector": {}}, ingress_classes.controllers(), prometheus, labelled]


def test_what_else_reaches_applications_is_named() -> None:
    more = sources(stack_of(TIGHTER))[4:]
    assert more == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "system-mesh"}}},
        {"ipBlock": {"cidr": "10.250.0.0/20"}},
    ]


def test_containers_that_ask_for_nothing_are_given_requests_and_no_limit() -> None:
    assert stack_of(TIGHTER).one("LimitRange", "default-requests")["spec"]["limits"] == [
        {"type": "Container", "defaultRequest": {"cpu": "50m", "memory": "64Mi"}}
    ]


def test_a_quota_bounds_what_it_names_and_nothing_else() -> None:
    assert stack_of(TIGHTER).one("ResourceQuota", "quota", "default")["spec"]["hard"] == {
        "requests.cpu": "200",
        "requests.memory": "800Gi",
        "requests.storage": "5Ti",
        "pods": "2000",
        "persistentvolumeclaims": "40",
        "services.loadbalancers": "0",
    }


def test_each_rule_can_be_left_out() -> None:
    objects = stack_of(with_default_namespace(network_policy="none", default_requests=None, pod_security="privileged"))
    kinds = {one["kind"] for one in objects.part("base")}
    assert kinds == {"PriorityClass", "Namespace"}


def test_the_namespace_stays_the_cluster_s_and_gets_labels_alone() -> None:
    patch = plan(TIGHTER).one("kubernetes:core/v1:NamespacePatch")
    assert patch.name == "default"
    assert patch.inputs["metadata"]["labels"] == {
        "pod-security.kubernetes.io/enforce": "restricted",
        "pod-security.kubernetes.io/audit": "restricted",
        "pod-security.kubernetes.io/warn": "restricted",
    }
    assert patch.inputs["metadata"]["annotations"]["pulumi.com/patchFieldManager"] == "kuber-standard-stack"
    assert patch.inputs["kind"] == "Namespace"


def test_what_isn_t_restricted_is_warned_of_and_privileged_pods_are_refused() -> None:
    labels = stack_of(PLAIN).one("Namespace", "default")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "baseline"
    assert labels["pod-security.kubernetes.io/warn"] == "restricted"


def test_it_can_t_be_left_out() -> None:
    error = alone(METAL, base={"enabled": False}).error()
    assert "standard_stack.base.enabled: this part can't be left out: the others use its priority classes" in error


def test_a_quota_of_requests_needs_default_requests() -> None:
    error = with_default_namespace(default_requests=None, quota={"requests_cpu": "10"}).error()
    assert (
        "standard_stack.base.default_namespace.default_requests: with a quota of requests, pods without requests are refused"
        in error
    )


def test_naming_who_reaches_applications_that_everything_reaches_is_a_mistake() -> None:
    error = with_default_namespace(network_policy="none", reachable_from_namespaces=["tests"]).error()
    assert "network_policy: everything reaches the applications already" in error
