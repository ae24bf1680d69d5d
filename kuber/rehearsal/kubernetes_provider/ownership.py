"""Who owns which fields of an object, by its metadata.managedFields (Kubernetes documentation, "Server-Side Apply")."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from kuber.replacement.kubernetes import Path

Object = dict[str, Any]

CREATOR = "pulumi-kubernetes"
"""The manager under which the provider creates; its fields go to the resource's own manager at the first update
(pulumi-kubernetes #4278)."""

_TAKEN_OVER = {
    "Apply": ("kubectl",),
    "Update": ("kubectl", "before-first-apply", CREATOR, "pulumi-resource-kubernetes"),
}
"""By operation, the beginnings of the names of managers whose fields an update takes over (pulumi-kubernetes: await.go,
fixCSAFieldManagers; fluxcd/pkg: ssa, where a name is a prefix). So what somebody did by `kubectl edit` is undone, not a conflict."""


def handed_over(live: Mapping[str, Any], manager: str) -> list[Object] | None:
    """The managed fields of an object once its creator's are those of `manager`; None where nothing is to be handed over."""
    entries: list[Object] = live["metadata"].get("managedFields") or []
    taken = [entry for entry in entries if _is_taken_over(entry)]
    if not taken:
        return None
    own = next((entry for entry in entries if _is_own(entry, manager)), None)
    merged = copy.deepcopy(own or taken[0])
    merged |= {"manager": manager, "operation": "Apply"}
    for entry in taken:
        _add(merged["fieldsV1"], entry.get("fieldsV1") or {})
    others = [entry for entry in entries if not _is_taken_over(entry) and not _is_own(entry, manager)]
    return [merged, *others]


def owned_by_others_alone(live: Mapping[str, Any], manager: str, path: Path) -> bool:
    """Whether a field is someone else's and not the manager's."""
    entries: list[Object] = live["metadata"].get("managedFields") or []
    ours = (entry for entry in entries if entry.get("manager") == manager)
    theirs = (entry for entry in entries if entry.get("manager") != manager)
    return _owns(theirs, path) and not _owns(ours, path)


def created_by_the_provider(live: Mapping[str, Any]) -> bool:
    """Whether fields still belong to the manager that created the object."""
    creators = (CREATOR, "pulumi-resource-kubernetes")
    entries: list[Object] = live["metadata"].get("managedFields") or []
    return any(entry.get("operation") == "Update" and entry.get("manager") in creators for entry in entries)


def _is_taken_over(entry: Mapping[str, Any]) -> bool:
    beginnings = _TAKEN_OVER.get(entry.get("operation", ""), ())
    return str(entry.get("manager")).startswith(beginnings) and not entry.get("subresource")


def _is_own(entry: Mapping[str, Any], manager: str) -> bool:
    return entry.get("manager") == manager and entry.get("operation") == "Apply" and not entry.get("subresource")


def _add(fields: Object, more: Mapping[str, Any]) -> None:
    for name, below in more.items():
        _add(fields.setdefault(name, {}), below)


def _owns(entries: Iterable[Mapping[str, Any]], path: Path) -> bool:
    for entry in entries:
        fields: Any = entry.get("fieldsV1") or {}
        for part in path:
            fields = fields.get(f"f:{part}") if isinstance(fields, dict) else None
            if fields is None:
                break
        else:
            return True
    return False
