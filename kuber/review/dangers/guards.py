"""What keeps others from doing harm, and goes: policies, quotas, budgets, webhooks; and Pod Security that asks for less."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kuber.review.model import Change, Danger, Level
from kuber.review.renames import Resource
from kuber.selectors import selects

from .case import KUBERNETES, Case, at, danger, mapping, mappings, name_of, namespace_of, short
from .workload_pods import pod_labels, workloads

_LEVELS = ("privileged", "baseline", "restricted")
_ENFORCE = "pod-security.kubernetes.io/enforce"
_GUARDS: Mapping[str, tuple[Level, str]] = {
    "ValidatingAdmissionPolicy": ("high", "what it refused is let in"),
    "ValidatingAdmissionPolicyBinding": ("high", "its policy no longer holds"),
    "ValidatingWebhookConfiguration": ("high", "what it refused is let in"),
    "MutatingWebhookConfiguration": ("medium", "new pods and objects lack what it added, such as the mesh's proxy"),
    "LimitRange": ("medium", "pods without limits may take all of a node"),
    "ResourceQuota": ("medium", "a namespace may take all of the cluster"),
    "PodDisruptionBudget": ("medium", "a drain may take all of its pods at once"),
    "Policy": ("high", "requests that it refused are let in"),
}


def guards(case: Case) -> Iterator[Danger]:
    """What refused something and is removed, or is no longer asked. Of NetworkPolicies their own rule tells."""
    for change in case.changes:
        if not change.type.startswith(KUBERNETES) or change.before is None:
            continue
        if (
            change.operation == "delete"
            and change.kind in _GUARDS
            and not _is_missed_by_nobody(case, change, change.before)
        ):
            level, reason = _GUARDS[change.kind]
            yield _removed(change, level, f"{change.label} is removed", reason)
        elif change.after:
            if lost := sorted(_asked(change.before) - _asked(change.after)):
                yield _removed(
                    change,
                    "high",
                    f"{change.label} no longer asks {', '.join(lost)}",
                    "requests that it refused are let in",
                )
            if change.kind == "Policy" and (lost := sorted(_checks(change.before) - _checks(change.after))):
                told = ", ".join(lost)
                yield _removed(
                    change, "high", f"{change.label} no longer checks {told}", "requests that it refused are let in"
                )


def pod_security(case: Case) -> Iterator[Danger]:
    """Namespaces whose pods may do more."""
    for change in case.changes:
        if change.kind not in ("Namespace", "NamespacePatch") or change.before is None:
            continue
        if change.after is None and (change.kind == "Namespace" or change.retained):
            continue
        before, after = (at(change.inputs(when), "metadata", "labels", _ENFORCE) for when in ("before", "after"))
        if _rank(after) < _rank(before) and (after is None or after in _LEVELS):
            yield danger(
                "pod-security-lowered",
                "high",
                change,
                f"Pod Security of {name_of(change.before)} goes from {before or 'none'} to {after or 'none'}",
                "pods in it may do what was refused until now, up to taking over their node",
                "Keep the level, and give the one pod that needs more a namespace of its own.",
            )


def budgets(case: Case) -> Iterator[Danger]:
    """Disruption budgets that let more pods go at once."""
    for change in case.changes:
        if change.kind != "PodDisruptionBudget" or not change.before or not change.after:
            continue
        old, new = (mapping(change.inputs(when).get("spec")) for when in ("before", "after"))
        if _allows_more(old, new):
            told = [
                f"{key}: {short(old.get(key))} becomes {short(new.get(key))}"
                for key in _LIMITS
                if old.get(key) != new.get(key)
            ]
            yield danger(
                "guard-loosened",
                "medium",
                change,
                f"{change.label} lets more pods go at once",
                "; ".join(told),
                "See that what is left can carry the load while a node is drained.",
            )


_LIMITS = ("maxUnavailable", "minAvailable")


def _allows_more(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a budget's limit is looser; limits of different kinds can't be compared, and any one is tighter than none."""
    limits = [[(key, spec[key]) for key in _LIMITS if spec.get(key) is not None] for spec in (old, new)]
    if not limits[0] or not limits[1]:
        return bool(limits[0])
    (key, before), (other, after) = limits[0][0], limits[1][0]
    if key != other or isinstance(before, str) != isinstance(after, str):
        return True
    numbers = [int(digits[0]) if (digits := re.match(r"\d+", str(one))) else 0 for one in (before, after)]
    return numbers[1] > numbers[0] if key == "maxUnavailable" else numbers[1] < numbers[0]


def _removed(change: Change, level: Level, what: str, reason: str) -> Danger:
    return danger(
        "guard-removed", level, change, what, reason, "Say in the change why it is no longer needed, or keep it."
    )


def _is_missed_by_nobody(case: Case, change: Change, guard: Resource) -> bool:
    """Whether what it guarded goes too."""
    if change.retained or case.goes_with_its_namespace(change):
        return True
    if change.kind != "PodDisruptionBudget":
        return False
    selector = at(guard["inputs"], "spec", "selector")
    return not any(selects(selector, pod_labels(one)) for one in workloads(case.after, namespace_of(guard)))


def _asked(resource: Resource) -> set[str]:
    """Policies, or middlewares, that requests of a host pass."""
    spec = mapping(resource["inputs"].get("spec"))
    match resource["type"].rpartition(":")[2]:
        case "VirtualServer":
            places = [spec, *mappings(spec.get("routes"))]
            return {f"policy {one.get('name')}" for place in places for one in mappings(place.get("policies"))}
        case "IngressRoute":
            return {
                f"middleware {one.get('name')}"
                for route in mappings(spec.get("routes"))
                for one in mappings(route.get("middlewares"))
            }
        case _:
            return set()


def _checks(policy: Resource) -> set[str]:
    spec = mapping(policy["inputs"].get("spec"))
    found = {
        key for key in ("accessControl", "ingressMTLS", "basicAuth", "jwt", "oidc", "rateLimit", "waf") if spec.get(key)
    }
    verified: Any = at(spec, "ingressMTLS", "verifyClient")
    return found | ({"certificates of clients"} if verified in (None, "on") and "ingressMTLS" in found else set())


def _rank(level: Any) -> int:
    return _LEVELS.index(level) if level in _LEVELS else 0  # without a label all is let in, as where it says privileged
