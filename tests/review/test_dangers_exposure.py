"""What becomes reachable by more, or by fewer: API servers, load balancers, and ranges of addresses."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuber.plan.registration import UNKNOWN
from kuber.review.dangers.addresses import beyond, networks, without
from tests.review.cases import Cluster, another, cluster, found, of_rule, only, rules, whole
from tests.support import EKS, GKE, METAL

RULE = "SecurityGroupIngressRule"
VPN = "prod-eks-api-10.250.0.0/20"
PUBLIC = "system-ingress/nginx-ingress-public-controller"
INTERNAL = "system-ingress/nginx-ingress-internal-controller"
SCHEME = 'metadata.annotations["service.beta.kubernetes.io/aws-load-balancer-scheme"]'
AUTHORIZED = "masterAuthorizedNetworksConfig.cidrBlocks"


def opened(to: list[str] | None = None) -> Cluster:
    """EKS with its API server on the internet."""
    public = cluster(EKS).set("Cluster", "prod-eks", "vpcConfig.endpointPublicAccess", True)
    return public.set("Cluster", "prod-eks", "vpcConfig.publicAccessCidrs", to) if to else public


# API servers


def test_an_api_server_on_the_internet_is_told_with_who_may_reach_it() -> None:
    told = only("endpoint-public", cluster(EKS), opened(["203.0.113.0/24"]))
    assert (told.level, told.where) == ("high", "Cluster prod-eks")
    assert told.what == "The API server becomes reachable from the internet"
    assert told.reason.startswith("from 203.0.113.0/24;")


def test_without_a_list_of_addresses_an_api_server_of_aws_is_open_to_everybody() -> None:
    assert only("endpoint-public", cluster(EKS), opened()).reason.startswith("from everywhere;")


def test_an_api_server_of_google_on_the_internet_is_told() -> None:
    gke = cluster(GKE)
    told = only(
        "endpoint-public", gke, gke.set("Cluster", "prod-gke", "privateClusterConfig.enablePrivateEndpoint", False)
    )
    assert told.level == "high"
    assert "10.40.0.0/20" in told.reason


def test_what_becomes_public_is_told_once_and_not_as_a_wider_range_too() -> None:
    assert not of_rule("range-widened", cluster(EKS), opened(["203.0.113.0/24"]))


def test_an_api_server_that_becomes_private_is_no_danger_but_for_those_who_are_locked_out() -> None:
    assert rules(opened(["203.0.113.0/24"]), cluster(EKS)) == ["low range-narrowed", "medium control-plane-touched"]


def test_an_unknown_endpoint_is_not_taken_for_a_public_one() -> None:
    eks = cluster(EKS)
    assert not of_rule("endpoint-public", eks, eks.set("Cluster", "", "vpcConfig.endpointPublicAccess", UNKNOWN))


# Ranges that reach an API server


@pytest.mark.parametrize(
    ("after", "level", "reason"),
    [
        (["203.0.113.0/24", "198.51.100.0/24"], "medium", "198.51.100.0/24 can reach"),
        (["203.0.112.0/20"], "medium", "203.0.112.0/20 can reach"),
        (["203.0.113.0/24", "0.0.0.0/0"], "high", "0.0.0.0/0 can reach"),
        (["0.0.0.0/1", "128.0.0.0/1"], "high", "0.0.0.0/0 can reach"),
    ],
)
def test_more_addresses_on_the_internet_are_told(after: list[str], level: str, reason: str) -> None:
    told = only("range-widened", opened(["203.0.113.0/24"]), opened(after))
    assert told.level == level
    assert told.what == "Cluster prod-eks is open to more addresses"
    assert told.reason.startswith(reason)


@pytest.mark.parametrize(
    "after", [["203.0.113.0/25"], ["203.0.113.0/25", "203.0.113.128/25"], ["203.0.113.7/32"], [UNKNOWN]]
)
def test_the_same_addresses_or_fewer_are_no_wider(after: list[str]) -> None:
    assert not of_rule("range-widened", opened(["203.0.113.0/24"]), opened(after))


def test_a_range_of_google_is_told() -> None:
    gke = cluster(GKE)
    told = only("range-widened", gke, gke.set("Cluster", "", f"{AUTHORIZED}[2].cidrBlock", "10.250.0.0/16"))
    assert (told.level, told.where) == ("medium", "Cluster prod-gke")
    assert told.reason == "10.250.0.0/16 can reach what they couldn't"


def test_no_list_at_all_is_open_to_everybody() -> None:
    gke = cluster(GKE)
    told = only("range-widened", gke, gke.unset("Cluster", "", "masterAuthorizedNetworksConfig"))
    assert told.level == "high"
    assert told.reason == "all addresses can reach what they couldn't"


def test_an_empty_list_of_google_is_open_to_nobody() -> None:
    gke = cluster(GKE)
    told = rules(gke, gke.set("Cluster", "", AUTHORIZED, []))
    assert told == ["low range-narrowed", "medium control-plane-touched"]


def test_letting_in_all_of_google_cloud_is_told() -> None:
    gke = cluster(GKE)
    after = gke.set("Cluster", "", "masterAuthorizedNetworksConfig.gcpPublicCidrsAccessEnabled", True)
    told = only("range-widened", gke, after)
    assert told.level == "high"
    assert "every machine of Google Cloud" in told.reason


# Security groups


def test_a_wider_rule_of_a_security_group_is_told_with_its_port() -> None:
    eks = cluster(EKS)
    told = only("range-widened", eks, eks.set(RULE, VPN, "cidrIpv4", "10.250.0.0/16"))
    assert (told.level, told.where) == ("medium", f"{RULE} {VPN}")
    assert told.reason == "10.250.0.0/16 can reach what they couldn't at tcp 443"


def test_a_rule_that_takes_another_ones_place_is_told_by_what_it_adds() -> None:
    eks = cluster(EKS)
    wider = another(eks.one(RULE, VPN), "prod-eks-api-10.250.0.0/16", cidrIpv4="10.250.0.0/16")
    assert [one.reason for one in of_rule("range-widened", eks, eks.without(RULE, VPN).plus(wider))] == [
        "10.250.0.0/16 can reach what they couldn't at tcp 443"
    ]
    narrower = another(eks.one(RULE, VPN), "prod-eks-api-10.250.0.0/24", cidrIpv4="10.250.0.0/24")
    assert not of_rule("range-widened", eks, eks.without(RULE, VPN).plus(narrower))


def test_what_another_security_group_lets_in_doesn_t_excuse_a_rule() -> None:
    eks = cluster(EKS)
    assert eks.inputs(RULE, "prod-eks-network-endpoints-https")["cidrIpv4"] == "10.20.0.0/16"
    to_the_api = another(eks.one(RULE, VPN), "prod-eks-api-10.20.0.0/16", cidrIpv4="10.20.0.0/16")
    assert only("range-widened", eks, eks.plus(to_the_api)).reason.startswith("10.20.0.0/16 ")


def test_another_port_for_the_same_addresses_is_told() -> None:
    eks = cluster(EKS)
    ssh = another(eks.one(RULE, VPN), "prod-eks-api-ssh", fromPort=22, toPort=22)
    assert only("range-widened", eks, eks.plus(ssh)).reason == "10.250.0.0/20 can reach what they couldn't at tcp 22"


def test_a_rule_for_all_ports_is_told_as_one() -> None:
    eks = cluster(EKS)
    everything = another(eks.one(RULE, VPN), "prod-eks-api-all", ipProtocol="-1", fromPort=None, toPort=None)
    assert only("range-widened", eks, eks.plus(everything)).reason.endswith(", at any port")


def test_the_rules_of_a_new_security_group_are_no_danger() -> None:
    eks = cluster(EKS)
    before = eks.without("SecurityGroup", "prod-eks-network-endpoints").without(
        RULE, "prod-eks-network-endpoints-https"
    )
    assert not of_rule("range-widened", before, eks)


def test_who_is_locked_out_is_told() -> None:
    eks = cluster(EKS)
    told = only("range-narrowed", eks, eks.without(RULE, VPN))
    assert told.level == "low"
    assert told.reason == "not all of 10.250.0.0/20 can reach any more what they could at tcp 443"


def test_a_rule_that_another_one_covers_locks_out_nobody() -> None:
    eks = cluster(EKS)
    wider = another(eks.one(RULE, VPN), "prod-eks-api-10.0.0.0/8", cidrIpv4="10.0.0.0/8")
    assert not of_rule("range-narrowed", eks.plus(wider), eks.plus(wider).without(RULE, VPN))


# Load balancers and what stands behind them


def test_an_internal_load_balancer_that_gets_a_public_address_is_told() -> None:
    eks = whole(EKS)
    told = only("endpoint-public", eks, eks.set("Service", INTERNAL, SCHEME, "internet-facing"))
    assert told.level == "high"
    assert told.what == f"Service {INTERNAL} becomes reachable from the internet"
    assert told.reason.startswith("from 10.20.0.0/16, 10.40.0.0/20, 10.250.0.0/20;")


def test_so_is_one_of_google() -> None:
    gke = whole(GKE)
    after = gke.unset("Service", INTERNAL, 'metadata.annotations["networking.gke.io/load-balancer-type"]')
    assert only("endpoint-public", gke, after).reason.startswith("from 10.30.0.0/19, ")


def test_a_public_load_balancer_that_stays_one_is_no_danger() -> None:
    eks = whole(EKS)
    after = eks.set("Service", PUBLIC, "spec.externalTrafficPolicy", "Local")
    assert not of_rule("endpoint-public", eks, after)


def test_a_load_balancer_that_no_longer_restricts_its_sources_is_open_to_all() -> None:
    eks = whole(EKS)
    told = only("range-widened", eks, eks.unset("Service", INTERNAL, "spec.loadBalancerSourceRanges"))
    assert (told.level, told.reason) == ("high", "all addresses can reach what they couldn't")


def test_a_load_balancer_that_begins_to_restrict_its_sources_is_no_wider() -> None:
    eks = whole(EKS)
    after = eks.set("Service", PUBLIC, "spec.loadBalancerSourceRanges", ["198.51.100.0/24"])
    assert not of_rule("range-widened", eks, after)


def test_more_sources_of_an_access_policy_are_told() -> None:
    metal = cluster(METAL)
    name = "system-monitoring/grafana-access-sources"
    told = only("range-widened", metal, metal.set("Policy", name, "spec.accessControl.allow", ["10.40.0.0/16"]))
    assert told.reason == "10.40.0.0/16 can reach what they couldn't"


def test_a_new_cluster_is_as_open_as_it_is() -> None:
    assert not found(None, opened())


# Sets of addresses

ADDRESSES = 2**8


@st.composite
def ranges(draw: st.DrawFn) -> IPv4Network:
    """Ranges within 10.0.0.0/24."""
    length = draw(st.integers(24, 32))
    start = draw(st.integers(0, ADDRESSES - 1))
    return IPv4Network((int(IPv4Address("10.0.0.0")) + start, length), strict=False)


def addresses(of: Any) -> set[IPv4Address]:
    return {address for one in of for address in one}


@given(before=st.lists(ranges(), max_size=5), after=st.lists(ranges(), max_size=5))
def test_what_is_told_to_be_wider_is_so_just_where_an_address_was_not_there_before(
    before: list[IPv4Network], after: list[IPv4Network]
) -> None:
    added = beyond(after, before)
    assert bool(added) == (not addresses(after) <= addresses(before))
    assert addresses(after) - addresses(before) <= addresses(added) <= addresses(after)


@given(whole_range=ranges(), left_out=st.lists(ranges(), max_size=4))
def test_a_range_without_parts_of_it_has_all_other_addresses(
    whole_range: IPv4Network, left_out: list[IPv4Network]
) -> None:
    assert addresses(without(whole_range, left_out)) == addresses([whole_range]) - addresses(left_out)


def test_addresses_of_one_version_say_nothing_of_the_other() -> None:
    four, six = networks(["10.0.0.0/8"]), networks(["2001:db8::/32"])
    assert beyond(four, six) == [ip_network("10.0.0.0/8")]
    assert beyond(six, four) == [ip_network("2001:db8::/32")]
    assert without(ip_network("10.0.0.0/8"), six) == [ip_network("10.0.0.0/8")]


def test_a_single_address_is_a_range_and_what_is_not_known_is_none() -> None:
    assert networks(["192.0.2.1", UNKNOWN, None]) == {ip_network("192.0.2.1/32")}
