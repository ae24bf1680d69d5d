"""DNS records of ingresses and services."""

from __future__ import annotations

import re
from typing import Any

import pytest

from config.model import SecretText
from tests.standard_stack.alone import alone
from tests.standard_stack.firing import case
from tests.standard_stack.promtool import assert_rules
from tests.standard_stack.rendered import Objects, stack_of
from tests.support import EKS, GKE, METAL, StackFile

ON_EKS = {"enabled": True, "zones": {"shop.example": {"hosted_zone_id": "Z0457831PRODEKS0SHOP"}}}
ON_GKE = {"enabled": True, "zones": {"shop.example": {"managed_zone": "shop-example"}}}
KEY = {"nameserver": "10.40.0.53:5353", "key_name": "colo-london", "secret": {"secure": "v1:bm90aGluZw=="}}
ON_METAL = {"enabled": True, "zones": {"shop.example": {}, "internal.shop.example": {}}, "rfc2136": KEY}


def arguments(objects: Objects) -> list[str]:
    """Flags of external-dns."""
    return objects.container("Deployment", "external-dns", "external-dns")["args"]


def test_on_aws_records_are_made_in_the_named_zones_and_nowhere_else() -> None:
    objects = stack_of(alone(EKS, dns=ON_EKS))
    assert {"--provider=aws", "--zone-id-filter=Z0457831PRODEKS0SHOP", "--domain-filter=shop.example"} <= {
        *arguments(objects)
    }
    statements = objects.rights("dns")["external-dns"].aws_statements
    changing = [one for one in statements if any("Change" in action for action in one.actions)]
    assert [one.resources for one in changing] == [["arn:aws:route53:::hostedzone/Z0457831PRODEKS0SHOP"]]
    assert [one.actions for one in statements if "*" in one.resources] == [["route53:ListHostedZones"]]


def test_on_google_cloud_rights_are_for_the_zone() -> None:
    objects = stack_of(alone(GKE, dns=ON_GKE))
    rights = objects.rights("dns")["external-dns"]
    assert [(one.project, one.name) for one in rights.gcp_dns_zones] == [("shop-production-7f3a", "shop-example")]
    assert rights.gcp_project_roles == ["roles/dns.reader"]
    assert {"--google-project=shop-production-7f3a", "--zone-id-filter=shop-example"} <= {*arguments(objects)}


def test_a_zone_of_another_project_gives_no_role_there() -> None:
    zone = {"managed_zone": "shop-example", "project": "shop-network-31c5"}
    objects = stack_of(alone(GKE, dns={"enabled": True, "zones": {"shop.example": zone}}))
    rights = objects.rights("dns")["external-dns"]
    assert [(one.project, one.name) for one in rights.gcp_dns_zones] == [("shop-network-31c5", "shop-example")]
    assert rights.gcp_project_roles == []
    assert "--google-project=shop-network-31c5" in arguments(objects)


def test_on_own_machines_a_name_server_takes_signed_updates() -> None:
    objects = stack_of(alone(METAL, dns=ON_METAL))
    assert {
        "--provider=rfc2136",
        "--rfc2136-host=10.40.0.53",
        "--rfc2136-port=5353",
        "--rfc2136-zone=shop.example",
        "--rfc2136-zone=internal.shop.example",
        "--rfc2136-tsig-keyname=colo-london",
        "--rfc2136-tsig-secret-alg=hmac-sha256",
    } <= {*arguments(objects)}
    assert isinstance(objects.one("Secret", "rfc2136-key")["stringData"]["key"], SecretText)
    environment = objects.container("Deployment", "external-dns", "external-dns")["env"]
    assert environment[0]["valueFrom"]["secretKeyRef"] == {"name": "rfc2136-key", "key": "key"}
    policy = objects.allowed("name-server-udp", "system-dns")["egress"][0]
    assert policy == {"to": [{"ipBlock": {"cidr": "10.40.0.53/32"}}], "ports": [{"protocol": "UDP", "port": 5353}]}
    assert objects.rights("dns") == {}
    stronger = stack_of(alone(METAL, dns={**ON_METAL, "rfc2136": {**KEY, "algorithm": "HMACSHA512"}}))
    assert "--rfc2136-tsig-secret-alg=hmac-sha512" in arguments(stronger)


