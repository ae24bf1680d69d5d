"""Words of a review, shared by all that people read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from kuber.plain_text import plain
from kuber.plan.registration import SECRET, UNKNOWN

from .folding import GRAVITY
from .grouping import Counted
from .model import Change, ClusterReview, Danger, Operation, Pool, Property, Range, Review
from .pools import nodes as nodes_of
from .properties import CHANGED_SECRET
from .shared_names import CLUSTER, without_cluster

DONE: Mapping[Operation, str] = {
    "create": "created",
    "update": "updated",
    "replace": "replaced",
    "delete": "deleted",
}
VALUE_LENGTH = 120
"""Characters of a value that are shown."""
NO_CHANGE = "no change on any cluster"
NOISE = "labels of a chart's version, checksums of what is shown elsewhere"

_PROPERTIES = 20
"""Properties of one change that are shown."""
_KINDS = 8
"""Kinds of resources that a count names."""
_NAMED_CLUSTERS = 4
_CONTEXT = 20
"""Characters before the first difference of two long values."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """One difference of a resource.

    Attributes:
        path: Of the property; "" of what is no property.
        values: What it was and is, or the only one there is, or what there is to say.
        sign: What happens to it: "", `added`, `removed`.
        remark: What follows from it.
    """

    path: str
    values: Sequence[str]
    sign: str = ""
    remark: str = ""


def shortened(text: str, length: int) -> str:
    """At most so many characters of a text."""
    return text if len(text) <= length else text[: length - 1] + "…"


def plural(number: int, one: str, many: str = "") -> str:
    """A number with its noun: "1 cluster", "2,000 clusters"."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def headline(review: Review) -> str:
    """All clusters in a line: "2 of 4 clusters change; 1 can't be planned; highest danger: high"."""
    broken = sum(one.status == "broken" for one in review.clusters)
    changing = sum(one.status not in ("same", "broken") for one in review.clusters)
    if not broken and not changing:
        return NO_CHANGE
    told = [f"{changing} of {plural(len(review.clusters), 'cluster')} {'changes' if changing == 1 else 'change'}"]
    if broken:
        told.append(f"{broken} can't be planned")
    told.append(f"highest danger: {review.highest}" if review.highest else "no danger found")
    return "; ".join(told)


def compared(review: Review) -> str:
    """What was compared."""
    source = ", as the engine sees it" if review.source == "engine" else ""
    return f"{review.base} → {review.head}{source}"


def outcome(cluster: ClusterReview, currency: str = "") -> str:
    """The verdict of a cluster without its name."""
    if cluster.status == "broken":
        return "can't be planned"
    if cluster.status == "same":
        return "no change"
    told = [what(cluster)]
    if cluster.highest:
        told.append(f"highest danger: {cluster.highest}")
    told += [one for one in (nodes(cluster), money(cluster, currency)) if one]
    return "; ".join(told)


def counts(numbers: Mapping[Operation, int]) -> str:
    """Resources by operation, the gravest first: "1 deleted, 2 updated"."""
    return ", ".join(f"{numbers[one]:,} {DONE[one]}" for one in GRAVITY if numbers.get(one))


def nodes(cluster: ClusterReview) -> str:
    """How many nodes there may be: "nodes 3–6 → 3–9"; "" where there are no pools."""
    if not cluster.pools_before and not cluster.pools_after:
        return ""
    before, after = (
        nodes_of(cluster.pools_before) if cluster.status != "new" else None,
        nodes_of(cluster.pools_after) if cluster.status != "removed" else None,
    )
    return f"nodes {_from_to(before, after, _range)}"


def pool_changes(cluster: ClusterReview) -> list[tuple[str, str]]:
    """The pools that aren't afterwards what they were: ("system", "nodes 3–6 → 3–9; m7g.large → m7g.xlarge")."""
    before, after = ({one.name: one for one in pools} for pools in (cluster.pools_before, cluster.pools_after))
    changed = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    return [(plain(name), _pool_change(before.get(name), after.get(name))) for name in changed]


