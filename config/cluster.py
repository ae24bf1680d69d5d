"""What every cluster's settings have, whatever its platform."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from datetime import date
from ipaddress import IPv4Network
from typing import Annotated, ClassVar, Literal

from .addresses import NamedRange
from .endpoint import Endpoint
from .errors import Problem, shown
from .kubernetes import KubernetesSettings, VersionSource, adoption_problems, version_table
from .model import Name, Settings
from .node_pools import CloudNodePool, NodePool, pool_problems
from .platforms import Capability, Feature, ObjectStorage
from .release import ReleaseName, release_problems
from .standard_stack import StandardStackSettings
from .text import Text

TagValue = Annotated[
    str, Text(r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?", "at most 63 small letters, digits, dashes and underscores")
]


class ClusterSettings(Settings):
    """One cluster: all that a stack file says."""

    version_source: ClassVar[VersionSource]
    """Whose table of Kubernetes versions holds."""
    capabilities: ClassVar[frozenset[Capability]]
    """What the platform can do."""
    brings: ClassVar[frozenset[Feature]]
    """What the platform brings itself."""
    object_storage: ClassVar[ObjectStorage | None] = None
    """The object storage of the platform's cloud, which its workloads may have rights in."""

    platform: str
    environment: Literal["production", "stage", "development"]
    """What the cluster is for."""
    isolated: bool = False
    """The network is routed to no other cluster's, so its ranges may be used elsewhere too."""
    kubernetes: KubernetesSettings
    release: ReleaseName
    """The release of the standard stack, in quotes: all versions of charts and images at once."""
    pools: Mapping[str, NodePool]
    standard_stack: StandardStackSettings = StandardStackSettings()

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        yield from release_problems(self.release)
        yield from (problem.below("standard_stack") for problem in self.standard_stack.problems_on(self))

    @property
    @abstractmethod
    def spread_over(self) -> tuple[str, ...]:
        """Zones, or racks, over which work can be spread."""

    @abstractmethod
    def control_plane_cidrs(self) -> tuple[IPv4Network, ...]:
        """Where the API server's addresses lie, as pods see it, and where it calls webhooks from."""

    @abstractmethod
    def services_cidr(self) -> IPv4Network:
        """Where the addresses of Services lie; the first is the API server's own (Kubernetes, "Cluster IP allocation")."""

    @abstractmethod
    def node_cidrs(self) -> tuple[IPv4Network, ...]:
        """Where the nodes' addresses lie."""

    @property
    def has_spot(self) -> bool:
        """Whether some nodes may be taken away at any time."""
        return any(pool.capacity == "spot" for pool in self.pools.values())

    def version_problems(self, today: date) -> Iterator[Problem]:
        """What the platform or the house's rules say against the Kubernetes version, as of a day."""
        yield from (p.below("kubernetes") for p in adoption_problems(self.kubernetes, self.version_source, today))

    def after_standard_support(self) -> str:
        """What comes when the platform's standard support of the minor ends."""
        return "there are no more fixes"

    @abstractmethod
    def address_ranges(self) -> list[NamedRange]:
        """Ranges that no other cluster may use, unless one of them is isolated."""


class CloudClusterSettings(ClusterSettings):
    """What clusters on either cloud have: zones of a region, pools that scale, a managed API server."""

    tags: dict[Name, TagValue] = {}
    """Tags (AWS) or labels (Google Cloud) of everything that the cluster is made of: `{owner: platform}`."""
    protect: bool = True
    """Refuse to destroy the cluster until this is false: by the engine, and by the cloud where it can."""
    region: str
    """The cloud's region."""
    zones: tuple[str, ...]
    endpoint: Endpoint
    pools: Mapping[str, CloudNodePool]  # pyright: ignore[reportIncompatibleVariableOverride]

    @property
    def spread_over(self) -> tuple[str, ...]:
        return self.zones

    @abstractmethod
    def zone(self, letter: str) -> str:
        """The name of the region's zone of a letter."""

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        for key in self.tags:
            if key.startswith("kuber"):
                yield Problem(path=("tags", key), message="kuber sets its own tags itself", expected="another key")
        for index, zone in enumerate(self.zones):
            if zone != self.zone(zone[-1]) or zone in self.zones[:index]:
                yield Problem(
                    path=("zones", index),
                    message=f"not another zone of {self.region}",
                    found=shown(zone),
                    expected=f"such as {self.zone('b')}, each once",
                )
        node_skew = version_table(self.version_source).node_skew
        yield from pool_problems(self.pools, self.zones, self.kubernetes.version, node_skew)
