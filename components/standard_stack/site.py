"""The cluster that a part is made for: all that is known of it before any cloud answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from config.cluster import CloudClusterSettings, ClusterSettings
from config.node_pools import POOL_LABEL, ZONE_LABEL
from config.platforms import Capability, Feature
from config.release import Release
from config.standard_stack import StandardStackSettings


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where pods run.

    Attributes:
        node_selector: Labels that a node must have.
        tolerations: Taints that pods stand.
    """

    node_selector: Mapping[str, str]
    tolerations: Sequence[Mapping[str, str]]

    def values(self) -> dict[str, Any]:
        """As charts and pod templates have it."""
        return {"nodeSelector": dict(self.node_selector), "tolerations": [dict(one) for one in self.tolerations]}


@dataclass(frozen=True, kw_only=True)
class Site:
    """A cluster's settings and its release, with what parts ask of them.

    Attributes:
        name: The cluster's name: the stack's.
        settings: What the stack file says.
        release: The versions of everything.
    """

    name: str
    settings: ClusterSettings
    release: Release

    @property
    def stack(self) -> StandardStackSettings:
        """Settings of the parts."""
        return self.settings.standard_stack

    @property
    def environment(self) -> str:
        """production, stage or development."""
        return self.settings.environment

    @property
    def zones(self) -> Sequence[str]:
        """Zones, or racks, over which work can be spread."""
        return self.settings.spread_over

    def brings(self, feature: Feature) -> bool:
        """Whether the platform has this itself."""
        return feature in self.settings.brings

    def can(self, capability: Capability) -> bool:
        """Whether the platform can do this."""
        return capability in self.settings.capabilities

    def image(self, name: str) -> str:
        """An image of the release, as a container names it."""
        return self.release.images[name].reference(self.stack.image_mirror)

    @property
    def system_placement(self) -> Placement:
        """Nodes for what may not be interrupted: the system pool; on machines without one, any worker."""
        pool_name = self.stack.system_pool_of(self.settings)
        if pool_name is None:
            return Placement(node_selector={}, tolerations=())
        taints = self.settings.pools[pool_name].taints
        return Placement(
            node_selector={POOL_LABEL: pool_name},
            tolerations=[
                {"key": one.key, "operator": "Equal", "value": one.value, "effect": one.effect} for one in taints
            ],
        )

    def spread(self, labels: Mapping[str, str]) -> list[dict[str, Any]]:
        """Spreads pods of the labels over zones, and over nodes as far as that goes."""
        selector = {"matchLabels": dict(labels)}
        return [
            {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": selector}
            for key in (ZONE_LABEL, "kubernetes.io/hostname")
        ]

    @property
    def api_server_cidrs(self) -> Sequence[IPv4Network]:
        """Where the API server's addresses lie, as pods see it, and where it calls webhooks from."""
        return self.settings.control_plane_cidrs()

    @property
    def api_service(self) -> IPv4Network:
        """The address of the Service `kubernetes`, by which pods call the API server."""
        return IPv4Network((self.settings.services_cidr().network_address + 1, 32))

    @property
    def node_cidrs(self) -> Sequence[IPv4Network]:
        """Where the nodes' addresses lie."""
        return self.settings.node_cidrs()

    @property
    def is_cloud(self) -> bool:
        """Whether a cloud makes its machines."""
        return isinstance(self.settings, CloudClusterSettings)
