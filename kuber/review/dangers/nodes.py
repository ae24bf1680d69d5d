"""Node pools that come, go, change their size or are replaced; and how many nodes and pods that moves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from config.node_pools import POOL_LABEL
from kuber.review.model import Change, Danger, Pool
from kuber.review.pools import GKE_POOL, NODE_GROUP, pool_of
from kuber.review.properties import differences, is_within, steps_of_path
from kuber.review.renames import Resource

from .case import Case, at, changed_paths, danger, mapping, mappings, metadata, name_of, objects, short
from .versions import kubernetes_versions
from .workload_pods import OF_OPERATORS, template_of

_NAMES = ("nodeGroupName", "name", "launchTemplate")
_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
_ROLLING: Mapping[str, Sequence[str]] = {
    NODE_GROUP: ("version", "releaseVersion", "launchTemplate"),
    GKE_POOL: (
        "version",
        *(
            f"nodeConfig.{one}"
            for one in (
                "machineType",
                "diskSizeGb",
                "diskType",
                "imageType",
                "kubeletConfig",
                "linuxNodeConfig",
                "workloadMetadataConfig",
            )
        ),
    ),
}
"""What a cloud changes of a pool by making its nodes anew (EKS: UpdateNodegroupVersion; GKE: nodePools.update)."""


def pools(case: Case) -> Iterator[Danger]:
    """Every pool that isn't what it was."""
    old, new = _found(case.before), _found(case.after)
    changed = {**{one.renamed_from: one for one in case.changes}, **{one.urn: one for one in case.changes}}
    for name, (pool, resource) in old.items():
        if name not in new:
            gone = changed.get(resource["urn"])
            if gone and (twin := _renamed(pool, old, new)):
                yield _is_renamed(case, gone, pool, twin)
            elif gone:
                yield _goes(case, gone, pool)
            continue
        after, head = new[name]
        change = changed.get(head["urn"])
        if head["urn"] != resource["urn"] and (gone := changed.get(resource["urn"])) and gone.operation == "delete":
            yield _replaced(case, gone, pool, _differing(case, resource, head), deletes_first=False)
        elif change and change.operation == "replace":
            told = changed_paths(change) if any(one.replaces for one in change.properties) else change.because
            yield _replaced(case, change, pool, told, deletes_first=change.deletes_first)
        elif change:
            yield from _resized(change, pool, after)
            yield from _rolled(case, change, pool)
            yield from _marked_otherwise(change, name)


def machines(case: Case) -> Iterator[Danger]:
    """Machines of one's own that leave, or whose taints keep work away or drive it off."""
    for change in case.changes:
        if change.kind != "NodePatch":
            continue
        if change.operation == "delete":
            yield danger(
                "machine-leaves",
                "low",
                change,
                f"Machine {name_of(change.before)} leaves the inventory",
                "it loses the labels and taints that it has from there; the node itself, and the pods on it, stay",
                "Drain it and take it out of the cluster first (`kubectl drain`, `kubectl delete node`).",
            )
            continue
        if not change.before or not change.after:
            continue
        yield from _moves(change)
        old, new = (mappings(at(change.inputs(when), "spec", "taints")) for when in ("before", "after"))
        if added := [one for one in new if one not in old]:
            yield _tainted("machine-tainted", change, f"Machine {name_of(change.after)}", added)


def _moves(change: Change) -> Iterator[Danger]:
    old, new = (at(metadata(one), "labels", POOL_LABEL) for one in (change.before, change.after))
    if old and old != new:
        yield danger(
            "machine-moves",
            "low",
            change,
            f"Machine {name_of(change.after)} goes from pool {old} to {new or 'none'}",
            f"pods on it stay; new ones that select {POOL_LABEL}={old} no longer find it",
            "See that the machines that stay have room for them.",
        )


def _found(plan: Mapping[str, Resource]) -> dict[str, tuple[Pool, Resource]]:
    return {pool.name: (pool, one) for one in plan.values() if (pool := pool_of(one))}


