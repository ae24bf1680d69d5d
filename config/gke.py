"""What a stack file says of a GKE cluster."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .access import access_problems
from .addresses import NamedRange, overlap_problems
from .cluster import CloudClusterSettings
from .errors import Problem, shown
from .kubernetes import minor_number
from .machine_types import (
    GCE_FAMILIES,
    GCE_FAMILIES_WITHOUT_HYPERDISK,
    GCE_FAMILIES_WITHOUT_SPOT,
    GCE_HYPERDISK_FAMILIES,
    gce_family,
)
from .model import Cidr, Instant, Name, Settings, reserved
from .node_pools import CloudNodePool, machine_type_problems
from .platforms import Capability, Feature
from .text import Text

Region = Annotated[str, Text(r"[a-z]+-[a-z]+\d+", "a region such as europe-west1")]
Zone = Annotated[str, Text(r"[a-z]+-[a-z]+\d+-[a-z]", "a zone such as europe-west1-b")]
Member = Annotated[str, Text(r"(group|user):[^@\s]+@[^@\s]+", "group:platform@example.com or user:jane@example.com")]


Recurrence = Annotated[str, Text(r"FREQ=[A-Z0-9=;,]+", "a rule of RFC 5545 such as FREQ=WEEKLY;BYDAY=TU,WE")]
NodeVersion = Annotated[str, Text(r"1\.\d{2}(\.\d+-gke\.\d+)?", '"1.35", or in full such as "1.34.11-gke.1209000"')]

MAX_PODS_PER_NODE = 110
_RESERVED_ADDRESSES = 4
POD_RANGE_BITS_PER_NODE = 8
"""GKE gives a node of up to 110 pods a /24 (GKE documentation, "Configure maximum Pods per node")."""


class Project(Settings):
    """The Google Cloud project."""

    id: Annotated[str, Text(r"[a-z][a-z0-9-]{4,28}[a-z0-9]", "a project's id such as shop-production-7f3a")]
    number: Annotated[str, Text(r"\d{6,16}", "the digits of a project's number, in quotes")]
    """In quotes. Names Google's own service accounts, so that no look-up is needed while planning."""


class GkeNetwork(Settings):
    """A VPC network with one subnetwork; pods and services have secondary ranges."""

    nodes_cidr: Cidr
    pods_cidr: Cidr
    """A /24 for each node: a /16 carries 256 nodes."""
    services_cidr: Cidr
    control_plane_cidr: Cidr
    """A /28 for the private endpoint."""
    flow_logs: bool = True

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        if self.control_plane_cidr.prefixlen != 28:
            yield Problem(
                path=("control_plane_cidr",),
                message="wrong size for the control plane",
                found=str(self.control_plane_cidr),
                expected="a /28",
            )
        yield from overlap_problems(self.ranges())

    def ranges(self) -> list[NamedRange]:
        """All ranges that the cluster takes."""
        names = ("nodes_cidr", "pods_cidr", "services_cidr", "control_plane_cidr")
        return [NamedRange((name,), getattr(self, name)) for name in names]

    @property
    def most_nodes(self) -> int:
        """How many nodes the pods' range carries."""
        return 1 << max(0, 32 - POD_RANGE_BITS_PER_NODE - self.pods_cidr.prefixlen)


class GkeAccess(Settings):
    """People with rights in the cluster: Google groups and users, bound to cluster roles."""

    admins: Annotated[dict[Name, Member], Field(min_length=1)]
    """`group:platform@example.com` or `user:jane@example.com`, by what they are for."""
    viewers: dict[Name, Member] = {}
    security_group: Annotated[str, Text(r"gke-security-groups@\S+", "gke-security-groups@your-domain")] | None = None
    """The Google group that holds all others, needed for `group:` members (Google Groups for RBAC)."""

    def conflicts(self) -> Iterator[Problem]:
        yield from access_problems(self.admins, self.viewers)
        groups = [m for m in (*self.admins.values(), *self.viewers.values()) if m.startswith("group:")]
        if groups and not self.security_group:
            yield Problem(
                path=("security_group",),
                message="groups have no rights without the security group",
                expected="gke-security-groups@your-domain",
            )


class MaintenanceWindow(Settings):
    """When Google may patch the control plane; nodes are left alone by the exclusion that kuber sets."""

    start: Instant = "2026-01-06T02:00:00Z"
    """Start of the first window, UTC."""
    end: Instant = "2026-01-06T08:00:00Z"
    recurrence: Annotated[str, Text(r"FREQ=[A-Z0-9=;,]+", "a rule of RFC 5545 such as FREQ=WEEKLY;BYDAY=TU,WE")] = (
        "FREQ=WEEKLY;BYDAY=TU,WE"
    )
    """RFC 5545; GKE wants 48 hours in any 32 days."""

    def conflicts(self) -> Iterator[Problem]:
        if self.end <= self.start:
            yield Problem(
                path=("end",),
                message="the window ends before it starts",
                found=self.end,
                expected=f"after {self.start}",
            )


class SurgeUpgrade(Settings):
    """New nodes first, a few at a time."""

    strategy: Literal["surge"]
    max_surge: Annotated[int, Field(ge=1, le=20)] = 1
    max_unavailable: Annotated[int, Field(ge=0, le=20)] = 0


class BlueGreenUpgrade(Settings):
    """A whole new set of nodes beside the old one, drained batch by batch, kept for a way back."""

    strategy: Literal["blue_green"]
    batch_percent: Annotated[int, Field(ge=1, le=100)] = 20
    batch_soak_seconds: Annotated[int, Field(ge=0, le=86_400)] = 300
    pool_soak_seconds: Annotated[int, Field(ge=0, le=604_800)] = 3600


