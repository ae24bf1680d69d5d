"""Load balancers that become others, ways in without TLS, and budgets that let more pods go, though what asks for them stays."""

from __future__ import annotations

import json
from ipaddress import IPv4Address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuber.plan.registration import UNKNOWN
from kuber.review.dangers.load_balancers import load_balancers
from tests.review.cases import Cluster, case, cluster, found, of_rule, only, rules, whole
from tests.review.plan_by_hand import resource
from tests.support import EKS, METAL

PUBLIC = "system-ingress/nginx-ingress-public-controller"
SCHEME = 'metadata.annotations["service.beta.kubernetes.io/aws-load-balancer-scheme"]'
POOL = "kubernetes:metallb.io/v1beta1:IPAddressPool"
BUDGET = "system-monitoring/monitoring-prometheus"


def public(path: str, value: Any) -> Cluster:
    return whole(EKS).set("Service", PUBLIC, path, value)


def pool(*addresses: str) -> Cluster:
    inputs = {
        "metadata": {"name": "services", "namespace": "system-load-balancers"},
        "spec": {"addresses": list(addresses)},
    }
    return Cluster("colo-london", {}, {}).plus(resource(POOL, "system-load-balancers/services", inputs))


def budget(**spec: Any) -> Cluster:
    selector = whole(EKS).inputs("PodDisruptionBudget", BUDGET)["spec"]["selector"]
    return whole(EKS).set("PodDisruptionBudget", BUDGET, "spec", {"selector": selector, **spec})


# Load balancers


def test_a_service_that_has_no_load_balancer_any_more_is_told() -> None:
    told = only("traffic-stops", whole(EKS), public("spec.type", "ClusterIP"))
    assert (told.level, told.what) == ("high", f"Service {PUBLIC} loses its load balancer")
    assert told.reason.endswith("(spec.type: LoadBalancer becomes ClusterIP)")


def test_a_load_balancer_that_becomes_internal_is_another_one() -> None:
    told = only("traffic-stops", whole(EKS), public(SCHEME, "internal"))
    assert (told.level, told.what) == ("high", f"Service {PUBLIC} gets another load balancer")
    assert told.reason.endswith("aws-load-balancer-scheme: internet-facing becomes internal)")


def test_an_address_that_a_service_no_longer_asks_for_is_told() -> None:
    before, after = (public("spec.loadBalancerIP", one) for one in ("192.0.2.10", "192.0.2.11"))
    assert only("traffic-stops", before, after).reason.endswith("(spec.loadBalancerIP: 192.0.2.10 becomes 192.0.2.11)")
    assert not of_rule("traffic-stops", whole(EKS), before)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.externalTrafficPolicy", "Local"),
        ('metadata.annotations["example.com/note"]', "x"),
        ("spec.ports[0].name", "web"),
    ],
)
def test_other_changes_of_a_service_keep_its_load_balancer(path: str, value: Any) -> None:
    assert not of_rule("traffic-stops", whole(EKS), public(path, value))


def test_a_service_that_gets_a_load_balancer_loses_none() -> None:
    assert not of_rule("traffic-stops", public("spec.type", "ClusterIP"), whole(EKS))


def test_addresses_that_the_real_pool_loses_are_told() -> None:
    after = whole(METAL).set("IPAddressPool", "system-load-balancers/services", "spec.addresses", ["10.40.15.0/25"])
    told = only("traffic-stops", whole(METAL), after)
    assert (told.level, told.what) == ("high", "IPAddressPool system-load-balancers/services has fewer addresses")
    assert told.reason == "load balancers that have one of 10.40.15.128/25 lose it"


def test_a_pool_whose_addresses_are_not_known_is_not_said_to_lose_them() -> None:
    after = whole(METAL).set("IPAddressPool", "system-load-balancers/services", "spec.addresses", UNKNOWN)
    assert not of_rule("traffic-stops", whole(METAL), after)


