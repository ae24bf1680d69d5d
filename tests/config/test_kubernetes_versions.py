"""Which Kubernetes versions a cluster and its pools may run, and the dated tables behind that."""

from __future__ import annotations

from datetime import date
from typing import get_args

import pytest

from config.advice import advice
from config.eks_addons import ADDONS, pinned_addons
from config.kubernetes import (
    ADOPTED_FROM_PATCH,
    VersionSource,
    adoptable_minors,
    minor_number,
    step_problem,
    version_table,
)
from tests.support import EKS, GKE, TODAY, StackFile

SOURCES: tuple[VersionSource, ...] = get_args(VersionSource)
EARLY = {
    "version": "1.37",
    "reason": "the security team needs its user namespaces",
    "approved_by": "Jane Doe",
    "expires": "2026-12-31",
}


# Adoption: a minor is taken up at its patch 2


def early(file: StackFile) -> StackFile:
    """On 1.37, which was at patch 0 on EKS when the table was written."""
    addons = dict.fromkeys(ADDONS, "v1.0.0-eksbuild.1")
    return file.set("kubernetes.version", "1.37").set("addons", addons)


def test_a_minor_before_its_patch_2_is_refused() -> None:
    file = early(EKS)
    assert file.error() == file.told(
        "version: ",
        "kubernetes.version: Kubernetes 1.37 is not adopted before patch 2",
        found="newest patch 1.37.0 (table of 2026-10-04)",
        expected="1.37.2 or later on this platform",
        hint="wait, or state why not in `early_adoption` (version, reason, approved_by, expires)",
    )


def test_a_minor_before_its_patch_2_is_taken_with_a_dated_exception() -> None:
    file = early(EKS).set("kubernetes.early_adoption", EARLY)
    assert file.read(date(2026, 12, 31)).platform == "eks"


@pytest.mark.parametrize("day", ["2026-12-31", '"2026-12-31"', '"2026-12-31T00:00:00Z"'])
def test_a_date_is_read_as_people_and_the_engine_write_it(day: str) -> None:
    file = early(EKS).set("kubernetes.early_adoption", EARLY | {"expires": "THE DAY"}).replacing("THE DAY", day)
    assert "the exception of Jane Doe ended on 2026-12-31" in file.error(date(2027, 1, 1))


@pytest.mark.parametrize("day", ['"2026-12-310"', "20261231", '"2026-12-31 or so"'])
def test_what_only_begins_like_a_date_is_none(day: str) -> None:
    file = early(EKS).set("kubernetes.early_adoption", EARLY | {"expires": "THE DAY"}).replacing("THE DAY", day)
    assert "kubernetes.early_adoption.expires: not a date" in file.error()


def test_an_exception_ends_on_its_day() -> None:
    file = early(EKS).set("kubernetes.early_adoption", EARLY)
    assert file.error(date(2027, 1, 1)) == file.told(
        "expires:",
        "kubernetes.early_adoption.expires: the exception of Jane Doe ended on 2026-12-31",
        found="newest patch 1.37.0 (table of 2026-10-04)",
        expected="a later day, agreed anew, or a version with patch 2",
    )


def test_an_exception_for_another_version_does_not_count() -> None:
    file = early(EKS).set("kubernetes.early_adoption", EARLY | {"version": "1.36"})
    assert "kubernetes.version: Kubernetes 1.37 is not adopted before patch 2" in file.error()


def test_an_exception_needs_a_reason_and_a_person() -> None:
    file = early(EKS).set("kubernetes.early_adoption", {"version": "1.37", "reason": "asap", "expires": "2026-12-31"})
    assert "kubernetes.early_adoption.reason: " in file.error()
    assert "kubernetes.early_adoption.approved_by: `approved_by` is missing" in file.error()


def test_a_minor_that_the_platform_does_not_offer_yet_is_refused() -> None:
    assert "Kubernetes 1.37 is not offered on this platform yet" in GKE.set("kubernetes.version", "1.37").error()


