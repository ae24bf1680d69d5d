"""The metrics API."""

from __future__ import annotations

from tests.standard_stack.firing import case
from tests.standard_stack.promtool import assert_rules
from tests.standard_stack.rendered import stack_of
from tests.support import EKS, GKE, METAL


def test_replicas_and_resources_reach_metrics_server() -> None:
    file = EKS.set("standard_stack", {"metrics_api": {"replicas": 3, "resources": {"cpu": "1", "memory": "1Gi"}}})
    objects = stack_of(file)
    assert objects.one("Deployment", "metrics-server")["spec"]["replicas"] == 3
    container = objects.container("Deployment", "metrics-server", "metrics-server")
    assert container["resources"] == {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}


def test_it_is_measured_where_there_is_somebody_to_read_it() -> None:
    assert stack_of(EKS).has("ServiceMonitor", "metrics-server")
    without = EKS.set("standard_stack", {"monitoring": {"enabled": False}})
    assert not stack_of(without).has("ServiceMonitor", "metrics-server")


def test_gke_brings_its_own() -> None:
    assert stack_of(GKE).part("metrics_api") == []
    assert stack_of(METAL).has("Deployment", "metrics-server")


def test_turned_off_nothing_of_it_is_left() -> None:
    objects = stack_of(EKS.set("standard_stack", {"metrics_api": {"enabled": False}}))
    assert not [at for at in objects.identities if "metrics-server" in at[2] or at[1] == "system-metrics"]


def test_somebody_is_told_when_no_metrics_server_answers() -> None:
    up = 'up{namespace="system-metrics",pod="%s"}'
    one_of_two = {up % "a": "1x60", up % "b": "0x60"}
    looked = [
        case(one_of_two, 30, {"MetricsApiDown": 0}),
        case({up % "a": "0x60", up % "b": "0x60"}, 30, {"MetricsApiDown": 1}),
        case({'up{namespace="system-dns"}': "1x60"}, 30, {"MetricsApiDown": 1}),
    ]
    assert_rules(stack_of(EKS), "metrics_api", looked)