def test_a_pool_that_is_written_otherwise_loses_nothing() -> None:
    assert found(pool("10.0.0.0/24"), pool("10.0.0.0 - 10.0.0.255")) == []
    assert found(pool("10.0.0.0/24"), pool("10.0.0.0/25", "10.0.0.128/25", "10.1.0.0/24")) == []


BOUNDS = st.tuples(st.integers(0, 63), st.integers(0, 63)).map(sorted)


@given(st.lists(BOUNDS, min_size=1, max_size=4), st.lists(BOUNDS, min_size=1, max_size=4))
def test_a_pool_is_said_to_lose_addresses_if_and_only_if_it_does(
    before: list[list[int]], after: list[list[int]]
) -> None:
    def told(bounds: list[list[int]]) -> list[str]:
        first = int(IPv4Address("10.0.0.0"))
        return [f"{IPv4Address(first + one)}-{IPv4Address(first + other)}" for one, other in bounds]

    held, kept = ({number for one, other in bounds for number in range(one, other + 1)} for bounds in (before, after))
    assert bool([*load_balancers(case(pool(*told(before)), pool(*told(after))))]) == bool(held - kept)


# TLS and NetworkPolicies


def test_a_way_in_without_tls_is_told() -> None:
    after = whole(EKS).unset("VirtualServer", "system-monitoring/grafana-access", "spec.tls")
    told = only("hardening-off", whole(EKS), after)
    assert (told.level, told.what) == ("high", "VirtualServer system-monitoring/grafana-access is less well protected")
    assert "in the clear" in told.reason
    assert not of_rule("hardening-off", after, whole(EKS))


def test_another_certificate_of_a_way_in_is_no_danger() -> None:
    after = whole(EKS).set("VirtualServer", "system-monitoring/grafana-access", "spec.tls.secret", "other")
    assert found(whole(EKS), after) == []


def plugin(**values: Any) -> Cluster:
    return cluster(EKS).set("Addon", "prod-eks-vpc-cni", "configurationValues", json.dumps(values))


def test_a_network_plugin_that_no_longer_enforces_policies_is_told() -> None:
    for after in (
        plugin(enableNetworkPolicy="false"),
        plugin(env={}),
        cluster(EKS).unset("Addon", "prod-eks-vpc-cni", "configurationValues"),
    ):
        told = only("hardening-off", cluster(EKS), after)
        assert (told.level, told.where) == ("high", "Addon prod-eks-vpc-cni")
        assert told.reason.endswith("no NetworkPolicy of the cluster is enforced any more")


def test_other_settings_of_a_network_plugin_or_of_another_add_on_are_no_danger() -> None:
    assert found(cluster(EKS), plugin(enableNetworkPolicy="true", env={"WARM_PREFIX_TARGET": "2"})) == []
    assert found(cluster(EKS), cluster(EKS).set("Addon", "prod-eks-coredns", "configurationValues", "{}")) == []


# Budgets


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ({"maxUnavailable": 1}, {"maxUnavailable": 2}, "maxUnavailable: 1 becomes 2"),
        ({"maxUnavailable": "25%"}, {"maxUnavailable": "100%"}, "maxUnavailable: 25% becomes 100%"),
        ({"minAvailable": 2}, {"minAvailable": 1}, "minAvailable: 2 becomes 1"),
        (
            {"minAvailable": 1},
            {"maxUnavailable": "50%"},
            "maxUnavailable: nothing becomes 50%; minAvailable: 1 becomes nothing",
        ),
    ],
)
def test_a_budget_that_lets_more_pods_go_is_told_with_its_limits(
    before: dict[str, Any], after: dict[str, Any], reason: str
) -> None:
    told = only("guard-loosened", budget(**before), budget(**after))
    assert (told.level, told.reason) == ("medium", reason)
    assert told.what == f"PodDisruptionBudget {BUDGET} lets more pods go at once"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"maxUnavailable": 2}, {"maxUnavailable": 1}),
        ({"minAvailable": "50%"}, {"minAvailable": "75%"}),
        ({}, {"minAvailable": 1}),
    ],
)
def test_a_tighter_budget_loosens_nothing(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert rules(budget(**before), budget(**after)) == []
