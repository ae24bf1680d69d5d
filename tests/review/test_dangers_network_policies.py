"""NetworkPolicies that go, hold for other pods, or let more through."""

from __future__ import annotations

from typing import Any

import pytest

from tests.review.cases import Cluster, another, cluster, of_rule, only, rules, whole
from tests.support import EKS

POLICY = "NetworkPolicy"
FILEBEAT = "system-logging/filebeat"
EVERYONE = {"ipBlock": {"cidr": "0.0.0.0/0"}}
FROM_OFFICE = {"from": [{"ipBlock": {"cidr": "10.250.0.0/20"}}], "ports": [{"port": 443, "protocol": "TCP"}]}


def with_rule(direction: str, rule: dict[str, Any], name: str = FILEBEAT) -> Cluster:
    """EKS with one rule more in a policy."""
    eks = cluster(EKS)
    rules_of = eks.inputs(POLICY, name)["spec"][direction]
    return eks.set(POLICY, name, f"spec.{direction}", [*rules_of, rule])


@pytest.mark.parametrize(
    ("direction", "rule", "level", "reason"),
    [
        ("ingress", {"from": [EVERYONE]}, "high", "ingress from 0.0.0.0/0"),
        ("ingress", {"ports": [{"port": 22}]}, "high", "ingress from everywhere at TCP 22"),
        ("ingress", FROM_OFFICE, "medium", "ingress from 10.250.0.0/20 at TCP 443"),
        (
            "ingress",
            {"from": [{"namespaceSelector": {}}]},
            "medium",
            "ingress from all pods of namespaces of any label",
        ),
        (
            "ingress",
            {"from": [{"podSelector": {"matchLabels": {"app": "web"}}}], "ports": [{"port": 80}]},
            "low",
            "ingress from pods app=web at TCP 80",
        ),
        ("egress", {"to": [EVERYONE], "ports": [{"port": 443}]}, "medium", "egress to 0.0.0.0/0 at TCP 443"),
        (
            "egress",
            {"to": [{"ipBlock": {"cidr": "10.40.0.0/16"}}], "ports": [{"port": 5044}]},
            "medium",
            "egress to 10.40.0.0/16 at TCP 5044",
        ),
    ],
)
def test_what_a_policy_lets_through_besides_is_told(direction: str, rule: Any, level: str, reason: str) -> None:
    told = only("network-policy-loosened", cluster(EKS), with_rule(direction, rule))
    assert (told.level, told.where) == (level, f"{POLICY} {FILEBEAT}")
    assert told.what == f"{POLICY} {FILEBEAT} lets more through"
    assert told.reason == reason


def test_an_empty_rule_lets_everything_through() -> None:
    eks = cluster(EKS)
    told = only("network-policy-loosened", eks, eks.set(POLICY, FILEBEAT, "spec.ingress", [{}]))
    assert (told.level, told.reason) == ("high", "ingress from everywhere")


@pytest.mark.parametrize(
    ("direction", "rule"),
    [
        ("egress", {"to": [{"ipBlock": {"cidr": "10.40.12.0/25"}}], "ports": [{"port": 5044, "protocol": "TCP"}]}),
        ("egress", {"to": [{"ipBlock": {"cidr": "10.20.0.0/17"}}], "ports": [{"port": 443}]}),
    ],
)
def test_a_rule_that_says_what_is_let_through_already_is_no_danger(direction: str, rule: dict[str, Any]) -> None:
    assert not of_rule("network-policy-loosened", cluster(EKS), with_rule(direction, rule))


def test_the_internet_without_private_ranges_says_nothing_of_those() -> None:
    rule = {"to": [{"ipBlock": {"cidr": "10.40.0.0/16"}}], "ports": [{"port": 443, "protocol": "TCP"}]}
    told = only("network-policy-loosened", cluster(EKS), with_rule("egress", rule, "system-dns/external-dns"))
    assert told.reason == "egress to 10.40.0.0/16 at TCP 443"


def test_an_exception_less_is_told() -> None:
    eks, name = cluster(EKS), "system-dns/external-dns"
    path = "spec.egress[1].to[0].ipBlock.except"
    fewer = [
        one
        for one in eks.inputs(POLICY, name)["spec"]["egress"][1]["to"][0]["ipBlock"]["except"]
        if one != "10.0.0.0/8"
    ]
    told = only("network-policy-loosened", eks, eks.set(POLICY, name, path, fewer))
    assert told.level == "medium"
    assert told.reason.startswith("egress to 0.0.0.0/0 except 172.16.0.0/12")


