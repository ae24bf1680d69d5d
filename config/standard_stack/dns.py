"""DNS records of ingresses and services."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ..errors import Problem
from ..model import Address, Name, Secret, Settings
from ..platforms import Capability
from ..text import Text
from .part import ContainerResources, DnsZone, Duration, HostName, PartSettings

if TYPE_CHECKING:
    from ..cluster import ClusterSettings

_ID_FORMS = {
    "eks": (True, "a hosted zone's id such as Z0123456789ABCDEFGHIJ"),
    "gke": (False, "a managed zone's name such as shop-example"),
}
"""Of each cloud: whether ids begin with a Z, and what is right."""
ZoneId = Annotated[
    str,
    Text(r"Z[A-Z0-9]{5,32}|[a-z][a-z0-9-]{0,62}", "a hosted zone's id (AWS) or a managed zone's name (Google Cloud)"),
]


class Zone(Settings):
    """A zone in which records are made."""

    id: ZoneId | None = None
    """The hosted zone's id (AWS) or the managed zone's name (Google Cloud), which alone it may change; none on own machines."""


class Rfc2136(Settings):
    """A name server of your own that takes updates by RFC 2136, signed with a key (TSIG)."""

    server: HostName | Address
    """The primary name server."""
    port: Annotated[int, Field(ge=1, le=65535)] = 53
    key_name: Annotated[str, Text(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", "a key's name such as colo-london")]
    """Name of the key, as the name server has it."""
    key: Secret | None = None
    """The key, base64."""
    algorithm: Literal["hmac-sha256", "hmac-sha512"] = "hmac-sha256"

    def conflicts(self) -> Iterator[Problem]:
        if self.key is None:
            yield Problem(
                path=("key",),
                message="updates need a key",
                expected="`secure:` and an encrypted text, as `pulumi config set --secret --path` writes it",
            )


class DnsSettings(PartSettings):
    """DNS records of ingresses and services, made by external-dns in the zones that are named, and nowhere else."""

    enabled: bool = False
    zones: dict[DnsZone, Zone] = {}
    """Zones by their domain: `{shop.example: {id: Z0123456789ABCDEFGHIJ}}`."""
    rfc2136: Rfc2136 | None = None
    """The name server, on own machines."""
    policy: Literal["upsert-only", "sync"] = "upsert-only"
    """upsert-only: makes and changes records. sync: deletes those of what is gone too, at once, be it gone by mistake."""
    sources: Annotated[tuple[Literal["ingress", "service"], ...], Field(strict=False, min_length=1)] = (
        "ingress",
        "service",
    )
    """Objects that names are taken from; a service says its name in the annotation external-dns.alpha.kubernetes.io/hostname."""
    ingress_classes: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    """Ingresses of these classes alone; of all unless given."""
    annotation_filter: str = ""
    """Objects with this annotation alone, as a selector: `shop.example/dns=public`."""
    interval: Duration = "1m"
    """How often records are compared."""
    resources: ContainerResources = ContainerResources(cpu="25m", memory="64Mi", memory_limit="256Mi")

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        if self.enabled and not self.zones:
            yield Problem(path=("zones",), message="no zone is named to make records in", expected="at least one")
        if self.zones and not self.enabled and "enabled" not in self.model_fields_set:
            yield Problem(
                path=("zones",), message="zones are named, and the part is off", expected="`enabled: true`, or false"
            )

    def problems_on(self, cluster: ClusterSettings) -> Iterator[Problem]:
        if Capability.WORKLOAD_IDENTITY in cluster.capabilities:
            if self.rfc2136:
                yield Problem(
                    path=("rfc2136",), message="the cloud's own DNS is used here", expected="only on own machines"
                )
            with_z, expected = _ID_FORMS[cluster.platform]
            for domain, zone in self.zones.items():
                if zone.id is None or zone.id.startswith("Z") != with_z:
                    yield Problem(
                        path=("zones", domain, "id"),
                        message="the zone isn't told",
                        found=zone.id or "nothing",
                        expected=expected,
                    )
            return
        if self.rfc2136 is None:
            yield Problem(
                path=("rfc2136",),
                message="own machines have no cloud's DNS",
                expected="a name server with `server` and `key_name`",
            )
        for domain, zone in self.zones.items():
            if zone.id is not None:
                yield Problem(path=("zones", domain, "id"), message="zones of a name server have no id", expected="{}")
