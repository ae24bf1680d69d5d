"""The default backend: standard pages of errors, in HTML or JSON, and the answer for hosts and paths that nobody serves."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping

from components.charts.manifests import Manifest
from config.standard_stack.ingress import ErrorPagesSettings

from ..network import allow, same_namespace
from ..site import Site
from .classes import CONTROLLER_LABELS

NAME = "default-backend"
PORT = 8080
FOLDER = "/etc/default-backend"
PODS = {"app.kubernetes.io/name": NAME}
NOT_FOUND = 404
_TEXTS: Mapping[int, tuple[str, str]] = {
    400: ("Bad request", "The request could not be understood."),
    401: ("Sign in first", "This page is for people who are signed in."),
    403: ("No access", "You may not see this page."),
    404: ("Page not found", "There is nothing at this address."),
    413: ("Too large", "What was sent is larger than this service takes."),
    429: ("Too many requests", "Please wait a moment and try again."),
    500: ("Something went wrong", "The error is ours. Please try again in a few minutes."),
    502: ("Service not reachable", "The service did not give a usable answer. Please try again in a few minutes."),
    503: ("Service not available", "The service is busy or under maintenance. Please try again in a few minutes."),
    504: ("No answer in time", "The service took too long to answer. Please try again in a few minutes."),
}
_OTHER = ("Request failed", "The request could not be served.")
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:36em;margin:15vh auto;padding:0 1em;color:#222}small{color:#666}"
)


def codes(settings: ErrorPagesSettings) -> list[int]:
    """Statuses that there is a page for."""
    return sorted({NOT_FOUND, *settings.codes})


def files(settings: ErrorPagesSettings) -> dict[str, str]:
    """What the default backend reads: its configuration, and two pages for each status."""
    pages: dict[str, str] = {}
    for code in codes(settings):
        title, message = _text(code, settings)
        pages[f"{code}.html"] = _html(code, title, message, settings)
        pages[f"{code}.json"] = _json(code, title, message, settings)
    return {"nginx.conf": _nginx_conf(settings), **pages}


def default_backend(site: Site) -> list[Manifest]:
    """Its objects."""
    settings = site.stack.ingress.error_pages
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": NAME}, "data": files(settings)},
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": NAME},
            "automountServiceAccountToken": False,
        },
        _deployment(site, settings),
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": NAME, "labels": dict(PODS)},
            "spec": {"selector": dict(PODS), "ports": [{"name": "http", "port": PORT, "targetPort": "http"}]},
        },
        allow(NAME, pods=PODS, ingress_from=[same_namespace(CONTROLLER_LABELS)], ports=[PORT]),
    ]


def _deployment(site: Site, settings: ErrorPagesSettings) -> Manifest:
    probe = {"httpGet": {"path": "/healthz", "port": "http"}}
    container = {
        "name": "nginx",
        "image": site.image("nginx"),
        "command": ["nginx", "-c", f"{FOLDER}/nginx.conf", "-g", "daemon off;"],
        "ports": [{"name": "http", "containerPort": PORT}],
        "readinessProbe": {**probe, "periodSeconds": 5},
        "livenessProbe": {**probe, "periodSeconds": 20},
        "lifecycle": {"preStop": {"sleep": {"seconds": 10}}},
        "resources": settings.resources.manifest(),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "files", "mountPath": FOLDER, "readOnly": True},
            {"name": "temporary", "mountPath": "/tmp"},
        ],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "labels": dict(PODS)},
        "spec": {
            "replicas": settings.replicas,
            "selector": {"matchLabels": dict(PODS)},
            "template": {
                "metadata": {"labels": dict(PODS)},
                "spec": {
                    "serviceAccountName": NAME,
                    "automountServiceAccountToken": False,
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": 101,
                        "runAsGroup": 101,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [container],
                    "volumes": [
                        {"name": "files", "configMap": {"name": NAME}},
                        {"name": "temporary", "emptyDir": {"sizeLimit": "16Mi"}},
                    ],
                },
            },
        },
    }


def _nginx_conf(settings: ErrorPagesSettings) -> str:
    """`/502` answers as a service would that fails with 502; what isn't such a path is not found."""
    own = codes(settings)
    pages = "\n".join(f"    error_page {code} /{code}.$format;" for code in own)
    answers = "\n".join(f"    location = /{code} {{ return {code}; }}" for code in own)
    return f"""worker_processes 1;
pid /tmp/nginx.pid;
error_log /dev/stderr warn;
events {{ worker_connections 1024; }}
http {{
  types {{ text/html html; application/json json; }}
  charset utf-8;
  server_tokens off;
  access_log off;
  client_body_temp_path /tmp/client_body;
  proxy_temp_path /tmp/proxy;
  fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi;
  scgi_temp_path /tmp/scgi;
  # Who takes JSON gets it, unless HTML is asked for before it.
  map $http_accept $format {{
    default html;
    "~*^[^,]*[/+]json" json;
    "~*text/html" html;
    "~*[/+]json" json;
  }}
  server {{
    listen {PORT};
    add_header Cache-Control no-store always;
    add_header Vary Accept always;
{pages}
    location = /healthz {{ return 200; }}
{answers}
    location ~ "^/[45][0-9][0-9][.](html|json)$" {{ internal; root {FOLDER}; }}
    location / {{ return {NOT_FOUND}; }}
  }}
}}
"""


def _text(code: int, settings: ErrorPagesSettings) -> tuple[str, str]:
    own = settings.texts.get(str(code))
    return (own.title, own.message) if own else _TEXTS.get(code, _OTHER)


def _html(code: int, title: str, message: str, settings: ErrorPagesSettings) -> str:
    address = html.escape(settings.support_url or "")
    support = f'<p><a href="{address}">{address}</a></p>' if address else ""
    company, title, message = html.escape(settings.company), html.escape(title), html.escape(message)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="robots" content="noindex">'
        f'<meta name="viewport" content="width=device-width"><title>{title} - {company}</title><style>{_STYLE}</style></head>'
        f"<body><h1>{title}</h1><p>{message}</p>{support}<small>{company} &middot; {code}</small></body></html>\n"
    )


def _json(code: int, title: str, message: str, settings: ErrorPagesSettings) -> str:
    support = {"support": settings.support_url} if settings.support_url else {}
    return json.dumps({"status": code, "title": title, "detail": message, **support}, ensure_ascii=False) + "\n"
