"""external-dns: records of ingresses and services, in the zones that the stack file names."""

from __future__ import annotations

from typing import Any

from components.charts.manifests import Manifest
from components.charts.rendering import Chart
from components.identity.rights import AwsStatement, GcpDnsZone, Rights
from config.bare_metal import BareMetalCluster
from config.eks import EksCluster
from config.gke import GkeCluster
from config.standard_stack.dns import DnsSettings, Rfc2136

from .alerts import Alert, alerts
from .network import addresses, allow, allow_api_server, allow_cloud, allow_scraping
from .part import Part
from .site import Site

NAMESPACE = "system-dns"
_ACCOUNT = "external-dns"
_PODS = {"app.kubernetes.io/name": "external-dns"}
_PORT = 7979
_KEY = "rfc2136-key"
_MARK = "kuber-"
"""Before the names of TXT records that tell which cluster made a record: beside a CNAME no other record may have its name."""


def dns(site: Site) -> Part:
    """external-dns, with rights in the named zones alone."""
    settings = site.stack.dns
    provider, rights, own = _provider(site, settings)
    values: dict[str, Any] = {
        "fullnameOverride": "external-dns",
        "serviceAccount": {"name": _ACCOUNT},
        "resources": settings.resources.manifest(),
        "securityContext": {"privileged": False, "capabilities": {"drop": ["ALL"]}},
        "serviceMonitor": {"enabled": site.stack.monitoring.enabled},
        "logFormat": "json",
        "sources": list(settings.sources),
        "policy": settings.policy,
        "registry": "txt",
        "txtOwnerId": site.name,
        "txtPrefix": _MARK,
        "interval": settings.interval,
        "domainFilters": list(settings.zones),
        **({"annotationFilter": settings.annotation_filter} if settings.annotation_filter else {}),
        **provider,
    }
    if settings.ingress_classes:
        values["extraArgs"] = {**values["extraArgs"], "ingress-class": list(settings.ingress_classes)}
    return Part(
        name="dns",
        namespace=NAMESPACE,
        charts=[Chart(name="external-dns", values=values)],
        objects=[allow_api_server(site, _PODS), allow_scraping([_PORT], _PODS), *own, _alerts()],
        rights={_ACCOUNT: rights} if rights else {},
    )


def _provider(site: Site, settings: DnsSettings) -> tuple[dict[str, Any], Rights | None, list[Manifest]]:
    """Values for the platform's DNS, the rights that go with it, and objects."""
    ids = [zone.id for zone in settings.zones.values() if zone.id]
    match site.settings:
        case EksCluster():
            values = {
                "provider": {"name": "aws"},
                "env": [{"name": "AWS_DEFAULT_REGION", "value": site.settings.region}],
                "extraArgs": {"zone-id-filter": ids, "aws-zones-cache-duration": "1h"},
            }
            return values, _route53(ids), allow_cloud(site, _PODS)
        case GkeCluster():
            project = site.settings.project.id
            zones = [GcpDnsZone(project=project, name=name) for name in ids]
            values = {"provider": {"name": "google"}, "extraArgs": {"google-project": project, "zone-id-filter": ids}}
            return values, Rights(gcp_dns_zones=zones, gcp_project_roles=["roles/dns.reader"]), allow_cloud(site, _PODS)
        case BareMetalCluster() if settings.rfc2136:
            return _own_server(settings, settings.rfc2136)
    raise ValueError(f"no DNS for {site.settings.platform}: its settings should have been refused")


def _route53(ids: list[str]) -> Rights:
    zones = [f"arn:aws:route53:::hostedzone/{identifier}" for identifier in ids]
    return Rights(
        aws_statements=[
            AwsStatement(
                actions=[
                    "route53:ChangeResourceRecordSets",
                    "route53:ListResourceRecordSets",
                    "route53:ListTagsForResource",
                    "route53:ListTagsForResources",
                ],
                resources=zones,
            ),
            AwsStatement(actions=["route53:ListHostedZones"], resources=["*"]),
        ]
    )


def _own_server(settings: DnsSettings, server: Rfc2136) -> tuple[dict[str, Any], None, list[Manifest]]:
    values = {
        "provider": {"name": "rfc2136"},
        "env": [
            {"name": "EXTERNAL_DNS_RFC2136_TSIG_SECRET", "valueFrom": {"secretKeyRef": {"name": _KEY, "key": "key"}}}
        ],
        "extraArgs": {
            "rfc2136-host": str(server.server),
            "rfc2136-port": str(server.port),
            "rfc2136-zone": list(settings.zones),
            "rfc2136-tsig-keyname": server.key_name,
            "rfc2136-tsig-secret-alg": server.algorithm,
            "rfc2136-tsig-axfr": None,
        },
    }
    key: Manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": _KEY},
        "stringData": {"key": server.key},
    }
    is_address = str(server.server).replace(".", "").isdigit()
    at = addresses(f"{server.server}/32" if is_address else "0.0.0.0/0")
    reached = [
        allow(f"name-server-{protocol.lower()}", pods=_PODS, egress_to=at, ports=[server.port], protocol=protocol)
        for protocol in ("TCP", "UDP")
    ]
    return values, None, [key, *reached]


def _alerts() -> Manifest:
    return alerts(
        "dns",
        Alert(
            name="DnsRecordsAreNotMade",
            expression=(
                "increase(external_dns_source_errors_total[15m]) > 0 or increase(external_dns_registry_errors_total[15m]) > 0"
            ),
            pending="15m",
            severity="warning",
            summary="external-dns has met errors for half an hour: records may be missing",
            action="Its log names the record and the name server's answer: `kubectl -n system-dns logs deploy/external-dns`.",
        ),
        Alert(
            name="DnsIsNotInStep",
            expression="time() - max(external_dns_controller_last_sync_timestamp_seconds) > 1800",
            pending="5m",
            severity="warning",
            summary="external-dns hasn't compared records for half an hour",
            action="Look whether it runs, and whether it may still change the zones.",
        ),
        Alert(
            name="DnsControllerAbsent",
            expression="absent(external_dns_controller_last_sync_timestamp_seconds)",
            pending="30m",
            severity="warning",
            summary="external-dns gives no metrics: new names get no records",
            action="Look at its pod and its events in system-dns.",
        ),
    )
