"""Storage classes: what a claim for a volume may ask for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ..errors import Problem, shown
from ..machine_types import GCE_FAMILIES_WITHOUT_HYPERDISK, GCE_HYPERDISK_FAMILIES
from ..model import Name, Settings
from ..platforms import Feature
from ..text import Text
from .part import PartSettings

if TYPE_CHECKING:
    from ..cluster import CloudClusterSettings, ClusterSettings
    from ..node_pools import CloudNodePool

DiskType = Literal["gp3", "io2", "pd-balanced", "pd-ssd", "hyperdisk-balanced"]
DISK_TYPES: Mapping[str, tuple[DiskType, ...]] = {
    "eks": ("gp3", "io2"),
    "gke": ("pd-balanced", "pd-ssd", "hyperdisk-balanced"),
}
"""What each cloud has, the usual one first."""
PROVISIONED: Mapping[DiskType, tuple[str, ...]] = {
    "gp3": ("iops", "throughput_mib"),
    "io2": ("iops",),
    "hyperdisk-balanced": ("iops", "throughput_mib"),
}
"""What is bought apart from size; of the others, size decides."""
FolderPath = Annotated[str, Text(r"(/[A-Za-z0-9._-]+)+", "the path of a folder, such as /var/lib/local-path")]
_LOCAL = ("local_path", "machine_paths")
_CLOUD = ("standard", "fast", "encryption_key")


class DiskClass(Settings):
    """One class of a cloud's disks. A class can't change: another takes its place, and volumes that are there stay as they are."""

    type: DiskType | None = None
    """Type of disk; gp3 on AWS, and on Google Cloud what most pools' machines take: pd-balanced or hyperdisk-balanced."""
    iops: Annotated[int, Field(ge=3000, le=256_000)] | None = None
    """Operations a second that each volume has, whatever its size; the type's least unless given."""
    throughput_mib: Annotated[int, Field(ge=125, le=2000)] | None = None
    """MiB a second that each volume has; the type's least unless given."""


class StorageSettings(PartSettings):
    """Storage classes: `kuber-standard` and `kuber-fast` on the clouds, `local-path` on own machines."""

    default_class: Name | None = None
    """The class of claims that name none, kuber-standard or local-path unless given; it may be one that something else brings."""
    reclaim_policy: Literal["Delete", "Retain"] = "Delete"
    """What becomes of a volume whose claim is deleted. Retain keeps it, to be paid for, until a person deletes it."""
    standard: DiskClass = DiskClass()
    """Disks of `kuber-standard`."""
    fast: DiskClass | None = DiskClass(iops=6000, throughput_mib=500)
    """Disks of `kuber-fast`; null for none."""
    encryption_key: (
        Annotated[
            str,
            Text(
                r"arn:aws:kms:\S+:key/\S+|projects/[^/\s]+/locations/[^/\s]+/keyRings/[^/\s]+/cryptoKeys/[^/\s]+",
                "a key's ARN (AWS), or projects/…/locations/…/keyRings/…/cryptoKeys/… (Google Cloud)",
            ),
        ]
        | None
    ) = None
    """A key of your own for new volumes; the cloud's own key unless given. Volumes are always encrypted."""
    local_path: FolderPath = "/var/lib/local-path"
    """Folder on own machines in which volumes are made: mount a disk of its own there, so that volumes can't fill the system's."""
    machine_paths: dict[str, Annotated[tuple[FolderPath, ...], Field(strict=False)]] = {}
    """Machines with other folders: `{lon-storage-1: [/nvme0, /nvme1]}`. An empty list: no volumes there."""

    def problems_on(self, cluster: ClusterSettings) -> Iterator[Problem]:
        if Feature.BLOCK_STORAGE in cluster.brings:
            yield from self._wrong_platform(_LOCAL, "the cloud's disks carry volumes here", "only on own machines")
            yield from self._disk_problems(cluster)  # pyright: ignore[reportArgumentType] - only clouds bring block storage
            return
        yield from self._wrong_platform(_CLOUD, "own machines have no disks of a cloud", "only on a cloud")
        machines = getattr(cluster, "machines", {})
        for name in self.machine_paths:
            if name not in machines:
                yield Problem(
                    path=("machine_paths", name),
                    message="no machine of the inventory",
                    expected=f"one of {', '.join(machines)}",
                )

    def _wrong_platform(self, fields: tuple[str, ...], message: str, expected: str) -> Iterator[Problem]:
        for field in fields:
            if field in self.model_fields_set:
                yield Problem(path=(field,), message=message, expected=expected)

    def _disk_problems(self, cluster: CloudClusterSettings) -> Iterator[Problem]:
        for name, disks in (("standard", self.standard), ("fast", self.fast)):
            if disks is None:
                continue
            kind = disks.type or usual_disk_type(cluster)
            if kind not in DISK_TYPES[cluster.platform]:
                yield Problem(
                    path=(name, "type"),
                    message="another cloud's type of disk",
                    found=shown(kind),
                    expected=f"one of {', '.join(DISK_TYPES[cluster.platform])}",
                )
                continue
            for field in ("iops", "throughput_mib"):
                given = name in self.model_fields_set and field in disks.model_fields_set
                if given and getattr(disks, field) is not None and field not in PROVISIONED.get(kind, ()):
                    yield Problem(
                        path=(name, field), message=f"{kind} has no such setting: it grows with the volume's size"
                    )
            if kind == "io2" and disks.iops is None:
                yield Problem(
                    path=(name, "iops"), message="io2 needs it", expected="operations a second, such as 10000"
                )
        at_aws = cluster.platform == "eks"
        if self.encryption_key and self.encryption_key.startswith("arn:") != at_aws:
            yield Problem(
                path=("encryption_key",), message="another cloud's key", expected="a key of the cluster's own cloud"
            )

    def advice(self, cluster: ClusterSettings, day: date) -> Iterator[str]:
        if cluster.platform != "gke":
            return
        pools: Mapping[str, CloudNodePool] = cluster.pools  # pyright: ignore[reportAssignmentType] - a cloud's
        for name, disks in (("kuber-standard", self.standard), ("kuber-fast", self.fast)):
            kind = disks and (disks.type or usual_disk_type(cluster))
            refused = GCE_FAMILIES_WITHOUT_HYPERDISK if kind == "hyperdisk-balanced" else GCE_HYPERDISK_FAMILIES
            without = [pool for pool, one in pools.items() if families(one) & refused]
            if kind and without:
                yield f"machines of {', '.join(without)} take no {kind}: volumes of {name} can't be used there"


def usual_disk_type(cluster: ClusterSettings) -> DiskType:
    """The type of disk that most pools' machines take."""
    if cluster.platform != "gke":
        return DISK_TYPES[cluster.platform][0]
    pools = [families(pool) for pool in cluster.pools.values()]  # pyright: ignore[reportArgumentType] - a cloud's
    needing = sum(bool(one & GCE_HYPERDISK_FAMILIES) for one in pools)
    refusing = sum(bool(one & GCE_FAMILIES_WITHOUT_HYPERDISK) for one in pools)
    return "hyperdisk-balanced" if needing > refusing else "pd-balanced"


def families(pool: CloudNodePool) -> set[str]:
    """Machine families of a pool."""
    return {machine_type.partition("-")[0] for machine_type in pool.machine_types}
