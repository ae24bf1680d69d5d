"""Pools that no cloud, or no machine of one's own, would make as the stack file has them."""

from __future__ import annotations

import pytest

from tests.support import EKS, GKE, METAL, SHIPPED, StackFile


def test_an_unknown_machine_family_is_told_with_those_alike() -> None:
    file = EKS.set("pools.system.machine_types", ["m77g.xlarge"])
    assert file.error() == file.told(
        "m77g.xlarge",
        "pools.system.machine_types[0]: unknown machine family `m77g`",
        found='"m77g.xlarge"',
        expected="a machine type such as m7g.large",
        hint="families alike: m7g, m7gd",
    )


def test_a_machine_type_of_the_other_cloud_is_told() -> None:
    file = GKE.set("pools.system.machine_types", ["m7g.xlarge"])
    assert (
        file.told(
            "m7g.xlarge",
            "pools.system.machine_types[0]: not a machine type of this platform",
            found='"m7g.xlarge"',
            expected="a machine type such as n2d-standard-8",
        )
        in file.error()
    )


def test_arm_and_x86_in_one_pool_are_refused() -> None:
    file = EKS.set("pools.workers.machine_types", ["m7i.2xlarge", "m7g.2xlarge"])
    assert file.error() == file.told(
        file.line("- m7i.2xlarge") - 1,
        "pools.workers.machine_types: machine types of different architectures",
        found="m7i.2xlarge (x86_64), m7g.2xlarge (arm64)",
        expected="one architecture in a pool: images are built for one",
    )


def test_an_endpoint_that_stands_twice_is_told() -> None:
    file = EKS.set("network.vpc_endpoints", ["s3", "ec2", "s3"])
    assert "network.vpc_endpoints[2]: s3 stands twice" in file.error()


def test_two_machine_types_in_a_gke_pool_are_refused() -> None:
    file = GKE.set("pools.workers.machine_types", ["n2d-standard-8", "n2-standard-8"])
    assert "pools.workers.machine_types: a GKE node pool has one machine type" in file.error()
    assert "hint:     write one pool for each machine type" in file.error()


def test_spot_machines_on_bare_metal_are_refused() -> None:
    file = METAL.set("pools.general.capacity", "spot")
    assert file.error() == file.told(
        "capacity: spot",
        "pools.general.capacity: bare metal has no spot machines",
        found='"spot"',
        expected="on_demand",
        hint="leave `capacity` out",
    )


@pytest.mark.parametrize("key", ["min", "max"])
def test_autoscaling_on_bare_metal_is_refused(key: str) -> None:
    file = METAL.set(f"pools.general.{key}", 3)
    assert file.error() == file.told(
        f"{key}: 3",
        f"pools.general.{key}: a machine can't be made by an autoscaler: the inventory says how many there are",
        found="3",
        hint=f"remove `{key}`",
    )


def test_a_cluster_of_spot_pools_alone_is_refused() -> None:
    file = EKS.set("pools.system.capacity", "spot").set("pools.workers.capacity", "spot")
    told = file.told(
        "pools:",
        "pools: no pool always has an on-demand node",
        expected="an on-demand pool with min 1 or more, for what may not be interrupted (the autoscaler itself)",
        hint="add a small pool with `capacity: on_demand`",
    )
    assert told in file.error()
    assert "standard_stack.system_pool: not an on-demand pool of this cluster" in file.error()


def test_a_machine_family_without_spot_is_refused_as_spot() -> None:
    file = GKE.set("pools.workers-spot-n2.machine_types", ["m2-ultramem-208"])
    assert "pools.workers-spot-n2.capacity: m2 machines are not offered as spot" in file.error()


def test_a_machine_family_that_boots_from_hyperdisk_alone_is_refused_with_another_disk() -> None:
    file = GKE.set("pools.workers.machine_types", ["c4-standard-8"])
    assert file.error() == file.told(
        file.line("c4-standard-8") - 2,
        "pools.workers.disk_type: c4 machines take Hyperdisk alone",
        found="pd-balanced",
        expected="hyperdisk-balanced",
    )


def test_a_machine_family_without_hyperdisk_is_refused_with_one() -> None:
    file = GKE.set("pools.workers.disk_type", "hyperdisk-balanced")
    assert file.error() == file.told(
        "hyperdisk-balanced",
        "pools.workers.disk_type: n2d machines take no Hyperdisk",
        found="hyperdisk-balanced",
        expected="pd-balanced",
    )


@pytest.mark.parametrize(
    ("file", "label", "owner"),
    [
        (EKS, "eks.amazonaws.com/nodegroup", "EKS"),
        (EKS, "node.kubernetes.io/role", "EKS"),
        (GKE, "cloud.google.com/gke-spot", "GKE"),
    ],
)
def test_labels_that_a_cloud_keeps_to_itself_are_refused(file: StackFile, label: str, owner: str) -> None:
    file = file.set("pools.workers.labels", {label: "x"})
    assert file.error() == file.told(
        f"{label}: x",
        f"pools.workers.labels.{label}: {owner} keeps this prefix to itself",
        expected="a prefix of your own, or none",
    )


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stack)
def test_labels_that_kuber_sets_itself_are_refused(file: StackFile) -> None:
    pool = "general" if file is METAL else "workers"
    file = file.set(f"pools.{pool}.labels", {"kuber.dev/pool": "mine"})
    assert file.error() == file.told(
        "kuber.dev/pool",
        f"pools.{pool}.labels.kuber.dev/pool: kuber sets this label itself",
        expected="another key",
    )


def test_a_taint_that_stands_twice_is_told() -> None:
    file = EKS.set("pools.workers.taints", [{"key": "a"}, {"key": "a", "value": "b"}])
    assert (
        file.told(file.line("value: b") - 1, "pools.workers.taints[1]: a:NoSchedule stands twice", expected="each once")
        == file.error()
    )


def test_a_pool_in_a_zone_that_the_cluster_does_not_have_is_refused() -> None:
    file = EKS.set("pools.workers.zones", ["eu-west-1a", "eu-west-1d"])
    assert file.error() == file.told(
        "- eu-west-1d",
        "pools.workers.zones[1]: not another zone of this cluster",
        found='"eu-west-1d"',
        expected="of eu-west-1a, eu-west-1b, eu-west-1c, each once",
    )
