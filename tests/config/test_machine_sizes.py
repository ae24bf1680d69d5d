"""How much room a machine type has."""

from __future__ import annotations

import pytest

from config.machine_sizes import node_room

ALLOCATABLE = {
    # Processors in thousandths and memory in MiB that nodes report as allocatable, with the clouds' own reservations.
    "m7i.large": (1930, 7060),
    "m7i.2xlarge": (7910, 29_900),
    "c7i.xlarge": (3920, 6800),
    "r7i.4xlarge": (15_890, 121_600),
    "n2d-standard-4": (3920, 13_000),
    "n2d-highmem-8": (7910, 57_900),
    "e2-custom-4-8192": (3920, 6000),
}
DAEMON_SETS = (500, 1024)


@pytest.mark.parametrize("machine_type", ALLOCATABLE)
def test_one_placeholder_fits_a_node_beside_its_own_pods_and_two_do_not(machine_type: str) -> None:
    room, (cpu, memory) = node_room(machine_type), ALLOCATABLE[machine_type]
    assert room is not None
    assert room.cpu_millis <= cpu - DAEMON_SETS[0]
    assert room.memory_mib <= memory - DAEMON_SETS[1]
    assert 2 * room.cpu_millis > cpu - DAEMON_SETS[0]


@pytest.mark.parametrize(
    "machine_type", ["g6.xlarge", "i4i.2xlarge", "t3.small", "m7i.metal-24xl", "e2-micro", "a3-megagpu-8g"]
)
def test_sizes_that_follow_no_rule_are_not_guessed(machine_type: str) -> None:
    assert node_room(machine_type) is None
