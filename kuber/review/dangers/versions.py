"""Versions: of the control plane, of charts and of CRDs; and support that ends."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from config.kubernetes import VersionSource, minor_number, version_table
from kuber.review.model import Change, Danger
from kuber.review.renames import Resource

from .case import Case, at, changed_paths, danger, listed, mapping, of_cluster, texts

_CONTROL_PLANES = ("aws:eks/cluster:Cluster", "gcp:container/cluster:Cluster")
_NOT_TOUCHING = (
    "(option)",
    "version",
    "minMasterVersion",
    "deletionProtection",
    "enabledClusterLogTypes",
    "tags",
    "resourceLabels",
    "description",
)
"""What is told of by itself, and what the cloud only writes down."""
_BUNDLE = "pulumi-python:dynamic/charts:CrdBundle"
_PART = "kuber:standard_stack:Part"
_NOTICE_DAYS = 90
_SOURCES: Mapping[str, VersionSource] = {
    "kuber:clusters:EksCluster": "eks",
    "kuber:clusters:GkeCluster": "gke",
    "kuber:clusters:BareMetalCluster": "upstream",
}


def control_plane(case: Case) -> Iterator[Danger]:
    """The control plane: its version, and whatever else of it changes."""
    before, after = kubernetes_versions(case)
    if before and after and before != after:
        step = minor_number(after) - minor_number(before)
        if step < 0:
            yield of_cluster(
                case,
                "version-goes-back",
                "high",
                f"Kubernetes goes back from {before} to {after}",
                "clouds take a control plane back within days after an upgrade only, or not at all",
                "Restore the version, unless this is the documented way back within that time.",
            )
        elif step > 1:
            yield of_cluster(
                case,
                "minor-skipped",
                "high",
                f"Kubernetes {before} to {after} skips {step - 1} minor{'s' if step > 2 else ''}",
                "a control plane moves one minor at a time: the cloud refuses it, or `up` fails half way",
                f"Go to 1.{minor_number(before) + 1} first, and on from there.",
            )
        else:
            yield of_cluster(
                case,
                "control-plane-upgraded",
                "medium",
                f"Kubernetes goes from {before} to {after}",
                "the control plane is upgraded, which can't be taken back for long; APIs that it no longer serves fail",
                "Read what the minor removes, see that add-ons and pools are within their skew, and rehearse it: `kuber rehearse`.",
            )
    for change in case.changes:
        if change.type not in _CONTROL_PLANES or change.operation != "update":
            continue
        touching = [one for one in change.properties if not one.path.startswith(_NOT_TOUCHING)]
        if touching or (change.because and not change.properties):
            told = changed_paths(replace(change, properties=touching)) or change.because
            yield danger(
                "control-plane-touched",
                "medium",
                change,
                "The control plane is changed",
                f"{told}; the API server may be out of reach for minutes",
                "Apply it when nobody deploys.",
            )


def support(case: Case) -> Iterator[Danger]:
    """A version whose support ends soon, or has ended, on a cluster that is changed anyway."""
    version, source = kubernetes_versions(case)[1], _source(case.after)
    if not version or source is None:
        return
    release = version_table(source).minors.get(f"1.{minor_number(version)}")
    end = release.standard_support_until if release else None
    if end is None or (end - case.day).days > _NOTICE_DAYS:
        return
    ended = case.day > end
    yield of_cluster(
        case,
        "support-ends",
        "medium" if ended else "low",
        f"Support of Kubernetes {version} {'ended' if ended else 'ends'} on {end}",
        "without it there are no fixes, or they cost extra" if ended else f"in {(end - case.day).days} days",
        "Plan the next minor.",
    )


def crds(case: Case) -> Iterator[Danger]:
    """CRDs that come in another version, lose one, or are removed."""
    for change in case.changes:
        if change.type != _BUNDLE:
            continue
        before, after = (mapping(change.inputs(when).get("crds")) for when in ("before", "after"))
        for name, crd in before.items():
            if name in after and (lost := _lost_versions(crd, after[name])):
                yield danger(
                    "crd-version-dropped",
                    "high",
                    change,
                    f"{name} no longer has {', '.join(lost)}",
                    "manifests of that version are refused, and objects stored in it can't be read; `up` refuses if there are such",
                    "Move all objects and manifests to a version that stays, then store them anew.",
                )
        for name in texts(change.inputs("after").get("remove")):
            if name not in texts(change.inputs("before").get("remove")):
                yield danger(
                    "crd-removed",
                    "high",
                    change,
                    f"{name} is removed",
                    "with a CRD go all objects of its kind; `up` refuses while there are any",
                    "See that nobody has objects of it.",
                )
        if change.operation == "delete" and before:
            told = f"{_crds(len(before))}, and all objects of them: nobody keeps them up to date any more"
            yield _left_behind(change, f"The CRDs of {change.name} stay in the cluster", told)
        elif left := sorted(before.keys() - after.keys() - {*texts(change.inputs("after").get("remove"))}):
            told = f"{listed(left)}, with all objects: nobody keeps that up to date any more"
            yield _left_behind(change, f"{change.name} has {_crds(len(left))} less, and the cluster keeps that", told)
        old, new = (str(change.inputs(when).get("version") or "") for when in ("before", "after"))
        differing = sum(before.get(name) != crd for name, crd in after.items())
        if change.operation == "update" and (differing or old != new):
            yield danger(
                "crds-change",
                "medium" if _major(old) != _major(new) else "low",
                change,
                f"The CRDs of {change.name} go from {old} to {new}"
                if old != new
                else f"The CRDs of {change.name} change",
                f"{differing} of {_crds(len(after))} {'changes' if differing == 1 else 'change'}, before what uses them",
                "Read its notes on upgrading; CRDs stay at the newer version if the rest is taken back.",
            )


def charts(case: Case) -> Iterator[Danger]:
    """A chart's new major version, of a part that is on before and after; its way back too."""
    before, after = _charts(case.before), _charts(case.after)
    for (part, chart), version in after.items():
        old = before.get((part, chart))
        if old and _major(old) != _major(version):
            yield of_cluster(
                case,
                "chart-major",
                "medium",
                f"The chart {chart} goes from {old} to {version}",
                f"a new major version may have breaking changes; it is the part {part}",
                "Read its notes on upgrading, look at the manifests' differences, and rehearse it: `kuber rehearse`.",
            )