Upgrade = Annotated[SurgeUpgrade | BlueGreenUpgrade, Field(discriminator="strategy")]


class GkePool(CloudNodePool):
    """A GKE node pool. It has one machine type: write a pool for each."""

    version: NodeVersion | None = None
    """The nodes' version. One behind the control plane is written in full, 1.34.9-gke.1067000: GKE makes a pool at the
    control plane's version unless told exactly."""
    disk_type: Literal["pd-standard", "pd-balanced", "pd-ssd", "hyperdisk-balanced"] = "pd-balanced"
    upgrade: Upgrade = SurgeUpgrade(strategy="surge")
    """How GKE changes the nodes when it has to."""

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        yield from machine_type_problems(self, gce_family, GCE_FAMILIES, "n2d-standard-8")
        yield from self._family_problems(self.machine_types[0].partition("-")[0])
        if len(self.machine_types) > 1:
            yield Problem(
                path=("machine_types",),
                message="a GKE node pool has one machine type",
                found=", ".join(self.machine_types),
                expected="one machine type; GKE's autoscaler chooses among pools",
                hint="write one pool for each machine type",
            )
        for key in self.labels:
            if reserved(key, "kubernetes.io", "k8s.io", "cloud.google.com", "gke.io"):
                yield Problem(
                    path=("labels", key),
                    message="GKE keeps this prefix to itself",
                    expected="a prefix of your own, or none",
                )

    def _family_problems(self, family: str) -> Iterator[Problem]:
        """What a machine family can't do (config/machine_types.py has the sources)."""
        if self.capacity == "spot" and family in GCE_FAMILIES_WITHOUT_SPOT:
            yield Problem(
                path=("capacity",), message=f"{family} machines are not offered as spot", expected="on_demand"
            )
        hyperdisk = self.disk_type.startswith("hyperdisk")
        if not hyperdisk and family in GCE_HYPERDISK_FAMILIES:
            yield Problem(
                path=("disk_type",),
                message=f"{family} machines take Hyperdisk alone",
                found=self.disk_type,
                expected="hyperdisk-balanced",
            )
        if hyperdisk and family in GCE_FAMILIES_WITHOUT_HYPERDISK:
            yield Problem(
                path=("disk_type",),
                message=f"{family} machines take no Hyperdisk",
                found=self.disk_type,
                expected="pd-balanced",
            )


class GkeCluster(CloudClusterSettings):
    """A cluster on Google Cloud."""

    version_source = "gke"
    object_storage = "gcs"
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.AUTOSCALING, Capability.SPOT, Capability.WORKLOAD_IDENTITY, Capability.CLOUD_LOAD_BALANCER}
    )
    brings: ClassVar[frozenset[Feature]] = frozenset(
        {
            Feature.AUTOSCALER,
            Feature.METRICS_API,
            Feature.CLUSTER_DNS,
            Feature.NETWORK_POLICIES,
            Feature.BLOCK_STORAGE,
        }
    )

    platform: Literal["gke"]  # type: ignore[assignment]
    project: Project
    region: Region
    zones: Annotated[tuple[Zone, ...], Field(strict=False, min_length=1, max_length=4)]
    """Zones of the nodes; the control plane is regional."""
    release_channel: Literal["REGULAR", "STABLE", "EXTENDED"] = "REGULAR"
    network: GkeNetwork
    access: GkeAccess
    maintenance: MaintenanceWindow = MaintenanceWindow()
    pools: Annotated[dict[Name, GkePool], Field(min_length=1)]  # pyright: ignore[reportIncompatibleVariableOverride]
    """Node pools by name."""

    def after_standard_support(self) -> str:
        if self.release_channel == "EXTENDED":
            return "extended support, at a higher price, follows"
        return "GKE then upgrades the control plane by itself"

    def zone(self, letter: str) -> str:
        return f"{self.region}-{letter}"

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        yield from self._lagging_pool_problems()
        yield from self._size_problems()

    def _size_problems(self) -> Iterator[Problem]:
        most = sum(pool.max for pool in self.pools.values())
        if most > self.network.most_nodes:
            yield Problem(
                path=("network", "pods_cidr"),
                message="too small for the pools at their largest",
                found=f"{self.network.pods_cidr} carries {self.network.most_nodes} nodes",
                expected=f"room for {most} nodes, a /24 each",
            )

        if most > self.network.nodes_cidr.num_addresses - _RESERVED_ADDRESSES:
            yield Problem(
                path=("network", "nodes_cidr"),
                message="too small for the pools at their largest",
                found=str(self.network.nodes_cidr),
                expected=f"room for {most} nodes and {_RESERVED_ADDRESSES} addresses that Google keeps",
            )

    def _lagging_pool_problems(self) -> Iterator[Problem]:
        for name, pool in self.pools.items():
            behind = pool.version and minor_number(pool.version) < minor_number(self.kubernetes.version)
            if behind and pool.version and "-gke." not in pool.version:
                yield Problem(
                    path=("pools", name, "version"),
                    message="a pool behind the control plane needs its full version",
                    found=shown(pool.version),
                    expected=f"such as {pool.version}.9-gke.1067000",
                    hint="`gcloud container node-pools describe` shows what its nodes run",
                )

    def control_plane_cidrs(self) -> tuple[IPv4Network, ...]:
        return (self.network.control_plane_cidr,)

    def services_cidr(self) -> IPv4Network:
        return self.network.services_cidr

    def node_cidrs(self) -> tuple[IPv4Network, ...]:
        return (self.network.nodes_cidr,)

    def address_ranges(self) -> list[NamedRange]:
        return [NamedRange(("network", *one.path), one.cidr) for one in self.network.ranges()]
