"""Services of type LoadBalancer: AWS's controller on EKS, MetalLB on own machines; GKE has its own."""

from __future__ import annotations

from components.charts.manifests import Manifest
from components.charts.rendering import Chart
from config.bare_metal import BareMetalCluster
from config.eks import EksCluster

from ..alerts import Alert, alerts
from ..network import allow_api_server, allow_cloud, allow_scraping, allow_webhooks
from ..part import Part
from ..site import Site
from . import aws, metal

NAMESPACE = "system-load-balancers"


def load_balancers(site: Site) -> Part | None:
    """What makes load balancers; nothing where the cloud does it itself."""
    if isinstance(site.settings, EksCluster):
        return _on_eks(site, site.settings) if site.stack.load_balancers.aws_controller else None
    return _on_machines(site, site.settings) if isinstance(site.settings, BareMetalCluster) else None


def _on_eks(site: Site, cluster: EksCluster) -> Part:
    return Part(
        name="load_balancers",
        namespace=NAMESPACE,
        charts=[aws.controller(site, cluster)],
        objects=[
            allow_api_server(site, aws.PODS),
            *allow_cloud(site, aws.PODS),
            allow_webhooks(site, [aws.WEBHOOK_PORT], aws.PODS),
            allow_scraping([aws.METRICS_PORT], aws.PODS),
            _alerts(*aws.alert_rules(NAMESPACE)),
        ],
        rights={aws.ACCOUNT: aws.rights(site, cluster)},
        ignored={name: ["webhooks[*].clientConfig.caBundle"] for name in aws.WEBHOOKS},
    )


def _on_machines(site: Site, cluster: BareMetalCluster) -> Part:
    settings = site.stack.load_balancers
    charts: list[Chart] = [metal.metallb(site, cluster, NAMESPACE)]
    rules = [*metal.metallb_alerts(settings), *(metal.api_address_alerts(NAMESPACE) if settings.api_address else ())]
    if settings.api_address:
        charts.append(metal.kube_vip(site, settings.api_address, cluster, NAMESPACE))
    return Part(
        name="load_balancers",
        namespace=NAMESPACE,
        pod_security="privileged",
        pod_security_reason="announcing an address takes the machine's own network and raw packets",
        charts=charts,
        objects=[
            *metal.addresses(settings, cluster),
            allow_api_server(site, metal.CONTROLLER),
            allow_webhooks(site, [metal.WEBHOOK_PORT], metal.CONTROLLER),
            allow_scraping([metal.METRICS_PORT], metal.CONTROLLER),
            _alerts(*rules),
        ],
        # MetalLB makes its webhooks' certificate when it starts.
        ignored={
            "Secret/metallb-webhook-cert": ["data"],
            "ValidatingWebhookConfiguration/metallb-webhook-configuration": ["webhooks[*].clientConfig.caBundle"],
        },
    )


def _alerts(*rules: Alert) -> Manifest:
    return alerts(
        "load_balancers",
        Alert(
            name="ServiceHasNoLoadBalancer",
            expression=(
                'kube_service_spec_type{type="LoadBalancer"}'
                " unless on (namespace, service) kube_service_status_load_balancer_ingress"
            ),
            pending="15m",
            severity="warning",
            summary="{{ $labels.namespace }}/{{ $labels.service }} has waited 15 minutes for a load balancer",
            action="Read the service's events: `kubectl describe service`.",
        ),
        *rules,
    )
