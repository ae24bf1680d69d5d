"""Sets of addresses: what is open to whom, and what of it wasn't before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any

Network = IPv4Network | IPv6Network
EVERYONE: frozenset[Network] = frozenset({ip_network("0.0.0.0/0"), ip_network("::/0")})


def networks(values: Iterable[Any]) -> frozenset[Network]:
    """The ranges among some values; a single address is one too, and what isn't known is none."""
    return frozenset(network for one in values for network in _network(one))


def without(network: Network, left_out: Iterable[Network]) -> list[Network]:
    """A range without some parts of it."""
    remaining = [network]
    for one in left_out:
        remaining = [part for whole in remaining for part in _without(whole, one)]
    return remaining


def beyond(after: Iterable[Network], before: Iterable[Network]) -> list[Network]:
    """The ranges of afterwards that don't lie within those of before, taken together; as few as can be, sorted."""
    known = _merged(before)
    return [one for one in _merged(after) if not any(_is_within(one, other) for other in known)]


def shown(ranges: Sequence[Network], limit: int = 4) -> str:
    """Ranges for a reason: `10.0.0.0/8, 192.0.2.0/24 and 3 more`."""
    if {*ranges} >= EVERYONE:
        return "all addresses"
    more = f" and {len(ranges) - limit} more" if len(ranges) > limit else ""
    return ", ".join(map(str, ranges[:limit])) + more


def has_everyone(ranges: Iterable[Network]) -> bool:
    """Whether all addresses of a version are among them."""
    return any(one.prefixlen == 0 for one in ranges)


def _network(value: Any) -> Iterator[Network]:
    try:
        yield ip_network(str(value), strict=False)
    except ValueError:
        return


def _merged(ranges: Iterable[Network]) -> list[Network]:
    told = list(ranges)
    four = collapse_addresses(one for one in told if isinstance(one, IPv4Network))
    six = collapse_addresses(one for one in told if isinstance(one, IPv6Network))
    return [*four, *six]


def _is_within(one: Network, other: Network) -> bool:
    if isinstance(one, IPv4Network):
        return isinstance(other, IPv4Network) and one.subnet_of(other)
    return isinstance(other, IPv6Network) and one.subnet_of(other)


def _without(whole: Network, part: Network) -> Iterator[Network]:
    if _is_within(whole, part):
        return
    if _is_within(part, whole):
        yield from whole.address_exclude(part)  # type: ignore[arg-type] # both of one version
    else:
        yield whole
