"""The plan as people read it: a tree of components, the pools, what only the cloud will tell, warnings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from config.cluster import CloudClusterSettings, ClusterSettings
from kuber.console import console_for

from .document import Plan

_KINDS_SHOWN = 6
CRD_BUNDLE = "pulumi-python:dynamic/charts:CrdBundle"


def show(plan: Plan, file: TextIO) -> None:
    """Write the plan; in colour on a terminal, plain elsewhere."""
    console, settings = console_for(file), plan.settings
    made = [resource for resource in plan.resources if resource["type"] != "pulumi:pulumi:Stack"]
    console.print(
        f"[bold]{plan.stack}[/bold]: {settings.platform}, {settings.environment}, "
        f"Kubernetes {settings.kubernetes.version}, {_count(len(made), 'resource')}\n"
    )
    console.print(component_tree(plan))
    console.print()
    console.print(pool_table(plan))
    if brings := plan.outputs.get("brings"):
        console.print(f"\nThe platform brings: {', '.join(brings).replace('_', ' ')}")
    if bundles := [one for one in plan.resources if one["type"] == CRD_BUNDLE]:
        shown = [f"{one['name']} {one['inputs']['version']} ({len(one['inputs']['crds'])})" for one in bundles]
        console.print(f"\nCRDs, applied first and never deleted: {', '.join(shown)}")
    _show_unknown(plan, console)
    for warning in plan.warnings:
        console.print(f"[yellow]warning:[/yellow] {escape(warning)}")


def component_tree(plan: Plan) -> Tree:
    """Components with what they are made of, counted by kind."""
    children: dict[str | None, list[Mapping[str, Any]]] = {}
    for resource in plan.resources:
        children.setdefault(resource["parent"], []).append(resource)
    root = Tree("components", hide_root=True)
    for stack in children.get(None, []):
        if stack["type"] == "pulumi:pulumi:Stack":
            _grow(root, stack, children)
    return root


def _grow(tree: Tree, resource: Mapping[str, Any], children: Mapping[str | None, list[Mapping[str, Any]]]) -> None:
    below = children.get(resource["urn"], [])
    components = [child for child in below if child["urn"] in children]
    leaves = Counter(_kind(child) for child in below if child["urn"] not in children)
    if leaves:
        tree.add(f"[dim]{escape(_kinds(leaves))}[/dim]")
    for child in components:
        protected = " [green]protected[/green]" if child["options"].get("protect") else ""
        size = _count(_size(child, children), "resource")
        branch = tree.add(f"[bold]{_kind(child)}[/bold] {escape(child['name'])}  [dim]{size}[/dim]{protected}")
        _grow(branch, child, children)


def _size(resource: Mapping[str, Any], children: Mapping[str | None, list[Mapping[str, Any]]]) -> int:
    below = children.get(resource["urn"], [])
    return len(below) + sum(_size(child, children) for child in below)


def _kind(resource: Mapping[str, Any]) -> str:
    package, _, kind = resource["type"].rpartition(":")
    return f"{kind} provider" if package == "pulumi:providers" else kind


def _kinds(kinds: Counter[str]) -> str:
    named = [f"{count} {kind}" if count > 1 else kind for kind, count in kinds.most_common()]
    more = sum(kinds.values()) - sum(count for _, count in kinds.most_common(_KINDS_SHOWN))
    return ", ".join(named[:_KINDS_SHOWN]) + (f" and {more} more" if more else "")


def pool_table(plan: Plan) -> Table:
    """The pools: of a cloud by what scales them, of one's own machines by how many there are."""
    settings = plan.settings
    table = Table(box=None, header_style="bold", pad_edge=False)
    if isinstance(settings, CloudClusterSettings):
        columns = ("pool", "capacity", "machine types", "min–max", "disk", "zones", "version", "fingerprint")
        rows = list(_cloud_rows(plan, settings))
    else:
        columns, rows = ("pool", "machines", "zones", "labels", "taints"), list(_machine_rows(settings))
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column != "machine types")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    return table


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


def _show_unknown(plan: Plan, console: Console) -> None:
    """What only an apply can tell, by kind of resource and property."""
    kinds: dict[str, Counter[str]] = {}
    for resource in plan.resources:
        for path in resource["unknown"]:
            kinds.setdefault(_kind(resource), Counter())[path.partition(".")[0].partition("[")[0]] += 1
    total = sum(sum(properties.values()) for properties in kinds.values())
    if not total:
        console.print("\nNothing is unknown until apply.\n")
        return
    console.print(f"\nUnknown until apply: {_count(total, 'value')}")
    for kind, properties in sorted(kinds.items()):
        console.print(f"  [dim]{kind}[/dim] {escape(', '.join(sorted(properties)))}")
    console.print()


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
