"""Workloads that restart, run in fewer replicas, or can't be changed so."""

from __future__ import annotations

from typing import Any

import pytest

from kuber.plan.registration import UNKNOWN
from tests.review.cases import Cluster, another, cluster, found, of_rule, only, whole
from tests.support import EKS, METAL

PROMETHEUS = "system-monitoring/monitoring-prometheus"
ALERTMANAGER = "system-monitoring/monitoring-alertmanager"
BACKEND = "system-ingress/default-backend"
STATE_METRICS = "system-monitoring/kube-state-metrics"
DNS = "system-dns/external-dns"
IMAGE = "spec.template.spec.containers[0].image"


def with_image(kind: str, name: str) -> Cluster:
    """EKS where a workload has another image."""
    path = "spec.image" if kind in ("Prometheus", "Alertmanager") else IMAGE
    return whole(EKS).set(kind, name, path, "registry.example/other:2")


@pytest.mark.parametrize(
    ("kind", "name", "level", "reason"),
    [
        ("Deployment", BACKEND, "low", "pod by pod; the disruption budget default-backend covers its 2 pods"),
        ("Prometheus", PROMETHEUS, "low", "pod by pod; the disruption budget monitoring-prometheus covers its 2 pods"),
        (
            "Alertmanager",
            ALERTMANAGER,
            "low",
            "pod by pod; the disruption budget monitoring-alertmanager covers its 3 pods",
        ),
        ("DaemonSet", "system-logging/filebeat", "low", "node by node, as its update strategy says"),
        ("Deployment", STATE_METRICS, "low", "its one pod ends when the new one is ready"),
        ("Deployment", DNS, "medium", "its one pod ends before the new one starts, so it is away until then"),
    ],
)
def test_a_workload_that_restarts_is_told_with_what_covers_it(kind: str, name: str, level: str, reason: str) -> None:
    told = only("workload-restarts", whole(EKS), with_image(kind, name))
    assert (told.level, told.what, told.where) == (level, f"{kind} {name} restarts", f"{kind} {name}")
    assert told.reason.startswith(f"{reason} (")
    assert "registry.example/other:2" in told.reason


def test_pods_that_no_budget_covers_are_a_greater_danger() -> None:
    without = whole(EKS).without("PodDisruptionBudget", BACKEND)
    after = without.set("Deployment", BACKEND, IMAGE, "registry.example/other:2")
    told = only("workload-restarts", without, after)
    assert (told.level, told.reason.partition(" (")[0]) == ("medium", "no disruption budget covers its 2 pods")


def test_a_budget_of_another_namespace_or_of_other_pods_covers_nothing() -> None:
    eks = whole(EKS)
    budget = eks.one("PodDisruptionBudget", BACKEND)
    metadata = {"name": "default-backend", "namespace": "system-dns"}
    elsewhere = eks.without("PodDisruptionBudget", BACKEND).plus(another(budget, "elsewhere", metadata=metadata))
    assert only("workload-restarts", elsewhere, elsewhere.set("Deployment", BACKEND, IMAGE, "x")).level == "medium"


def test_a_budget_that_selects_by_expressions_covers_too() -> None:
    eks = whole(EKS)
    expression = {"key": "app.kubernetes.io/name", "operator": "In", "values": ["default-backend", "other"]}
    chosen = eks.set("PodDisruptionBudget", BACKEND, "spec.selector", {"matchExpressions": [expression]})
    assert only("workload-restarts", chosen, chosen.set("Deployment", BACKEND, IMAGE, "x")).level == "low"


@pytest.mark.parametrize("unavailable", [1, "100%"])
def test_one_pod_that_may_end_before_the_next_is_ready_is_away(unavailable: Any) -> None:
    strategy = {"rollingUpdate": {"maxUnavailable": unavailable}}
    before = whole(EKS).set("Deployment", STATE_METRICS, "spec.strategy", strategy)
    told = only("workload-restarts", before, before.set("Deployment", STATE_METRICS, IMAGE, "x"))
    assert told.level == "medium"
    assert told.reason.startswith("it has one pod, so it is away until the new one is ready")


