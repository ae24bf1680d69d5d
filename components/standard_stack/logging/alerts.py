"""When logs don't arrive."""

from __future__ import annotations

from components.charts.manifests import Manifest

from ..alerts import Alert, alerts


def rules() -> Manifest:
    """The alerts of logging."""
    return alerts(
        "logging",
        Alert(
            name="LogsNotShipped",
            expression="rate(filebeat_queue_added_events_total[10m]) > 0 and rate(filebeat_output_acked_events_total[10m]) == 0",
            pending="15m",
            severity="critical",
            summary="Logstash takes nothing from {{ $labels.node }}, where {{ $value | humanize }} events a second are read",
            action="See in filebeat's log why: Logstash out of reach, a certificate that ran out, or Logstash itself stopped.",
        ),
        Alert(
            name="LogQueueFilling",
            expression="filebeat_queue_filled_ratio > 0.5",
            pending="10m",
            severity="warning",
            summary="The log queue of {{ $labels.node }} is {{ $value | humanizePercentage }} full",
            action="Logstash takes less than the node's pods write: find the pod that writes so much, or give Logstash more room.",
        ),
        Alert(
            name="LogQueueFull",
            expression="filebeat_queue_filled_ratio > 0.9",
            pending="5m",
            severity="critical",
            summary="The log queue of {{ $labels.node }} is {{ $value | humanizePercentage }} full: logs will be lost",
            action="When it is full, logs wait in files that kubelet rotates and deletes. Bring Logstash back first.",
        ),
        Alert(
            name="LogEventsDropped",
            expression="increase(filebeat_output_dropped_events_total[30m]) > 0",
            pending="0m",
            severity="warning",
            summary="filebeat on {{ $labels.node }} gave up {{ $value | humanize }} events",
            action="filebeat's log says which events Logstash refused for good.",
        ),
        Alert(
            name="LogShipperMissing",
            expression=(
                'kube_daemonset_status_desired_number_scheduled{namespace="system-logging",daemonset="filebeat"}'
                ' - kube_daemonset_status_number_ready{namespace="system-logging",daemonset="filebeat"} > 0'
            ),
            pending="30m",
            severity="warning",
            summary="{{ $value }} nodes ship no logs",
            action="`kubectl -n system-logging get pods -o wide` shows which; their events and logs say why.",
        ),
    )
