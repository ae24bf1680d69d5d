"""Alerts about what the chart's own rules don't know: spot machines, a crowd of waiting pods, a history that is cut short."""

from __future__ import annotations

from components.charts.manifests import Manifest

from ..alerts import Alert, alerts
from ..site import Site

_SPOT = 'kube_node_labels{label_kuber_dev_capacity="spot"}'
_REMOVED = 'max_over_time(kube_node_spec_taint{key="ToBeDeletedByClusterAutoscaler"}[1h])'
"""Nodes that the autoscaler took away itself."""


def own_alerts(site: Site) -> list[Manifest]:
    """The part's alerts; those about spot machines where there are any."""
    spot = [_spot_nodes_taken()] if site.settings.has_spot else []
    return [alerts("monitoring", *spot, _many_pods_pending(), _history_cut_short(site))]


def _spot_nodes_taken() -> Alert:
    there = f"max by (node, label_kuber_dev_pool) (last_over_time({_SPOT}[1h]))"
    taken = f"count by (label_kuber_dev_pool) ({there} unless on (node) {_SPOT} unless on (node) {_REMOVED})"
    many = f"{taken} > 1 and {taken} > 0.25 * count by (label_kuber_dev_pool) ({there})"
    return Alert(
        name="SpotNodesTaken",
        expression=f"({many}) unless on () absent(kube_node_info)",  # without kube-state-metrics all nodes look taken
        pending="0m",
        severity="warning",
        summary="{{ $value }} nodes of the spot pool {{ $labels.label_kuber_dev_pool }} were taken away within an hour",
        action="See whether pods wait for nodes, and whether the pool's machine types are still to be had.",
    )


def _many_pods_pending() -> Alert:
    pending = 'sum(kube_pod_status_phase{phase="Pending"})'
    running = 'sum(kube_pod_status_phase{phase="Running"})'
    return Alert(
        name="ManyPodsPending",
        expression=f"{pending} >= 10 and {pending} > 0.05 * {running}",
        pending="10m",
        severity="critical",
        summary="{{ $value }} pods have not started for ten minutes",
        action="Read events of some: `kubectl get pods -A --field-selector status.phase=Pending`. Mostly nodes are missing.",
    )


def _history_cut_short(site: Site) -> Alert:
    settings = site.stack.monitoring.prometheus
    return Alert(
        name="PrometheusHistoryCutShort",
        expression=(
            "(prometheus_tsdb_storage_blocks_bytes / (prometheus_tsdb_retention_limit_bytes > 0)) > 0.9"
            f" and time() - prometheus_tsdb_lowest_timestamp_seconds < {settings.retention_seconds}"
        ),
        pending="1h",
        severity="warning",
        summary="{{ $labels.pod }} drops measurements by size before they are " + settings.retention + " old",
        action="Give Prometheus a larger `storage`, or less to measure: its page /tsdb-status tells who has most series.",
    )
