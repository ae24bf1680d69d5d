"""Load balancers: AWS's controller, MetalLB and kube-vip."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.standard_stack.alone import alone
from tests.standard_stack.firing import case
from tests.standard_stack.promtool import assert_rules
from tests.standard_stack.rendered import Objects, stack_of
from tests.support import EKS, GKE, METAL, StackFile

MONITORED = {"alertmanager": {"existing_secret": "alertmanager-routes"}}
PEER = {"address": "10.40.0.1", "asn": 64512, "my_asn": 64513}
API = {"address": "10.40.0.10", "interface": "bond0"}


def controller(objects: Objects) -> dict[str, Any]:
    """Container of the AWS Load Balancer Controller."""
    return objects.container("Deployment", "aws-load-balancer-controller", "aws-load-balancer-controller")


def test_the_aws_controller_finds_its_vpc_by_tags_without_the_metadata_service() -> None:
    arguments = controller(stack_of(alone(EKS, load_balancers={})))["args"]
    assert "--cluster-name=prod-eks" in arguments
    assert "--aws-region=eu-west-1" in arguments
    tags = next(one for one in arguments if one.startswith("--aws-vpc-tags="))
    assert {"Name=prod-eks", "kuber:cluster=prod-eks"} <= set(tags.partition("=")[2].split(","))
    assert not any("vpc-id" in one for one in arguments)


def test_load_balancers_carry_the_clusters_tags() -> None:
    arguments = controller(stack_of(alone(EKS, load_balancers={})))["args"]
    tags = next(one for one in arguments if one.startswith("--default-tags="))
    assert {"kuber:cluster=prod-eks", "owner=platform", "cost-center=shop"} <= set(tags.partition("=")[2].split(","))


def test_the_controller_being_away_keeps_nobody_from_making_services_and_ingresses() -> None:
    objects = stack_of(alone(EKS, load_balancers={}))
    for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        for webhook in objects.one(kind, "aws-load-balancer-webhook")["webhooks"]:
            asked = {resource for rule in webhook["rules"] for resource in rule["resources"]}
            assert not asked & {"services", "ingresses"}, webhook["name"]
    assert not objects.has("IngressClass", "alb")


def test_the_controllers_certificate_is_made_by_cert_manager() -> None:
    objects = stack_of(alone(EKS, load_balancers={}))
    assert objects.all("Certificate", "system-load-balancers")
    off = alone(EKS, load_balancers={}).set("standard_stack.certificates", {"enabled": False})
    assert "certificates.enabled: load_balancers needs certificates" in off.error()


def test_the_controller_changes_only_what_carries_the_clusters_tag() -> None:
    rights = stack_of(alone(EKS, load_balancers={})).rights("load_balancers")["aws-load-balancer-controller"]
    unlimited = [one for one in rights.aws_statements if not one.conditions]
    changing = [a for one in unlimited for a in one.actions if not re.search(r":(Describe|Get|List)", a)]
    assert changing == ["ec2:CreateSecurityGroup"], (
        "AWS tells who may tag the new group by another action, which is limited"
    )
    clusters = {value for one in rights.aws_statements for test in one.conditions.values() for value in test.values()}
    assert clusters <= {
        "prod-eks",
        "owned",
        "elasticloadbalancing.amazonaws.com",
        "CreateSecurityGroup",
        "CreateLoadBalancer",
        "CreateTargetGroup",
        "CreateListener",
    }


def test_its_resources_are_those_of_the_stack_file() -> None:
    given = {"resources": {"cpu": "1", "memory": "1Gi"}}
    expected = {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}
    assert controller(stack_of(alone(EKS, load_balancers=given)))["resources"] == expected
    assert (
        stack_of(alone(METAL, load_balancers=given)).container("Deployment", "metallb-controller", "controller")[
            "resources"
        ]
        == expected
    )


def test_without_the_controller_and_on_google_cloud_the_cloud_does_it_itself() -> None:
    assert stack_of(alone(EKS, load_balancers={"aws_controller": False})).part("load_balancers") == []
    assert stack_of(alone(GKE, load_balancers={})).part("load_balancers") == []


def test_services_of_own_machines_get_addresses_of_the_range_announced_by_workers() -> None:
    objects = stack_of(alone(METAL, load_balancers={"avoid_network_addresses": False}))
    pool = objects.one("IPAddressPool", "services")["spec"]
    assert pool == {"addresses": ["10.40.15.0/24"], "avoidBuggyIPs": False}
    announced = objects.one("L2Advertisement", "services")["spec"]
    assert announced["ipAddressPools"] == ["services"]
    assert [one["matchLabels"]["kuber.dev/pool"] for one in announced["nodeSelectors"]] == ["general", "storage"]
    assert not objects.has("DaemonSet", "frr-k8s")


def test_addresses_are_announced_by_the_pools_that_are_named() -> None:
    objects = stack_of(alone(METAL, load_balancers={"announced_by": ["storage"]}))
    announced = objects.one("L2Advertisement", "services")["spec"]
    assert [one["matchLabels"]["kuber.dev/pool"] for one in announced["nodeSelectors"]] == ["storage"]
    speaker = objects.one("DaemonSet", "metallb-speaker")["spec"]["template"]["spec"]
    assert speaker["tolerations"] == [
        {"key": "workload", "operator": "Equal", "value": "storage", "effect": "NoSchedule"}
    ]


def test_routers_are_told_by_bgp() -> None:
    objects = stack_of(alone(METAL, load_balancers={"mode": "bgp", "peers": [PEER]}))
    peer = objects.one("BGPPeer", "router-10-40-0-1")["spec"]
    assert (peer["peerAddress"], peer["peerASN"], peer["myASN"]) == ("10.40.0.1", 64512, 64513)
    assert objects.one("BGPAdvertisement", "services")["spec"]["ipAddressPools"] == ["services"]
    assert not objects.has("L2Advertisement", "services")


def test_what_the_cluster_fills_in_is_not_fought() -> None:
    part = next(
        one.part for one in stack_of(alone(METAL, load_balancers={})).stack.parts if one.part.name == "load_balancers"
    )
    made = {
        f"{one['kind']}/{one['metadata']['name']}"
        for one in stack_of(alone(METAL, load_balancers={})).part("load_balancers")
    }
    assert set(part.ignored) <= made


def test_the_apis_address_is_kept_by_control_plane_machines_where_asked_for() -> None:
    assert not stack_of(alone(METAL, load_balancers={})).has("DaemonSet", "kube-vip")
    objects = stack_of(alone(METAL, load_balancers={"api_address": API}))
    environment = {one["name"]: one["value"] for one in objects.container("DaemonSet", "kube-vip", "kube-vip")["env"]}
    told = {name: environment[name] for name in ("vip_address", "vip_interface", "port", "cp_enable", "svc_enable")}
    assert told == {
        "vip_address": "10.40.0.10",
        "vip_interface": "bond0",
        "port": "6443",
        "cp_enable": "true",
        "svc_enable": "false",
    }
    affinity = objects.one("DaemonSet", "kube-vip")["spec"]["template"]["spec"]["affinity"]["nodeAffinity"]
    terms = affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert terms[0]["matchExpressions"][0]["key"] == "node-role.kubernetes.io/control-plane"


@pytest.mark.parametrize(
    ("file", "given", "message"),
    [
        (EKS, {"announced_by": ["system"]}, "load_balancers.announced_by: the cloud has load balancers of its own"),
        (GKE, {"aws_controller": False}, "load_balancers.aws_controller: GKE makes Google's load balancers itself"),
        (METAL, {"aws_controller": True}, "load_balancers.aws_controller: there is no AWS under own machines"),
        (METAL, {"mode": "bgp"}, "load_balancers.peers: routers are for `mode: bgp`, and that needs one"),
        (METAL, {"peers": [PEER]}, "load_balancers.peers: routers are for `mode: bgp`, and that needs one"),
        (METAL, {"announced_by": ["workers"]}, "load_balancers.announced_by[0]: no pool of this cluster"),
        (
            METAL,
            {"api_address": {**API, "address": "10.40.0.9"}},
            "api_address.address: not the address by which the API is reached",
        ),
    ],
)
def test_what_can_not_be_is_told_once(file: StackFile, given: dict[str, Any], message: str) -> None:
    error = file.set("standard_stack.load_balancers", given).error()
    assert message in error
    assert len(re.findall(r"(?m)^Pulumi\.", error)) == 1


def test_alerts_fire_when_aws_refuses() -> None:
    objects = stack_of(alone(EKS, load_balancers={}, monitoring=MONITORED))
    of = '{namespace="default",service="%s"}'
    service = 'kube_service_spec_type{namespace="default",service="%s",type="LoadBalancer"}'
    errors = 'controller_runtime_reconcile_errors_total{namespace="system-load-balancers",controller="service"}'
    running = 'kube_deployment_status_replicas_available{namespace="system-load-balancers",deployment="aws-load-balancer-controller"}'
    names = ("ServiceHasNoLoadBalancer", "LoadBalancerControllerFails", "LoadBalancerControllerAbsent")
    well = {
        service % "web": "1x60",
        "kube_service_status_load_balancer_ingress" + of % "web": "1x60",
        errors: "9x60",
        running: "2x60",
    }
    ill = {service % "web": "1x60", errors: "0+1x60", running: "0x60"}
    assert_rules(
        objects, "load_balancers", [case(well, 50, dict.fromkeys(names, 0)), case(ill, 50, dict.fromkeys(names, 1))]
    )


def test_alerts_fire_when_machines_announce_no_more() -> None:
    given = {"mode": "bgp", "peers": [PEER], "api_address": API}
    objects = stack_of(alone(METAL, load_balancers=given, monitoring=MONITORED))
    vip = '{namespace="system-load-balancers",daemonset="kube-vip"}'

    def series(taken: int, stale: int, session: int, ready: int) -> dict[str, str]:
        return {
            'metallb_allocator_addresses_in_use_total{pool="services"}': f"{taken}x60",
            'metallb_allocator_addresses_total{pool="services"}': "100x60",
            'metallb_k8s_client_config_stale_bool{pod="speaker-1"}': f"{stale}x60",
            'metallb_bgp_session_up{instance="lon-worker-1",peer="10.40.0.1:179"}': f"{session}x60",
            "kube_daemonset_status_number_ready" + vip: f"{ready}x60",
            "kube_daemonset_status_desired_number_scheduled" + vip: "3x60",
        }

    names = (
        "LoadBalancerAddressesRunOut",
        "LoadBalancerConfigurationIsStale",
        "BgpSessionIsDown",
        "ApiAddressIsUnguarded",
    )
    looked = [
        case(series(50, 0, 1, 3), 40, dict.fromkeys(names, 0)),
        case(series(90, 1, 0, 1), 40, dict.fromkeys(names, 1)),
    ]
    assert_rules(objects, "load_balancers", looked)


def test_turned_off_nothing_of_it_is_left() -> None:
    objects = stack_of(alone(METAL, metrics_api={}))
    assert not [at for at in objects.identities if at[1] == "system-load-balancers"]
