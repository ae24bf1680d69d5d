"""What selects by labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def selects(selector: Any, labels: Mapping[str, Any]) -> bool:
    """Whether a label selector takes what has some labels; an empty one takes all, and where there is none nothing is taken.

    The rule is that of the Kubernetes documentation, "Labels and Selectors". Of what isn't known of a selector nothing is asked.
    """
    if not isinstance(selector, Mapping):
        return False
    equal, requirements = selector.get("matchLabels"), selector.get("matchExpressions")
    return all(
        labels.get(key) == value for key, value in (equal.items() if isinstance(equal, Mapping) else ())
    ) and all(
        requirement_holds(one, labels)
        for one in (requirements if isinstance(requirements, list) else ())
        if isinstance(one, Mapping)
    )


def requirement_holds(requirement: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    """Whether labels meet one requirement of a selector (Kubernetes API: LabelSelectorRequirement, NodeSelectorRequirement).

    `Gt` and `Lt`, which compare numbers of nodes, and whatever else isn't known never hold.
    """
    key, given = str(requirement.get("key")), requirement.get("values")
    values = [one for one in given if isinstance(one, str)] if isinstance(given, list) else []
    match requirement.get("operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return False
