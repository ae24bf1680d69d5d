"""DNS records of ingresses and services."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ..errors import Problem
from ..model import Name
from .certificates import ChallengeZone, Rfc2136
from .part import ContainerResources, DnsZone, Duration, PartSettings

if TYPE_CHECKING:
    from ..cluster import ClusterSettings

_ZONE_KEYS = {"eks": {"hosted_zone_id"}, "gke": {"managed_zone", "project"}}
"""What tells a zone, on each cloud."""


class DnsSettings(PartSettings):
    """DNS records of ingresses and services, made by external-dns in the zones that are named, and nowhere else."""

    enabled: bool = False
    zones: dict[DnsZone, ChallengeZone] = {}
    """Zones by their domain, `{shop.example: {hosted_zone_id: Z0123456789ABCDEFGHIJ}}`; rights are given for these alone."""
    rfc2136: Rfc2136 | None = None
    """The zones' name server on own machines."""
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
        keys = _ZONE_KEYS.get(cluster.platform, set())
        if bool(keys) == bool(self.rfc2136):
            yield Problem(
                path=("rfc2136",),
                message="the cloud's own DNS is used here" if keys else "no name server takes the records",
                expected="only on own machines" if keys else "nameserver, key_name and secret",
            )
        for domain, zone in self.zones.items():
            given = zone.model_dump(exclude_none=True).keys()
            if given - keys or (keys and not given - {"project"}):
                yield Problem(
                    path=("zones", domain),
                    message="the zone isn't told as it is on this platform",
                    found=", ".join(sorted(given)) or "nothing",
                    expected=" and, if it isn't the cluster's, ".join(sorted(keys)) or "{}",
                )
        if len({zone.project for zone in self.zones.values()}) > 1:
            yield Problem(
                path=("zones",), message="zones of several projects", expected="one project: external-dns knows one"
            )
