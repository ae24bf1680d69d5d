"""cert-manager, its issuers, and bundles of trusted authorities."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from components.charts.manifests import Manifest
from components.charts.rendering import Chart
from config.addresses import RFC_1918

from ..ingress.classes import controllers
from ..network import addresses, allow, allow_api_server, allow_cloud, allow_scraping, allow_webhooks
from ..part import Part
from ..site import Site
from .alerts import certificate_alerts
from .issuers import CONTROLLER_ACCOUNT, acme_issuers, acme_rights, vault_issuer

NAMESPACE = "system-certificates"
"""Where trust-manager looks for what it spreads, too."""
COMPANY_BUNDLE = "company-ca"
BUNDLE_KEY = "ca-bundle.crt"
_CONTROLLER = {"app.kubernetes.io/instance": "cert-manager", "app.kubernetes.io/component": "controller"}
_WEBHOOK = {"app.kubernetes.io/instance": "cert-manager", "app.kubernetes.io/component": "webhook"}
_TRUST_MANAGER = {"app": "trust-manager"}
_LINK_LOCAL = "169.254.0.0/16"
"""Where a cloud's machines get credentials: nothing that a host's name may lead to."""
_WEBHOOK_PORT, _TRUST_WEBHOOK_PORT, _METRICS_PORT = 10250, 6443, 9402


def certificates(site: Site) -> Part:
    """cert-manager with the issuers of the whole cluster; trust-manager."""
    settings = site.stack.certificates
    rights = acme_rights(site, settings.acme) if settings.acme else None
    return Part(
        name="certificates",
        namespace=NAMESPACE,
        charts=[_cert_manager(site), _trust_manager(site)],
        objects=[
            *(acme_issuers(site, settings.acme) if settings.acme else []),
            *vault_issuer(site),
            *(
                company_bundle(settings.company_authorities, settings.public_authorities)
                if settings.company_authorities
                else []
            ),
            *_policies(site),
            certificate_alerts(),
        ],
        rights={CONTROLLER_ACCOUNT: rights} if rights else {},
    )


def bundle(name: str, sources: list[dict[str, Any]], namespaces: dict[str, str] | None = None) -> Manifest:
    """Authorities that trust-manager writes into a ConfigMap of the bundle's name, in namespaces of some labels, or all."""
    return {
        "apiVersion": "trust.cert-manager.io/v1alpha1",
        "kind": "Bundle",
        "metadata": {"name": name},
        "spec": {
            "sources": sources,
            "target": {
                "configMap": {"key": BUNDLE_KEY},
                "namespaceSelector": {"matchLabels": namespaces or {}},
            },
        },
    }


def company_bundle(authorities: str, with_public: bool) -> list[Manifest]:
    """The company's own authorities for every namespace, and the public ones with them."""
    return [bundle(COMPANY_BUNDLE, [{"inLine": authorities}, *([{"useDefaultCAs": True}] if with_public else [])])]


def _cert_manager(site: Site) -> Chart:
    settings = site.stack.certificates
    nameservers = settings.acme.recursive_nameservers if settings.acme else ()
    values = {
        "crds": {"enabled": True, "keep": False},
        "global": {"leaderElection": {"namespace": NAMESPACE}},
        "startupapicheck": {"enabled": False},
        "replicaCount": settings.replicas,
        "resources": settings.controller.manifest(),
        "webhook": {"replicaCount": settings.webhook_replicas, "resources": settings.webhook.manifest()},
        "cainjector": {"replicaCount": settings.replicas, "resources": settings.cainjector.manifest()},
        "prometheus": {
            "servicemonitor": {
                "enabled": site.stack.monitoring.enabled,
                "honorLabels": True,  # or a certificate's namespace would be shown as cert-manager's own
            }
        },
        **(
            {"dns01RecursiveNameservers": ",".join(nameservers), "dns01RecursiveNameserversOnly": True}
            if nameservers
            else {}
        ),
    }
    return Chart(name="cert-manager", values=values)


def _trust_manager(site: Site) -> Chart:
    settings = site.stack.certificates
    values = {
        "crds": {"keep": False},
        "replicaCount": settings.replicas,
        "resources": settings.trust_manager.manifest(),
        "defaultPackage": {"resources": settings.trust_manager.manifest()},
        "app": {
            "trust": {"namespace": NAMESPACE},
            "metrics": {"service": {"servicemonitor": {"enabled": site.stack.monitoring.enabled}}},
        },
    }
    return Chart(name="trust-manager", values=values)


def _policies(site: Site) -> list[Manifest]:
    settings = site.stack.certificates
    policies = [
        allow_api_server(site),
        allow_webhooks(site, [_WEBHOOK_PORT], _WEBHOOK),
        allow_webhooks(site, [_TRUST_WEBHOOK_PORT], _TRUST_MANAGER, name="trust-webhook"),
        allow_scraping([_METRICS_PORT]),
    ]
    if settings.acme:
        outside = addresses("0.0.0.0/0", but=[*RFC_1918, _LINK_LOCAL])
        policies.append(allow("acme", pods=_CONTROLLER, egress_to=outside, ports=[443]))
        if settings.acme.http01:  # cert-manager tries a challenge itself before it lets Let's Encrypt try
            to = [*addresses("0.0.0.0/0", but=[_LINK_LOCAL]), controllers()]
            policies.append(allow("own-check", pods=_CONTROLLER, egress_to=to, ports=[80, 443, 8080, 8443]))
        if settings.acme.zones:  # it asks the zone's name servers, and updates them where they take updates
            policies += [
                allow(
                    f"name-servers-{protocol.lower()}",
                    pods=_CONTROLLER,
                    egress_to=addresses("0.0.0.0/0"),
                    ports=[53],
                    protocol=protocol,
                )
                for protocol in ("UDP", "TCP")
            ]
        if settings.acme.zones and site.is_cloud:
            policies += allow_cloud(site, _CONTROLLER)
    if vault_issuer(site):
        port = urlsplit(site.stack.secrets.address or "").port or 443
        policies.append(allow("vault", pods=_CONTROLLER, egress_to=addresses("0.0.0.0/0"), ports=[port]))
    return policies
