"""Issuers of the whole cluster: Let's Encrypt by HTTP and DNS challenges, and Vault."""

from __future__ import annotations

import base64
from typing import Any

from components.charts.manifests import Manifest
from components.identity.rights import AwsStatement, GcpDnsZone, Rights
from config.eks import EksCluster
from config.gke import GkeCluster
from config.standard_stack.certificates import AcmeSettings
from config.standard_stack.secrets import CERTIFICATES_ROLE

from ..secrets.part import ISSUER, ISSUER_ACCOUNT
from ..secrets.policies import auth_path
from ..site import Site

CONTROLLER_ACCOUNT = "cert-manager"
"""The service account of cert-manager's controller, which answers DNS challenges."""
_DIRECTORIES = {
    "letsencrypt": "https://acme-v02.api.letsencrypt.org/directory",
    "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
}
_TSIG_SECRET, _TSIG_KEY = "rfc2136-key", "key"


def acme_issuers(site: Site, acme: AcmeSettings) -> list[Manifest]:
    """Let's Encrypt's two, which prove control of a host in the same ways."""
    issuers = [
        _cluster_issuer(
            name,
            {
                "acme": {
                    "server": directory,
                    "email": acme.email,
                    "privateKeySecretRef": {"name": f"{name}-account"},
                    "solvers": [*_dns_solvers(site, acme), *_http_solvers(site, acme)],
                }
            },
        )
        for name, directory in _DIRECTORIES.items()
    ]
    if acme.rfc2136 is None:
        return issuers
    key = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": _TSIG_SECRET}}
    return [*issuers, {**key, "type": "Opaque", "stringData": {_TSIG_KEY: acme.rfc2136.secret}}]


def acme_rights(site: Site, acme: AcmeSettings) -> Rights | None:
    """To write the records of challenges into the named zones; none where no cloud has zones.

    cert-manager's documentation, "Route53" and "Google CloudDNS", less what naming a zone's id makes needless: listing zones.
    """
    if not acme.zones or not site.is_cloud:
        return None
    if isinstance(site.settings, GkeCluster):
        own = site.settings.project.id
        zones = {GcpDnsZone(project=one.project or own, name=one.managed_zone or "") for one in acme.zones.values()}
        return Rights(gcp_dns_zones=sorted(zones, key=lambda one: (one.project, one.name)))
    zones = sorted({f"arn:aws:route53:::hostedzone/{one.hosted_zone_id}" for one in acme.zones.values()})
    challenges = {
        "ForAllValues:StringEquals": {"route53:ChangeResourceRecordSetsRecordTypes": "TXT"},
        "ForAllValues:StringLike": {"route53:ChangeResourceRecordSetsNormalizedRecordNames": "_acme-challenge.*"},
    }
    return Rights(
        aws_statements=[
            AwsStatement(actions=["route53:GetChange"], resources=["arn:aws:route53:::change/*"]),
            AwsStatement(actions=["route53:ListResourceRecordSets"], resources=zones),
            AwsStatement(actions=["route53:ChangeResourceRecordSets"], resources=zones, conditions=challenges),
        ]
    )


def vault_issuer(site: Site) -> list[Manifest]:
    """Vault's, which cert-manager asks as a service account that may do nothing else; nothing where Vault signs none."""
    settings = site.stack.secrets
    if not settings.enabled or settings.pki is None:
        return []
    authority = settings.certificate_authority
    vault = {
        "server": settings.address,
        "path": f"{settings.pki.path}/sign/{settings.pki.role}",
        **({"namespace": settings.vault_namespace} if settings.vault_namespace else {}),
        **({"caBundle": base64.b64encode(authority.encode()).decode()} if authority else {}),
        "auth": {
            "kubernetes": {
                "role": CERTIFICATES_ROLE,
                "mountPath": f"/v1/auth/{auth_path(site.name)}",
                "serviceAccountRef": {"name": ISSUER_ACCOUNT},
            }
        },
    }
    return [*_token_requests(), _cluster_issuer(ISSUER, {"vault": vault})]


def _token_requests() -> list[Manifest]:
    """cert-manager may ask for tokens of the service account that Vault knows."""
    group = "rbac.authorization.k8s.io"
    rule = {
        "apiGroups": [""],
        "resources": ["serviceaccounts/token"],
        "resourceNames": [ISSUER_ACCOUNT],
        "verbs": ["create"],
    }
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": ISSUER_ACCOUNT},
            "automountServiceAccountToken": False,
        },
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": {"name": ISSUER_ACCOUNT}, "rules": [rule]},
        {
            "apiVersion": f"{group}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": ISSUER_ACCOUNT},
            "roleRef": {"apiGroup": group, "kind": "Role", "name": ISSUER_ACCOUNT},
            "subjects": [{"kind": "ServiceAccount", "name": CONTROLLER_ACCOUNT, "namespace": "system-certificates"}],
        },
    ]


def _dns_solvers(site: Site, acme: AcmeSettings) -> list[dict[str, Any]]:
    return [{"selector": {"dnsZones": [name]}, "dns01": _dns_provider(site, acme, name)} for name in sorted(acme.zones)]


def _dns_provider(site: Site, acme: AcmeSettings, name: str) -> dict[str, Any]:
    """Where a zone's records are written; in a cloud with the rights of cert-manager's own service account, so without keys."""
    zone = acme.zones[name]
    if isinstance(site.settings, EksCluster):
        return {"route53": {"region": site.settings.region, "hostedZoneID": zone.hosted_zone_id}}
    if isinstance(site.settings, GkeCluster):
        return {"cloudDNS": {"project": zone.project or site.settings.project.id, "hostedZoneName": zone.managed_zone}}
    assert acme.rfc2136 is not None
    return {
        "rfc2136": {
            "nameserver": acme.rfc2136.nameserver,
            "protocol": "TCP",
            "tsigKeyName": acme.rfc2136.key_name,
            "tsigAlgorithm": acme.rfc2136.algorithm,
            "tsigSecretSecretRef": {"name": _TSIG_SECRET, "key": _TSIG_KEY},
        }
    }


def _http_solvers(site: Site, acme: AcmeSettings) -> list[dict[str, Any]]:
    """For hosts in none of the zones; what answers runs where nothing is interrupted."""
    if not acme.http01:
        return []
    placement = {key: value for key, value in site.system_placement.values().items() if value}
    return [
        {
            "http01": {
                "ingress": {
                    "ingressClassName": acme.ingress_class,
                    "serviceType": "ClusterIP",
                    **({"podTemplate": {"spec": placement}} if placement else {}),
                }
            }
        }
    ]


def _cluster_issuer(name: str, spec: dict[str, Any]) -> Manifest:
    return {"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "metadata": {"name": name}, "spec": spec}