def test_one_prometheus_is_away_while_it_restarts() -> None:
    before = whole(EKS).set("Prometheus", PROMETHEUS, "spec.replicas", 1)
    assert only("workload-restarts", before, before.set("Prometheus", PROMETHEUS, "spec.image", "x")).level == "medium"


@pytest.mark.parametrize(
    ("kind", "name", "path", "value"),
    [
        ("Deployment", BACKEND, "spec.replicas", 3),
        ("Deployment", BACKEND, 'metadata.labels["team"]', "shop"),
        ("Prometheus", PROMETHEUS, "spec.retention", "30d"),
        ("Prometheus", PROMETHEUS, "spec.scrapeInterval", "15s"),
        ("Prometheus", PROMETHEUS, "spec.externalLabels.team", "shop"),
        ("PrometheusRule", "system-dns/kuber-dns", "spec.groups[0].rules[0].for", "1h"),
    ],
)
def test_what_pods_are_told_without_a_restart_restarts_none(kind: str, name: str, path: str, value: Any) -> None:
    eks = whole(EKS)
    if path.startswith("metadata.labels"):
        eks = eks.set(kind, name, "metadata.labels", {})
    assert not of_rule("workload-restarts", eks, eks.set(kind, name, path, value))


def test_pods_that_only_hold_room_are_not_missed() -> None:
    eks, name = cluster(EKS), "system-autoscaling/headroom-workers-spot"
    assert found(eks, eks.set("Deployment", name, IMAGE, "registry.example/pause:4")) == []


def test_a_new_workload_does_not_restart() -> None:
    eks = whole(EKS)
    assert not of_rule("workload-restarts", eks.without("Deployment", BACKEND), eks)


# Replicas


@pytest.mark.parametrize(
    ("kind", "name", "to", "level", "reason"),
    [
        ("Deployment", "system-certificates/cert-manager-webhook", 2, "low", "less room for losing a node or a zone"),
        ("Prometheus", PROMETHEUS, 1, "medium", "when its one pod or node goes, it is away"),
        ("Alertmanager", ALERTMANAGER, 1, "medium", "when its one pod or node goes, it is away"),
        ("Deployment", BACKEND, 0, "high", "no pod of it runs"),
    ],
)
def test_fewer_replicas_are_told(kind: str, name: str, to: int, level: str, reason: str) -> None:
    eks = whole(EKS)
    told = only("fewer-replicas", eks, eks.set(kind, name, "spec.replicas", to))
    before = eks.inputs(kind, name)["spec"]["replicas"]
    assert (told.level, told.what, told.reason) == (level, f"{kind} {name} runs in {to} instead of {before}", reason)


def test_more_replicas_or_as_many_as_others_say_are_no_danger() -> None:
    eks = whole(EKS)
    assert not of_rule("fewer-replicas", eks, eks.set("Deployment", BACKEND, "spec.replicas", 5))
    assert not of_rule("fewer-replicas", eks, eks.unset("Deployment", BACKEND, "spec.replicas"))
    assert not of_rule("fewer-replicas", eks, eks.set("Deployment", BACKEND, "spec.replicas", UNKNOWN))


# What the API server refuses


@pytest.mark.parametrize(
    ("kind", "name", "path", "value"),
    [
        ("StorageClass", "kuber-standard", "reclaimPolicy", "Retain"),
        ("StorageClass", "kuber-standard", "volumeBindingMode", "Immediate"),
        ("PriorityClass", "cluster-service", "value", 7),
        ("IngressClass", "public", "spec.controller", "other.example/controller"),
    ],
)
def test_a_field_that_can_not_change_is_told(kind: str, name: str, path: str, value: Any) -> None:
    eks = whole(EKS)
    told = only("immutable-field", eks, eks.set(kind, name, path, value))
    assert (told.level, told.what) == ("high", f"{kind} {name} can't be changed so")
    assert told.reason == f"the API server refuses to change {path}, and `up` stops there"


