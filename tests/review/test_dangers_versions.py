"""Versions of the control plane, of CRDs and of charts; support that ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from config.kubernetes import version_table
from kuber.review.dangers import dangers
from tests.review.cases import Cluster, another, case, cluster, found, of_rule, only, rules, whole
from tests.support import EKS, GKE, METAL, StackFile

BUNDLE = "CrdBundle"
RULES_CRD = "prometheusrules.monitoring.coreos.com"


def at_version(version: str, file: StackFile = EKS) -> Cluster:
    """A cluster of another Kubernetes minor, as far as its outputs and its control plane tell."""
    old = cluster(file)
    after = replace(old, outputs={**old.outputs, "kubernetesVersion": version})
    match file.stack:
        case "prod-eks":
            return after.set("Cluster", "prod-eks", "version", version)
        case "prod-gke":
            return after.set("Cluster", "prod-gke", "minMasterVersion", version)
        case _:
            return after


@pytest.mark.parametrize("file", [EKS, GKE, METAL], ids=lambda file: file.stack)
@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("1.34", "1.35", ("medium", "control-plane-upgraded", "Kubernetes goes from 1.34 to 1.35")),
        ("1.33", "1.35", ("high", "minor-skipped", "Kubernetes 1.33 to 1.35 skips 1 minor")),
        ("1.32", "1.35", ("high", "minor-skipped", "Kubernetes 1.32 to 1.35 skips 2 minors")),
        ("1.36", "1.35", ("high", "version-goes-back", "Kubernetes goes back from 1.36 to 1.35")),
    ],
)
def test_another_version_of_the_control_plane_is_told(
    file: StackFile, before: str, after: str, told: tuple[str, str, str]
) -> None:
    versions = [one for one in found(at_version(before, file), at_version(after, file)) if one.rule != "support-ends"]
    assert [(one.level, one.rule, one.what) for one in versions] == [told]
    assert versions[0].where == file.stack


def test_who_skips_a_minor_is_told_where_to_go_first() -> None:
    assert only("minor-skipped", at_version("1.33"), at_version("1.35")).advice.startswith("Go to 1.34 first")


@pytest.mark.parametrize(
    ("file", "path", "value", "reason"),
    [
        (EKS, "zonalShiftConfig.enabled", False, "zonalShiftConfig.enabled: true becomes false"),
        (GKE, "releaseChannel.channel", "STABLE", "releaseChannel.channel: REGULAR becomes STABLE"),
    ],
)
def test_what_else_changes_of_the_control_plane_is_told(file: StackFile, path: str, value: Any, reason: str) -> None:
    before = cluster(file)
    told = only("control-plane-touched", before, before.set("Cluster", file.stack, path, value))
    assert (told.level, told.what) == ("medium", "The control plane is changed")
    assert told.reason == f"{reason}; the API server may be out of reach for minutes"


def test_a_control_plane_that_follows_something_else_is_told() -> None:
    eks = cluster(EKS)
    looked_at = case(eks, eks.set("Cluster", "prod-eks", "zonalShiftConfig.enabled", False))
    why = "follows the replacement of SecurityGroup prod-eks-api"
    followed = [replace(one, properties=(), because=why) for one in looked_at.changes]
    (told,) = dangers(replace(looked_at, changes=followed))
    assert (told.rule, told.level) == ("control-plane-touched", "medium")
    assert told.reason.startswith(why)


def test_its_logs_are_not_its_reach() -> None:
    eks = cluster(EKS)
    fewer = eks.set("Cluster", "prod-eks", "enabledClusterLogTypes", ["api", "audit"])
    assert rules(eks, fewer) == ["medium log-type-dropped"]
    assert rules(fewer, eks) == []


def test_labels_of_a_control_plane_are_only_written_down() -> None:
    gke = cluster(GKE)
    assert found(gke, gke.set("Cluster", "prod-gke", "resourceLabels.owner", "shop")) == []


def test_a_change_of_nodes_leaves_the_control_plane_alone() -> None:
    eks = cluster(EKS)
    assert found(eks, eks.set("NodeGroup", "prod-eks-system", "scalingConfig.maxSize", 9)) == []


@pytest.mark.parametrize("file", [EKS, GKE], ids=lambda file: file.stack)
def test_an_upgrade_is_told_although_an_engines_preview_knows_no_outputs_of_afterwards(file: StackFile) -> None:
    before = at_version("1.34", file)
    after = replace(at_version("1.36", file), outputs=before.outputs)
    assert only("minor-skipped", before, after).what == "Kubernetes 1.34 to 1.36 skips 1 minor"


def test_a_cluster_whose_version_nobody_knows_is_judged_without_it() -> None:
    assert found(replace(cluster(METAL), outputs={}), cluster(METAL)) == []


# Support


def support_of(file: StackFile, days: int) -> list[tuple[str, str, str]]:
    """What is told of support, so many days before it ends."""
    source = {"prod-eks": "eks", "prod-gke": "gke", "colo-london": "upstream"}[file.stack]
    end = version_table(source).minors["1.35"].standard_support_until  # type: ignore[arg-type]
    assert end
    day = date.fromordinal(end.toordinal() - days)
    before = cluster(file)
    after = (
        before.set("NodePatch", "colo-london-nodes-lon-worker-1", "metadata.labels.a", "b") if file is METAL else before
    )
    told = of_rule("support-ends", before, after, day)
    return [(one.level, one.what.replace(str(end), "its day"), one.reason) for one in told]


@pytest.mark.parametrize("file", [EKS, GKE, METAL], ids=lambda file: file.stack)
def test_support_that_ends_is_told_ninety_days_before(file: StackFile) -> None:
    assert support_of(file, 91) == []
    assert support_of(file, 90) == [("low", "Support of Kubernetes 1.35 ends on its day", "in 90 days")]
    assert support_of(file, 0) == [("low", "Support of Kubernetes 1.35 ends on its day", "in 0 days")]
    assert support_of(file, -1) == [
        ("medium", "Support of Kubernetes 1.35 ended on its day", "without it there are no fixes, or they cost extra")
    ]


def test_a_new_cluster_of_a_version_that_goes_out_of_support_is_told() -> None:
    (told,) = found(None, cluster(EKS), date(2027, 3, 20))
    assert (told.level, told.rule) == ("low", "support-ends")


# CRDs


def crd(versions: str) -> Cluster:
    return whole(EKS).set(BUNDLE, "prometheus-operator", f'crds["{RULES_CRD}"].versions', versions)


@pytest.mark.parametrize(
    ("before", "after", "lost"),
    [
        ("v1 (stored), v1beta1", "v1 (stored)", "v1beta1"),
        ("v1, v1beta1 (stored)", "v1 (stored)", "v1beta1"),
        ("v1beta1 (stored)", "v1, v1beta1 (stored, not served)", "v1beta1"),
        ("v1, v1beta1 (stored, not served)", "v1 (stored)", "v1beta1"),
        ("v1 (stored), v1alpha1, v1beta1", "v1 (stored)", "v1alpha1, v1beta1"),
    ],
)
def test_a_version_of_a_crd_that_is_dropped_is_told(before: str, after: str, lost: str) -> None:
    told = only("crd-version-dropped", crd(before), crd(after))
    assert (told.level, told.what) == ("high", f"{RULES_CRD} no longer has {lost}")
    assert told.where == f"{BUNDLE} prometheus-operator"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("v1 (stored)", "v1 (stored), v2"),
        ("v1 (stored), v2", "v1, v2 (stored)"),
        ("v1, v1beta1 (stored, not served)", "v1 (stored), v1beta1 (stored, not served)"),
    ],
)
def test_a_version_more_or_another_one_stored_drops_none(before: str, after: str) -> None:
    assert not of_rule("crd-version-dropped", crd(before), crd(after))


def test_crds_of_another_version_are_told_with_how_many_change() -> None:
    eks = whole(EKS)
    minor = eks.set(BUNDLE, "cert-manager", "version", "v1.22.0")
    told = only("crds-change", eks, minor)
    assert (told.level, told.what) == ("low", "The CRDs of cert-manager go from v1.21.1 to v1.22.0")
    assert told.reason == "0 of 6 CRDs change, before what uses them"
    major = minor.set(BUNDLE, "cert-manager", "version", "v2.0.0")
    major = major.set(BUNDLE, "cert-manager", 'crds["orders.acme.cert-manager.io"].digest', "0")
    assert only("crds-change", eks, major).level == "medium"
    assert only("crds-change", eks, major).reason.startswith("1 of 6 CRDs change")


def test_crds_that_change_at_the_same_version_are_told() -> None:
    told = only("crds-change", whole(EKS), crd("v1 (stored), v2"))
    assert (told.level, told.what) == ("low", "The CRDs of prometheus-operator change")


def test_another_way_to_the_cluster_changes_no_crds() -> None:
    eks = whole(EKS)
    assert found(eks, eks.set(BUNDLE, "cert-manager", "kubeconfig", "other")) == []


def test_crds_that_nobody_brings_any_more_stay() -> None:
    eks = whole(EKS)
    told = only("left-behind", eks, eks.without(BUNDLE, "cert-manager"))
    assert (told.level, told.what) == ("low", "The CRDs of cert-manager stay in the cluster")
    assert told.reason.startswith("6 CRDs, and all objects of them")


def test_a_crd_that_a_bundle_no_longer_has_stays_unless_it_is_removed() -> None:
    eks = whole(EKS)
    less = eks.unset(BUNDLE, "prometheus-operator", f'crds["{RULES_CRD}"]')
    told = only("left-behind", eks, less)
    assert (told.level, told.what) == ("low", "prometheus-operator has 1 CRD less, and the cluster keeps that")
    assert told.reason.startswith(f"{RULES_CRD}, with all objects: ")
    removed = less.set(BUNDLE, "prometheus-operator", "remove", [RULES_CRD])
    assert not of_rule("left-behind", eks, removed)


def test_a_crd_that_is_removed_is_told() -> None:
    eks = whole(EKS)
    inputs = {"crds": {}, "version": "", "remove": ["old.example.com"]}
    removed = another(eks.one(BUNDLE, "cert-manager"), "removed-crds", **inputs)
    assert (only("crd-removed", eks, eks.plus(removed)).what) == "old.example.com is removed"
    more = another(removed, "removed-crds", remove=["old.example.com", "older.example.com"])
    assert rules(eks.plus(removed), eks.plus(more)) == ["high crd-removed"]
    assert only("crd-removed", eks.plus(removed), eks.plus(more)).what == "older.example.com is removed"
    assert found(eks.plus(removed), eks) == []


# Charts


@pytest.mark.parametrize(
    ("part", "chart", "to", "major"),
    [
        ("ingress", "nginx-ingress", "3.0.0", True),
        ("ingress", "nginx-ingress", "1.9.0", True),
        ("ingress", "nginx-ingress", "2.7.0", False),
        ("certificates", "cert-manager", "v1.22.0", False),
        ("certificates", "trust-manager", "v0.25.0", True),
        ("certificates", "trust-manager", "v0.24.9", False),
    ],
)
def test_another_major_version_of_a_chart_is_told(part: str, chart: str, to: str, major: bool) -> None:
    eks = cluster(EKS)
    old = eks.inputs("Part", part)["charts"][chart]
    # A component is no resource that changes: what is rendered of the chart is.
    after = eks.set("Part", part, f'charts["{chart}"]', to).set("ConfigMap", "system-logging/filebeat", "data.a", "b")
    told = of_rule("chart-major", eks, after)
    assert [(one.level, one.what) for one in told] == (
        [("medium", f"The chart {chart} goes from {old} to {to}")] if major else []
    )


def test_a_chart_that_comes_or_goes_has_no_new_version() -> None:
    eks = cluster(EKS)
    without = eks.unset("Part", "certificates", "charts.trust-manager")
    assert not of_rule("chart-major", eks, without)
    assert not of_rule("chart-major", without, eks)
