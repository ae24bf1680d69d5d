"""external-dns: records of ingresses and services, in the zones that the stack file names."""

from __future__ import annotations

from typing import Any

from components.charts.manifests import Manifest
from components.charts.rendering import Chart
from components.identity.rights import AwsStatement, GcpDnsZone, Rights
from config.bare_metal import BareMetalCluster
from config.eks import EksCluster
from config.gke import GkeCluster
from config.standard_stack.certificates import Rfc2136
from config.standard_stack.dns import DnsSettings

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
    values["extraArgs"] = [*provider["extraArgs"], *(f"--ingress-class={name}" for name in settings.ingress_classes)]
    return Part(
        name="dns",
        namespace=NAMESPACE,
        charts=[Chart(name="external-dns", values=values)],
        objects=[allow_api_server(site, _PODS), allow_scraping([_PORT], _PODS), *own, _alerts()],
        rights={_ACCOUNT: rights} if rights else {},
    )


def _provider(site: Site, settings: DnsSettings) -> tuple[dict[str, Any], Rights | None, list[Manifest]]:
    """Values for the platform's DNS, the rights that go with it, and objects."""
    zones = settings.zones.values()
    match site.settings:
        case EksCluster():
            ids = [zone.hosted_zone_id for zone in zones if zone.hosted_zone_id]
            values = {
                "provider": {"name": "aws"},
                "env": [{"name": "AWS_DEFAULT_REGION", "value": site.settings.region}],
                "extraArgs": [*_only(ids), "--aws-zones-cache-duration=1h"],
            }
            return values, _route53(ids), allow_cloud(site, _PODS)
        case GkeCluster():
            names = [zone.managed_zone for zone in zones if zone.managed_zone]
            project = next((zone.project for zone in zones if zone.project), site.settings.project.id)
            values = {"provider": {"name": "google"}, "extraArgs": [f"--google-project={project}", *_only(names)]}
            return values, _cloud_dns(site.settings, project, names), allow_cloud(site, _PODS)
        case BareMetalCluster() if settings.rfc2136:
            return _own_server(settings, settings.rfc2136)
    raise ValueError(f"no DNS for {site.settings.platform}: its settings should have been refused")


def _only(ids: list[str]) -> list[str]:
    return [f"--zone-id-filter={identifier}" for identifier in ids]


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


def _cloud_dns(cluster: GkeCluster, project: str, names: list[str]) -> Rights:
    """Rights in the zones. To find them it lists their project's: in another project than the cluster's, its owner allows that."""
    reader = ["roles/dns.reader"] if project == cluster.project.id else []
    return Rights(gcp_dns_zones=[GcpDnsZone(project=project, name=name) for name in names], gcp_project_roles=reader)


def _own_server(settings: DnsSettings, server: Rfc2136) -> tuple[dict[str, Any], None, list[Manifest]]:
    host, _, port = server.nameserver.rpartition(":")
    algorithm = server.algorithm.lower().replace("hmac", "hmac-")
    values = {
        "provider": {"name": "rfc2136"},
        "env": [
            {"name": "EXTERNAL_DNS_RFC2136_TSIG_SECRET", "valueFrom": {"secretKeyRef": {"name": _KEY, "key": "key"}}}
        ],
        "extraArgs": [
            f"--rfc2136-host={host}",
            f"--rfc2136-port={port}",
            *(f"--rfc2136-zone={domain}" for domain in settings.zones),
            f"--rfc2136-tsig-keyname={server.key_name}",
            f"--rfc2136-tsig-secret-alg={algorithm}",
            "--rfc2136-tsig-axfr",
        ],
    }
    key: Manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": _KEY},
        "stringData": {"key": server.secret},
    }
    # A policy knows addresses alone: of a server that is told by name, any.
    at = addresses(f"{host}/32" if host.replace(".", "").isdigit() else "0.0.0.0/0")
    reached = [
        allow(f"name-server-{protocol.lower()}", pods=_PODS, egress_to=at, ports=[int(port)], protocol=protocol)
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
