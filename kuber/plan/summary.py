"""What people are told of a plan, whatever they read it on: components, pools, CRDs, what only the cloud will tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config.cluster import CloudClusterSettings, ClusterSettings

from .document import Plan

Resource = Mapping[str, Any]

STACK = "pulumi:pulumi:Stack"
CRD_BUNDLE = "pulumi-python:dynamic/charts:CrdBundle"

_KINDS_SHOWN = 6


@dataclass(frozen=True, kw_only=True)
class Component:
    """A resource that holds others.

    Attributes:
        resource: Itself.
        size: How many resources are in it, at any depth.
        leaves: Kinds of the resources right in it that hold nothing, with their number; the most first.
        components: Those right in it that hold something.
    """

    resource: Resource
    size: int
    leaves: Mapping[str, int]
    components: Sequence[Component]

    @property
    def label(self) -> str:
        """How people call it: `Vpc prod-eks-network`."""
        return f"{kind_of(self.resource)} {self.resource['name']}"

    @property
    def protected(self) -> bool:
        """Whether the engine refuses to delete it."""
        return bool(self.resource["options"].get("protect"))

    @property
    def kinds(self) -> str:
        """Its leaves in words: `3 Route, Vpc and 12 more`."""
        named = [f"{count} {kind}" if count > 1 else kind for kind, count in self.leaves.items()]
        more = sum(list(self.leaves.values())[_KINDS_SHOWN:])
        return ", ".join(named[:_KINDS_SHOWN]) + (f" and {more} more" if more else "")


def made(plan: Plan) -> list[Resource]:
    """The resources without the stack, which isn't made."""
    return [one for one in plan.resources if one["type"] != STACK]


def component_tree(plan: Plan) -> Component:
    """The stack, as the component that holds all others."""
    children: dict[str | None, list[Resource]] = {}
    for one in plan.resources:
        children.setdefault(one["parent"], []).append(one)
    [stack] = [one for one in children[None] if one["type"] == STACK]
    return _component(stack, children)


def kind_of(resource: Resource) -> str:
    """The type without its package: `NodeGroup`; `aws provider`."""
    package, _, kind = resource["type"].rpartition(":")
    return f"{kind} provider" if package == "pulumi:providers" else kind


def pool_columns_and_rows(plan: Plan) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The pools: of a cloud by what scales them, of one's own machines by how many there are."""
    settings = plan.settings
    if isinstance(settings, CloudClusterSettings):
        columns = ("pool", "capacity", "machine types", "min–max", "disk", "zones", "version", "fingerprint")
        return columns, list(_cloud_rows(plan, settings))
    return ("pool", "machines", "zones", "labels", "taints"), list(_machine_rows(settings))


def crd_bundles(plan: Plan) -> list[str]:
    """CRDs by project: `cert-manager v1.21.1 (6)`."""
    bundles = [one for one in plan.resources if one["type"] == CRD_BUNDLE]
    return [f"{one['name']} {one['inputs']['version']} ({len(one['inputs']['crds'])})" for one in bundles]


def brought(plan: Plan) -> list[str]:
    """What the platform brings, in words."""
    return [one.replace("_", " ") for one in plan.outputs.get("brings", ())]


def unknown(plan: Plan) -> tuple[int, dict[str, list[str]]]:
    """What only an apply can tell: how many values, and the properties by kind of resource."""
    kinds: dict[str, Counter[str]] = {}
    for resource in plan.resources:
        for path in resource["unknown"]:
            kinds.setdefault(kind_of(resource), Counter())[path.partition(".")[0].partition("[")[0]] += 1
    total = sum(sum(properties.values()) for properties in kinds.values())
    return total, {kind: sorted(properties) for kind, properties in sorted(kinds.items())}


def count(number: int, what: str) -> str:
    """A number with its noun: `1 resource`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _component(resource: Resource, children: Mapping[str | None, Sequence[Resource]]) -> Component:
    below = children.get(resource["urn"], ())
    components = [_component(one, children) for one in below if one["urn"] in children]
    leaves = Counter(kind_of(one) for one in below if one["urn"] not in children)
    return Component(
        resource=resource,
        size=len(below) + sum(one.size for one in components),
        leaves=dict(leaves.most_common()),
        components=components,
    )


def _cloud_rows(plan: Plan, settings: CloudClusterSettings) -> Iterator[tuple[str, ...]]:
    names = {}
    for resource in plan.resources:
        physical = resource["inputs"].get("nodeGroupName") or resource["inputs"].get("name")
        if resource["type"].endswith((":NodeGroup", ":NodePool")):
            name, _, fingerprint = physical.rpartition("-")
            names[name] = fingerprint
    for name, pool in settings.pools.items():
        zones = [zone.removeprefix(settings.region).lstrip("-") for zone in pool.zones or settings.zones]
        yield (
            name,
            pool.capacity.replace("_", " "),
            ", ".join(pool.machine_types),
            f"{pool.min}–{pool.max}",
            f"{pool.disk_gib} GiB",
            ", ".join(zones),
            pool.version or settings.kubernetes.version,
            names.get(name, ""),
        )


def _machine_rows(settings: ClusterSettings) -> Iterator[tuple[str, ...]]:
    from config.bare_metal import BareMetalCluster

    assert isinstance(settings, BareMetalCluster)
    for pool_name in [None, *settings.pools]:
        machines = [machine for machine in settings.machines.values() if machine.pool == pool_name]
        pool = settings.pools[pool_name] if pool_name else None
        yield (
            pool_name or "control plane",
            str(len(machines)),
            ", ".join(sorted({machine.zone for machine in machines})),
            ", ".join(f"{key}={value}" for key, value in pool.labels.items()) if pool else "",
            ", ".join(f"{taint.key}={taint.value}:{taint.effect}" for taint in pool.taints) if pool else "",
        )
