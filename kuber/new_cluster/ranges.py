"""Address ranges for a new cluster, clear of all that the project's stack files name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network

from config.addresses import free_range
from config.cluster import CloudClusterSettings, ClusterSettings
from config.eks import EksCluster

from .errors import InputError

_RANGES_SHOWN = 6

Lengths = Mapping[str, int]
"""Prefix lengths by the range's key under `network`."""

LENGTHS: Mapping[str, Lengths] = {
    "eks": {"cidr": 16},
    "gke": {"pods_cidr": 16, "nodes_cidr": 20, "services_cidr": 20, "control_plane_cidr": 28},
    "bare_metal": {},  # the cluster exists, and has its ranges
}
"""What is chosen for a platform, widest first, so that little is left over between ranges."""


def taken_ranges(stacks: Mapping[str, ClusterSettings]) -> Iterator[IPv4Network]:
    """What stack files name: the clusters' ranges, isolated or not, and the ranges that reach their API servers."""
    for settings in stacks.values():
        yield from (one.cidr for one in settings.address_ranges())
        if isinstance(settings, CloudClusterSettings):
            yield from settings.endpoint.private_cidrs.values()
        if isinstance(settings, EksCluster):
            yield settings.network.service_cidr  # not routed, but a VPC may not overlap its own


def choose(lengths: Lengths, pool: IPv4Network, taken: list[IPv4Network]) -> dict[str, IPv4Network]:
    """A free range for each key: the first that fits, so that the same stack files give the same ranges.

    Args:
        lengths: Prefix lengths by key, widest first.
        pool: Where they are taken from.
        taken: What they keep clear of.

    Raises:
        InputError: there is no room left.
    """
    chosen: dict[str, IPv4Network] = {}
    for key, length in lengths.items():
        free = free_range(pool, length, [*taken, *chosen.values()])
        if free is None:
            raise InputError(
                f"--from-range: no room for network.{key} in {pool}\n"
                f"    found:    {_listed([one for one in taken if one.overlaps(pool)])}\n"
                f"    expected: a /{length} that no stack file names\n"
                "    hint:     another range, such as --from-range 172.16.0.0/12"
            )
        chosen[key] = free
    return chosen


def _listed(ranges: list[IPv4Network]) -> str:
    few = ", ".join(map(str, sorted(set(ranges))[:_RANGES_SHOWN]))
    more = len(set(ranges)) - _RANGES_SHOWN
    return f"{few or 'it is too small'}{f' and {more} more' if more > 0 else ''}"
