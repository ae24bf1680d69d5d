"""Compares the inventory with the live nodes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from components.node_pools.naming import machine_labels, machine_taints
from config.bare_metal import BareMetalCluster
from config.errors import Problem, shown
from config.kubernetes import skew_problem, version_table

from .live import LiveNode

Kind = Literal["missing", "unknown", "address", "role", "not_ready", "version", "labels", "taints"]

_SYSTEM_TAINT = re.compile(r"^node(-role|\.cloudprovider)?\.kubernetes\.io/")
"""Taints that Kubernetes itself puts on nodes: control plane, not ready, unreachable, cordoned."""
_VERSION = re.compile(r"^1\.\d+\.")


@dataclass(frozen=True)
class Difference:
    """Something in which inventory and cluster don't agree.

    Attributes:
        node: The machine, or node, that it is about.
        kind: What kind of difference it is.
        problem: The difference; its path counts from the cluster's settings.
    """

    node: str
    kind: Kind
    problem: Problem


def differences(settings: BareMetalCluster, nodes: Sequence[LiveNode]) -> Iterator[Difference]:
    """All differences, in the inventory's order; nodes that it doesn't know come last."""
    live = {node.name: node for node in nodes}
    for name in settings.machines:
        if name in live:
            yield from _of_node(settings, live[name])
        else:
            yield _difference(
                name,
                "missing",
                message="the cluster has no such node",
                expected="a node of this name",
                hint="has the machine joined the cluster? Is its node named otherwise?",
            )
    for name, node in live.items():
        if name not in settings.machines:
            yield _difference(
                name,
                "unknown",
                message="a node that the inventory doesn't know",
                found=", ".join(node.addresses) or "no address",
                expected="a machine of the inventory",
                hint="add it to `machines`, or take it out of the cluster",
            )


def _of_node(settings: BareMetalCluster, node: LiveNode) -> Iterator[Difference]:
    machine = settings.machines[node.name]
    if str(machine.address) not in node.addresses:
        found = ", ".join(node.addresses) or "no internal address"
        yield _difference(
            node.name, "address", message="the node has another address", found=found, expected=str(machine.address)
        )
    if machine.role != node.role:
        yield _difference(
            node.name,
            "role",
            message="the node has another role",
            found=node.role,
            expected=machine.role,
            hint="a node is of the control plane by its label node-role.kubernetes.io/control-plane",
        )
    if node.not_ready is not None:
        yield _difference(
            node.name, "not_ready", message="the node is not ready", found=node.not_ready, expected="Ready"
        )
    yield from _version(settings, node)
    yield from _labels(machine_labels(settings, node.name), node)
    yield from _taints([(one.key, one.value, one.effect) for one in machine_taints(settings, node.name)], node)


def _version(settings: BareMetalCluster, node: LiveNode) -> Iterator[Difference]:
    control_plane, skew = settings.kubernetes.version, version_table(settings.version_source).node_skew
    if not _VERSION.match(node.kubelet):
        yield _difference(
            node.name,
            "version",
            message="the kubelet's version can't be told",
            found=shown(node.kubelet),
            expected=f"such as {control_plane}.0",
        )
    elif problem := skew_problem(node.kubelet, control_plane, skew):
        yield _difference(
            node.name,
            "version",
            message=f"the kubelet {problem.message.removeprefix('the pool ')}, {control_plane}",
            found=node.kubelet,
            expected=problem.expected,
        )


def _labels(wanted: Mapping[str, str], node: LiveNode) -> Iterator[Difference]:
    other = {key: node.labels.get(key) for key, value in wanted.items() if node.labels.get(key) != value}
    if other:
        yield _difference(
            node.name,
            "labels",
            message="labels are not as the inventory has them",
            found=", ".join(f"{key} {'missing' if value is None else shown(value)}" for key, value in other.items()),
            expected=", ".join(f"{key}={wanted[key]}" for key in other),
            hint="`pulumi up` sets them",
        )


def _taints(wanted: Sequence[tuple[str, str, str]], node: LiveNode) -> Iterator[Difference]:
    """Taints of others are told only where the inventory names some: to the API server they are one list, set whole."""
    missing = [one for one in wanted if one not in node.taints]
    extra = [one for one in node.taints if one not in wanted and not _SYSTEM_TAINT.match(one[0])] if wanted else []
    if missing or extra:
        yield _difference(
            node.name,
            "taints",
            message="taints are not as the inventory has them",
            found=", ".join(map(_taint, node.taints)) or "none",
            expected=", ".join(map(_taint, wanted)),
            hint="`pulumi up` sets them",
        )


def _taint(taint: tuple[str, str, str]) -> str:
    key, value, effect = taint
    return f"{key}={value}:{effect}" if value else f"{key}:{effect}"


def _difference(
    node: str, kind: Kind, *, message: str, expected: str | None, found: str | None = None, hint: str | None = None
) -> Difference:
    problem = Problem(path=("machines", node), message=message, found=found, expected=expected, hint=hint)
    return Difference(node, kind, problem)
