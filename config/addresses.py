"""Address ranges: how a network is cut into subnets, and which ranges may not overlap."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, collapse_addresses
from itertools import combinations

from .errors import KeyPath, Problem

RFC_1918 = tuple(IPv4Network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
PRIVATE = (*RFC_1918, IPv4Network("100.64.0.0/10"))
"""RFC 1918, and the shared range of RFC 6598, which both clouds take for private."""


def is_private(cidr: IPv4Network) -> bool:
    """Whether a range is one of those that are routed inside only."""
    return any(cidr.subnet_of(one) for one in PRIVATE)


@dataclass(frozen=True)
class NamedRange:
    """An address range and where it stands in the stack file."""

    path: KeyPath
    cidr: IPv4Network


def overlap_problems(ranges: Iterator[NamedRange] | list[NamedRange]) -> Iterator[Problem]:
    """A problem for each pair of ranges that share addresses."""
    for one, other in combinations(ranges, 2):
        if one.cidr.overlaps(other.cidr):
            yield Problem(
                path=other.path,
                message="address ranges overlap",
                found=f"{other.cidr} overlaps {one.cidr} of {'.'.join(map(str, one.path))}",
                expected="ranges that share no address",
            )


def public_range_problems(ranges: Mapping[str, IPv4Network], *path: str) -> Iterator[Problem]:
    """The API server is never open to everyone."""
    for name, cidr in ranges.items():
        if cidr.prefixlen < 16:
            yield Problem(
                path=(*path, name),
                message="the API server would be open to most of the internet",
                found=str(cidr),
                expected="a range of your own, /16 or smaller",
            )
        elif is_private(cidr):
            yield Problem(
                path=(*path, name),
                message="a private range doesn't come by the public endpoint",
                found=str(cidr),
                expected="a public range here, or this one in `private_cidrs`",
            )


def private_range_problems(ranges: Mapping[str, IPv4Network], *path: str) -> Iterator[Problem]:
    """Ranges that reach a private endpoint are private themselves."""
    for name, cidr in ranges.items():
        if not is_private(cidr):
            yield Problem(
                path=(*path, name),
                message="a public range can't reach the private endpoint",
                found=str(cidr),
                expected=f"within {', '.join(map(str, PRIVATE))}",
            )


@dataclass(frozen=True)
class ZoneSubnets:
    """The two subnets of one zone."""

    private: IPv4Network
    public: IPv4Network


def zone_subnets(network: IPv4Network, zone: str) -> ZoneSubnets:
    """A zone's share of a network, by the zone's letter, so that adding or removing a zone moves no other.

    The network is cut into eighths: the first six are private subnets of zones a to f, the seventh is kept free, the last is
    cut into eight public subnets. Of a /16 a zone has a private /19 (8,187 addresses for nodes and pods) and a public /22.
    """
    index = ord(zone[-1]) - ord("a")
    eighths = list(network.subnets(prefixlen_diff=3))
    return ZoneSubnets(private=eighths[index], public=list(eighths[7].subnets(prefixlen_diff=3))[index])


def free_range(pool: IPv4Network, prefix_length: int, taken: list[IPv4Network]) -> IPv4Network | None:
    """The first range of the length within `pool` that overlaps nothing taken; None when it is full."""
    start = int(pool.network_address)
    size = 1 << (32 - prefix_length)
    blocked = sorted(
        (int(n.network_address), int(n.broadcast_address)) for n in collapse_addresses(taken) if n.overlaps(pool)
    )
    for first, last in blocked:
        if start + size <= first:
            break
        start = max(start, -(-(last + 1) // size) * size)
    candidate = IPv4Network((start, prefix_length), strict=False) if start + size <= (1 << 32) else None
    return candidate if candidate and candidate.subnet_of(pool) else None
