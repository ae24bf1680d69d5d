"""Workloads that restart, run in fewer replicas, or can't be changed so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kuber.review.model import Change, Danger, Level
from kuber.review.properties import steps_of_path
from kuber.review.renames import Resource
from kuber.selectors import selects

from .case import Case, at, changed_paths, danger, mapping, namespace_of, objects
from .workload_pods import OF_OPERATORS, TEMPLATED, kind_of, pod_labels

_REPLICATED = frozenset({"Deployment", "StatefulSet", *OF_OPERATORS})
_RELOADED = frozenset(
    {
        "replicas",
        "retention",
        "retentionSize",
        "scrapeInterval",
        "scrapeTimeout",
        "evaluationInterval",
        "externalLabels",
        "alerting",
        *(
            f"{one}{selector}"
            for one in ("serviceMonitor", "podMonitor", "probe", "scrapeConfig", "rule")
            for selector in ("Selector", "NamespaceSelector")
        ),
    }
)
"""Of an operator's resource, what running pods are told by their configuration, or what is about how many there are.

Source: prometheus-operator 0.93.0, pkg/prometheus/promcfg.go; retention is there since Prometheus 3.11.
"""

_IMMUTABLE: Mapping[str, Sequence[str]] = {
    "kubernetes:storage.k8s.io/v1:StorageClass": ("reclaimPolicy", "volumeBindingMode"),
    "kubernetes:scheduling.k8s.io/v1:PriorityClass": ("value", "preemptionPolicy"),
    "kubernetes:networking.k8s.io/v1:IngressClass": ("spec.controller",),
    "kubernetes:core/v1:Service": ("spec.loadBalancerClass",),
    "kubernetes:core/v1:PersistentVolumeClaim": ("spec.volumeMode", "spec.dataSource"),
}
"""What the API server refuses to change and the provider doesn't replace (Kubernetes, pkg/apis: validation of updates)."""

_PLACEHOLDER = "kuber.dev/headroom"
"""Label of pods that only hold room on nodes for others."""

_STATEFUL_SET_MUTABLE = (
    "replicas",
    "template",
    "updateStrategy",
    "minReadySeconds",
    "ordinals",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
)


