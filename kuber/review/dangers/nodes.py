"""Node pools that come, go, change their size or are replaced; and how many nodes and pods that moves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kuber.review.model import Change, Danger, Pool
from kuber.review.pools import NODE_GROUP, pool_of
from kuber.review.properties import differences
from kuber.review.renames import Resource

from .case import Case, at, danger, name_of, objects, short

_NAMES = ("nodeGroupName", "name", "launchTemplate")
_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"


def pools(case: Case) -> Iterator[Danger]:
    """Every pool that isn't what it was."""
    old, new = _found(case.before), _found(case.after)
    changed = {one.urn: one for one in case.changes}
    for name, (pool, resource) in old.items():
        if name not in new:
            if twin := _renamed(name, pool, old, new):
                yield _is_renamed(case, changed[resource["urn"]], pool, twin)
            elif resource["urn"] in changed:
                yield _goes(case, changed[resource["urn"]], pool)
            continue
        after, head = new[name]
        change = changed.get(head["urn"])
        if head["urn"] != resource["urn"] and (gone := changed.get(resource["urn"])) and gone.operation == "delete":
            yield _replaced(case, gone, pool, _differing(case, resource, head), deletes_first=False)
        elif change and change.operation == "replace":
            told = [
                f"{one.path}: {short(one.before)} becomes {short(one.after)}"
                for one in change.properties
                if one.replaces
            ]
            yield _replaced(case, change, pool, told or [change.because], deletes_first=change.deletes_first)
        elif change:
            yield from _resized(change, pool, after)


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
        old, new = (at(change.inputs(when), "spec", "taints") or [] for when in ("before", "after"))
        added = [one for one in new if one not in old]
        if added and change.before:
            drives_off = any(one.get("effect") == "NoExecute" for one in added)
            yield danger(
                "machine-tainted",
                "medium" if drives_off else "low",
                change,
                f"Machine {at(change.inputs('after'), 'metadata', 'name')} gets a taint",
                f"{', '.join(short(one.get('key')) for one in added)}: "
                + (
                    "pods that don't tolerate it are driven off at once"
                    if drives_off
                    else "new pods that don't tolerate it go elsewhere"
                ),
                "See that the other machines have room for them.",
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
        f"what selects kuber.dev/pool={pool.name} no longer finds a node",
        "Add the new pool in one change, move the work, and remove the old one in the next.",
    )


def _replaced(case: Case, change: Change, pool: Pool, told: list[str], *, deletes_first: bool) -> Danger:
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
        f"{_nodes(pool)} are replaced; {order}; {_pods(case.before, pool)} move ({'; '.join(told[:4]) or 'its fingerprint'})",
        "Check quotas for both pools at once and that disruption budgets let pods go; apply in a quiet hour, and hold the new pool's "
        "minimum high enough for the work that moves.",
    )


def _resized(change: Change, before: Pool, after: Pool) -> Iterator[Danger]:
    if after.nodes.most < before.nodes.most:
        yield danger(
            "pool-capped",
            "medium",
            change,
            f"Node pool {after.name} may have fewer nodes",
            f"its maximum goes from {before.nodes.most:g} to {after.nodes.most:g}: nodes above it are taken away, with their pods",
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


def _differing(case: Case, old: Resource, new: Resource) -> list[str]:
    """What made its fingerprint another: of the pool and of its launch template."""
    told = []
    for before, after in ((old, new), (_template(case.before, old), _template(case.after, new))):
        if before and after:
            told += [
                f"{one.shown}: {short(one.before)} becomes {short(one.after)}"
                for one in differences(before["inputs"], after["inputs"])
                if one.place[0] not in _NAMES and "tag" not in str(one.place[0]).lower()
            ]
    return told


def _template(plan: Mapping[str, Resource], pool: Resource) -> Resource | None:
    return next((one for one in plan.values() if one["type"] == _TEMPLATE and one["parent"] == pool["parent"]), None)


def _renamed(name: str, pool: Pool, old: Mapping[str, Any], new: Mapping[str, tuple[Pool, Resource]]) -> str | None:
    alike = (pool.machine_types, pool.capacity, pool.nodes)
    come = (
        one
        for one, (other, _) in new.items()
        if one not in old and (other.machine_types, other.capacity, other.nodes) == alike
    )
    return next(come, None)


def _nodes(pool: Pool) -> str:
    least, most = pool.nodes.least, pool.nodes.most
    return f"{least:g} to {most:g} nodes" if least != most else f"{least:g} nodes"


def _pods(plan: Mapping[str, Resource], pool: Pool) -> str:
    """How many of the stack's own pods are on a pool, as far as that is known, and that others may be."""
    daemons = sum(1 for _ in objects(plan, "DaemonSet"))
    bound = sum(
        _replicas(one)
        for one in objects(plan, "Deployment", "StatefulSet", "Prometheus", "Alertmanager")
        if _is_bound(one, pool, plan)
    )
    told = (
        f"{bound} pods of the standard stack that are bound to it, {daemons} a node of its DaemonSets,"
        if bound
        else f"{daemons} pods a node of the standard stack's DaemonSets"
    )
    return f"{told} and the applications' pods"


def _replicas(workload: Resource) -> int:
    replicas = at(workload["inputs"], "spec", "replicas")
    return replicas if isinstance(replicas, int) else 1


def _is_bound(workload: Resource, pool: Pool, plan: Mapping[str, Resource]) -> bool:
    spec = workload["inputs"].get("spec", {})
    selector = at(spec, "template", "spec", "nodeSelector") or spec.get("nodeSelector") or {}
    labels = next((_labels(one) for one in plan.values() if (found := pool_of(one)) and found.name == pool.name), {})
    own = {key: value for key, value in selector.items() if not key.startswith("kubernetes.io/")}
    return bool(own) and all(labels.get(key) == value for key, value in own.items())


def _labels(resource: Resource) -> Mapping[str, str]:
    return resource["inputs"].get("labels") or at(resource["inputs"], "nodeConfig", "labels") or {}
