"""Who may reach what in monitoring's namespace."""

from __future__ import annotations

from components.charts.manifests import Manifest

from ..ingress.classes import INGRESS_CLASS_INTERNAL, controllers
from ..network import (
    addresses,
    allow,
    allow_api_server,
    allow_nodes,
    allow_scraping,
    allow_webhooks,
    everywhere_in_the_cluster,
    same_namespace,
)
from ..site import Site

PROMETHEUS_PODS = {"app.kubernetes.io/name": "prometheus"}
_ALERTMANAGER = {"app.kubernetes.io/name": "alertmanager"}
_OPERATOR = {"app": "kube-prometheus-stack-operator"}
_STATE_METRICS = {"app.kubernetes.io/name": "kube-state-metrics"}
_OPERATOR_PORT, _PROMETHEUS_PORT, _ALERTMANAGER_PORT, _RELOADER_PORT, _GOSSIP_PORT = 10250, 9090, 9093, 8080, 9094
_KUBELET, _NODE_EXPORTER = 10250, 9100
_ON_OWN_MACHINES = (2381, 9120, 10249, 10257, 10259)
"""etcd, MetalLB's speakers, kube-proxy, controller manager, scheduler: all in the machines' own network."""


def policies(site: Site) -> list[Manifest]:
    """Prometheus reads everything, and is read by nobody but those who are named."""
    settings = site.stack.monitoring
    on_nodes = [_KUBELET, _NODE_EXPORTER, *(() if site.is_cloud else _ON_OWN_MACHINES)]
    receivers = addresses(*settings.alertmanager.receiver_cidrs, but=["169.254.0.0/16"])
    gossip = [same_namespace(_ALERTMANAGER)]
    made = [
        allow("scrape-pods", pods=PROMETHEUS_PODS, egress_to=[everywhere_in_the_cluster()], ports=[]),
        allow_nodes(site, "scrape-nodes", pods=PROMETHEUS_PODS, ports=on_nodes),
        allow_api_server(site, PROMETHEUS_PODS, name="prometheus-api-server"),
        allow_scraping([_PROMETHEUS_PORT, _RELOADER_PORT], PROMETHEUS_PODS, name="prometheus-metrics"),
        allow_scraping([_ALERTMANAGER_PORT, _RELOADER_PORT], _ALERTMANAGER, name="alertmanager"),
        allow("receivers", pods=_ALERTMANAGER, egress_to=receivers, ports=settings.alertmanager.receiver_ports),
        allow_api_server(site, _OPERATOR, name="operator-api-server"),
        allow_webhooks(site, [_OPERATOR_PORT], _OPERATOR),
        allow_scraping([_OPERATOR_PORT], _OPERATOR, name="operator-metrics"),
        allow_api_server(site, _STATE_METRICS, name="state-metrics-api-server"),
        allow_scraping([8080, 8081], _STATE_METRICS, name="state-metrics"),
    ]
    for protocol in ("TCP", "UDP"):
        name = f"gossip-{protocol.lower()}"
        made += [
            allow(f"{name}-in", pods=_ALERTMANAGER, ingress_from=gossip, ports=[_GOSSIP_PORT], protocol=protocol),
            allow(f"{name}-out", pods=_ALERTMANAGER, egress_to=gossip, ports=[_GOSSIP_PORT], protocol=protocol),
        ]
    if settings.grafana_access:
        ingress = [controllers(INGRESS_CLASS_INTERNAL)]
        made.append(allow("grafana", pods=PROMETHEUS_PODS, ingress_from=ingress, ports=[_PROMETHEUS_PORT]))
    return made