def kubernetes_versions(case: Case) -> tuple[str, str]:
    """The cluster's version before and after, by what makes its control plane, or by the stack's outputs; empty where it isn't known.

    An engine's preview knows the outputs of before alone.
    """
    before, after = (
        next((found for one in plan.values() if (found := _version_of(one))), None) or outputs.get("kubernetesVersion")
        for plan, outputs in ((case.before, case.outputs_before), (case.after, case.outputs_after))
    )
    return _version(before), _version(after)


def _version_of(resource: Resource) -> Any:
    if resource["type"] not in _CONTROL_PLANES:
        return None
    return resource["inputs"].get("version") or resource["inputs"].get("minMasterVersion")


def _version(told: Any) -> str:
    return told if isinstance(told, str) and re.match(r"1\.\d+", told) else ""


def _left_behind(change: Change, what: str, reason: str) -> Danger:
    advice = "Once nobody has objects of them, name them in `standard_stack.remove_crds`."
    return danger("left-behind", "low", change, what, reason, advice)


def _crds(number: int) -> str:
    return "1 CRD" if number == 1 else f"{number} CRDs"


def _charts(plan: Mapping[str, Resource]) -> dict[tuple[str, str], str]:
    return {
        (one["name"], chart): version
        for one in plan.values()
        if one["type"] == _PART
        for chart, version in mapping(one["inputs"].get("charts")).items()
        if isinstance(version, str)
    }


def _lost_versions(before: Any, after: Any) -> list[str]:
    """Versions that are no longer served, or aren't there at all any more."""
    olds, news = _versions(before), _versions(after)
    unserved = {name for name, served in olds.items() if served and not news.get(name)}
    return sorted(unserved | (olds.keys() - news.keys()))


def _versions(crd: Any) -> dict[str, bool]:
    """Whether each is served: `v1 (stored), v1beta1` → both are (components/charts/crd_versions.py, shown_versions)."""
    told = re.findall(r"(?:^|, )([^\s,()]+)(?: \(([^)]*)\))?", str(at(crd, "versions") or ""))
    return {name: "not served" not in remark for name, remark in told}


def _major(version: str) -> str:
    """`v1.21.1` → 1; of a version below 1 its minor too, as those may break as well."""
    numbers = re.findall(r"\d+", version)
    return ".".join(numbers[:2]) if numbers[:1] == ["0"] else "".join(numbers[:1])


def _source(plan: Mapping[str, Resource]) -> VersionSource | None:
    return next((_SOURCES[one["type"]] for one in plan.values() if one["type"] in _SOURCES), None)
