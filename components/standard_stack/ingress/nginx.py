"""F5 NGINX Ingress Controller: one chart a class, all of them with the same configuration of NGINX.

What its ConfigMap knows a key for goes there, and services override it by annotations. The rest are directives in the ConfigMap's
snippets, which no service can take away: snippets of services are off, since who may write them can read every Secret of the cluster.
"""

from __future__ import annotations

from typing import Any

from components.charts.manifests import Manifest
from components.charts.rendering import Chart
from config.standard_stack.ingress import HSTS_HEADER, IngressClassSettings, IngressSettings

from ..site import Site
from . import errors as ingress_errors
from .classes import INGRESS_NAMESPACE, IngressClass, controller_pods
from .load_balancers import LoadBalancer, load_balancer

METRICS_PORT = 9113
DEFAULT_TLS_SECRET = "default-tls"
ERRORS_PATH = "/.kuber-errors/"
_UPSTREAM = "kuber_default_backend"
_FALLBACK = "unix:/var/lib/nginx/kuber-errors.sock"
_SERVICE_HEADERS = ("X-Frame-Options", "Referrer-Policy")
_NO_SUCH_STATUS = 599
_LOG_FIELDS = {
    "time": "$time_iso8601",
    "client": "$remote_addr",
    "method": "$request_method",
    "host": "$host",
    "path": "$uri",
    "status": "$status",
    "bytes": "$body_bytes_sent",
    "seconds": "$request_time",
    "upstream_seconds": "$upstream_response_time",
    "upstream_status": "$upstream_status",
    "ingress": "$resource_namespace/$resource_name",
    "service": "$service",
    "user_agent": "$http_user_agent",
    "request_id": "$request_id",
}
"""No query: it may hold what nobody should read in a log."""


def deployment_name(name: IngressClass) -> str:
    """The Deployment of a class's controllers."""
    return f"nginx-ingress-{name}-controller"


def charts(site: Site) -> list[Chart]:
    """The controllers, class by class."""
    return [
        Chart(
            name="nginx-ingress",
            release_name=f"nginx-ingress-{name}",
            values=_values(site, name, settings),
            free_form=["controller.service.allocateLoadBalancerNodePorts", "controller.initContainerResources"],
        )
        for name, settings in site.stack.ingress.classes.items()
    ]


