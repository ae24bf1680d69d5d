"""Objects that say the same as one are one.

The engine writes its whole state twice for each resource that it makes, so an object less counts twice: once for its own size, and
once for a write of all others (docs/decisions/0009).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from components.charts.errors import ChartError
from components.charts.manifests import Manifest, shown_identity

from .alerts import rules_name
from .network import DEFAULT_DENY

ALL_PODS = "all-pods"
"""Name of the policy of all pods of a namespace, beside the one that denies the rest."""
PURPOSES = {"ingress": "kuber.dev/ingress", "egress": "kuber.dev/egress"}
"""Annotations of a policy: what its rules of a direction are for, one word a rule, in their order."""


def merged(part: str, objects: Sequence[Manifest]) -> list[Manifest]:
    """The objects of a part: one NetworkPolicy for each kind of pods, and one PrometheusRule in a namespace.

    Neither says anything else than before. Rules of policies with the same pods add up (Kubernetes API reference, NetworkPolicySpec:
    "traffic is allowed if … at least one ingress rule across all of the NetworkPolicy objects whose podSelector matches the pod"),
    and Prometheus reads groups of rules wherever they are.

    Raises:
        ChartError: two groups of alerting rules in a namespace have the same name.
    """
    return _grouped(_grouped(objects, _pods, _policy), _rules_of, lambda same: _rules(part, same))


def _grouped(
    objects: Sequence[Manifest], key: Callable[[Manifest], Any], merge: Callable[[Sequence[Manifest]], Manifest]
) -> list[Manifest]:
    """Those of one key as one, where the first of them stood; those without a key as they are."""
    groups: dict[Any, list[Manifest]] = {}
    for at, one in enumerate(objects):
        groups.setdefault(at if (found := key(one)) is None else found, []).append(one)
    return [merge(same) if key(same[0]) is not None else same[0] for same in groups.values()]


def _pods(one: Manifest) -> tuple[str, tuple[tuple[str, str], ...]] | None:
    """Namespace and labels of the pods that one of our policies is about; none for one that stands for itself."""
    if one["kind"] != "NetworkPolicy" or one["metadata"]["name"] == DEFAULT_DENY:
        return None
    selector = one["spec"]["podSelector"]
    if one["metadata"].keys() - {"name", "namespace"} or selector.keys() - {"matchLabels"}:
        return None
    return one["metadata"]["namespace"], tuple(sorted(selector.get("matchLabels", {}).items()))


def _policy(same: Sequence[Manifest]) -> Manifest:
    spec: dict[str, Any] = {
        "podSelector": same[0]["spec"]["podSelector"],
        "policyTypes": [
            kind for kind in ("Ingress", "Egress") if any(kind in one["spec"]["policyTypes"] for one in same)
        ],
    }
    annotations: dict[str, str] = {}
    for direction, annotation in PURPOSES.items():
        rules = [(one["metadata"]["name"], rule) for one in same for rule in one["spec"].get(direction, [])]
        if rules:
            spec[direction] = [rule for _, rule in rules]
            annotations[annotation] = ", ".join(name for name, _ in rules)
    labels = spec["podSelector"].get("matchLabels", {})
    name = re.sub(r"[^a-z0-9.-]", "-", "-".join(value for _, value in sorted(labels.items())).lower()) or ALL_PODS
    metadata = {"name": name, "namespace": same[0]["metadata"]["namespace"], "annotations": annotations}
    return {"apiVersion": same[0]["apiVersion"], "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def _rules_of(one: Manifest) -> str | None:
    return one["metadata"]["namespace"] if one["kind"] == "PrometheusRule" else None


def _rules(part: str, same: Sequence[Manifest]) -> Manifest:
    if len(same) == 1:
        return same[0]
    groups = [group for one in same for group in one["spec"]["groups"]]
    if twice := [name for name, times in Counter(group["name"] for group in groups).items() if times > 1]:
        found = ", ".join(shown_identity(one) for one in same if one["spec"]["groups"][0]["name"] in twice)
        raise ChartError(
            part, f"two groups of rules are called {twice[0]}: {found}", "their names must differ within a namespace"
        )
    metadata = {"name": rules_name(part), "namespace": same[0]["metadata"]["namespace"]}
    return {
        "apiVersion": same[0]["apiVersion"],
        "kind": "PrometheusRule",
        "metadata": metadata,
        "spec": {"groups": groups},
    }
