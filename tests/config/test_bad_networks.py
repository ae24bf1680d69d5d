"""Address ranges, zones and machines of a stack file that contradict each other."""

from __future__ import annotations

import pytest

from tests.support import EKS, GKE, METAL, StackFile


def test_a_zone_of_another_region_is_refused() -> None:
    file = GKE.set("zones", ["europe-west1-b", "europe-west4-c"])
    assert file.error() == file.told(
        "- europe-west4-c",
        "zones[1]: not another zone of europe-west1",
        found='"europe-west4-c"',
        expected="such as europe-west1-b, each once",
    )


def test_two_effects_of_one_taint_are_refused_on_eks() -> None:
    file = EKS.set("pools.workers.taints", [{"key": "a"}, {"key": "a", "effect": "NoExecute"}])
    assert "pools.workers.taints[1]: " in file.error()


def test_a_zone_that_stands_twice_is_refused() -> None:
    file = EKS.set("zones", ["eu-west-1a", "eu-west-1b", "eu-west-1a"])
    assert "zones[2]: not another zone of eu-west-1" in file.error()


def test_address_ranges_that_overlap_are_told() -> None:
    file = GKE.set("network.services_cidr", "10.30.8.0/21")
    assert file.error() == file.told(
        "services_cidr:",
        "network.services_cidr: address ranges overlap",
        found="10.30.8.0/21 overlaps 10.30.0.0/20 of nodes_cidr",
        expected="ranges that share no address",
    )


def test_service_addresses_of_eks_do_not_overlap_the_network() -> None:
    file = EKS.set("network.service_cidr", "10.20.128.0/20")
    assert "network.service_cidr: address ranges overlap" in file.error()


def test_load_balancers_of_bare_metal_may_share_the_machines_range_and_no_other() -> None:
    file = METAL.set("network.load_balancers_cidr", "10.44.8.0/24")
    assert file.error() == file.told(
        "load_balancers_cidr:",
        "network.load_balancers_cidr: address ranges overlap",
        found="10.44.8.0/24 overlaps 10.44.0.0/16 of pods_cidr",
        expected="ranges that share no address",
    )


def test_a_range_with_host_bits_is_told_with_the_range_it_lies_in() -> None:
    file = EKS.set("network.cidr", "10.20.7.0/16")
    assert file.error() == file.told(
        "10.20.7.0/16",
        "network.cidr: the range has host bits set",
        found='"10.20.7.0/16"',
        expected="10.20.0.0/16",
    )


def test_a_pods_range_too_small_for_the_pools_is_refused() -> None:
    file = GKE.set("network.pods_cidr", "10.32.0.0/18")
    assert file.error() == file.told(
        "pods_cidr:",
        "network.pods_cidr: too small for the pools at their largest",
        found="10.32.0.0/18 carries 64 nodes",
        expected="room for 126 nodes, a /24 each",
    )


@pytest.mark.parametrize("file", [EKS, GKE], ids=["eks", "gke"])
@pytest.mark.parametrize("cidr", ["0.0.0.0/0", "128.0.0.0/1"])
def test_an_api_server_open_to_the_world_is_refused(file: StackFile, cidr: str) -> None:
    file = file.set("endpoint.public_cidrs", {"everyone": cidr})
    assert file.error() == file.told(
        "everyone:",
        "endpoint.public_cidrs.everyone: the API server would be open to most of the internet",
        found=cidr,
        expected="a range of your own, /16 or smaller",
    )


@pytest.mark.parametrize("cidr", ["0.0.0.0/0", "203.0.112.0/22"])
def test_a_public_range_for_the_private_endpoint_is_refused(cidr: str) -> None:
    file = EKS.set("endpoint.private_cidrs.office-vpn", cidr)
    assert file.error() == file.told(
        "        office-vpn: ",
        "endpoint.private_cidrs.office-vpn: a public range can't reach the private endpoint",
        found=cidr,
        expected="within 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 100.64.0.0/10",
    )


def test_a_machine_outside_the_machines_range_is_told() -> None:
    file = METAL.set("machines.lon-worker-1.address", "10.41.1.11")
    assert file.error() == file.told(
        "10.41.1.11",
        "machines.lon-worker-1.address: outside the machines' range",
        found="10.41.1.11",
        expected="an address in 10.40.0.0/20",
    )


def test_two_machines_with_one_address_are_told() -> None:
    file = METAL.set("machines.lon-worker-2.address", "10.40.1.11")
    assert file.error() == file.told(
        "lon-worker-2",
        "machines.lon-worker-2.address: lon-worker-1 has this address",
        found="10.40.1.11",
        expected="an address of its own",
    )


def test_an_even_number_of_control_planes_is_refused() -> None:
    file = METAL.without("machines.lon-cp-3")
    assert file.error() == file.told(
        "machines:",
        "machines: etcd needs an odd number of control-plane machines to keep a majority",
        found="2 with role control_plane",
        expected="1, 3 or 5",
    )


def test_a_machine_of_an_unknown_pool_is_told() -> None:
    file = METAL.set("machines.lon-worker-1.pool", "generel")
    assert file.error() == file.told(
        "generel", "machines.lon-worker-1.pool: unknown pool", found='"generel"', expected="one of general, storage"
    )


def test_a_worker_without_a_pool_is_told() -> None:
    file = METAL.without("machines.lon-worker-1.pool")
    assert "machines.lon-worker-1.pool: a worker belongs to a pool" in file.error()


def test_a_machine_among_the_load_balancers_addresses_is_refused() -> None:
    file = METAL.set("machines.lon-worker-1.address", "10.40.15.7")
    assert "machines.lon-worker-1.address: " in file.error()


@pytest.mark.parametrize("label", ["kuber.dev/pool", "topology.kubernetes.io/zone"])
def test_a_machine_s_own_labels_do_not_contradict_the_inventory(label: str) -> None:
    file = METAL.set("machines.lon-worker-1.labels", {label: "elsewhere"})
    assert f"machines.lon-worker-1.labels.{label}: " in file.error()
