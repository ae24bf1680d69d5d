"""What is the same on several clusters is told once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .model import LEVELS, Change, ClusterReview, Danger, Entry, Operation
from .shared_names import (
    Shared,
    Sharing,
    common_name,
    pool_names,
    readable_component,
    value_without_cluster,
    without_cluster,
)

GRAVITY: tuple[Operation, ...] = ("delete", "replace", "create", "update")
"""What is hardest to undo first."""


@dataclass(frozen=True, kw_only=True)
class Folded:
    """What happens to all clusters, each thing once.

    Attributes:
        dangers: The worst first; of equal ones, that of the most clusters.
        entries: By component, gravity and name.
        noise: Those that say nothing by themselves, likewise.
    """

    dangers: Sequence[Danger]
    entries: Sequence[Entry]
    noise: Sequence[Entry]


def fold(clusters: Sequence[ClusterReview]) -> Folded:
    """Fold what several clusters have alike but for their own names and the fingerprints of their pools.

    Where names do differ, an entry's change and a danger have `{cluster}` in their place; the URN is the first cluster's.
    """
    entries = _entries(clusters)
    return Folded(
        dangers=_dangers(clusters),
        entries=[one for one in entries if not one.change.noise],
        noise=[one for one in entries if one.change.noise],
    )


def _entries(clusters: Sequence[ClusterReview]) -> list[Entry]:
    sharing: Sharing[tuple[str, Change]] = Sharing()
    for cluster in clusters:
        components: dict[tuple[str, ...], tuple[str, Mapping[str, str]]] = {}
        for one in cluster.changes:
            path = tuple(one.component)
            if path not in components:
                components[path] = readable_component(path, cluster.stack), pool_names(path)
            component, pools = components[path]
            names, rest = _told(one)
            told = (component, names, rest)
            common = (
                component,
                common_name(names, cluster.stack, pools),
                without_cluster(rest, cluster.stack),
            )
            sharing.add((component, one), stack=cluster.stack, told=told, common=common)
    entries = [
        Entry(component=shared.first[0], stacks=tuple(shared.stacks), change=_as_all_have_it(shared))
        for shared in sharing.found
    ]
    return sorted(
        entries, key=lambda one: (one.component, GRAVITY.index(one.change.operation), one.change.name, one.change.type)
    )


def _told(change: Change) -> tuple[str, str]:
    """What a change says: its names, and the rest, as texts."""
    names = "\n".join((change.type, change.name, change.because, change.renamed_from or ""))
    properties = [[one.path, one.kind, one.before, one.after, one.replaces, one.noise] for one in change.properties]
    rest = [change.operation, change.deletes_first, change.retained, change.engine, properties]
    return names, json.dumps(rest, ensure_ascii=False, sort_keys=True)


def _as_all_have_it(shared: Shared[tuple[str, Change]]) -> Change:
    change = shared.first[1]
    if shared.literally:
        return change
    stack, pools = change.stack, pool_names(change.component)
    return replace(
        change,
        name=common_name(change.name, stack, pools),
        because=common_name(change.because, stack, pools),
        properties=tuple(
            replace(
                one,
                path=without_cluster(one.path, stack),
                before=value_without_cluster(one.before, stack),
                after=value_without_cluster(one.after, stack),
            )
            for one in change.properties
        ),
    )


def _dangers(clusters: Sequence[ClusterReview]) -> list[Danger]:
    sharing: Sharing[tuple[Danger, Danger]] = Sharing()
    for cluster in clusters:
        components = {one.urn: one.component for one in cluster.changes} if cluster.dangers else {}
        for one in cluster.dangers:
            common = _without_names(one, cluster.stack, pool_names(components.get(one.urn, ())))
            sharing.add((one, common), stack=cluster.stack, told=_words(one), common=_words(common))
    dangers = [
        replace(shared.first[0] if shared.literally else shared.first[1], stacks=tuple(shared.stacks))
        for shared in sharing.found
    ]
    return sorted(dangers, key=lambda one: (LEVELS.index(one.level), -len(one.stacks)))


def _without_names(danger: Danger, stack: str, pools: Mapping[str, str]) -> Danger:
    texts: dict[str, Any] = {
        name: common_name(getattr(danger, name), stack, pools) for name in ("what", "where", "reason", "advice")
    }
    return replace(danger, **texts)


def _words(danger: Danger) -> tuple[str, ...]:
    return danger.rule, danger.level, danger.what, danger.where, danger.reason, danger.advice
