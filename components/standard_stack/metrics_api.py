"""metrics-server: what `kubectl top` and the horizontal autoscaler ask."""

from __future__ import annotations

from components.charts.rendering import Chart
from config.platforms import Feature

from .alerts import Alert, alerts
from .network import allow_api_server, allow_nodes, allow_webhooks
from .part import Part
from .site import Site

NAMESPACE = "system-metrics"
_PODS = {"app.kubernetes.io/name": "metrics-server"}
_PORT = 10250


def metrics_api(site: Site) -> Part | None:
    """metrics-server, unless the platform brings the API."""
    if site.brings(Feature.METRICS_API):
        return None
    settings = site.stack.metrics_api
    values = {
        "replicas": settings.replicas,
        "resources": settings.resources.manifest(),
        "metrics": {"enabled": site.stack.monitoring.enabled},
        "serviceMonitor": {"enabled": site.stack.monitoring.enabled},
    }
    return Part(
        name="metrics_api",
        namespace=NAMESPACE,
        charts=[Chart(name="metrics-server", values=values)],
        objects=[
            allow_webhooks(site, [_PORT], _PODS, name="api-aggregation"),
            allow_api_server(site, _PODS),
            alerts(
                "metrics_api",
                Alert(
                    name="MetricsApiDown",
                    expression=f'absent(up{{namespace="{NAMESPACE}"}} == 1)',
                    pending="10m",
                    severity="warning",
                    summary="No metrics-server answers: horizontal autoscalers keep the replicas that they have",
                    action="See why its pods don't run or aren't ready, and which kubelets they can't reach.",
                ),
            ),
            allow_nodes(site, "kubelets", pods=_PODS, ports=[10250]),
        ],
    )
