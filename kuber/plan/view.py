"""The plan as people read it on a terminal: a tree of components, the pools, what only the cloud will tell, warnings."""

from __future__ import annotations

from typing import TextIO

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.tree import Tree

from kuber.console import console_for

from .document import Plan
from .summary import (
    Component,
    brought,
    component_tree,
    count,
    crd_bundles,
    kind_of,
    made,
    pool_columns_and_rows,
    unknown,
)


def show(plan: Plan, file: TextIO) -> None:
    """Write the plan; in colour on a terminal, plain elsewhere."""
    console, settings = console_for(file), plan.settings
    console.print(
        f"[bold]{plan.stack}[/bold]: {settings.platform}, {settings.environment}, "
        f"Kubernetes {settings.kubernetes.version}, {count(len(made(plan)), 'resource')}\n"
    )
    tree = Tree("components", hide_root=True)
    _grow(tree, component_tree(plan))
    console.print(tree)
    console.print()
    console.print(pool_table(plan))
    if brings := brought(plan):
        console.print(f"\nThe platform brings: {', '.join(brings)}")
    if bundles := crd_bundles(plan):
        console.print(f"\nCRDs, applied first and never deleted: {', '.join(bundles)}")
    _show_unknown(plan, console)
    for warning in plan.warnings:
        console.print(f"[yellow]warning:[/yellow] {escape(warning)}")


def pool_table(plan: Plan) -> Table:
    """The pools: of a cloud by what scales them, of one's own machines by how many there are."""
    columns, rows = pool_columns_and_rows(plan)
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column != "machine types")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    return table


def _grow(tree: Tree, component: Component) -> None:
    """Components with what they are made of, counted by kind."""
    if component.leaves:
        tree.add(f"[dim]{escape(component.kinds)}[/dim]")
    for one in component.components:
        kind, name = kind_of(one.resource), escape(one.resource["name"])
        protected = " [green]protected[/green]" if one.protected else ""
        branch = tree.add(f"[bold]{kind}[/bold] {name}  [dim]{count(one.size, 'resource')}[/dim]{protected}")
        _grow(branch, one)


def _show_unknown(plan: Plan, console: Console) -> None:
    """What only an apply can tell, by kind of resource and property."""
    total, kinds = unknown(plan)
    if not total:
        console.print("\nNothing is unknown until apply.\n")
        return
    console.print(f"\nUnknown until apply: {count(total, 'value')}")
    for kind, properties in kinds.items():
        console.print(f"  [dim]{kind}[/dim] {escape(', '.join(properties))}")
    console.print()