def test_an_exception_more_or_a_rule_less_lets_nothing_more_through() -> None:
    eks, name = cluster(EKS), "system-dns/external-dns"
    excepted = eks.inputs(POLICY, name)["spec"]["egress"][1]["to"][0]["ipBlock"]["except"]
    more = eks.set(POLICY, name, "spec.egress[1].to[0].ipBlock.except", [*excepted, "198.51.100.0/24"])
    assert not of_rule("network-policy-loosened", eks, more)
    assert not of_rule("network-policy-loosened", eks, eks.set(POLICY, name, "spec.egress", []))


def test_a_range_of_ports_covers_those_in_it_and_no_others() -> None:
    def with_ports(first: int, last: int | None) -> Cluster:
        port = {"port": first, "protocol": "TCP", **({"endPort": last} if last else {})}
        return with_rule("ingress", {"from": [EVERYONE], "ports": [port]})

    assert not of_rule("network-policy-loosened", with_ports(8000, 8100), with_ports(8050, None))
    assert only("network-policy-loosened", with_ports(8000, 8100), with_ports(8000, 8200)).reason.endswith(
        "at TCP 8000–8200"
    )


def test_a_direction_that_nothing_governs_any_more_is_told() -> None:
    eks = cluster(EKS)
    told = only(
        "network-policy-loosened", eks, eks.set(POLICY, "system-dns/default-deny", "spec.policyTypes", ["Ingress"])
    )
    assert (told.level, told.reason) == ("high", "egress is no longer governed: all of it is let through")


def test_a_direction_that_another_policy_governs_may_be_left_out() -> None:
    eks = cluster(EKS)
    after = eks.set(POLICY, FILEBEAT, "spec.policyTypes", ["Egress"])
    assert not of_rule("network-policy-loosened", eks, after)


def test_a_policy_that_kept_out_everything_else_is_missed() -> None:
    eks = cluster(EKS)
    told = only("guard-removed", eks, eks.without(POLICY, "system-dns/default-deny"))
    assert told.level == "high"
    assert told.what == f"{POLICY} system-dns/default-deny is removed"
    assert told.reason == "nothing else governs ingress and egress of all pods of system-dns: all of it is let through"


def test_applications_namespaces_too_are_kept_by_one() -> None:
    eks = cluster(EKS)
    told = only("guard-removed", eks, eks.without(POLICY, "default/default-deny"))
    assert "ingress of all pods of default" in told.reason


def test_a_policy_that_only_allows_takes_away_what_it_allowed() -> None:
    eks = whole(EKS)
    told = only("traffic-refused", eks, eks.without(POLICY, "system-certificates/trust-manager"))
    assert told.level == "medium"
    assert told.reason.endswith(
        "trust-manager that nothing else allows are refused: ingress from 10.20.0.0/16 at TCP 6443"
    )
    assert not of_rule("guard-removed", eks, eks.without(POLICY, "system-certificates/trust-manager"))


def test_a_policy_by_another_name_that_allows_the_same_is_no_danger() -> None:
    eks = whole(EKS)
    old = eks.one(POLICY, "system-certificates/trust-manager")
    metadata = {**old["inputs"]["metadata"], "name": "trust"}
    new = another(old, "system-certificates/trust", metadata=metadata)
    assert rules(eks, eks.without(POLICY, old["name"]).plus(new)) == []


def test_a_policy_that_goes_with_its_pods_is_missed_by_nobody() -> None:
    eks = whole(EKS)
    after = eks.without(POLICY, "system-certificates/trust-manager").without(
        "Deployment", "system-certificates/trust-manager"
    )
    assert {one.rule for one in of_rule("guard-removed", eks, after)} == set()
    assert not of_rule("traffic-refused", eks, after)


def test_a_policy_that_holds_for_fewer_pods_is_told() -> None:
    eks = cluster(EKS)
    told = only(
        "guard-removed",
        eks,
        eks.set(POLICY, "default/default-deny", "spec.podSelector", {"matchLabels": {"app": "web"}}),
    )
    assert told.what == f"{POLICY} default/default-deny holds for fewer pods"


def test_what_goes_with_its_namespace_is_told_by_that_alone() -> None:
    eks = cluster(EKS)
    gone = [one["name"] for one in eks.resources.values() if one["name"].startswith("system-metrics")]
    after = eks.without("Namespace", "system-metrics")
    for name in gone:
        if name != "system-metrics":
            after = Cluster(
                after.stack, {urn: one for urn, one in after.resources.items() if one["name"] != name}, after.outputs
            )
    assert {one.rule for one in of_rule("guard-removed", eks, after)} == set()
    assert only("namespace-goes", eks, after).level == "high"
