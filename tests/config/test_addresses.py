"""How a network is cut into subnets, and where a new one finds room."""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.addresses import NamedRange, free_range, overlap_problems, zone_subnets
from tests.support import SHIPPED

ZONES = [f"eu-west-1{letter}" for letter in "abcdef"]


@pytest.mark.parametrize("prefix_length", range(16, 21))
def test_subnets_of_all_zones_lie_in_the_network_and_share_nothing(prefix_length: int) -> None:
    network = IPv4Network((0x0A140000, prefix_length))
    subnets = [s for zone in ZONES for s in (zone_subnets(network, zone).private, zone_subnets(network, zone).public)]
    assert all(subnet.subnet_of(network) for subnet in subnets)
    assert not [pair for pair in combinations(subnets, 2) if pair[0].overlaps(pair[1])]


def test_a_zone_has_most_of_its_addresses_for_nodes_and_pods() -> None:
    share = zone_subnets(IPv4Network("10.20.0.0/16"), "eu-west-1c")
    assert (str(share.private), str(share.public)) == ("10.20.64.0/19", "10.20.232.0/22")


def test_aws_takes_the_smallest_subnet_there_can_be() -> None:
    smallest = zone_subnets(IPv4Network("10.20.0.0/20"), "eu-west-1a").public
    assert smallest.prefixlen <= 28  # the VPC user guide's limit


def test_ranges_that_touch_do_not_overlap() -> None:
    ranges = [named("one", "10.0.0.0/17"), named("two", "10.0.128.0/17")]
    assert list(overlap_problems(ranges)) == []


def test_each_pair_that_overlaps_is_told() -> None:
    ranges = [named("all", "10.0.0.0/8"), named("one", "10.1.0.0/16"), named("two", "10.2.0.0/16")]
    assert [(problem.path, problem.found) for problem in overlap_problems(ranges)] == [
        (("one",), "10.1.0.0/16 overlaps 10.0.0.0/8 of all"),
        (("two",), "10.2.0.0/16 overlaps 10.0.0.0/8 of all"),
    ]


def test_the_stack_files_of_the_repository_share_no_range() -> None:
    ranges = [NamedRange((file.stack, *one.path), one.cidr) for file in SHIPPED for one in file.read().address_ranges()]
    assert len(ranges) >= 8 and list(overlap_problems(ranges)) == []


def test_a_free_range_is_the_first_that_fits_between_those_taken() -> None:
    taken = [IPv4Network("10.0.0.0/16"), IPv4Network("10.2.0.0/16")]
    assert free_range(IPv4Network("10.0.0.0/8"), 16, taken) == IPv4Network("10.1.0.0/16")
    assert free_range(IPv4Network("10.0.0.0/8"), 15, taken) == IPv4Network("10.4.0.0/15")


def test_a_full_pool_has_no_free_range() -> None:
    pool = IPv4Network("192.168.0.0/16")
    assert free_range(pool, 17, [IPv4Network("192.168.0.0/24"), IPv4Network("192.168.255.0/24")]) is None
    assert free_range(pool, 8, []) is None


def test_the_end_of_all_addresses_is_no_trouble() -> None:
    assert free_range(IPv4Network("255.255.0.0/16"), 17, [IPv4Network("255.255.0.0/17")]) == IPv4Network(
        "255.255.128.0/17"
    )
    assert free_range(IPv4Network("255.255.0.0/16"), 16, [IPv4Network("255.255.255.255/32")]) is None


networks = st.builds(
    lambda address, length: IPv4Network((address, length), strict=False),
    st.integers(0x0A000000, 0x0A0FFFFF),
    st.integers(13, 28),
)


@given(taken=st.lists(networks, max_size=12), length=st.integers(14, 24))
@settings(derandomize=True, max_examples=150, deadline=None)
def test_a_free_range_is_free_and_none_before_it_is(taken: list[IPv4Network], length: int) -> None:
    pool = IPv4Network("10.0.0.0/12")
    free = (one for one in pool.subnets(new_prefix=length) if not any(one.overlaps(other) for other in taken))
    assert free_range(pool, length, taken) == next(free, None)


def named(name: str, cidr: str) -> NamedRange:
    return NamedRange((name,), IPv4Network(cidr))