def money(cluster: ClusterReview, currency: str) -> str:
    """What the nodes cost: "EUR 400–800 → 800–1,600 a month"; "" without a price list."""
    if cluster.money_before is None and cluster.money_after is None:
        return ""
    told = _from_to(cluster.money_before, cluster.money_after, _amounts)
    return f"{currency} {told} a month".lstrip()


def stacks(names: Sequence[str], review: Review) -> str:
    """Clusters by name: "prod-eks, prod-gke"; "all 6 clusters", "all clusters but stage-eks" where that is shorter."""
    every = [one.stack for one in review.clusters]
    others = [one for one in every if one not in names]
    if len(names) < 2 or not set(names).issubset(every):
        return ", ".join(names)
    if not others:
        return "both clusters" if len(every) == 2 else f"all {len(every)} clusters"
    if len(names) > _NAMED_CLUSTERS and len(others) <= 2:
        return f"all {len(every)} clusters but {' and '.join(others)}"
    return ", ".join(names)


def where(danger: Danger) -> str:
    """The resource of a danger, where what it says doesn't name that, nor the clusters."""
    said = danger.where in danger.what or danger.where in (*danger.stacks, CLUSTER)
    return "" if said else plain(danger.where)


def value(one: Any) -> str:
    """A value, shortly: JSON; what only an apply tells in words."""
    return _from(_json(one), 0)


def lines(change: Change) -> list[Line]:
    """What there is to say of a change, property by property; what says nothing by itself is counted."""
    told = [one for one in change.properties if not one.noise]
    found = [_line(one) for one in told[:_PROPERTIES]]
    quiet = len(change.properties) - len(told)
    if len(told) > _PROPERTIES:
        found.append(_remark(f"and {plural(len(told) - _PROPERTIES, 'more property', 'more properties')}"))
    if quiet and told:
        found.append(_remark(f"and {quiet:,} that {'says' if quiet == 1 else 'say'} nothing by themselves ({NOISE})"))
    return [*found, *map(_remark, remarks(change))]


def remarks(change: Change) -> list[str]:
    """What there is to say of a change beside its properties."""
    told = [plain(change.because)] if change.because else []
    if change.renamed_from:
        told.append(f"was called {plain(change.renamed_from.rpartition('::')[2])}; the resource itself stays")
    if change.deletes_first and change.operation == "replace":
        told.append("the old one goes before the new one is there")
    if change.retained:
        told.append("forgotten by the engine; the thing itself stays")
    if change.engine:
        told.append(f"the engine says: {plain(change.engine)}")
    return told


def verb(change: Change) -> str:
    """What happens to a resource: the operation, or `rename` where there is nothing but another name."""
    is_rename = change.renamed_from and change.operation == "update" and not change.properties and not change.because
    return "rename" if is_rename else change.operation


def counted(one: Counted) -> str:
    """Resources that are told by number alone: "34 resources: 12 ConfigMap, 8 Role, 14 of 5 other kinds"."""
    shown = list(one.kinds.items())
    if len(shown) > _KINDS + 1:
        shown, rest = shown[:_KINDS], shown[_KINDS:]
        others = [f"{sum(number for _, number in rest):,} of {len(rest)} other kinds"]
    else:
        others = []
    kinds = ", ".join([*(f"{number:,} {plain(kind)}" for kind, number in shown), *others])
    kept = " (forgotten; the things themselves stay)" if one.retained else ""
    return f"{plural(one.number, 'resource')}{kept}: {kinds}"


def noise(review: Review) -> str:
    """How much says nothing by itself; "" where nothing does."""
    number = sum(len(one.stacks) for one in review.noise)
    if not number:
        return ""
    says, itself = ("says", "itself") if number == 1 else ("say", "themselves")
    return f"{plural(number, 'change')} {says} nothing by {itself}: {NOISE}"


def noise_by_component(review: Review) -> list[tuple[str, int]]:
    """How many such changes each component has."""
    numbers: dict[str, int] = {}
    for one in review.noise:
        numbers[one.component] = numbers.get(one.component, 0) + len(one.stacks)
    return list(numbers.items())


