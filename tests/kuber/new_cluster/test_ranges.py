"""Address ranges that `kuber new-cluster` finds, and those that it is given."""

from __future__ import annotations

from ipaddress import IPv4Network
from pathlib import Path

import pytest

from config.stack_file import read
from tests.kuber.conftest import Kuber
from tests.kuber.new_cluster.commands import (
    MACHINES,
    NEW_EKS,
    NEW_GKE,
    stack_files,
    write,
)
from tests.support import EKS, METAL, SHIPPED, TODAY


def test_ranges_keep_clear_of_clusters_and_of_the_places_that_reach_them(
    kuber: Kuber, project: Path, new_metal: list[str | Path]
) -> None:
    assert kuber(*new_metal, "--no-plan").code == 0
    for command in (NEW_EKS, NEW_GKE):
        assert kuber(*command, "--no-plan", "--from-range", "10.56.0.0/13").code == 0
    settings = {name: read(name, project, TODAY) for name in ("stage-eks", "stage-gke", "colo-paris")}
    new = [one.cidr for cluster in settings.values() for one in cluster.address_ranges()]
    named = [IPv4Network(cidr) for cidr in ("10.250.0.0/20", "10.251.4.0/24", "10.40.0.0/20")]
    old = [one.cidr for stack in SHIPPED for one in stack.read().address_ranges()]
    for cidr in new:
        assert not any(cidr.overlaps(other) for other in (*old, *named, *(one for one in new if one is not cidr)))


def test_the_same_files_give_the_same_ranges(kuber: Kuber) -> None:
    assert kuber(*NEW_GKE, "--stdout").out == kuber(*NEW_GKE, "--stdout").out


def test_ranges_come_from_where_they_are_to_come_from(kuber: Kuber) -> None:
    assert "cidr: 10.21.0.0/16" in kuber(*NEW_EKS, "--stdout", "--from-range", "10.20.0.0/14").out
    assert "cidr: 172.16.0.0/16" in kuber(*NEW_EKS, "--stdout", "--from-range", "172.16.0.0/12").out


def test_a_range_that_is_full_is_told(kuber: Kuber, project: Path) -> None:
    before = stack_files(project)
    ended = kuber(*NEW_EKS, "--from-range", "10.20.0.0/16")
    assert (ended.code, ended.err) == (
        1,
        "--from-range: no room for network.cidr in 10.20.0.0/16\n"
        "    found:    10.20.0.0/16\n"
        "    expected: a /16 that no stack file names\n"
        "    hint:     another range, such as --from-range 172.16.0.0/12\n",
    )
    assert stack_files(project) == before


def test_while_another_stack_file_is_broken_no_range_is_known_to_be_free(kuber: Kuber, project: Path) -> None:
    write(project, EKS.set("network.cidr", "10.20.0.0/99"))
    before = stack_files(project)
    ended = kuber(*NEW_GKE)
    assert ended.code == 1
    assert ended.err.startswith("Pulumi.prod-eks.yaml can't be used, so which address ranges are free can't be told")
    assert f"Pulumi.prod-eks.yaml:{EKS.line(' cidr: 10.20.0.0/16')}: network.cidr: not an address range" in ended.err
    assert stack_files(project) == before


def test_machines_in_another_clusters_range_are_told(kuber: Kuber, new_metal: list[str | Path], tmp_path: Path) -> None:
    tmp_path.joinpath("machines.csv").write_text(MACHINES.replace("10.60.", "10.40."), encoding="utf-8")
    ended = kuber(*(str(word).replace("10.60.0.0/20", "10.40.0.0/20") for word in new_metal))
    assert ended.code == 1
    assert ended.err.startswith("--machines-cidr: network.machines_cidr: the range is used by colo-london too\n")


def test_load_balancers_beside_their_machines_have_a_range_of_their_own(
    kuber: Kuber, project: Path, new_metal: list[str | Path]
) -> None:
    elsewhere = [str(word).replace("10.60.15.0/24", "10.20.5.0/24") for word in new_metal]
    ended = kuber(*elsewhere)
    assert ended.code == 1
    assert ended.err.startswith("--load-balancers-cidr: network.load_balancers_cidr: the range is used by prod-eks too")
    ended = kuber(*(word.replace("10.20.5.0/24", "198.51.100.0/24") for word in elsewhere))
    assert ended.code == 1
    assert ended.err.startswith("--load-balancers-cidr: network.load_balancers_cidr: not a private range\n")
    write(project, METAL.set("network.load_balancers_cidr", "10.0.5.0/24"))
    assert "cidr: 10.1.0.0/16" in kuber(*NEW_EKS, "--stdout").out


@pytest.mark.parametrize("field", ["pods", "services"])
def test_a_range_of_machines_that_another_cluster_has_is_told(
    field: str, kuber: Kuber, new_metal: list[str | Path]
) -> None:
    ended = kuber(*new_metal, f"--{field}-cidr", "10.44.0.0/16")
    assert ended.code == 1
    assert ended.err.startswith(f"--{field}-cidr: network.{field}_cidr: the range is used by colo-london too\n")
