"""Workloads that restart, run in fewer replicas, or can't be changed so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kuber.review.model import Change, Danger
from kuber.review.renames import Resource

from .case import Case, at, changed_paths, danger, metadata, namespace_of, objects

_TEMPLATED = ("Deployment", "StatefulSet", "DaemonSet")
_OF_OPERATORS = ("Prometheus", "Alertmanager", "ThanosRuler")
_REPLICATED = ("Deployment", "StatefulSet", *_OF_OPERATORS)
_NOT_OF_PODS = frozenset(
    {
        "replicas",
        "retention",
        "retentionSize",
        "serviceMonitorSelector",
        "podMonitorSelector",
        "ruleSelector",
        "probeSelector",
    }
    | {
        "serviceMonitorNamespaceSelector",
        "podMonitorNamespaceSelector",
        "ruleNamespaceSelector",
        "probeNamespaceSelector",
    }
)
"""Of an operator's resource, what its operator tells running pods without a restart, or what is about others."""

_IMMUTABLE: Mapping[str, tuple[str, ...]] = {
    "kubernetes:storage.k8s.io/v1:StorageClass": ("reclaimPolicy", "volumeBindingMode", "mountOptions"),
    "kubernetes:scheduling.k8s.io/v1:PriorityClass": ("value", "preemptionPolicy"),
    "kubernetes:core/v1:PersistentVolumeClaim": ("spec.volumeMode", "spec.dataSource"),
    "kubernetes:batch/v1:CronJob": (),
}
"""What the API server refuses to change and the provider doesn't replace (Kubernetes API reference: validation of updates)."""

_STATEFUL_SET_MUTABLE = (
    "spec.replicas",
    "spec.template",
    "spec.updateStrategy",
    "spec.minReadySeconds",
    "spec.ordinals",
    "spec.persistentVolumeClaimRetentionPolicy",
    "metadata",
)


def restarts(case: Case) -> Iterator[Danger]:
    """Workloads whose pods are made anew, and whether a disruption budget covers them."""
    for change in case.changes:
        if change.operation != "update" or not _restarts(change):
            continue
        replicas, labels = _replicas(change.after), _pod_labels(change.after)
        if change.kind == "DaemonSet":
            covered, level = "node by node, as its update strategy says", "low"
        elif replicas == 1:
            covered, level = "it has one pod, so it is away until the new one is ready", "medium"
        elif budget := _budget(case.after, namespace_of(change.after), labels):
            covered, level = f"pod by pod; the disruption budget {budget} covers its {replicas} pods", "low"
        else:
            covered, level = f"no disruption budget covers its {replicas} pods", "medium"
        yield danger(
            "workload-restarts",
            level,
            change,
            f"{change.label} restarts",
            f"{covered} ({changed_paths(change, limit=2)})",
            "Nothing, if a rolling restart is fine now."
            if level == "low"
            else "Apply it when a short gap is fine, or give it a second replica and a budget.",
        )


def replicas(case: Case) -> Iterator[Danger]:
    """Fewer replicas, above all one alone."""
    for change in case.changes:
        if change.kind in _REPLICATED and change.operation == "update":
            before, after = (at(change.inputs(when), "spec", "replicas") for when in ("before", "after"))
            if isinstance(before, int) and isinstance(after, int) and after < before:
                alone = after <= 1
                yield danger(
                    "fewer-replicas",
                    "high" if after == 0 else "medium" if alone else "low",
                    change,
                    f"{change.label} runs in {after} instead of {before}",
                    "no pod of it runs"
                    if after == 0
                    else "when its one pod or node goes, it is away"
                    if alone
                    else "less room for losing a node or a zone",
                    "Keep two or more for what must not be away.",
                )


def refused(case: Case) -> Iterator[Danger]:
    """Changes that the API server will refuse, as the field can't change."""
    for change in case.changes:
        if change.operation != "update":
            continue
        paths = _IMMUTABLE.get(change.type, ())
        if change.type == "kubernetes:apps/v1:StatefulSet":
            fixed = [one.path for one in change.properties if not one.path.startswith((*_STATEFUL_SET_MUTABLE, "("))]
        else:
            fixed = [one.path for one in change.properties if one.path.startswith(paths)] if paths else []
        if fixed:
            yield danger(
                "immutable-field",
                "high",
                change,
                f"{change.label} can't be changed so",
                f"the API server refuses to change {', '.join(fixed[:3])}, and `up` stops there",
                "Make a new one by another name and move what uses it, or delete the old one first where nothing is lost.",
            )


def claims(case: Case) -> Iterator[Danger]:
    """Volumes that can't become smaller."""
    for change in case.changes:
        if change.kind == "PersistentVolumeClaim" and change.operation == "update":
            asked = [one for one in change.properties if one.path.startswith("spec.resources.requests")]
            if asked and _bytes(asked[0].after) < _bytes(asked[0].before):
                yield danger(
                    "volume-shrinks",
                    "high",
                    change,
                    f"{change.label} can't become smaller",
                    f"{asked[0].before} becomes {asked[0].after}: the API server refuses it",
                    "Make a new claim and copy the data.",
                )


def _restarts(change: Change) -> bool:
    if change.kind in _TEMPLATED:
        before, after = (at(change.inputs(when), "spec", "template") for when in ("before", "after"))
        return before != after
    if change.kind in _OF_OPERATORS:
        before, after = (
            {key: value for key, value in (change.inputs(when).get("spec") or {}).items() if key not in _NOT_OF_PODS}
            for when in ("before", "after")
        )
        return before != after
    return False


def _replicas(resource: Resource | None) -> int:
    found = at(resource["inputs"], "spec", "replicas") if resource else None
    return found if isinstance(found, int) else 1


def _pod_labels(resource: Resource | None) -> Mapping[str, str]:
    if resource is None:
        return {}
    if resource["type"].endswith(_OF_OPERATORS):
        kind, name = resource["type"].rpartition(":")[2].lower(), metadata(resource).get("name")
        return {
            "app.kubernetes.io/name": kind,
            "app.kubernetes.io/instance": str(name),
            "operator.prometheus.io/name": str(name),
            kind: str(name),
        }
    return at(resource["inputs"], "spec", "template", "metadata", "labels") or {}


def _budget(plan: Mapping[str, Resource], namespace: str, labels: Mapping[str, str]) -> str | None:
    for one in objects(plan, "PodDisruptionBudget"):
        wanted = at(one["inputs"], "spec", "selector", "matchLabels")
        if namespace_of(one) == namespace and wanted and all(labels.get(key) == value for key, value in wanted.items()):
            return str(metadata(one).get("name"))
    return None


_SIZES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def _bytes(quantity: Any) -> float:
    text = str(quantity)
    unit = next((unit for unit in _SIZES if text.endswith(unit)), "")
    try:
        return float(text.removesuffix(unit)) * _SIZES.get(unit, 1)
    except ValueError:
        return 0.0
