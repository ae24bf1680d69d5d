"""Objects as they come from a chart, made ready: a namespace, no labels that change with each version, a fixed order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

Manifest = dict[str, Any]
"""A Kubernetes object: apiVersion, kind, metadata and the rest, plain data."""

RELEASE_LABELS = ("helm.sh/chart", "chart", "heritage", "app.kubernetes.io/managed-by", "app.kubernetes.io/version")
"""Labels that say nothing but a chart's version or that Helm was there: they would touch every object at every release."""

CLUSTER_SCOPED = frozenset(
    {
        "APIService",
        "CSIDriver",
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "IngressClass",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "Namespace",
        "PersistentVolume",
        "PriorityClass",
        "RuntimeClass",
        "StorageClass",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeSnapshotClass",
        # Of the standard stack's own CRDs:
        "Bundle",
        "ClusterIssuer",
        "GatewayClass",
        "IngressClassParams",
    }
)
"""Kinds without a namespace."""


def normalised(objects: Iterable[Manifest], namespace: str) -> list[Manifest]:
    """Objects made ready, in a fixed order.

    Args:
        objects: As rendered; they are changed.
        namespace: Of those that have none and need one.
    """
    ready = [one for one in objects if one]
    for one in ready:
        metadata = one.setdefault("metadata", {})
        metadata.pop("creationTimestamp", None)
        if one["kind"] in CLUSTER_SCOPED:
            metadata.pop("namespace", None)
        else:
            metadata.setdefault("namespace", namespace)
        one.pop("status", None)
    _drop_release_labels(ready)
    return sorted((_without_nothing(one) for one in ready), key=identity)


def identity(one: Mapping[str, Any]) -> tuple[str, str, str]:
    """What tells an object from others: `group/Kind`, namespace, name."""
    group = one["apiVersion"].rpartition("/")[0]
    metadata = one["metadata"]
    return (f"{group}/{one['kind']}", metadata.get("namespace", ""), metadata["name"])


def shown_identity(one: Mapping[str, Any]) -> str:
    """`Deployment system-dns/external-dns`."""
    _, namespace, name = identity(one)
    return f"{one['kind']} {f'{namespace}/{name}' if namespace else name}"


def pod_template(one: Mapping[str, Any]) -> dict[str, Any] | None:
    """The template of the pods that an object makes; None where it makes none."""
    match one["kind"]:
        case "Deployment" | "StatefulSet" | "DaemonSet" | "Job":
            return one["spec"]["template"]
        case "CronJob":
            return one["spec"]["jobTemplate"]["spec"]["template"]
        case _:
            return None


def pod_labels(one: Mapping[str, Any]) -> Mapping[str, str]:
    """Labels of the pods that an object makes."""
    template = pod_template(one)
    return (template or {}).get("metadata", {}).get("labels") or {}


def containers(one: Mapping[str, Any]) -> list[dict[str, Any]]:
    """All containers of the pods that an object makes, those that run first included."""
    spec = (pod_template(one) or {}).get("spec") or {}
    return [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]


def with_leaves(value: Any, leaf: Callable[[Any], Any]) -> Any:
    """A copy with something else in place of each leaf: of all that is neither keys and values nor a list."""
    if isinstance(value, dict):
        return {key: with_leaves(item, leaf) for key, item in value.items()}
    return [with_leaves(item, leaf) for item in value] if isinstance(value, list) else leaf(value)


def _drop_release_labels(objects: list[Manifest]) -> None:
    used = {key for one in objects for key in _selector_keys(one)}
    dropped = [label for label in RELEASE_LABELS if label not in used]
    for one in objects:
        for labels in _label_maps(one):
            for label in dropped:
                labels.pop(label, None)


def _label_maps(value: object) -> Iterator[dict[str, Any]]:
    """Every `metadata.labels` within an object: its own, its pods', those of volume claims."""
    if isinstance(value, dict):
        metadata = value.get("metadata")
        if isinstance(metadata, dict) and isinstance(metadata.get("labels"), dict):
            yield metadata["labels"]
        for item in value.values():
            yield from _label_maps(item)
    elif isinstance(value, list):
        for item in value:
            yield from _label_maps(item)


def _selector_keys(value: object) -> Iterator[str]:
    """Keys of labels that something selects by."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "matchLabels" or (key == "selector" and isinstance(item, dict)):
                yield from (one for one, text in item.items() if isinstance(text, str))
            if key == "matchExpressions" and isinstance(item, list):
                yield from (one["key"] for one in item if isinstance(one, dict) and "key" in one)
            yield from _selector_keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from _selector_keys(item)


def _without_nothing(value: Any) -> Any:
    """Without keys that have no value: server-side apply would own them for nothing."""
    if isinstance(value, dict):
        return {key: _without_nothing(item) for key, item in value.items() if item is not None}
    return [_without_nothing(item) for item in value] if isinstance(value, list) else value
