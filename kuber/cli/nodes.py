"""`kuber nodes`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from config.bare_metal import BareMetalCluster
from config.stack_file import CONFIG_KEY, read, read_source, stack_file_path
from kuber.project import find_project

from .errors import PROBLEM_FOUND, CommandError, UsageError
from .plan import ensure_stack

if TYPE_CHECKING:
    from kuber.nodes.comparison import Difference
    from kuber.nodes.live import LiveNode


def run(stack: str, as_json: bool, timeout_seconds: float, project: Path | None) -> None:
    """Compare the inventory with the live nodes; leave with 1 where they don't agree."""
    folder = find_project(project)
    ensure_stack(stack, folder)
    settings = read(stack, folder)
    if not isinstance(settings, BareMetalCluster):
        raise UsageError(
            f"{stack} is on {settings.platform}: its nodes are the cloud's to make, by pools; there is no inventory\n"
            f"    hint:     `kuber plan {stack}` shows the pools; `kubectl get nodes` what they have made"
        )

    from kuber.nodes.comparison import differences
    from kuber.nodes.live import UnreachableError, live_nodes

    print(f"asking {settings.provisioner.server} for the nodes of {stack}", file=sys.stderr)
    try:
        nodes = live_nodes(stack, settings.provisioner, timeout_seconds)
    except UnreachableError as error:
        raise CommandError(f"{stack}: {error}") from None
    source = read_source(stack_file_path(stack, folder))
    found = [
        replace(one, problem=replace(one.problem, line=source.line_of(("config", CONFIG_KEY, *one.problem.path))))
        for one in differences(settings, nodes)
    ]
    if as_json:
        print(json.dumps(_as_json(stack, settings, nodes, found), indent=2))
    else:
        _show(stack, settings, nodes, found)
    if found:
        sys.exit(PROBLEM_FOUND)


def _show(stack: str, settings: BareMetalCluster, nodes: Sequence[LiveNode], found: Sequence[Difference]) -> None:
    from rich.table import Table

    from kuber.console import console_for

    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in ("node", "role", "pool", "address", "kubelet", "state"):
        table.add_column(column)
    for row in _rows(settings, nodes, found):
        colour = "green" if row[-1] == "agrees" else "red"
        table.add_row(*row[:-1], f"[{colour}]{row[-1]}[/{colour}]")
    console_for(sys.stdout).print(table)
    print(f"\n{stack}: {len(settings.machines)} machines in the inventory, {len(nodes)} nodes")
    for one in found:
        print(one.problem.text(f"Pulumi.{stack}.yaml"))
    if not found:
        print("The inventory and the nodes agree.")


def _rows(
    settings: BareMetalCluster, nodes: Sequence[LiveNode], found: Sequence[Difference]
) -> Iterator[tuple[str, ...]]:
    """A row for each machine and each node that no machine is known for."""
    live = {node.name: node for node in nodes}
    for name in [*settings.machines, *(name for name in live if name not in settings.machines)]:
        machine, node = settings.machines.get(name), live.get(name)
        kinds = [one.kind.replace("_", " ") for one in found if one.node == name]
        yield (
            name,
            (node.role if node else machine.role if machine else "").replace("_", " "),
            (machine.pool if machine else None) or "-",
            ", ".join(node.addresses) if node else "-",
            node.kubelet if node else "-",
            ", ".join(kinds) or "agrees",
        )


def _as_json(
    stack: str, settings: BareMetalCluster, nodes: Sequence[LiveNode], found: Sequence[Difference]
) -> dict[str, Any]:
    return {
        "format": 1,
        "stack": stack,
        "machines": len(settings.machines),
        "nodes": [
            {
                "name": node.name,
                "role": node.role,
                "addresses": list(node.addresses),
                "kubelet": node.kubelet,
                "ready": node.not_ready is None,
                "in_inventory": node.name in settings.machines,
            }
            for node in nodes
        ],
        "problems": [
            {
                "node": one.node,
                "kind": one.kind,
                "line": one.problem.line,
                "message": one.problem.message,
                "found": one.problem.found,
                "expected": one.problem.expected,
                "hint": one.problem.hint,
            }
            for one in found
        ],
    }
