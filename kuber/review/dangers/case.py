"""What the rules look at: one cluster before and after."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from kuber.review.changes import Plan
from kuber.review.model import Change, Danger, Level
from kuber.review.renames import Resource, renamed

KUBERNETES = "kubernetes:"
_ACCOUNT = re.compile(r"\[([^/\]]+)/[^\]]+\]$")
"""A service account of Kubernetes, as Google calls it."""


@dataclass(frozen=True)
class Case:
    """A cluster's plans and what changes between them.

    Attributes:
        stack: Its stack.
        before, after: Its resources by URN; none of a cluster that isn't there.
        changes: What happens to each that isn't left as it is.
        outputs_before, outputs_after: Outputs of its stack.
        day: For which support is judged.
    """

    stack: str
    before: Plan
    after: Plan
    changes: Sequence[Change]
    outputs_before: Mapping[str, Any]
    outputs_after: Mapping[str, Any]
    day: date

    @cached_property
    def deleted_namespaces(self) -> frozenset[str]:
        """Namespaces that go, with everything in them."""
        return frozenset(
            name_of(one.before)
            for one in self.changes
            if one.kind == "Namespace" and one.operation == "delete" and not one.retained and one.before
        )

    def goes_with_its_namespace(self, change: Change) -> bool:
        """Whether a namespace that goes takes it along, or all that it is for, so that the namespace says it all."""
        return change.before is not None and is_for(change.before, self.deleted_namespaces)

    def is_new(self, urn: str | None) -> bool:
        """Whether a resource is made by this change, such as a component with all that is in it."""
        return urn is not None and urn not in self.before and urn not in self._renamed

    @cached_property
    def _renamed(self) -> Mapping[str, str]:
        return renamed(self.before, self.after)


def danger(  # noqa: PLR0917 - read in the order in which people read it
    rule: str, level: Level, change: Change, what: str, reason: str, advice: str
) -> Danger:
    """A danger that comes with a resource's change."""
    return Danger(
        rule=rule,
        level=level,
        what=what,
        where=change.label,
        reason=reason,
        advice=advice,
        urn=change.urn,
        stacks=(change.stack,),
    )


def of_cluster(  # noqa: PLR0917 - likewise
    case: Case, rule: str, level: Level, what: str, reason: str, advice: str
) -> Danger:
    """A danger that is the whole cluster's."""
    return Danger(
        rule=rule,
        level=level,
        what=what,
        where=case.stack,
        reason=reason,
        advice=advice,
        stacks=(case.stack,),
    )


def metadata(resource: Resource | None) -> Mapping[str, Any]:
    """A Kubernetes object's metadata; empty of anything else."""
    return mapping(resource["inputs"].get("metadata")) if resource else {}


def name_of(resource: Resource | None) -> str:
    """A Kubernetes object's name."""
    return str(metadata(resource).get("name", ""))


def namespace_of(resource: Resource | None) -> str:
    """A Kubernetes object's namespace; empty where it has none."""
    return str(metadata(resource).get("namespace", ""))


def is_for(resource: Resource, namespaces: frozenset[str]) -> bool:
    """Whether an object is in one of some namespaces, or is outside of them for what is in them alone.

    That is so of rights of a namespace's accounts, in a cloud too, and of what tells the API server to ask a namespace's pods.
    """
    inputs, kind = resource["inputs"], resource["type"].rpartition(":")[2]
    if (namespace := namespace_of(resource)) and (kind != "RoleBinding" or namespace in namespaces):
        return namespace in namespaces
    match kind:
        case "PodIdentityAssociation":
            asked = [inputs.get("namespace")]
        case "IAMMember":
            asked = [found[1] if (found := _ACCOUNT.search(str(inputs.get("member")))) else None]
        case "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration":
            asked = [at(one, "clientConfig", "service", "namespace") for one in mappings(inputs.get("webhooks"))]
        case "ClusterRoleBinding" | "RoleBinding":
            asked = [one.get("namespace") for one in mappings(inputs.get("subjects"))]
        case "APIService":
            asked = [at(inputs, "spec", "service", "namespace")]
        case _:
            return False
    return bool(asked) and all(isinstance(one, str) and one in namespaces for one in asked)


def at(value: Any, *keys: str) -> Any:
    """What stands deep within mappings; None where nothing does."""
    for key in keys:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def texts(value: Any) -> list[str]:
    """A list's texts; none where it isn't one."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def mappings(value: Any) -> list[Mapping[str, Any]]:
    """A list's mappings; none where it isn't one, as of a value that isn't known."""
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def mapping(value: Any) -> Mapping[str, Any]:
    """A mapping; an empty one where it isn't one."""
    return value if isinstance(value, Mapping) else {}


def listed(told: Sequence[str], limit: int = 6) -> str:
    """The first of many, and how many there are besides."""
    return "; ".join(told[:limit]) + (f"; and {len(told) - limit} more" if len(told) > limit else "")


def changed_paths(change: Change, *, limit: int = 3) -> str:
    """The first properties that differ, for a reason; those that replace first."""
    told = sorted(change.properties, key=lambda one: not one.replaces)
    told = [one for one in told if one.replaces] or told
    shown = [f"{one.path}: {short(one.before)} becomes {short(one.after)}" for one in told[:limit]]
    return "; ".join([*shown, *([f"and {len(told) - limit} more"] if len(told) > limit else [])])


def short(value: Any) -> str:
    """A value in a few words."""
    if value is None:
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return text if len(text) <= 60 else f"{text[:57]}…"


def objects(plan: Plan, *kinds: str) -> Iterator[Resource]:
    """The Kubernetes objects of some kinds."""
    for one in plan.values():
        if one["type"].startswith(KUBERNETES) and one["type"].rpartition(":")[2] in kinds:
            yield one
