"""What keeps others from doing harm and goes: webhooks, quotas, Pod Security, what pods may do, switches that protect, headers."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kuber.plan.registration import UNKNOWN
from kuber.review.dangers.hardening import SWITCHES
from tests.review.cases import Cluster, cluster, found, of_rule, only, rules, whole
from tests.support import EKS, GKE, METAL, StackFile

ENFORCE = 'metadata.labels["pod-security.kubernetes.io/enforce"]'
FILEBEAT = "system-logging/filebeat"
NGINX = "system-ingress/nginx-ingress-public-controller"
POD = "spec.template.spec"


# Guards


@pytest.mark.parametrize(
    ("file", "kind", "name", "level"),
    [
        (EKS, "ValidatingAdmissionPolicy", "mesh-trust-anchor", "high"),
        (EKS, "ValidatingAdmissionPolicyBinding", "mesh-trust-anchor", "high"),
        (EKS, "ValidatingWebhookConfiguration", "cert-manager-webhook", "high"),
        (EKS, "MutatingWebhookConfiguration", "linkerd-proxy-injector-webhook-config", "medium"),
        (EKS, "LimitRange", "default/default-requests", "medium"),
        (EKS, "Policy", "system-monitoring/grafana-access-sources", "high"),
        (GKE, "ResourceQuota", "system-logging/critical-pods", "medium"),
        (EKS, "PodDisruptionBudget", "system-certificates/cert-manager-webhook", "medium"),
        (EKS, "PodDisruptionBudget", "system-monitoring/monitoring-prometheus", "medium"),
    ],
)
def test_a_guard_that_is_removed_is_told(file: StackFile, kind: str, name: str, level: str) -> None:
    before = whole(file)
    told = only("guard-removed", before, before.without(kind, name))
    assert (told.level, told.what) == (level, f"{kind} {name} is removed")


def test_a_guard_that_changes_is_not_removed() -> None:
    eks = whole(EKS)
    after = eks.set("PodDisruptionBudget", "system-certificates/cert-manager-webhook", "spec.maxUnavailable", 2)
    assert not of_rule("guard-removed", eks, after)


def test_a_budget_that_goes_with_its_pods_is_missed_by_nobody() -> None:
    eks, name = whole(EKS), "system-certificates/cert-manager-webhook"
    assert not of_rule("guard-removed", eks, eks.without("PodDisruptionBudget", name).without("Deployment", name))


def test_a_policy_of_vault_is_no_guard() -> None:
    eks = cluster(EKS)
    assert not of_rule("guard-removed", eks, eks.without("Policy", "prod-eks-developer"))


def test_a_host_that_no_longer_asks_a_policy_is_told() -> None:
    eks, name = cluster(EKS), "system-monitoring/grafana-access"
    policies = eks.inputs("VirtualServer", name)["spec"]["policies"]
    told = only("guard-removed", eks, eks.set("VirtualServer", name, "spec.policies", policies[:1]))
    assert told.level == "high"
    assert told.what == f"VirtualServer {name} no longer asks policy grafana-access-credential"


def test_certificates_that_are_no_longer_demanded_are_told() -> None:
    eks, name = cluster(EKS), "system-monitoring/grafana-access-credential"
    told = only("guard-removed", eks, eks.set("Policy", name, "spec.ingressMTLS.verifyClient", "optional"))
    assert told.what == f"Policy {name} no longer checks certificates of clients"


# Pod Security


@pytest.mark.parametrize(
    ("name", "to", "what"),
    [
        ("system-dns", "privileged", "Pod Security of system-dns goes from restricted to privileged"),
        ("system-dns", "baseline", "Pod Security of system-dns goes from restricted to baseline"),
        ("system-dns", None, "Pod Security of system-dns goes from restricted to none"),
    ],
)
def test_a_lower_level_of_pod_security_is_told(name: str, to: str | None, what: str) -> None:
    eks = cluster(EKS)
    after = eks.set("Namespace", name, ENFORCE, to) if to else eks.unset("Namespace", name, ENFORCE)
    told = only("pod-security-lowered", eks, after)
    assert (told.level, told.what, told.where) == ("high", what, f"Namespace {name}")


def test_the_applications_namespace_counts_too_also_when_nobody_speaks_of_it_any_more() -> None:
    eks = cluster(EKS)
    lower = only("pod-security-lowered", eks, eks.set("NamespacePatch", "default", ENFORCE, "privileged"))
    assert lower.what == "Pod Security of default goes from baseline to privileged"
    gone = only("pod-security-lowered", eks, eks.without("NamespacePatch", "default"))
    assert gone.what == "Pod Security of default goes from baseline to none"


@pytest.mark.parametrize(
    ("before", "after"), [("baseline", "restricted"), ("privileged", None), ("restricted", UNKNOWN)]
)
def test_a_level_that_is_as_high_or_not_known_is_no_danger(before: str, after: str | None) -> None:
    olds = cluster(EKS).set("Namespace", "system-dns", ENFORCE, before)
    news = (
        olds.set("Namespace", "system-dns", ENFORCE, after) if after else olds.unset("Namespace", "system-dns", ENFORCE)
    )
    assert not of_rule("pod-security-lowered", olds, news)


# What pods may do


def container(path: str, value: Any) -> Cluster:
    """EKS with another security context of the public ingress's one container."""
    return whole(EKS).set("Deployment", NGINX, f"{POD}.containers[0].securityContext.{path}", value)


