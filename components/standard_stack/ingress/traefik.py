"""Traefik behind the same settings: one chart a class, and middlewares that every request passes."""

from __future__ import annotations

from typing import Any

from components.charts.manifests import Manifest
from components.charts.rendering import Chart
from config.standard_stack.ingress import IngressClassSettings, IngressSettings

from ..site import Site
from . import errors as ingress_errors
from .classes import INGRESS_NAMESPACE, IngressClass, controller_pods
from .load_balancers import LoadBalancer, load_balancer
from .nginx import DEFAULT_TLS_SECRET

METRICS_PORT = 9100
_API = "traefik.io/v1alpha1"
_CLASS_ANNOTATION = "kubernetes.io/ingress.class"
_LOWEST_PRIORITY = 1


def deployment_name(name: IngressClass) -> str:
    """The Deployment of a class's controllers."""
    return f"traefik-{name}"


def charts(site: Site) -> list[Chart]:
    """The controllers, class by class."""
    return [
        Chart(
            name="traefik",
            release_name=deployment_name(name),
            values=_values(site, name, settings),
            free_form=["service.spec", "ports.web.http.middlewares"],
        )
        for name, settings in site.stack.ingress.classes.items()
    ]


def custom_resources(site: Site) -> list[Manifest]:
    """What all classes share: middlewares, and what holds for TLS; and each class's answer for unknown hosts."""
    ingress = site.stack.ingress
    made = [_resource("Middleware", name, spec) for name, spec in _middlewares(ingress).items()]
    if ingress.tls.redirect:
        redirect = {"redirectScheme": {"scheme": "https", "permanent": True}}
        made.append(_resource("Middleware", "redirect-to-https", redirect))
    # Traefik takes the TLSOption and the TLSStore that are called default, in whatever namespace, for all that name none.
    made.append(
        _resource("TLSOption", "default", {"minVersion": f"VersionTLS{ingress.tls.minimum_version.replace('.', '')}"})
    )
    if ingress.tls.default_certificate:
        made.append(_resource("TLSStore", "default", {"defaultCertificate": {"secretName": DEFAULT_TLS_SECRET}}))
    if ingress.error_pages.enabled:
        made += [_catch_all(name) for name in ingress.classes]
    return made


def _middlewares(ingress: IngressSettings) -> dict[str, dict[str, Any]]:
    """In the order in which a request passes them; errors come after headers, so that error pages get those too."""
    dropped = dict.fromkeys(ingress.hidden_response_headers, "")
    headers: dict[str, Any] = {
        "customResponseHeaders": {**dropped, **ingress.headers},
        "customRequestHeaders": dict.fromkeys(ingress.stripped_request_headers, ""),
    }
    if ingress.hsts.enabled:
        headers |= {
            "stsSeconds": ingress.hsts.max_age_seconds,
            "stsIncludeSubdomains": ingress.hsts.include_subdomains,
            "stsPreload": ingress.hsts.preload,
        }
    made: dict[str, dict[str, Any]] = {"standard-headers": {"headers": headers}}
    if ingress.error_pages.enabled:
        service = {"name": ingress_errors.NAME, "port": ingress_errors.PORT}
        codes = [str(code) for code in ingress_errors.codes(ingress.error_pages)]
        made["error-pages"] = {"errors": {"status": codes, "query": "/{status}", "service": service}}
    made["body-size"] = {"buffering": {"maxRequestBodyBytes": ingress.proxy.body_size_mib * 1024 * 1024}}
    return made


def _catch_all(name: IngressClass) -> Manifest:
    route = {
        "kind": "Rule",
        "match": "PathPrefix(`/`)",
        "priority": _LOWEST_PRIORITY,
        "services": [{"name": ingress_errors.NAME, "port": ingress_errors.PORT}],
    }
    made = _resource("IngressRoute", f"unknown-hosts-{name}", {"entryPoints": ["web", "websecure"], "routes": [route]})
    made["metadata"]["annotations"] = {_CLASS_ANNOTATION: name}
    return made


def _resource(kind: str, name: str, spec: dict[str, Any]) -> Manifest:
    return {"apiVersion": _API, "kind": kind, "metadata": {"name": name}, "spec": spec}


def _values(site: Site, name: IngressClass, settings: IngressClassSettings) -> dict[str, Any]:
    ingress, balancer = site.stack.ingress, load_balancer(site, name, settings)
    passed = [_reference(one) for one in _middlewares(ingress)]
    redirect = [_reference("standard-headers"), _reference("redirect-to-https")] if ingress.tls.redirect else passed
    proxy = ingress.proxy
    measured = site.stack.monitoring.enabled
    return {
        "deployment": {
            "kind": "Deployment",
            "replicas": settings.replicas or (3 if site.environment == "production" else 2),
            "podLabels": controller_pods(name),
            # A load balancer goes on sending for a while after a pod begins to end; then what is open may end in peace.
            "lifecycle": {"preStop": {"sleep": {"seconds": 20}}},
            "terminationGracePeriodSeconds": 90,
        },
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "ingressClass": {"enabled": True, "name": name, "isDefaultClass": ingress.default_class == name},
        "providers": {
            "kubernetesCRD": {"enabled": True, "ingressClass": name, "allowCrossNamespace": False},
            "kubernetesIngress": {"enabled": True, "ingressClass": name},
        },
        "ports": {
            "web": {"http": {"middlewares": redirect}, **_entry_point(balancer)},
            "websecure": {"http": {"middlewares": passed, "tls": {"enabled": True}}, **_entry_point(balancer)},
        },
        "service": {"annotations": dict(balancer.annotations), "spec": {"type": "LoadBalancer", **balancer.spec}},
        "additionalArguments": [
            f"--serversTransport.forwardingTimeouts.dialTimeout={proxy.connect_timeout_seconds}s",
            f"--serversTransport.forwardingTimeouts.responseHeaderTimeout={proxy.read_timeout_seconds}s",
        ],
        "accessLog": {
            "enabled": True,
            "format": "json",
            "fields": {"names": {"RequestPath": "drop", "RequestLine": "drop"}},
        },
        "log": {"format": "json"},
        "api": {"dashboard": False},
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "resources": settings.resources.manifest(),
        "metrics": {
            "prometheus": {
                "entryPoint": "metrics",
                "service": {"enabled": measured},
                "serviceMonitor": {"enabled": measured},
            }
        },
    }


def _entry_point(balancer: LoadBalancer) -> dict[str, Any]:
    """Timeouts, and how the client's address gets here."""
    trusted = list(balancer.proxy_protocol_from)
    return {
        **({"proxyProtocol": {"trustedIPs": trusted}} if trusted else {}),
        "transport": {"lifeCycle": {"graceTimeOut": "60s"}},
    }


def _reference(middleware: str) -> str:
    return f"{INGRESS_NAMESPACE}-{middleware}@kubernetescrd"