def _goes(case: Case, change: Change, pool: Pool) -> Danger:
    return danger(
        "pool-removed",
        "high",
        change,
        f"Node pool {pool.name} is removed",
        f"its {_nodes(pool)} go, with the pods on them: {_pods(case.before, pool)}",
        "See that other pools take its pods (taints, selectors, sizes), drain it first, and remove it when it is empty.",
    )


def _is_renamed(case: Case, change: Change, pool: Pool, twin: str) -> Danger:
    return danger(
        "pool-renamed",
        "high",
        change,
        f"Node pool {pool.name} becomes {twin}",
        f"a pool of another name is another pool: {_nodes(pool)} are made anew, the old ones go with {_pods(case.before, pool)}; "
        f"what selects {POOL_LABEL}={pool.name} no longer finds a node",
        "Add the new pool in one change, move the work, and remove the old one in the next.",
    )


def _replaced(case: Case, change: Change, pool: Pool, told: str, *, deletes_first: bool) -> Danger:
    order = (
        "the old nodes go before the new ones are there"
        if deletes_first
        else "the new pool comes up first, at its minimum, then the old one goes"
    )
    return danger(
        "pool-replaced",
        "high" if deletes_first else "medium",
        change,
        f"Node pool {pool.name} is replaced",
        f"{_nodes(pool)} are replaced; {order}; {_pods(case.before, pool)} move ({told})",
        "Check quotas for both pools at once and that disruption budgets let pods go; apply in a quiet hour, and hold the new pool's "
        "minimum high enough for the work that moves.",
    )


def _rolled(case: Case, change: Change, pool: Pool) -> Iterator[Danger]:
    """What makes the nodes of a pool anew that stays."""
    rolling = [steps_of_path(one) for one in _ROLLING[change.type]]
    told = [one for one in change.properties if any(is_within(steps_of_path(one.path), path) for path in rolling)]
    if told and pool.nodes.most:
        why = changed_paths(replace(change, properties=told))
        yield danger(
            "pool-rolled",
            "medium",
            change,
            f"The nodes of pool {pool.name} are made anew",
            f"{_nodes(pool)} are replaced a few at a time; {_pods(case.before, pool)} move ({why})",
            "See that disruption budgets let pods go; apply in a quiet hour.",
        )


def _resized(change: Change, before: Pool, after: Pool) -> Iterator[Danger]:
    if after.nodes.most < before.nodes.most:
        refused = "; EKS refuses one below the nodes there are now" if change.type == NODE_GROUP else ""
        yield danger(
            "pool-capped",
            "medium",
            change,
            f"Node pool {after.name} may have fewer nodes",
            f"its maximum goes from {before.nodes.most:g} to {after.nodes.most:g}: work that needs more waits{refused}",
            "See how many nodes it has at its peak.",
        )
    if after.nodes.least > before.nodes.least and change.type == NODE_GROUP:
        yield danger(
            "pool-grows",
            "low",
            change,
            f"Node pool {after.name} gets a higher minimum",
            f"its minimum goes from {before.nodes.least:g} to {after.nodes.least:g}; EKS refuses one above the nodes there are now",
            "Let it grow first, or set the desired size by hand.",
        )
    elif after.nodes.least < before.nodes.least:
        yield danger(
            "pool-shrinks",
            "low",
            change,
            f"Node pool {after.name} gets a lower minimum",
            f"its minimum goes from {before.nodes.least:g} to {after.nodes.least:g}: the autoscaler may take away nodes held ready",
            "See that a peak may wait for new nodes.",
        )


def _marked_otherwise(change: Change, name: str) -> Iterator[Danger]:
    """What keeps pods off its nodes from now on, and what no longer leads them there."""
    (old_labels, old_taints), (new_labels, new_taints) = (
        (mapping(_labels(one)), mappings(one["inputs"].get("taints") or at(one["inputs"], "nodeConfig", "taints")))
        if one
        else ({}, [])
        for one in (change.before, change.after)
    )
    if added := [one for one in new_taints if one not in old_taints]:
        yield _tainted("pool-tainted", change, f"Node pool {name}", added)
    if lost := sorted(f"{key}={value}" for key, value in old_labels.items() if new_labels.get(key) != value):
        yield danger(
            "pool-relabelled",
            "low",
            change,
            f"Nodes of pool {name} lose a label",
            f"{', '.join(lost)}: new pods that select it no longer find a node there",
            "See which workloads select it.",
        )


