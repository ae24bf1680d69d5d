"""Policies and webhooks that the API server asks: those that stay, and refuse less than they did."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kuber.review.model import Danger
from kuber.review.renames import Resource

from .case import KUBERNETES, Case, at, danger, mappings, texts

_WEBHOOKS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
_SCOPES = ("namespaceSelector", "objectSelector", "rules", "matchConditions")

_ON_FAILURE = "lets in what can't be judged"
_NOT_ASKED = "no longer asked"
_NOT_REFUSED = "its policy no longer refuses"
_GRAVE = (_ON_FAILURE, _NOT_ASKED, _NOT_REFUSED)


def admission(case: Case) -> Iterator[Danger]:
    """What lets in more of those that are asked before an object is stored."""
    for change in case.changes:
        if not change.type.startswith(KUBERNETES) or not change.before or not change.after:
            continue
        match change.kind:
            case "ValidatingAdmissionPolicy":
                told = list(_of_policy(change.before, change.after))
            case "ValidatingAdmissionPolicyBinding":
                told = list(_of_binding(change.before, change.after))
            case kind if kind in _WEBHOOKS:
                told = list(_of_webhooks(change.before, change.after))
            case _:
                continue
        if told:
            refuses = change.kind != "MutatingWebhookConfiguration"
            yield danger(
                "guard-loosened",
                "high" if refuses and any(one.endswith(_GRAVE) for one in told) else "medium",
                change,
                f"{change.label} {'refuses' if refuses else 'adds'} less",
                "; ".join(told),
                "See that nobody relies on it, or keep it as it is.",
            )


def _of_policy(before: Resource, after: Resource) -> Iterator[str]:
    old, new = (one["inputs"].get("spec") for one in (before, after))
    if _ignores(new) and not _ignores(old):
        yield f"it {_ON_FAILURE}"
    checks = [{str(one.get("expression")) for one in mappings(at(spec, "validations"))} for spec in (old, new)]
    if lost := len(checks[0] - checks[1]):
        verb = "is" if lost == 1 else "are"
        told = f"{verb} written otherwise" if checks[1] - checks[0] else f"{verb} {_NOT_ASKED}"
        yield f"of its {len(checks[0])} checks, {lost} {told}"
    yield from (f"{key} is another" for key in ("matchConstraints", "matchConditions") if at(old, key) != at(new, key))


def _of_binding(before: Resource, after: Resource) -> Iterator[str]:
    old, new = (one["inputs"].get("spec") for one in (before, after))
    actions = [texts(at(spec, "validationActions")) for spec in (old, new)]
    if "Deny" in actions[0] and "Deny" not in actions[1]:
        yield f"{', '.join(actions[1]) or 'nothing'} instead of Deny: {_NOT_REFUSED}"
    yield from (f"{key} is another" for key in ("matchResources", "paramRef") if at(old, key) != at(new, key))


def _of_webhooks(before: Resource, after: Resource) -> Iterator[str]:
    olds, news = (_by_name(one) for one in (before, after))
    for name, old in olds.items():
        new = news.get(name)
        if new is None:
            yield f"{name} is {_NOT_ASKED}"
            continue
        if _ignores(new) and not _ignores(old):
            yield f"{name} {_ON_FAILURE}"
        yield from (f"{key} of {name} is another" for key in _SCOPES if old.get(key) != new.get(key))


def _by_name(resource: Resource) -> Mapping[str, Mapping[str, Any]]:
    return {str(one.get("name")): one for one in mappings(resource["inputs"].get("webhooks"))}


def _ignores(policy: Any) -> bool:
    """Whether what can't be judged is let in; the API server refuses it where nothing is said."""
    return at(policy, "failurePolicy") == "Ignore"