def test_settings_reach_external_dns() -> None:
    given = {
        **ON_EKS,
        "policy": "sync",
        "sources": ["service"],
        "ingress_classes": ["public", "internal"],
        "annotation_filter": "shop.example/dns=public",
        "interval": "5m",
        "resources": {"cpu": "1", "memory": "1Gi"},
    }
    objects = stack_of(alone(EKS, dns=given))
    flags = arguments(objects)
    assert {"--policy=sync", "--interval=5m", "--annotation-filter=shop.example/dns=public"} <= {*flags}
    assert [one for one in flags if one.startswith("--source=")] == ["--source=service"]
    assert [one for one in flags if one.startswith("--ingress-class=")] == [
        "--ingress-class=public",
        "--ingress-class=internal",
    ]
    container = objects.container("Deployment", "external-dns", "external-dns")
    assert container["resources"] == {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}


def test_clusters_that_share_a_zone_leave_each_others_records_alone() -> None:
    owners = [
        [one for one in arguments(stack_of(file)) if "owner" in one]
        for file in (alone(EKS, dns=ON_EKS), alone(GKE, dns=ON_GKE))
    ]
    assert owners == [["--txt-owner-id=prod-eks"], ["--txt-owner-id=prod-gke"]]


def test_nothing_is_deleted_unless_asked_for() -> None:
    assert "--policy=upsert-only" in arguments(stack_of(alone(EKS, dns=ON_EKS)))


def test_an_older_release_takes_the_same_settings() -> None:
    objects = stack_of(alone(EKS.set("release", "2026.08"), dns=ON_EKS))
    assert objects.container("Deployment", "external-dns", "external-dns")["image"].endswith(":v0.20.0")
    assert "--zone-id-filter=Z0457831PRODEKS0SHOP" in arguments(objects)


@pytest.mark.parametrize(
    ("file", "given", "message"),
    [
        (EKS, {"enabled": True}, "dns.zones: no zone is named to make records in"),
        (EKS, {"zones": ON_EKS["zones"]}, "dns.zones: zones are named, and the part is off"),
        (
            EKS,
            {"enabled": True, "zones": {"shop.example": {}}},
            "dns.zones.shop.example: the zone isn't told as it is on this platform",
        ),
        (GKE, ON_EKS, "dns.zones.shop.example: the zone isn't told as it is on this platform"),
        (METAL, {"enabled": True, "zones": {"shop.example": {}}}, "dns.rfc2136: no name server takes the records"),
        (EKS, {**ON_EKS, "rfc2136": KEY}, "dns.rfc2136: the cloud's own DNS is used here"),
        (
            GKE,
            {
                "enabled": True,
                "zones": {
                    "a.example": {"managed_zone": "a"},
                    "b.example": {"managed_zone": "b", "project": "shop-network-31c5"},
                },
            },
            "dns.zones: zones of several projects",
        ),
    ],
)
def test_what_can_not_be_is_told_once(file: StackFile, given: dict[str, Any], message: str) -> None:
    error = file.set("standard_stack.dns", given).error()
    assert message in error
    assert len(re.findall(r"(?m)^Pulumi\.", error)) == 1


def test_alerts_fire_when_records_are_not_made() -> None:
    objects = stack_of(alone(EKS, dns=ON_EKS, monitoring={"alertmanager": {"existing_secret": "alertmanager-routes"}}))
    synced = "external_dns_controller_last_sync_timestamp_seconds"
    names = ("DnsRecordsAreNotMade", "DnsIsNotInStep", "DnsControllerAbsent")
    looked = [
        case({synced: "0+60x120", "external_dns_registry_errors_total": "7x120"}, 90, dict.fromkeys(names, 0)),
        case(
            {synced: "0x120", "external_dns_registry_errors_total": "0+1x120"},
            90,
            {"DnsRecordsAreNotMade": 1, "DnsIsNotInStep": 1},
        ),
        case(
            {"external_dns_source_errors_total": "0+1x120"}, 90, {"DnsRecordsAreNotMade": 1, "DnsControllerAbsent": 1}
        ),
    ]
    assert_rules(objects, "dns", looked)


def test_without_zones_nothing_of_it_is_there() -> None:
    objects = stack_of(alone(EKS, metrics_api={}))
    assert not [at for at in objects.identities if at[1] == "system-dns"]
