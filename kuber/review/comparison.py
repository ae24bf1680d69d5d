"""What a change does to each cluster, from its plans before and after, and to all of them together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal

from .changes import Plan, by_urn, changes, counts
from .dangers import Case, dangers
from .folding import fold
from .manifests import manifests
from .model import Change, ClusterReview, Danger, Rehearsed, Review, Unknown
from .planning import Planned
from .pools import money, pools
from .prices import PriceList

Document = Mapping[str, Any]
"""A plan as `kuber plan --json` writes it."""

_PART = "kuber:standard_stack:Part"
_PROVIDERS = "pulumi:providers:"
_TAGS_OF_ALL = ("defaultTags", "defaultLabels")
_CRD_BUNDLE = "pulumi-python:dynamic/charts:CrdBundle"


@dataclass(frozen=True, kw_only=True)
class Sides:
    """One cluster before and after.

    Attributes:
        stack: Its stack.
        before, after: Its resources by URN, as far as they can be compared; None where there is no cluster.
        outputs_before, outputs_after: Outputs of its stack.
        left_out: Parts of the standard stack that can't be compared.
    """

    stack: str
    before: Plan | None
    after: Plan | None
    outputs_before: Mapping[str, Any]
    outputs_after: Mapping[str, Any]
    left_out: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Measure:
    """By what a change is judged.

    Attributes:
        day: For which support is judged.
        prices: What machines cost; None where nobody says.
    """

    day: date
    prices: PriceList | None = None


def review_of(
    base: str,
    head: str,
    clusters: Sequence[ClusterReview],
    *,
    prices: PriceList | None = None,
    rehearsals: Sequence[Rehearsed] = (),
    source: Literal["plan", "engine"] = "plan",
) -> Review:
    """A review of all clusters: what they have alike is told once."""
    folded = fold(clusters)
    return Review(
        base=base,
        head=head,
        clusters=clusters,
        dangers=folded.dangers,
        entries=folded.entries,
        noise=folded.noise,
        manifests=manifests(clusters),
        rehearsals=rehearsals,
        currency=prices.currency if prices else "",
        source=source,
    )


def compared(stack: str, before: Planned | None, after: Planned | None, measure: Measure) -> ClusterReview:
    """What happens to one cluster, by what planning it gave; None where it has no stack file."""
    if after and after.document is None:
        return ClusterReview(stack=stack, status="broken", problem=after.problem)
    if before and before.document is None:
        return _incomparable(stack, before.problem)
    old, new = before.document if before else None, after.document if after else None
    sides = sides_of(stack, old, new)
    # Without its stack file a cluster stays as it is: nobody takes it down.
    changed = changes(stack, sides.before or {}, sides.after) if sides.after is not None else []
    review = judged(sides, changed, measure)
    warned = [one for one in (after.warnings if after else ()) if not before or one not in before.warnings]
    return replace(review, notes=[*review.notes, *warned])


def sides_of(stack: str, before: Document | None, after: Document | None) -> Sides:
    """A cluster by its plans' documents.

    Parts whose charts weren't on this machine, before or after, are left out of both: compared with nothing, all of their objects
    would seem to come or go. So are, then, the CRDs that only one of the two has.
    """
    left_out = sorted({part for one in (before, after) for part in (one or {}).get("incomplete", ())})
    olds, news = by_urn(before), by_urn(after)
    if left_out:
        alone = {*olds} ^ {*news}
        olds, news = (
            {urn: one for urn, one in plan.items() if not _is_left_out(one, plan, left_out, alone)}
            for plan in (olds, news)
        )
    return Sides(
        stack=stack,
        before=olds if before else None,
        after=news if after else None,
        outputs_before=before["outputs"] if before else {},
        outputs_after=after["outputs"] if after else {},
        left_out=left_out,
    )


def judged(sides: Sides, changed: Sequence[Change], measure: Measure) -> ClusterReview:
    """What changes make of a cluster: its dangers, what isn't known, its pools and what they cost."""
    olds, news = sides.before or {}, sides.after or {}
    case = Case(
        stack=sides.stack,
        before=olds,
        after=news,
        changes=changed,
        outputs_before=sides.outputs_before,
        outputs_after=sides.outputs_after,
        day=measure.day,
    )
    status = "new" if sides.before is None else "removed" if sides.after is None else "changed" if changed else "same"
    old_costs, new_costs = (money(plan, measure.prices) if measure.prices and plan else None for plan in (olds, news))
    unpriced = {one for costs in (old_costs, new_costs) if costs for one in costs[1]}
    return ClusterReview(
        stack=sides.stack,
        status=status,
        counts=counts(changed),
        changes=changed,
        dangers=dangers(case) if status != "same" else [],
        unknown=_unknown(changed),
        pools_before=pools(olds),
        pools_after=pools(news),
        money_before=old_costs[0] if old_costs else None,
        money_after=new_costs[0] if new_costs else None,
        notes=list(_notes(sides, changed, unpriced)),
    )


def _incomparable(stack: str, problem: str) -> ClusterReview:
    """A cluster that could not be planned before the change, and can be now."""
    danger = Danger(
        rule="not-compared",
        level="high",
        what=f"{stack} can't be compared",
        where=stack,
        reason=f"before the change it couldn't be planned: {' '.join(problem.split())}",
        advice="Compare with a revision at which it could be: `kuber review --base …`, or read the whole plan: `kuber plan`.",
        stacks=(stack,),
    )
    return ClusterReview(stack=stack, status="changed", dangers=[danger])


def _is_left_out(resource: Mapping[str, Any], plan: Plan, parts: Sequence[str], alone: set[str]) -> bool:
    if resource["type"] == _CRD_BUNDLE:
        return resource["urn"] in alone
    above = plan.get(resource["parent"] or "")
    while above:
        if above["type"] == _PART:
            return above["name"] in parts
        above = plan.get(above["parent"] or "")
    return False


def _unknown(changed: Sequence[Change]) -> list[Unknown]:
    """What isn't known of resources that come or change, alike ones together."""
    found: dict[tuple[str, tuple[str, ...]], int] = {}
    for one in changed:
        if one.after and one.operation != "delete" and (paths := one.after.get("unknown")):
            properties = sorted({path.partition(".")[0].partition("[")[0] for path in paths})
            at = (one.kind, tuple(properties))
            found[at] = found.get(at, 0) + 1
    return [Unknown(kind=kind, properties=names, resources=number) for (kind, names), number in sorted(found.items())]


def _notes(sides: Sides, changed: Sequence[Change], unpriced: set[str]) -> Iterator[str]:
    if sides.left_out:
        yield (
            f"not compared, since their charts aren't all on this machine: {', '.join(sides.left_out)} "
            "(`kuber charts fetch --all` gets them)"
        )
    for one in changed:
        if one.type.startswith(_PROVIDERS) and any(path.path.startswith(_TAGS_OF_ALL) for path in one.properties):
            yield f"{one.label} gives its tags to all it makes, so the engine updates each resource that carries tags"
    if unpriced:
        yield f"not in the price list, and counted as nothing: {', '.join(sorted(unpriced))}"
