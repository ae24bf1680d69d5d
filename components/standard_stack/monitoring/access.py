"""Prometheus, read by a Grafana outside the cluster: through the internal ingress, over TLS, for who shows a credential."""

from __future__ import annotations

from components.charts.manifests import Manifest
from config.standard_stack.monitoring import GrafanaAccess

from ..ingress.classes import INGRESS_CLASS_INTERNAL
from ..site import Site

_NAME = "grafana-access"
_CERTIFICATE, _USERS, _AUTHORITY = f"{_NAME}-tls", f"{_NAME}-users", f"{_NAME}-authority"
_SERVICE, _PORT = "monitoring-prometheus", 9090
_API = "/api/v1/"
"""What Grafana asks; the pages for people stay inside."""


def grafana_access(site: Site) -> list[Manifest]:
    """The way in, for the cluster's flavour of ingress; none unless the stack file wants it."""
    access = site.stack.monitoring.grafana_access
    if access is None:
        return []
    ingress = site.stack.ingress
    way_in = _traefik(access, ingress.tls.minimum_version) if ingress.flavour == "traefik" else _nginx(access)
    return [_certificate(access), *way_in]


def _certificate(access: GrafanaAccess) -> Manifest:
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"name": _NAME},
        "spec": {
            "secretName": _CERTIFICATE,
            "dnsNames": [access.host],
            "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
            "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": access.issuer},
        },
    }


def _secret(name: str, kind: str, key: str, value: object) -> Manifest:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": kind, "stringData": {key: value}}


def _nginx(access: GrafanaAccess) -> list[Manifest]:
    """A VirtualServer: F5's controller takes policies of access from those alone."""
    sources = {"accessControl": {"allow": [str(one) for one in access.source_cidrs]}}
    if access.basic_auth:
        credential = _secret(_USERS, "nginx.org/htpasswd", "htpasswd", access.basic_auth)
        rule = {"basicAuth": {"secret": _USERS, "realm": access.host}}
    else:
        credential = _secret(_AUTHORITY, "nginx.org/ca", "ca.crt", access.client_authority)
        rule = {"ingressMTLS": {"clientCertSecret": _AUTHORITY, "verifyClient": "on", "verifyDepth": 2}}
    policies = {f"{_NAME}-sources": sources, f"{_NAME}-credential": rule}
    server = {
        "ingressClassName": INGRESS_CLASS_INTERNAL,
        "host": access.host,
        "tls": {"secret": _CERTIFICATE, "redirect": {"enable": True}},
        "policies": [{"name": name} for name in policies],
        "upstreams": [
            # By the reader's address: the same reader gets the same replica from each of the controller's pods.
            {"name": "prometheus", "service": _SERVICE, "port": _PORT, "lb-method": "ip_hash", "read-timeout": "120s"}
        ],
        "routes": [{"path": _API, "action": {"pass": "prometheus"}}],
    }
    return [
        credential,
        *(
            _object("k8s.nginx.org/v1", "Policy", name, {"ingressClassName": INGRESS_CLASS_INTERNAL, **spec})
            for name, spec in policies.items()
        ),
        _object("k8s.nginx.org/v1", "VirtualServer", _NAME, server),
    ]


def _traefik(access: GrafanaAccess, minimum_tls_version: str) -> list[Manifest]:
    sources = {"ipAllowList": {"sourceRange": [str(one) for one in access.source_cidrs]}}
    middlewares: dict[str, Manifest] = {f"{_NAME}-sources": sources}
    options = []
    if access.basic_auth:
        credential = _secret(_USERS, "Opaque", "users", access.basic_auth)
        middlewares[f"{_NAME}-credential"] = {"basicAuth": {"secret": _USERS, "removeHeader": True}}
    else:
        credential = _secret(_AUTHORITY, "Opaque", "ca.crt", access.client_authority)
        clients = {"secretNames": [_AUTHORITY], "clientAuthType": "RequireAndVerifyClientCert"}
        version = f"VersionTLS{minimum_tls_version.replace('.', '')}"
        options = [_object("traefik.io/v1alpha1", "TLSOption", _NAME, {"minVersion": version, "clientAuth": clients})]
    route = {
        "kind": "Rule",
        "match": f"Host(`{access.host}`) && PathPrefix(`{_API}`)",
        "middlewares": [{"name": name} for name in middlewares],
        "services": [{"name": _SERVICE, "port": _PORT, "strategy": "hrw"}],  # by the reader's address, as above
    }
    tls = {"secretName": _CERTIFICATE, **({"options": {"name": _NAME}} if options else {})}
    ingress_route = _object(
        "traefik.io/v1alpha1", "IngressRoute", _NAME, {"entryPoints": ["websecure"], "routes": [route], "tls": tls}
    )
    ingress_route["metadata"]["annotations"] = {"kubernetes.io/ingress.class": INGRESS_CLASS_INTERNAL}
    made = [_object("traefik.io/v1alpha1", "Middleware", name, spec) for name, spec in middlewares.items()]
    return [credential, *made, *options, ingress_route]


def _object(version: str, kind: str, name: str, spec: Manifest) -> Manifest:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "spec": spec}
