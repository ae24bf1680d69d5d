"""What can be told of a CustomResourceDefinition's versions, from a chart or from a cluster."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any


def served_versions(definition: Mapping[str, Any]) -> list[str]:
    """Versions that can be asked for."""
    return sorted(one["name"] for one in definition["spec"]["versions"] if one["served"])


def stored_version(definition: Mapping[str, Any]) -> str:
    """The version that objects are stored in from now on."""
    return next(one["name"] for one in definition["spec"]["versions"] if one["storage"])


def shown_versions(served: Collection[str], stored: str) -> str:
    """For a plan: `v1 (stored), v1beta1`."""
    texts = [f"{version} (stored)" if version == stored else version for version in served]
    return ", ".join(texts if stored in served else [*texts, f"{stored} (stored, not served)"])


def formerly_stored(live: Mapping[str, Any]) -> list[str]:
    """Versions that a cluster may still have objects in (`status.storedVersions`), but stores no new ones in."""
    return sorted({*((live.get("status") or {}).get("storedVersions") or ())} - {stored_version(live)})


def lost_versions(stored: Collection[str], definition: Mapping[str, Any]) -> list[str]:
    """Stored versions that a definition doesn't have any more: their objects could never be read again."""
    return sorted({*stored} - {one["name"] for one in definition["spec"]["versions"]})


def how_to_migrate(name: str, definition: Mapping[str, Any], lost: Sequence[str]) -> str:
    """What a person does before a version may go."""
    kept = stored_version(definition)
    status = f'{{"status":{{"storedVersions":["{kept}"]}}}}'
    return (
        f"once the cluster's CRD stores {kept} (by a release that has both, if it doesn't yet), write each object anew: "
        f"`kubectl get {name} -A -o json | kubectl replace -f -`; then say that none is left in {', '.join(lost)}: "
        f"`kubectl patch crd {name} --subresource=status --type=merge -p '{status}'`"
    )
