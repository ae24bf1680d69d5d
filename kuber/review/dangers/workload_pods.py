"""The pods that workloads make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kuber.review.renames import Resource

from .case import KUBERNETES, at, mapping, metadata, namespace_of

TEMPLATED = frozenset({"Deployment", "StatefulSet", "DaemonSet"})
"""Kinds whose pods run on, and are made anew when their template changes."""
OF_OPERATORS = frozenset({"Prometheus", "Alertmanager"})
"""Kinds of which the Prometheus operator makes pods."""


def kind_of(resource: Resource) -> str:
    """The kind of an object; empty of what isn't one."""
    return resource["type"].rpartition(":")[2] if resource["type"].startswith(KUBERNETES) else ""


def template_of(resource: Resource) -> Mapping[str, Any]:
    """The pod template of a workload, or of the jobs that one makes; empty of anything else."""
    spec = mapping(resource["inputs"].get("spec"))
    match kind_of(resource):
        case "Deployment" | "StatefulSet" | "DaemonSet" | "Job":
            return mapping(spec.get("template"))
        case "CronJob":
            return mapping(at(spec, "jobTemplate", "spec", "template"))
        case _:
            return {}


def pod_labels(resource: Resource) -> Mapping[str, Any]:
    """Labels of a workload's pods; of an operator's resource, those that the operator gives them.

    Source: prometheus-operator 0.93.0, pkg/prometheus/server/statefulset.go and pkg/alertmanager/statefulset.go.
    """
    kind = kind_of(resource)
    if kind not in OF_OPERATORS:
        return mapping(at(template_of(resource), "metadata", "labels"))
    name = str(metadata(resource).get("name"))
    return {
        **mapping(at(resource["inputs"], "spec", "podMetadata", "labels")),
        "app.kubernetes.io/managed-by": "prometheus-operator",
        "app.kubernetes.io/name": kind.lower(),
        "app.kubernetes.io/instance": name,
        "operator.prometheus.io/name": name,
        kind.lower(): name,
    }


def workloads(plan: Mapping[str, Resource], namespace: str) -> Iterator[Resource]:
    """What makes pods in a namespace."""
    for one in plan.values():
        if (template_of(one) or kind_of(one) in OF_OPERATORS) and namespace_of(one) == namespace:
            yield one


def takes_all(selector: Any) -> bool:
    """Whether a label selector takes all."""
    return isinstance(selector, Mapping) and not selector.get("matchLabels") and not selector.get("matchExpressions")