def _tainted(rule: str, change: Change, what: str, added: list[Mapping[str, Any]]) -> Danger:
    drives_off = any(one.get("effect") in ("NoExecute", "NO_EXECUTE") for one in added)
    return danger(
        rule,
        "medium" if drives_off else "low",
        change,
        f"{what} gets a taint",
        f"{', '.join(short(one.get('key')) for one in added)}: "
        + (
            "pods that don't tolerate it are driven off at once"
            if drives_off
            else "new pods that don't tolerate it go elsewhere"
        ),
        "See that the other machines have room for them.",
    )


def _differing(case: Case, old: Resource, new: Resource) -> str:
    """What made its fingerprint another: of the pool and of its launch template; or the cluster's version, which GKE's don't name."""
    told = []
    for before, after in ((old, new), (_template(case.before, old), _template(case.after, new))):
        if before and after:
            told += [
                f"{one.shown}: {short(one.before)} becomes {short(one.after)}"
                for one in differences(before["inputs"], after["inputs"])
                if one.place[0] not in _NAMES and "tag" not in str(one.place[0]).lower()
            ]
    if not told:
        versions = kubernetes_versions(case)
        told = [f"Kubernetes: {versions[0]} becomes {versions[1]}"] if versions[0] != versions[1] else []
    return "; ".join([*told[:4], *([f"and {len(told) - 4} more"] if len(told) > 4 else [])]) or "its fingerprint"


def _template(plan: Mapping[str, Resource], pool: Resource) -> Resource | None:
    return next((one for one in plan.values() if one["type"] == _TEMPLATE and one["parent"] == pool["parent"]), None)


def _renamed(pool: Pool, old: Mapping[str, Any], new: Mapping[str, tuple[Pool, Resource]]) -> str | None:
    """The name of a new pool that is what a pool was."""
    alike = (pool.machine_types, pool.capacity, pool.nodes)
    come = (
        name
        for name, (one, _) in new.items()
        if name not in old and (one.machine_types, one.capacity, one.nodes) == alike
    )
    return next(come, None)


def _nodes(pool: Pool) -> str:
    least, most = pool.nodes.least, pool.nodes.most
    return f"{least:g} to {most:g} nodes" if least != most else f"{least:g} nodes"


def _pods(plan: Mapping[str, Resource], pool: Pool) -> str:
    """How many of the stack's own pods are on a pool, as far as that is known, and that others may be."""
    daemons = sum(1 for _ in objects(plan, "DaemonSet"))
    labels = next((_labels(one) for one in plan.values() if (found := pool_of(one)) and found.name == pool.name), {})
    workloads = objects(plan, "Deployment", "StatefulSet", *OF_OPERATORS)
    bound = sum(_replicas(one) for one in workloads if _is_bound(one, labels))
    told = (
        f"{bound} pods of the standard stack that are bound to it, {daemons} a node of its DaemonSets,"
        if bound
        else f"{daemons} pods a node of the standard stack's DaemonSets"
    )
    return f"{told} and the applications' pods"


def _replicas(workload: Resource) -> int:
    replicas = at(workload["inputs"], "spec", "replicas")
    return replicas if isinstance(replicas, int) else 1


def _is_bound(workload: Resource, labels: Mapping[str, Any]) -> bool:
    """Whether a workload selects nodes by labels that are a pool's own; what each node has, such as its system, says nothing."""
    selector = at(template_of(workload), "spec", "nodeSelector") or at(workload["inputs"], "spec", "nodeSelector")
    own = {key: value for key, value in mapping(selector).items() if not key.startswith("kubernetes.io/")}
    return bool(own) and all(labels.get(key) == value for key, value in own.items())


def _labels(resource: Resource) -> Mapping[str, Any]:
    return mapping(resource["inputs"].get("labels") or at(resource["inputs"], "nodeConfig", "labels"))
