"""What is watched less or kept for less time, and keys that change."""

from __future__ import annotations

from typing import Any

import pytest

from kuber.plan.registration import UNKNOWN
from tests.review.cases import cluster, found, of_rule, only, rules, whole
from tests.support import EKS, GKE, StackFile

LOGS = "prod-eks-control-plane"
PROMETHEUS = "system-monitoring/monitoring-prometheus"


# Logs and metrics


@pytest.mark.parametrize(
    ("file", "path", "left", "level", "what"),
    [
        (EKS, "enabledClusterLogTypes", ["api", "authenticator"], "high", "audit, controllerManager, scheduler"),
        (EKS, "enabledClusterLogTypes", ["api", "audit", "authenticator", "controllerManager"], "medium", "scheduler"),
        (
            GKE,
            "loggingConfig.enableComponents",
            ["SYSTEM_COMPONENTS", "CONTROLLER_MANAGER", "SCHEDULER"],
            "high",
            "APISERVER",
        ),
    ],
)
def test_a_log_that_is_no_longer_written_is_told(
    file: StackFile, path: str, left: list[str], level: str, what: str
) -> None:
    before = cluster(file)
    told = only("log-type-dropped", before, before.set("Cluster", file.stack, path, left))
    assert (told.level, told.what) == (level, f"The control plane no longer logs {what}")
    assert not of_rule("log-type-dropped", before.set("Cluster", file.stack, path, left), before)


def test_no_logs_at_all_are_told_and_unknown_ones_are_not() -> None:
    eks = cluster(EKS)
    none = only("log-type-dropped", eks, eks.unset("Cluster", "prod-eks", "enabledClusterLogTypes"))
    assert none.what.endswith("api, audit, authenticator, controllerManager, scheduler")
    assert not of_rule("log-type-dropped", eks, eks.set("Cluster", "prod-eks", "enabledClusterLogTypes", UNKNOWN))


def test_what_google_no_longer_measures_is_told() -> None:
    gke = cluster(GKE)
    told = only("google-metrics-dropped", gke, gke.set("Cluster", "prod-gke", "monitoringConfig.enableComponents", []))
    assert (told.level, told.what) == ("low", "Google no longer measures SYSTEM_COMPONENTS")


def test_flow_logs_that_are_switched_off_are_told_of_either_cloud() -> None:
    eks, gke = cluster(EKS), cluster(GKE)
    of_aws = only("flow-log-off", eks, eks.without("FlowLog"))
    of_google = only("flow-log-off", gke, gke.unset("Subnetwork", "prod-gke-network-nodes", "logConfig"))
    assert of_aws.level == of_google.level == "medium"
    assert of_google.where == "Subnetwork prod-gke-network-nodes"


def test_flow_logs_of_fewer_packets_are_still_there() -> None:
    gke = cluster(GKE)
    assert not of_rule("flow-log-off", gke, gke.set("Subnetwork", "", "logConfig.flowSampling", 0.1))


# How long it is kept


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        (365, 30, "retentionInDays: 365 becomes 30; what is older is deleted, and can't be had back"),
        (0, 365, "retentionInDays: for good becomes 365; what is older is deleted, and can't be had back"),
    ],
)
def test_logs_that_are_kept_for_less_time_are_told(before: int, after: int, reason: str) -> None:
    olds = cluster(EKS).set("LogGroup", LOGS, "retentionInDays", before)
    told = only("retention-lowered", olds, olds.set("LogGroup", LOGS, "retentionInDays", after))
    assert (told.level, told.what, told.reason) == ("medium", f"LogGroup {LOGS} keeps less", reason)


@pytest.mark.parametrize("after", [365, 400, 0, UNKNOWN])
def test_logs_that_are_kept_as_long_or_longer_are_no_danger(after: Any) -> None:
    eks = cluster(EKS)
    assert not of_rule("retention-lowered", eks, eks.set("LogGroup", LOGS, "retentionInDays", after))


@pytest.mark.parametrize(
    ("path", "value", "lower"),
    [
        ("retention", "10d", True),
        ("retention", "14d23h", True),
        ("retention", "2w1d", False),
        ("retention", "360h", False),
        ("retentionSize", "80GiB", True),
        ("retentionSize", "85GB", True),
        ("retentionSize", "1TiB", False),
    ],
)
def test_metrics_that_are_kept_for_less_time_or_less_of_them_are_told(path: str, value: str, lower: bool) -> None:
    eks = whole(EKS)
    told = of_rule("retention-lowered", eks, eks.set("Prometheus", PROMETHEUS, f"spec.{path}", value))
    before = {"retention": "15d", "retentionSize": "85GiB"}[path]
    assert [one.reason.partition(";")[0] for one in told] == ([f"{path}: {before} becomes {value}"] if lower else [])