def test_an_unknown_minor_is_told_with_the_known_ones() -> None:
    file = GKE.set("kubernetes.version", "1.77")
    assert file.error() == file.told(
        "version: ",
        "kubernetes.version: unknown Kubernetes version",
        found='"1.77"',
        expected="one of 1.32, 1.33, 1.34, 1.35, 1.36, 1.37 (table of 2026-10-08)",
        hint="`kuber versions --refresh` brings the table up to date",
    )


def test_a_minor_out_of_support_is_warned_of_and_can_still_be_worked_on() -> None:
    cluster = GKE.set("kubernetes.version", "1.33").read()
    assert list(advice(cluster, TODAY)) == [
        "standard support of Kubernetes 1.33 ended on 2026-08-03; GKE then upgrades the control plane by itself"
    ]


def test_the_end_of_support_is_warned_of_ninety_days_before() -> None:
    cluster = EKS.read()
    assert list(advice(cluster, date(2026, 12, 26))) == []
    assert list(advice(cluster, date(2026, 12, 27))) == [
        "standard support of Kubernetes 1.35 ends on 2027-03-27, in 90 days; "
        "EKS then upgrades the control plane by itself, as `extended_support` is false"
    ]
    paying = EKS.set("extended_support", True).read()
    assert list(advice(paying, date(2027, 3, 28))) == [
        "standard support of Kubernetes 1.35 ended on 2027-03-27; extended support, at a higher price, follows"
    ]


def test_a_new_cluster_takes_no_minor_whose_support_has_ended() -> None:
    assert adoptable_minors("gke", date(2026, 8, 3))[0] == "1.33"
    assert adoptable_minors("gke", date(2026, 8, 4))[0] == "1.34"


# Skew between the control plane and its pools


def test_a_pool_never_leads_the_control_plane() -> None:
    file = EKS.set("pools.workers.version", "1.36")
    assert file.error() == file.told(
        "version: '1.36'",
        "pools.workers.version: the pool leads the control plane",
        found='"1.36"',
        expected="1.32 to 1.35",
        hint="upgrade the control plane first",
    )


@pytest.mark.parametrize("version", ["1.35", "1.34", "1.33", "1.32"])
def test_a_pool_on_eks_lags_by_up_to_three_minors(version: str) -> None:
    assert EKS.set("pools.workers.version", version).read()


def test_a_pool_on_eks_does_not_lag_by_four_minors() -> None:
    file = EKS.set("pools.workers.version", "1.31")
    assert file.error() == file.told(
        "version: '1.31'",
        "pools.workers.version: the pool lags the control plane by 4 minors",
        found='"1.31"',
        expected="1.32 to 1.35",
        hint="move its work to a newer pool first",
    )


@pytest.mark.parametrize("version", ["1.35", "1.35.8-gke.1626001", "1.34.11-gke.1209000", "1.33.13-gke.1915000"])
def test_a_pool_on_gke_lags_by_up_to_two_minors(version: str) -> None:
    assert GKE.set("pools.workers.version", version).read()


def test_a_pool_on_gke_does_not_lag_by_three_minors() -> None:
    file = GKE.set("pools.workers.version", "1.32.13-gke.2662000")
    assert "pools.workers.version: the pool lags the control plane by 3 minors" in file.error()


def test_a_lagging_pool_on_gke_needs_its_full_version() -> None:
    file = GKE.set("pools.workers.version", "1.34")
    assert file.error() == file.told(
        "version: '1.34'",
        "pools.workers.version: a pool behind the control plane needs its full version",
        found='"1.34"',
        expected="such as 1.34.9-gke.1067000",
        hint="`gcloud container node-pools describe` shows what its nodes run",
    )


# Steps of the control plane


@pytest.mark.parametrize("after", ["1.34", "1.35"])
def test_a_control_plane_stays_or_moves_one_minor(after: str) -> None:
    assert step_problem("1.34", after) is None


