"""What filebeat says of itself, for Prometheus: filebeat speaks JSON, which json_exporter beside it turns into metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from components.charts.manifests import Manifest

from ..site import Site
from .filebeat import STATS_PORT

EXPORTER_PORT = 7979
_MODULE = "filebeat"
_FOLDER = "/etc/json-exporter"

METRICS: Mapping[str, tuple[str, str, str]] = {
    "filebeat_queue_filled_ratio": (
        "gauge",
        "libbeat.pipeline.queue.filled.pct",
        "How full the disk queue is, 0 to 1.",
    ),
    "filebeat_queue_added_events_total": (
        "counter",
        "libbeat.pipeline.queue.added.events",
        "Events read into the queue.",
    ),
    "filebeat_output_acked_events_total": ("counter", "libbeat.output.events.acked", "Events that Logstash has taken."),
    "filebeat_output_failed_events_total": ("counter", "libbeat.output.events.failed", "Events to be sent again."),
    "filebeat_output_dropped_events_total": ("counter", "libbeat.output.events.dropped", "Events given up."),
    "filebeat_harvesters_running": ("gauge", "filebeat.harvester.running", "Files that are being read."),
}
"""Metrics by name: type, path in what filebeat's /stats answers, help ("Understand metrics in Filebeat logs")."""


def exporter_configuration() -> dict[str, Any]:
    """json_exporter's configuration."""
    metrics = [
        {"name": name, "type": "value", "valuetype": kind, "path": f"{{ .{path} }}", "help": text}
        for name, (kind, path, text) in METRICS.items()
    ]
    return {"modules": {_MODULE: {"metrics": metrics}}}


def exporter(site: Site) -> dict[str, Any]:
    """The container beside filebeat."""
    return {
        "name": "exporter",
        "image": site.image("json-exporter"),
        "args": [f"--config.file={_FOLDER}/config.yml", f"--web.listen-address=:{EXPORTER_PORT}"],
        "ports": [{"name": "metrics", "containerPort": EXPORTER_PORT}],
        "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65534,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "exporter", "mountPath": _FOLDER, "readOnly": True}],
    }


def monitor(labels: Mapping[str, str]) -> Manifest:
    """Has Prometheus ask each exporter for its own filebeat, and call what it gets by the node's name."""
    endpoint = {
        "port": "metrics",
        "path": "/probe",
        "params": {"module": [_MODULE], "target": [f"http://127.0.0.1:{STATS_PORT}/stats"]},
        "relabelings": [{"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node"}],
    }
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": {"name": "filebeat"},
        "spec": {"selector": {"matchLabels": dict(labels)}, "podMetricsEndpoints": [endpoint]},
    }
