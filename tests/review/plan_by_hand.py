"""Plans written by hand, for tests of what becomes of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kuber.plan.registration import unknown_paths

STACK_TYPE = "pulumi:pulumi:Stack"
ROOT = "urn:pulumi:prod::kuber::pulumi:pulumi:Stack::kuber-prod"

Resource = Mapping[str, Any]


def resource(
    type_: str,
    name: str,
    inputs: Mapping[str, Any] | None = None,
    *,
    parent: Resource | None = None,
    provider: Resource | None = None,
    unknown_from: Mapping[str, Sequence[Resource]] | None = None,
    depends_on: Sequence[Resource] = (),
    **options: Any,
) -> Resource:
    """One resource as `kuber plan --json` has it, with options as that calls them."""
    above = parent["urn"].split("::")[2] + "$" if parent else ""
    tellers = {key: [one["urn"] for one in resources] for key, resources in (unknown_from or {}).items()}
    depends = sorted({*(one["urn"] for one in depends_on), *(urn for urns in tellers.values() for urn in urns)})
    return {
        "urn": f"urn:pulumi:prod::kuber::{above}{type_}::{name}",
        "type": type_,
        "name": name,
        "parent": parent["urn"] if parent else ROOT,
        "provider": provider["urn"] if provider else None,
        "inputs": dict(inputs or {}),
        "unknown": sorted(unknown_paths(dict(inputs or {}))),
        "unknownFrom": tellers,
        "options": {**options, **({"dependsOn": depends} if depends else {})},
    }


def plan(*resources: Resource) -> dict[str, Resource]:
    """A plan of some resources, by URN; the stack itself is among them."""
    root = {**resource(STACK_TYPE, "kuber-prod"), "urn": ROOT, "parent": None}
    return {one["urn"]: one for one in (root, *resources)}