def test_a_control_plane_never_skips_a_minor() -> None:
    problem = step_problem("1.34", "1.36")
    assert problem and problem.text("Pulumi.prod-eks.yaml") == (
        "Pulumi.prod-eks.yaml: kubernetes.version: a control plane moves one minor at a time\n"
        "    found:    1.34 → 1.36\n"
        "    expected: 1.35\n"
        "    hint:     upgrade minor by minor, with the pools following"
    )


def test_a_control_plane_does_not_go_back() -> None:
    problem = step_problem("1.35", "1.34")
    assert problem and problem.message == "a control plane does not go back" and problem.expected == "1.35"


# The tables


@pytest.mark.parametrize("source", SOURCES)
def test_a_table_is_dated_and_not_from_the_future(source: VersionSource) -> None:
    assert date(2026, 1, 1) <= version_table(source).as_of <= date.today()


@pytest.mark.parametrize("source", SOURCES)
def test_minors_stand_in_order_without_a_gap(source: VersionSource) -> None:
    numbers = [minor_number(minor) for minor in version_table(source).minors]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


@pytest.mark.parametrize("source", SOURCES)
def test_a_patch_belongs_to_its_minor(source: VersionSource) -> None:
    patches = {minor: release.patch for minor, release in version_table(source).minors.items() if release.patch}
    assert patches and [minor for minor, patch in patches.items() if patch.rpartition(".")[0] != minor] == []


@pytest.mark.parametrize("source", SOURCES)
def test_support_ends_later_for_later_minors(source: VersionSource) -> None:
    releases = version_table(source).minors.values()
    ends = [release.standard_support_until for release in releases if release.standard_support_until]
    assert len(ends) >= 3 and ends == sorted(ends)


@pytest.mark.parametrize("source", SOURCES)
def test_extended_support_ends_after_standard_support(source: VersionSource) -> None:
    for minor, release in version_table(source).minors.items():
        if release.standard_support_until and release.extended_support_until:
            assert release.standard_support_until < release.extended_support_until, minor


@pytest.mark.parametrize("source", SOURCES)
def test_each_platform_has_minors_to_run(source: VersionSource) -> None:
    table = version_table(source)
    supported = [
        minor
        for minor, release in table.minors.items()
        if (release.patch_level or 0) >= ADOPTED_FROM_PATCH
        and (release.standard_support_until is None or release.standard_support_until >= TODAY)
    ]
    assert len(supported) >= 2, "an upgrade goes from one supported minor to the next"


def test_the_skew_that_the_platforms_allow() -> None:
    assert {source: version_table(source).node_skew for source in SOURCES} == {"eks": 3, "gke": 2, "upstream": 3}


# EKS add-ons


def test_add_ons_are_pinned_for_each_minor_that_can_be_adopted() -> None:
    adoptable = {
        minor
        for minor, release in version_table("eks").minors.items()
        if (release.patch_level or 0) >= ADOPTED_FROM_PATCH
        and release.standard_support_until
        and release.standard_support_until >= TODAY
    }
    assert adoptable and adoptable <= set(pinned_addons())
    assert {minor: set(versions) for minor, versions in pinned_addons().items()} == {
        minor: set(ADDONS) for minor in pinned_addons()
    }


def test_a_minor_without_pinned_add_ons_is_told_with_the_way_out() -> None:
    file = EKS.set("kubernetes.version", "1.32")
    assert file.error() == file.told(
        "kuber:cluster:",
        "addons: no pinned add-on versions for Kubernetes 1.32",
        found="none for vpc-cni, kube-proxy, eks-pod-identity-agent, coredns, aws-ebs-csi-driver",
        expected="versions in `addons`, or one of 1.33, 1.34, 1.35, 1.36",
        hint="`aws eks describe-addon-versions --kubernetes-version 1.32` lists them",
    )


def test_add_ons_of_the_stack_file_stand_in_for_the_table() -> None:
    file = EKS.set("kubernetes.version", "1.32").set("addons", dict.fromkeys(ADDONS, "v1.2.3-eksbuild.4"))
    assert file.read()


def test_kube_proxy_is_of_its_cluster_s_minor() -> None:
    for minor, versions in pinned_addons().items():
        assert versions["kube-proxy"].startswith(f"v{minor}.")
