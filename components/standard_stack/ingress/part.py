"""How requests come in: controllers of the public and the internal ingress class, with one configuration for all they serve."""

from __future__ import annotations

from types import ModuleType

from components.charts.manifests import Manifest

from ..alerts import Alert, alerts
from ..network import addresses, allow, allow_api_server, allow_scraping, everywhere_in_the_cluster
from ..part import Part
from ..site import Site
from . import nginx as ingress_nginx
from . import traefik as ingress_traefik
from .classes import CONTROLLER_LABELS, INGRESS_NAMESPACE
from .errors import NAME as DEFAULT_BACKEND
from .errors import default_backend

NAMESPACE = INGRESS_NAMESPACE
_PORTS = {"nginx": ("http", "https"), "traefik": ("web", "websecure")}


def ingress(site: Site) -> Part:
    """NGINX or Traefik, once for each class; the default backend; the certificate that the controllers start with."""
    settings = site.stack.ingress
    flavour = ingress_nginx if settings.flavour == "nginx" else ingress_traefik
    objects = [*_policies(site, flavour), *_certificate(site), _alerts(site, flavour)]
    if settings.error_pages.enabled:
        objects += default_backend(site)
    if settings.flavour == "traefik":
        objects += ingress_traefik.custom_resources(site)
    elif settings.error_pages.enabled:
        objects += ingress_nginx.catch_all(site)
    return Part(name="ingress", namespace=NAMESPACE, charts=flavour.charts(site), objects=objects)


def _policies(site: Site, flavour: ModuleType) -> list[Manifest]:
    """Whoever gets past the load balancer may come in; the controllers may reach every pod, since any may be behind an Ingress."""
    anywhere = [*addresses("0.0.0.0/0"), everywhere_in_the_cluster()]
    pods = CONTROLLER_LABELS
    return [
        allow("requests", pods=pods, ingress_from=anywhere, ports=_PORTS[site.stack.ingress.flavour]),
        allow("services", pods=pods, egress_to=[everywhere_in_the_cluster()], ports=[]),
        allow_api_server(site, pods),
        allow_scraping([flavour.METRICS_PORT], pods),
    ]


def _certificate(site: Site) -> list[Manifest]:
    wanted = site.stack.ingress.tls.default_certificate
    if wanted is None:
        return []
    return [
        {
            "apiVersion": "cert-manager.io/v1",
            "kind": "Certificate",
            "metadata": {"name": ingress_nginx.DEFAULT_TLS_SECRET},
            "spec": {
                "secretName": ingress_nginx.DEFAULT_TLS_SECRET,
                "dnsNames": list(wanted.hosts),
                "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": wanted.issuer},
                "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            },
        }
    ]


def _alerts(site: Site, flavour: ModuleType) -> Manifest:
    names = "|".join(flavour.deployment_name(name) for name in site.stack.ingress.classes)
    deployments = f'kube_deployment_status_replicas_available{{namespace="{NAMESPACE}",deployment'
    rules = [
        Alert(
            name="IngressControllerDown",
            expression=f'{deployments}=~"{names}"}} == 0',
            pending="2m",
            severity="critical",
            summary="No controller of {{ $labels.deployment }} is ready: none of its hosts can be reached",
            action="Look at its pods' events and logs; a controller that refuses its configuration says which line.",
        ),
        *(_nginx_alerts() if flavour is ingress_nginx else _traefik_alerts()),
    ]
    if site.stack.ingress.error_pages.enabled:
        rules.append(
            Alert(
                name="IngressDefaultBackendDown",
                expression=f'{deployments}="{DEFAULT_BACKEND}"}} == 0',
                pending="10m",
                severity="warning",
                summary="The default backend is not ready: errors have a line of text instead of their page",
                action=f"Look at the pods of Deployment {DEFAULT_BACKEND} in {NAMESPACE}.",
            )
        )
    return alerts("ingress", *rules)


def _nginx_alerts() -> list[Alert]:
    latency = "nginx_ingress_controller_upstream_server_response_latency_ms"
    service = "class, resource_namespace, service"
    return [
        *_service_alerts(
            by=service,
            requests=f"{latency}_count",
            buckets=f"{latency}_bucket",
            slow=5000,
            shown="{{ $labels.resource_namespace }}/{{ $labels.service }}",
        ),
        Alert(
            name="IngressReloadFailing",
            expression="nginx_ingress_controller_nginx_last_reload_status == 0",
            pending="5m",
            severity="critical",
            summary="NGINX in {{ $labels.pod }} refuses its configuration: changes of Ingresses and endpoints don't arrive",
            action="The controller's log names the line; take back the Ingress or setting that changed last.",
        ),
    ]


def _traefik_alerts() -> list[Alert]:
    return _service_alerts(
        by="service",
        requests="traefik_service_requests_total",
        buckets="traefik_service_request_duration_seconds_bucket",
        slow=5,
        shown="{{ $labels.service }}",
    )


def _service_alerts(*, by: str, requests: str, buckets: str, slow: int, shown: str) -> list[Alert]:
    failed = f'sum by ({by}) (rate({requests}{{code=~"5.."}}[5m]))'
    return [
        Alert(
            name="IngressErrorRate",
            expression=f"{failed} / sum by ({by}) (rate({requests}[5m])) > 0.05 and {failed} > 0.1",
            pending="5m",
            severity="critical",
            summary=f"{{{{ $value | humanizePercentage }}}} of the requests to {shown} fail",
            action="Look at the service's pods first; if many services fail at once, at the nodes and the controllers.",
        ),
        Alert(
            name="IngressLatencyHigh",
            expression=(
                f"histogram_quantile(0.95, sum by (le, {by}) (rate({buckets}[10m]))) > {slow} "
                f"and on ({by}) sum by ({by}) (rate({requests}[10m])) > 0.1"
            ),
            pending="15m",
            severity="warning",
            summary=f"One request of twenty to {shown} takes longer than 5 seconds",
            action="Compare with the service's own times: if those are short, the controllers lack processor time.",
        ),
    ]
