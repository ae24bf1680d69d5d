"""cert-manager, its issuers, and bundles of trusted authorities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ..errors import Problem
from ..model import Name, Secret, Settings
from ..pem import Pem
from ..text import Text
from .part import ContainerResources, DnsZone, PartSettings

if TYPE_CHECKING:
    from ..cluster import ClusterSettings

Email = Annotated[str, Text(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an address such as platform@shop.example")]
HostedZoneId = Annotated[str, Text(r"Z[A-Z0-9]{6,31}", "a hosted zone's id such as Z0123456789ABCDEFGHIJ")]
Nameserver = Annotated[str, Text(r"[a-z0-9.-]+:\d{1,5}", "a host or an address with a port, such as 10.40.0.53:53")]
_ZONE_KEYS = {"eks": "hosted_zone_id", "gke": "managed_zone"}


class ChallengeZone(Settings):
    """A DNS zone in which challenges may be answered; the cloud's own on a cloud, the one behind `rfc2136` elsewhere."""

    hosted_zone_id: HostedZoneId | None = None
    """On EKS: the zone's id in Route 53, to which rights are limited."""
    managed_zone: Name | None = None
    """On GKE: the zone's name in Cloud DNS, to which rights are limited."""
    project: Annotated[str, Text(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", "a project id")] | None = None
    """On GKE: the project of the zone; the cluster's own unless given."""


class Rfc2136(Settings):
    """A name server that takes signed updates (RFC 2136, RFC 8945)."""

    nameserver: Nameserver
    """Where updates are sent."""
    key_name: Annotated[str, Text(r"[A-Za-z0-9._-]+", "the key's name as the name server has it")]
    algorithm: Literal["HMACSHA256", "HMACSHA384", "HMACSHA512"] = "HMACSHA256"
    secret: Secret
    """The key, base64 as the name server has it."""


class AcmeSettings(Settings):
    """Public certificates from Let's Encrypt: the issuers `letsencrypt` and, for trying out, `letsencrypt-staging`."""

    email: Email
    """Whom Let's Encrypt writes to about the account."""
    http01: bool = True
    """Prove control of a host by answering through the ingress. Not for wildcards, nor for hosts that the internet can't reach."""
    ingress_class: Name = "public"
    """The class of ingress that answers."""
    zones: dict[DnsZone, ChallengeZone] = {}
    """Zones in which control is proved by a DNS record; their names, and those below them, are never proved by HTTP."""
    rfc2136: Rfc2136 | None = None
    """The zones' name server on own machines."""
    recursive_nameservers: Annotated[tuple[Nameserver, ...], Field(strict=False)] = ()
    """Who is asked whether a record is there, where the cluster's own DNS sees another, private zone of the same name."""

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        if not self.http01 and not self.zones:
            yield Problem(
                path=("zones",),
                message="there is no way to prove control of a host",
                expected="a zone for DNS challenges, or `http01: true`",
            )

    def problems_on(self, cluster: ClusterSettings) -> Iterator[Problem]:
        """Zones that the platform can't write to as they are given."""
        key = _ZONE_KEYS.get(cluster.platform)
        if key is None and self.zones and self.rfc2136 is None:
            yield Problem(
                path=("rfc2136",),
                message="no name server takes the records of the zones",
                expected="nameserver, key_name and secret",
                hint="or leave `zones` out: HTTP challenges need none",
            )
        if key and self.rfc2136:
            yield Problem(
                path=("rfc2136",),
                message=f"zones of {cluster.platform} are written through the cloud",
                hint="remove it",
            )
        for name, zone in self.zones.items():
            given = {one for one in ChallengeZone.model_fields if getattr(zone, one) is not None}
            allowed = {"eks": {"hosted_zone_id"}, "gke": {"managed_zone", "project"}}.get(cluster.platform, set())
            for other in sorted(given - allowed):
                yield Problem(
                    path=("zones", name, other), message=f"is nothing that {cluster.platform} has", hint="remove it"
                )
            if key and key not in given:
                yield Problem(path=("zones", name), message=f"`{key}` is missing", hint="rights are limited to it")


class CertificatesSettings(PartSettings):
    """cert-manager with its issuers, and trust-manager, which spreads bundles of trusted authorities.

    The issuer `vault` for the internal authority is there where `secrets.pki` says how Vault signs.
    """

    acme: AcmeSettings | None = None
    """Public certificates; none unless given."""
    company_authorities: Pem | None = None
    """Authorities of the company: each namespace gets them in the ConfigMap `company-ca`, key `ca-bundle.crt`."""
    public_authorities: bool = True
    """Whether `company-ca` holds the public authorities too, as Debian has them."""
    replicas: Annotated[int, Field(ge=1, le=5)] = 2
    """Of each of the programs but the webhook; one works, the others are ready to take over."""
    webhook_replicas: Annotated[int, Field(ge=1, le=5)] = 3
    """All of them work. Without any, no Certificate can be made or changed."""
    controller: ContainerResources = ContainerResources(cpu="50m", memory="128Mi", memory_limit="512Mi")
    cainjector: ContainerResources = ContainerResources(cpu="20m", memory="128Mi", memory_limit="512Mi")
    webhook: ContainerResources = ContainerResources(cpu="20m", memory="48Mi", memory_limit="128Mi")
    trust_manager: ContainerResources = ContainerResources(cpu="20m", memory="64Mi", memory_limit="256Mi")

    def problems_on(self, cluster: ClusterSettings) -> Iterator[Problem]:
        if self.acme:
            yield from (problem.below("acme") for problem in self.acme.problems_on(cluster))
