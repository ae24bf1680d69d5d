"""Alert rules about spot nodes, waiting pods and a history that is cut, by promtool."""

from __future__ import annotations

from typing import Any

from tests.standard_stack.alone import alone
from tests.standard_stack.promtool import assert_rules, rule_groups
from tests.standard_stack.rendered import stack_of
from tests.support import EKS, METAL

_MONITORED, _MACHINES = alone(EKS, monitoring={}), alone(METAL, monitoring={})
_SPOT_NODES = {f"n{number}": "1x90" for number in range(4)}
_TWO_TAKEN = {"n0": "1x10 _x80", "n1": "1x12 _x78"}
_TAKEN = {
    "labels": {"label_kuber_dev_pool": "workers", "severity": "warning"},
    "summary": "2 nodes of the spot pool workers were taken away within an hour",
}
_PENDING = {"labels": {"severity": "critical"}, "summary": "12 pods have not started for ten minutes"}
_CUT = {
    "labels": {"pod": "prometheus-0", "severity": "warning"},
    "summary": "prometheus-0 drops measurements by size before they are 15d old",
}


def test_where_nothing_is_spot_nothing_is_said_about_it() -> None:
    told = {rule["alert"] for group in rule_groups(stack_of(_MACHINES), "monitoring") for rule in group["rules"]}
    assert "ManyPodsPending" in told and "SpotNodesTaken" not in told


def test_spot_nodes_that_are_taken_away_are_told_and_those_that_the_autoscaler_removes_are_not() -> None:
    measured = {'kube_node_info{node="n3"}': "1x90"}
    marked = {
        f'kube_node_spec_taint{{node="{node}",key="ToBeDeletedByClusterAutoscaler"}}': "1x10 _x80"
        for node in _TWO_TAKEN
    }
    _assert_rules(
        [
            _case(measured | _spot(_SPOT_NODES | _TWO_TAKEN), "30m", "SpotNodesTaken", _TAKEN),
            _case(measured | _spot(_SPOT_NODES), "30m", "SpotNodesTaken", None),
            _case(measured | _spot(_SPOT_NODES | {"n0": _TWO_TAKEN["n0"]}), "30m", "SpotNodesTaken", None),
            _case(measured | _spot(_SPOT_NODES | _TWO_TAKEN) | marked, "30m", "SpotNodesTaken", None),
            _case(_spot(dict.fromkeys(_SPOT_NODES, "1x10 _x80")), "30m", "SpotNodesTaken", None),
        ]
    )


def test_a_crowd_of_waiting_pods_is_told_and_a_few_are_not() -> None:
    running = {f'kube_pod_status_phase{{phase="Running",pod="r{number}"}}': "1x60" for number in range(20)}
    waiting = {f'kube_pod_status_phase{{phase="Pending",pod="p{number}"}}': "1x60" for number in range(12)}
    _assert_rules(
        [
            _case(running | waiting, "15m", "ManyPodsPending", _PENDING),
            _case(running | waiting, "5m", "ManyPodsPending", None),
            _case(running | dict(list(waiting.items())[:9]), "15m", "ManyPodsPending", None),
        ]
    )


def test_a_history_that_size_cuts_before_its_time_is_told() -> None:
    def full(size: str, oldest: str) -> dict[str, str]:
        series = {"storage_blocks_bytes": size, "retention_limit_bytes": "100x2000", "lowest_timestamp_seconds": oldest}
        return {f'prometheus_tsdb_{name}{{pod="prometheus-0"}}': values for name, values in series.items()}

    _assert_rules(
        [
            _case(full("95x2000", "0x2000"), "24h", "PrometheusHistoryCutShort", _CUT),
            _case(full("60x2000", "0x2000"), "24h", "PrometheusHistoryCutShort", None),
            _case(full("95x2000", "-2000000x2000"), "24h", "PrometheusHistoryCutShort", None),
        ]
    )


def _assert_rules(cases: list[dict[str, Any]]) -> None:
    """promtool's own tests of monitoring's rules."""
    assert_rules(stack_of(_MONITORED), "monitoring", cases)


def _spot(nodes: dict[str, str]) -> dict[str, str]:
    labels = 'label_kuber_dev_pool="workers",label_kuber_dev_capacity="spot"'
    return {f'kube_node_labels{{node="{node}",{labels}}}': values for node, values in nodes.items()}


def _case(series: dict[str, str], at: str, alert: str, firing: dict[str, Any] | None) -> dict[str, Any]:
    """A test of promtool's: at a time the alert fires, with these labels and this summary; or, for None, not at all."""
    rules = [rule for group in rule_groups(stack_of(_MONITORED), "monitoring") for rule in group["rules"]]
    (annotations,) = [rule["annotations"] for rule in rules if rule["alert"] == alert]
    expected = firing and {
        "exp_labels": {"part": "monitoring", **firing["labels"]},
        "exp_annotations": {**annotations, "summary": firing["summary"]},
    }
    return {
        "interval": "1m",
        "input_series": [{"series": one, "values": values} for one, values in series.items()],
        "alert_rule_test": [{"eval_time": at, "alertname": alert, "exp_alerts": [expected] if expected else []}],
    }