@pytest.mark.parametrize(
    ("path", "value", "level", "reason"),
    [
        ("privileged", True, "high", "privileged (nginx-ingress)"),
        ("capabilities.add", ["NET_ADMIN"], "high", "capability NET_ADMIN (nginx-ingress)"),
        ("capabilities.drop", [], "medium", "keeps a container's usual capabilities (nginx-ingress)"),
        ("runAsUser", 0, "medium", "may run as root (nginx-ingress)"),
        ("allowPrivilegeEscalation", True, "medium", "may gain privileges (nginx-ingress)"),
        ("readOnlyRootFilesystem", False, "medium", "writes to its own file system (nginx-ingress)"),
        ("seccompProfile", {"type": "Unconfined"}, "high", "unconfined by seccomp (nginx-ingress)"),
    ],
)
def test_a_container_that_may_do_more_is_told(path: str, value: Any, level: str, reason: str) -> None:
    told = only("pods-may-more", whole(EKS), container(path, value))
    assert (told.level, told.what, told.reason) == (level, f"Pods of Deployment {NGINX} may do more", reason)
    assert not of_rule("pods-may-more", container(path, value), whole(EKS))


def test_a_pod_that_gets_more_of_its_node_is_told() -> None:
    eks = whole(EKS)
    assert only("pods-may-more", eks, eks.set("Deployment", NGINX, f"{POD}.hostNetwork", True)).reason == "hostNetwork"
    volumes = [{"name": "etc", "hostPath": {"path": "/etc"}}]
    told = only("pods-may-more", eks, eks.set("Deployment", NGINX, f"{POD}.volumes", volumes))
    assert (told.level, told.reason) == ("high", "hostPath /etc")


def test_pods_of_jobs_count_too() -> None:
    eks, path = cluster(EKS), "spec.jobTemplate.spec.template.spec.containers[0].securityContext.privileged"
    told = only("pods-may-more", eks, eks.set("CronJob", "system-autoscaling/prescale-workers-spot", path, True))
    assert told.reason == "privileged (scale)"


def test_a_container_by_another_name_may_do_no_more() -> None:
    eks = whole(EKS)
    assert not of_rule("pods-may-more", eks, eks.set("Deployment", NGINX, f"{POD}.containers[0].name", "nginx"))
    containers = eks.inputs("DaemonSet", FILEBEAT)["spec"]["template"]["spec"]["containers"]
    second = [*containers, {**containers[0], "name": "second"}]
    assert not of_rule("pods-may-more", eks, eks.set("DaemonSet", FILEBEAT, f"{POD}.containers", second))


def test_another_image_alone_may_do_no_more() -> None:
    eks = whole(EKS)
    assert not of_rule("pods-may-more", eks, eks.set("Deployment", NGINX, f"{POD}.containers[0].image", "nginx:2"))


# Switches that protect