# Alerts


def test_alerts_that_nothing_raises_any_more_are_told() -> None:
    eks, name = cluster(EKS), "system-dns/kuber-dns"
    alerts = eks.inputs("PrometheusRule", name)["spec"]["groups"][0]["rules"]
    told = only("alerts-dropped", eks, eks.set("PrometheusRule", name, "spec.groups[0].rules", alerts[1:]))
    assert (told.level, told.what, told.where) == ("low", "1 alert is no longer raised", f"PrometheusRule {name}")
    assert told.reason == f"nobody is told any more of {alerts[0]['alert']}"


def test_an_alert_that_moves_or_asks_otherwise_is_still_there() -> None:
    eks, name = cluster(EKS), "system-dns/kuber-dns"
    groups = eks.inputs("PrometheusRule", name)["spec"]["groups"]
    moved = eks.without("PrometheusRule", name)
    others = moved.inputs("PrometheusRule", "system-storage/kuber-storage")["spec"]["groups"]
    moved = moved.set("PrometheusRule", "system-storage/kuber-storage", "spec.groups", [*others, *groups])
    assert not of_rule("alerts-dropped", eks, moved)
    assert not of_rule("alerts-dropped", eks, eks.set("PrometheusRule", name, "spec.groups[0].rules[0].for", "1h"))


def test_all_that_is_no_longer_measured_is_one_danger() -> None:
    eks = whole(EKS)
    after = eks.without_all("ServiceMonitor", "PrometheusRule")
    told = {one.rule: one for one in found(eks, after)}
    monitors = sum(one["type"].endswith(":ServiceMonitor") for one in eks.resources.values())
    assert set(told) == {"alerts-dropped", "metrics-dropped"}
    assert (told["metrics-dropped"].what, told["metrics-dropped"].where) == (
        f"{monitors} things are no longer measured",
        "prod-eks",
    )
    one = only("metrics-dropped", eks, eks.without("ServiceMonitor", "system-dns/external-dns"))
    assert (one.level, one.what) == ("low", "1 thing is no longer measured")


# Keys


@pytest.mark.parametrize(
    ("file", "path", "value", "what"),
    [
        (EKS, "encryptionConfig.provider.keyArn", "arn:aws:kms:eu-west-1:1:key/2", "gets another encryption key"),
        (GKE, "databaseEncryption.keyName", "projects/p/other", "gets another encryption key"),
        (GKE, "databaseEncryption", {"state": "DECRYPTED"}, "loses its encryption key"),
    ],
)
def test_another_key_or_none_is_told(file: StackFile, path: str, value: Any, what: str) -> None:
    before = cluster(file)
    told = only("encryption-changes", before, before.set("Cluster", file.stack, path, value))
    assert (told.level, told.what) == ("high", f"Cluster {file.stack} {what}")


def test_a_key_where_there_was_none_is_no_danger() -> None:
    eks = cluster(EKS)
    without = eks.unset("Cluster", "prod-eks", "encryptionConfig")
    assert rules(without, eks) == ["medium control-plane-touched"]
    assert only("encryption-changes", eks, without).what == "Cluster prod-eks loses its encryption key"


def test_a_key_that_is_no_longer_rotated_is_told_of_either_cloud() -> None:
    eks, gke = cluster(EKS), cluster(GKE)
    of_aws = only("key-not-rotated", eks, eks.set("Key", "", "enableKeyRotation", False))
    assert (of_aws.level, of_aws.what) == ("medium", "Key prod-eks-secrets is no longer rotated")
    of_google = only("key-not-rotated", gke, gke.unset("CryptoKey", "", "rotationPeriod"))
    assert of_google.what == "CryptoKey prod-gke-secrets is no longer rotated"
    less = only("key-not-rotated", gke, gke.set("CryptoKey", "", "rotationPeriod", "31536000s"))
    assert (less.what, less.reason) == (
        "CryptoKey prod-gke-secrets is rotated less often",
        "every 365 days instead of every 90",
    )
    assert not of_rule("key-not-rotated", gke, gke.set("CryptoKey", "", "rotationPeriod", "2592000s"))
