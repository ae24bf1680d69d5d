"""`kuber new-cluster --like`: what it keeps of another stack file, what it changes, what it leaves out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from config.eks_addons import ADDONS
from config.stack_file import read_text
from tests.kuber.conftest import Kuber
from tests.kuber.new_cluster.commands import (
    changed_lines,
    cluster_alone,
    stack_files,
    write,
)
from tests.support import EKS, GKE, METAL, TODAY, StackFile


def test_a_pattern_keeps_its_comments_and_changes_where_the_name_matters(kuber: Kuber) -> None:
    ended = kuber(
        *("new-cluster", "stage-eks", "--like", "prod-eks", "--environment", "stage", "--region", "us-east-1"),
        *("--account-id", "109876543210", "--stdout"),
    )
    assert changed_lines(cluster_alone(EKS.text), cluster_alone(ended.out)) == [
        ("# Production on AWS, Ireland.", "# Stage on AWS, us-east-1."),
        ("environment: production", "environment: stage"),
        ('account_id: "210987654321"', 'account_id: "109876543210"'),
        ("region: eu-west-1", "region: us-east-1"),
        ("zones: [eu-west-1a, eu-west-1b, eu-west-1c]", "zones: [us-east-1a, us-east-1b, us-east-1c]"),
        ("cidr: 10.20.0.0/16", "cidr: 10.0.0.0/16"),
        *(
            (f"{name}: arn:aws:iam::210987654321:role/{role}", f"{name}: arn:aws:iam::109876543210:role/{role}")
            for name, role in (
                ("platform-team", "platform-admin"),
                ("break-glass", "break-glass"),
                ("developers", "developer"),
            )
        ),
    ]


def test_a_pattern_alone_is_enough_on_a_cloud(kuber: Kuber) -> None:
    ended = kuber("new-cluster", "prod-gke-2", "--like", "prod-gke", "--stdout")
    keys = [
        after.partition(":")[0] for _, after in changed_lines(cluster_alone(GKE.text), cluster_alone(ended.out))[1:]
    ]
    assert keys == ["nodes_cidr", "pods_cidr", "services_cidr", "control_plane_cidr"]


def test_people_and_ranges_that_are_given_stand_for_those_of_the_pattern(kuber: Kuber) -> None:
    ended = kuber(
        *("new-cluster", "prod-eks-2", "--like", "prod-eks", "--stdout", "--private-cidr", "paris=10.60.0.0/20"),
        *("--admin", "owners=arn:aws:iam::210987654321:role/owner"),
    )
    assert "    endpoint: # private only\n      private_cidrs:\n        paris: 10.60.0.0/20\n\n    access:" in ended.out
    assert "      admins:\n        owners: arn:aws:iam::210987654321:role/owner\n      viewers:" in ended.out
    assert (
        "  left out: platform-team, break-glass of access.admins of the pattern: --admin stands for all of them\n"
    ) in ended.err
    gone = ", ".join(EKS.value()["endpoint"]["private_cidrs"])
    assert (
        f"  left out: {gone} of endpoint.private_cidrs of the pattern: --private-cidr stands for all of them\n"
    ) in ended.err


def test_what_is_given_as_the_pattern_has_it_is_not_said_to_be_left_out(kuber: Kuber) -> None:
    admins = EKS.value()["access"]["admins"]
    words = [word for name, principal in admins.items() for word in ("--admin", f"{name}={principal}")]
    ended = kuber("new-cluster", "prod-eks-2", "--like", "prod-eks", "--stdout", *words)
    assert (ended.code, "access.admins of the pattern" in ended.err) == (0, False)


@pytest.mark.parametrize(("key", "value"), [("tags", {"owner": "platform"}), ("protect", False)])
def test_a_pattern_with_keys_that_its_platform_no_longer_has_is_to_be_mended_first(
    key: str, value: Any, kuber: Kuber, project: Path, new_metal: list[str | Path]
) -> None:
    write(project, METAL.set(key, value))
    before = stack_files(project)
    like = [word for word in new_metal if word not in {"--platform", "bare_metal"}]
    ended = kuber(*like, "--like", "colo-london")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("Pulumi.colo-london.yaml can't be used, so which address ranges are free can't be told")
    assert f": {key}: " in ended.err
    assert stack_files(project) == before


def test_pools_of_a_pattern_move_to_the_new_zones_at_the_same_places(kuber: Kuber, project: Path) -> None:
    write(project, EKS.set("pools.workers.zones", ["eu-west-1b"]))
    ended = kuber("new-cluster", "us-eks", "--like", "prod-eks", "--region", "us-east-1", "--stdout")
    assert read_text("us-eks", ended.out, TODAY).pools["workers"].zones == ("us-east-1b",)  # type: ignore[attr-defined]


def test_what_belongs_to_the_other_cluster_alone_is_left_out_and_said(kuber: Kuber, project: Path) -> None:
    lagging = EKS.set("pools.workers.version", "1.34").set("addons", {"coredns": "v9.9.9-eksbuild.9"})
    write(project, StackFile("prod-eks", f"encryptionsalt: v1:salt\n{lagging.text}"))
    ended = kuber("new-cluster", "prod-eks-2", "--like", "prod-eks", "--kubernetes", "1.36", "--stdout")
    assert ended.code == 0
    for left_out in ("encryptionsalt", 'version: "1.34"', "addons"):
        assert left_out not in ended.out
    assert "left out: `encryptionsalt` of the pattern\n" in ended.err
    assert "left out: `version` of pool workers: new pools start at the control plane's\n" in ended.err
    assert "left out: `addons` of the pattern, which go with 1.35\n" in ended.err


def test_an_exception_for_another_cluster_is_no_exception_for_this_one(kuber: Kuber, project: Path) -> None:
    exception = {
        "version": "1.37",
        "reason": "needed for in-place resize",
        "approved_by": "Jane",
        "expires": "2026-12-31",
    }
    addons = dict.fromkeys(ADDONS, "v1.0.0-eksbuild.1")
    early = EKS.set("kubernetes.version", "1.37").set("kubernetes.early_adoption", exception).set("addons", addons)
    early = early.set("standard_stack.autoscaling", {"enabled": False})  # there is no image for 1.37 yet
    write(project, early)
    ended = kuber("new-cluster", "prod-eks-2", "--like", "prod-eks", "--no-plan")
    assert ended.code == 1
    assert ended.err.startswith(
        "--kubernetes: kubernetes.version: Kubernetes 1.37 is not adopted before patch 2\n"
        "    found:    newest patch 1.37.0"
    )
    assert ended.err.endswith("nothing was written\n")