def catch_all(site: Site) -> list[Manifest]:
    """For hosts that no Ingress has: the page for what isn't found, over http too, since there may be no certificate."""
    backend = {"service": {"name": ingress_errors.NAME, "port": {"number": ingress_errors.PORT}}}
    return [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "Ingress",
            "metadata": {"name": f"unknown-hosts-{name}", "annotations": {"nginx.org/ssl-redirect": "false"}},
            "spec": {
                "ingressClassName": name,
                "rules": [{"http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}],
            },
        }
        for name in site.stack.ingress.classes
    ]


def _values(site: Site, name: IngressClass, settings: IngressClassSettings) -> dict[str, Any]:
    ingress, balancer = site.stack.ingress, load_balancer(site, name, settings)
    measured = site.stack.monitoring.enabled
    secret = f"{INGRESS_NAMESPACE}/{DEFAULT_TLS_SECRET}" if ingress.tls.default_certificate else ""
    return {
        "controller": {
            "kind": "deployment",
            "replicaCount": settings.replicas or (3 if site.environment == "production" else 2),
            "ingressClass": {"name": name, "create": True, "setAsDefaultIngress": ingress.default_class == name},
            "config": {"entries": config_entries(site, balancer)},
            "service": {"type": "LoadBalancer", "annotations": dict(balancer.annotations), **balancer.spec},
            "defaultTLS": {"secret": secret},
            "wildcardTLS": {"secret": secret},
            "enableSnippets": False,
            "allowEmptyIngressHost": ingress.error_pages.enabled,
            "enableConfigSafety": True,  # what NGINX refuses is taken back, so that others' changes still go in
            "disableIPV6": True,
            "telemetryReporting": {"enable": False},
            "enableLatencyMetrics": measured,
            "pod": {"extraLabels": controller_pods(name)},
            "resources": settings.resources.manifest(),
            "initContainerResources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
            "readOnlyRootFilesystem": True,
            # A load balancer goes on sending for a while after a pod begins to end; then what is open may end in peace.
            "lifecycle": {"preStop": {"sleep": {"seconds": 20}}},
            "terminationGracePeriodSeconds": 90,
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        },
        "prometheus": {
            "create": measured,
            "port": METRICS_PORT,
            "service": {"create": measured},
            "serviceMonitor": {"create": measured},
        },
    }


def config_entries(site: Site, balancer: LoadBalancer) -> dict[str, str]:
    """The controller's ConfigMap: keys as in its documentation, "ConfigMap resource"."""
    ingress = site.stack.ingress
    proxy = ingress.proxy
    entries = {
        "proxy-connect-timeout": f"{proxy.connect_timeout_seconds}s",
        "proxy-read-timeout": f"{proxy.read_timeout_seconds}s",
        "proxy-send-timeout": f"{proxy.send_timeout_seconds}s",
        "client-max-body-size": f"{proxy.body_size_mib}m",
        "proxy-buffers": f"{proxy.buffers} {proxy.buffer_kib}k",
        "proxy-buffer-size": f"{proxy.buffer_kib}k",
        "ssl-redirect": str(ingress.tls.redirect).lower(),
        "http-redirect-code": "308",  # unlike 301, a POST stays one
        "ssl-protocols": "TLSv1.3" if ingress.tls.minimum_version == "1.3" else "TLSv1.2 TLSv1.3",
        "http2": "true",
        "server-tokens": "false",
        "keepalive": "32",
        "worker-shutdown-timeout": "60s",
        "log-format-escaping": "json",
        "log-format": "{" + ", ".join(f'"{key}": "{value}"' for key, value in _LOG_FIELDS.items()) + "}",
        # Headers that a service adds to its own locations come beside the standard ones, not instead of them.
        "add-header-inherit": "merge",
        "http-snippets": "\n".join(_http_directives(ingress)),
        "server-snippets": "\n".join(_server_directives(ingress)),
    }
    if location := _location_directives(ingress):
        entries["location-snippets"] = "\n".join(location)
    if balancer.proxy_protocol_from:
        entries["proxy-protocol"] = "true"
        entries["real-ip-header"] = "proxy_protocol"
        entries["set-real-ip-from"] = ",".join(balancer.proxy_protocol_from)
    return entries


def _http_directives(ingress: IngressSettings) -> list[str]:
    """Variables with the value of a header, empty where it is not to be added; where error pages come from."""
    lines = [
        f'map $upstream_http_{_underscored(name)} {_variable(name)} {{ "" "{ingress.headers[name]}"; default ""; }}'
        for name in _service_headers(ingress)
    ]
    if ingress.hsts.enabled:
        lines.append(f'map $https {_variable(HSTS_HEADER)} {{ on "{ingress.hsts.value}"; default ""; }}')
    if ingress.error_pages.enabled:
        address = f"{ingress_errors.NAME}.{INGRESS_NAMESPACE}.svc:{ingress_errors.PORT}"
        lines += [
            f"upstream {_UPSTREAM} {{ server {address}; server {_FALLBACK} backup; }}",
            f"server {{ listen {_FALLBACK}; access_log off; default_type text/plain; return 200 'Request failed\\n'; }}",
        ]
        if hosts := ingress.error_pages.except_hosts:
            lines.append(f"map $host $kuber_own_errors {{ default 0; {' '.join(f'{host} 1;' for host in hosts)} }}")
    return lines


def _server_directives(ingress: IngressSettings) -> list[str]:
    """Headers, and pages instead of errors, for each host."""
    own = _service_headers(ingress)
    lines = [
        f"add_header {name} {_variable(name) if name in own else _quoted(value)} always;"
        for name, value in ingress.headers.items()
    ]
    if ingress.hsts.enabled:
        lines.append(f"add_header {HSTS_HEADER} {_variable(HSTS_HEADER)} always;")
    standard = [name for name in ingress.headers if name not in own]
    hidden = [*ingress.hidden_response_headers, *standard, *[HSTS_HEADER] * ingress.hsts.enabled]
    for name in {name.lower(): name for name in hidden}.values():
        lines += [f"proxy_hide_header {name};", f"grpc_hide_header {name};"]
    return [*lines, *_error_directives(ingress)]


def _error_directives(ingress: IngressSettings) -> list[str]:
    if not ingress.error_pages.enabled:
        return []
    codes = ingress_errors.codes(ingress.error_pages)
    return [
        "proxy_intercept_errors on;",
        *(f"error_page {code} {ERRORS_PATH}{code};" for code in codes),
        f"location ^~ {ERRORS_PATH} {{",
        "  internal;",
        "  proxy_intercept_errors off;",
        "  proxy_http_version 1.1;",
        '  proxy_set_header Connection "";',
        '  proxy_set_header Content-Length "";',
        "  proxy_pass_request_body off;",
        "  proxy_connect_timeout 2s;",
        "  proxy_read_timeout 5s;",
        f"  proxy_pass http://{_UPSTREAM}/;",
        "}",
    ]


def _location_directives(ingress: IngressSettings) -> list[str]:
    """What NGINX takes over from no level above, since the controller writes others of the kind into each location."""
    lines = [
        f'{module}_set_header {name} "";' for name in ingress.stripped_request_headers for module in ("proxy", "grpc")
    ]
    if ingress.error_pages.enabled and ingress.error_pages.except_hosts:
        lines.append(
            f"if ($kuber_own_errors) {{ error_page {_NO_SUCH_STATUS} {ERRORS_PATH}{ingress_errors.NOT_FOUND}; }}"
        )
    return lines


def _service_headers(ingress: IngressSettings) -> list[str]:
    """Headers of every response for which a service's own answer stands."""
    own = _SERVICE_HEADERS if ingress.service_headers is None else ingress.service_headers
    names = {name.lower() for name in own}
    return [name for name in ingress.headers if name.lower() in names]


def _underscored(header: str) -> str:
    return header.lower().replace("-", "_")


def _variable(header: str) -> str:
    return f"$kuber_{_underscored(header)}"


def _quoted(text: str) -> str:
    return f'"{text}"'