def restarts(case: Case) -> Iterator[Danger]:
    """Workloads whose pods are made anew, and whether a disruption budget covers them."""
    for change in case.changes:
        if change.operation != "update" or change.after is None or not _restarts(change):
            continue
        if _PLACEHOLDER in pod_labels(change.after):
            continue
        level, how = _restart(case, change.after)
        yield danger(
            "workload-restarts",
            level,
            change,
            f"{change.label} restarts",
            f"{how} ({changed_paths(change, limit=2)})",
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
        if change.operation != "update" or not change.before:
            continue
        if fixed := [one.path for one in change.properties if _is_immutable(change, one.path, one.before)]:
            yield danger(
                "immutable-field",
                "high",
                change,
                f"{change.label} can't be changed so",
                f"the API server refuses to change {', '.join(fixed[:3])}, and `up` stops there",
                "Make a new one by another name and move what uses it, or delete the old one first where nothing is lost.",
            )


def volumes(case: Case) -> Iterator[Danger]:
    """Volumes of another size: none becomes smaller, and none of an operator's pods becomes larger by itself."""
    for change in case.changes:
        if change.operation != "update":
            continue
        before, after = (_asked(change.inputs(when)) for when in ("before", "after"))
        sizes = _bytes(before), _bytes(after)
        if sizes[0] is None or sizes[1] is None or sizes[0] == sizes[1]:
            continue
        if change.kind in OF_OPERATORS:
            yield danger(
                "volume-size",
                "medium",
                change,
                f"Volumes of {change.label} keep their size",
                f"{before} becomes {after} for new ones alone; the operator removes its StatefulSet with all pods and makes it anew",
                "To grow, change the claims by hand first (`kubectl patch pvc`); apply it when a gap in the metrics is fine.",
            )
        elif sizes[1] < sizes[0]:
            yield danger(
                "volume-shrinks",
                "high",
                change,
                f"{change.label} can't become smaller",
                f"{before} becomes {after}: the API server refuses it",
                "Make a new claim and copy the data.",
            )


def _restart(case: Case, workload: Resource) -> tuple[Level, str]:
    """How a workload's pods are made anew."""
    number, kind = _replicas(workload), kind_of(workload)
    strategy = mapping(at(workload["inputs"], "spec", "strategy"))
    if kind == "DaemonSet":
        return "low", "node by node, as its update strategy says"
    if strategy.get("type") == "Recreate" and number:
        end = (
            "its one pod ends before the new one starts"
            if number == 1
            else f"its {number} pods end before new ones start"
        )
        return "medium", f"{end}, so it is away until then"
    if number <= 1:
        comes_first = kind == "Deployment" and not _takes_the_only_one(strategy)
        if number == 0 or comes_first:
            return "low", "its one pod ends when the new one is ready" if number else "it has no pod"
        return "medium", "it has one pod, so it is away until the new one is ready"
    if budget := _budget(case.after, namespace_of(workload), pod_labels(workload)):
        return "low", f"pod by pod; the disruption budget {budget} covers its {number} pods"
    return "medium", f"no disruption budget covers its {number} pods"


def _takes_the_only_one(strategy: Mapping[str, Any]) -> bool:
    """Whether a Deployment's one pod ends before the new one is ready; a share of it is rounded down, to none."""
    unavailable = at(strategy, "rollingUpdate", "maxUnavailable")
    if isinstance(unavailable, str) and unavailable.endswith("%"):
        return unavailable == "100%"
    return unavailable not in (None, 0)


def _restarts(change: Change) -> bool:
    if change.kind in TEMPLATED:
        before, after = (mapping(change.inputs(when).get("spec")).get("template") for when in ("before", "after"))
        return before != after
    if change.kind in OF_OPERATORS:
        before, after = (
            {key: value for key, value in mapping(change.inputs(when).get("spec")).items() if key not in _RELOADED}
            for when in ("before", "after")
        )
        return before != after
    return False


def _is_immutable(change: Change, path: str, before: Any) -> bool:
    if path.startswith("("):
        return False
    steps = tuple(map(str, steps_of_path(path)))
    if change.type == "kubernetes:apps/v1:StatefulSet":
        return steps[0] == "spec" and steps[1] not in _STATEFUL_SET_MUTABLE
    if change.type == "kubernetes:core/v1:Service" and before is None:
        return False  # a class may be added where the type becomes LoadBalancer
    return any(steps[: len(one)] == one for one in (tuple(told.split(".")) for told in _IMMUTABLE.get(change.type, ())))


def _replicas(resource: Resource) -> int:
    found = at(resource["inputs"], "spec", "replicas")
    return found if isinstance(found, int) else 1


def _budget(plan: Mapping[str, Resource], namespace: str, labels: Mapping[str, Any]) -> str | None:
    for one in objects(plan, "PodDisruptionBudget"):
        if namespace_of(one) == namespace and selects(at(one["inputs"], "spec", "selector"), labels):
            return str(at(one["inputs"], "metadata", "name"))
    return None


def _asked(inputs: Mapping[str, Any]) -> Any:
    """How large a claim's volume is, or those of pods."""
    spec = mapping(inputs.get("spec"))
    of_pods = at(spec, "storage", "volumeClaimTemplate", "spec", "resources", "requests", "storage")
    return of_pods or at(spec, "resources", "requests", "storage")


_SIZES = {
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
    "Pi": 2**50,
    "k": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
}


def _bytes(quantity: Any) -> float | None:
    text = str(quantity)
    unit = next((unit for unit in _SIZES if text.endswith(unit)), "")
    try:
        return float(text.removesuffix(unit)) * _SIZES.get(unit, 1)
    except ValueError:
        return None