@pytest.mark.parametrize(
    ("kind", "name", "path", "value"),
    [
        ("StorageClass", "kuber-standard", "mountOptions", ["discard"]),
        ("StorageClass", "kuber-standard", "allowVolumeExpansion", False),
        ("PriorityClass", "cluster-service", "description", "other"),
        ("Service", "system-ingress/nginx-ingress-public-controller", "spec.loadBalancerClass", "service.k8s.aws/nlb"),
    ],
)
def test_a_field_that_can_change_is_no_danger(kind: str, name: str, path: str, value: Any) -> None:
    eks = whole(EKS)
    assert not of_rule("immutable-field", eks, eks.set(kind, name, path, value))


def test_a_field_whose_change_replaces_is_a_loss_and_not_refused() -> None:
    eks = whole(EKS)
    after = eks.set("StorageClass", "kuber-standard", "provisioner", "other.example")
    assert [one.rule for one in found(eks, after)] == ["traffic-stops"]


@pytest.mark.parametrize(
    ("path", "refused"), [("ordinals", False), ("updateStrategy", False), ("podFailurePolicy", True)]
)
def test_of_a_stateful_set_little_can_change(path: str, refused: bool) -> None:
    metal = cluster(METAL)
    like = metal.one("Deployment", BACKEND)
    type_ = "kubernetes:apps/v1:StatefulSet"
    inputs = {**like["inputs"], "apiVersion": "apps/v1", "kind": "StatefulSet"}
    urn = like["urn"].replace(like["type"], type_)
    before = metal.plus({**like, "urn": urn, "type": type_, "inputs": inputs})
    after = before.set("StatefulSet", BACKEND, f"spec.{path}", {"a": 1})
    assert bool(of_rule("immutable-field", before, after)) is refused


# Volumes


@pytest.mark.parametrize("to", ["200Gi", "50Gi"])
def test_volumes_of_prometheus_keep_their_size(to: str) -> None:
    eks = whole(EKS)
    path = "spec.storage.volumeClaimTemplate.spec.resources.requests.storage"
    told = only("volume-size", eks, eks.set("Prometheus", PROMETHEUS, path, to))
    assert (told.level, told.what) == ("medium", f"Volumes of Prometheus {PROMETHEUS} keep their size")
    assert told.reason.startswith(f"100Gi becomes {to} for new ones alone; ")


@pytest.mark.parametrize("to", ["102400Mi", UNKNOWN])
def test_the_same_size_or_one_that_nobody_knows_is_none_of_another_size(to: str) -> None:
    eks = whole(EKS)
    path = "spec.storage.volumeClaimTemplate.spec.resources.requests.storage"
    assert not of_rule("volume-size", eks, eks.set("Prometheus", PROMETHEUS, path, to))


@pytest.mark.parametrize(("to", "shrinks"), [("5Gi", True), ("10G", True), ("20Gi", False), ("10Gi", False)])
def test_a_claim_that_would_become_smaller_is_told(to: str, shrinks: bool) -> None:
    eks = cluster(EKS)
    like, type_ = eks.one("ConfigMap", "system-logging/filebeat"), "kubernetes:core/v1:PersistentVolumeClaim"

    def with_claim(size: str) -> Cluster:
        inputs = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "data", "namespace": "default"},
            "spec": {"resources": {"requests": {"storage": size}}},
        }
        urn = like["urn"].replace(like["type"], type_)
        return eks.plus({**like, "urn": urn, "type": type_, "inputs": inputs})

    told = of_rule("volume-shrinks", with_claim("10Gi"), with_claim(to))
    assert [one.level for one in told] == (["high"] if shrinks else [])