def unknowns(review: Review) -> list[tuple[str, list[str]]]:
    """What only an apply tells, with the clusters: "NodeGroup: subnetIds (3 resources)"."""
    found: dict[str, list[str]] = {}
    for cluster in review.clusters:
        for one in cluster.unknown:
            text = f"{one.kind}: {', '.join(one.properties)} ({plural(one.resources, 'resource')})"
            found.setdefault(text, []).append(cluster.stack)
    return list(found.items())


def notes(review: Review) -> list[tuple[str, list[str]]]:
    """The clusters' notes, each once, with the clusters."""
    found: dict[str, tuple[str, list[str]]] = {}
    for cluster in review.clusters:
        for one in cluster.notes:
            found.setdefault(without_cluster(one, cluster.stack), (one, []))[1].append(cluster.stack)
    return [
        (common if len(names) > 1 and first != common else first, names) for common, (first, names) in found.items()
    ]


def what(cluster: ClusterReview) -> str:
    """What happens to a cluster's resources: "1 deleted, 2 updated", "a new cluster: 111 resources"."""
    number = sum(cluster.counts.values())
    if cluster.status == "new":
        return f"a new cluster: {plural(number, 'resource')}"
    if cluster.status == "removed":
        return "its stack file goes, and nothing destroys it"
    quiet = sum(one.noise for one in cluster.changes)
    told = counts(cluster.counts) or "can't be compared"
    return f"{told} ({quiet:,} of the updates {'says' if quiet == 1 else 'say'} nothing)" if quiet else told


def _pool_change(before: Pool | None, after: Pool | None) -> str:
    told = [f"nodes {_from_to(before and before.nodes, after and after.nodes, _range)}"]
    if before and after:
        pairs = ((", ".join(one.machine_types), one.capacity.replace("_", " ")) for one in (before, after))
        told += [f"{plain(old)} → {plain(new)}" for old, new in zip(*pairs, strict=True) if old != new]
    return "; ".join(told)


def _from_to(before: Range | None, after: Range | None, written: Any) -> str:
    if before is None or after is None or before == after:
        there = after if before is None else before
        gone = " → none" if after is None else ""
        return written(there) + gone
    return f"{written(before)} → {written(after)}"


def _range(one: Range) -> str:
    return f"{one.least:,.0f}" if one.least == one.most else f"{one.least:,.0f}–{one.most:,.0f}"


def _amounts(one: Range) -> str:
    least, most = (f"{amount:,.2f}" if 0 < amount < 10 else f"{amount:,.0f}" for amount in (one.least, one.most))
    return least if least == most else f"{least}–{most}"


def _line(one: Property) -> Line:
    remark = "this replaces it" if one.replaces else ""
    path = plain(one.path)
    if one.before == one.after:  # but for secrets, which aren't shown
        changed = CHANGED_SECRET if one.after == SECRET else f"{value(one.after)}, its secret changed"
        return Line(path=path, values=[changed], remark=remark)
    if one.kind == "add":
        return Line(path=path, values=[value(one.after)], sign="added", remark=remark)
    if one.kind == "delete":
        return Line(path=path, values=[value(one.before)], sign="removed", remark=remark)
    return Line(path=path, values=_both(one.before, one.after), remark=remark)


def _remark(text: str) -> Line:
    return Line(path="", values=[text])


def _both(before: Any, after: Any) -> list[str]:
    """Two values so that their first difference is seen."""
    old, new = _json(before), _json(after)
    start = 0
    if max(len(old), len(new)) > VALUE_LENGTH:
        alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))
        start = max(0, alike - _CONTEXT)
    return [_from(old, start), _from(new, start)]


def _from(text: str, start: int) -> str:
    cut = text[start:]
    return plain(("…" if start else "") + shortened(cut, VALUE_LENGTH))


def _json(one: Any) -> str:
    if one == UNKNOWN:
        return "known after apply"
    return one if one == SECRET else json.dumps(one, ensure_ascii=False)