@pytest.mark.parametrize(
    ("file", "type_", "name", "path", "value", "level", "reason"),
    [
        (
            EKS,
            "LaunchTemplate",
            "prod-eks-system-ac8691",
            "metadataOptions.httpTokens",
            "optional",
            "high",
            "metadataOptions.httpTokens: required becomes optional; old requests to the metadata server are answered",
        ),
        (
            EKS,
            "LaunchTemplate",
            "prod-eks-system-ac8691",
            "blockDeviceMappings[0].ebs.encrypted",
            "false",
            "high",
            "blockDeviceMappings[].ebs.encrypted: true becomes false; the nodes' disks aren't encrypted",
        ),
        (
            EKS,
            "Cluster",
            "prod-eks",
            "accessConfig.authenticationMode",
            "API_AND_CONFIG_MAP",
            "high",
            "accessConfig.authenticationMode: API becomes API_AND_CONFIG_MAP; who may write",
        ),
        (
            GKE,
            "Cluster",
            "prod-gke",
            "privateClusterConfig.enablePrivateNodes",
            False,
            "high",
            "privateClusterConfig.enablePrivateNodes: true becomes false; nodes get addresses that the internet reaches",
        ),
        (
            GKE,
            "NodePool",
            "prod-gke-system-7c8571",
            "nodeConfig.workloadMetadataConfig.mode",
            "GCE_METADATA",
            "high",
            "nodeConfig.workloadMetadataConfig.mode: GKE_METADATA becomes GCE_METADATA; pods reach the metadata server",
        ),
    ],
)
def test_a_switch_that_no_longer_protects_is_told(  # noqa: PLR0917 - a table
    file: StackFile, type_: str, name: str, path: str, value: Any, level: str, reason: str
) -> None:
    before = cluster(file)
    after = before.set(type_, name, path, value)
    told = only("hardening-off", before, after)
    assert (told.level, told.what) == (level, f"{type_} {name} is less well protected")
    assert told.reason.startswith(reason)
    assert not of_rule("hardening-off", after, before)


def test_each_switch_protects_what_the_program_makes() -> None:
    made = [one for file in (EKS, GKE) for one in cluster(file).resources.values()]
    for switch in SWITCHES:
        values = [switch.value(one["inputs"]) for one in made if one["type"] == switch.type]
        assert values, switch.path
        assert all(one in switch.safe if switch.safe else one for one in values), switch.path


# Headers


def without_directive(directive: str) -> Cluster:
    """EKS whose public ingress lacks a directive."""
    name = "system-ingress/nginx-ingress-public"
    eks = whole(EKS)
    for key in ("server-snippets", "location-snippets"):
        lines = eks.inputs("ConfigMap", name)["data"][key].splitlines()
        kept = [one for one in lines if not re.match(directive, one)]
        eks = eks.set("ConfigMap", name, f'data["{key}"]', "\n".join(kept))
    return eks


@pytest.mark.parametrize(
    ("directive", "what"),
    [
        ("add_header X-Content-Type-Options", "The ingress no longer sends X-Content-Type-Options"),
        ("(proxy|grpc)_hide_header Server", "The ingress no longer hides Server"),
        ("(proxy|grpc)_set_header X-Internal-User", "The ingress no longer strips X-Internal-User"),
    ],
)
def test_a_header_that_is_no_longer_handled_is_told(directive: str, what: str) -> None:
    told = only("header-dropped", whole(EKS), without_directive(directive))
    assert (told.level, told.what, told.where) == ("medium", what, "ConfigMap system-ingress/nginx-ingress-public")
    assert not of_rule("header-dropped", without_directive(directive), whole(EKS))


def test_another_text_of_an_error_page_drops_no_header() -> None:
    eks = whole(EKS)
    after = eks.set("ConfigMap", "system-ingress/default-backend", 'data["404.html"]', "proxy_hide_header X-A;")
    assert not of_rule("header-dropped", after, eks)


def test_headers_of_the_other_controller_count_too() -> None:
    traefik = whole(METAL.set("standard_stack.ingress.flavour", "traefik"))
    name = "system-ingress/standard-headers"
    for path, what in (
        ('spec.headers.customResponseHeaders["X-Content-Type-Options"]', "sends X-Content-Type-Options"),
        ("spec.headers.customResponseHeaders.Server", "hides Server"),
        ("spec.headers.stsSeconds", "sends Strict-Transport-Security"),
    ):
        told = only("header-dropped", traefik, traefik.unset("Middleware", name, path))
        assert told.what == f"The ingress no longer {what}"


def test_a_new_cluster_is_guarded_as_it_is() -> None:
    assert found(None, whole(EKS)) == []
    assert rules(whole(EKS), whole(EKS)) == []
