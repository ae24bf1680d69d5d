"""A review as a page: everything is there, and a reader opens what matters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from kuber.pages.rendering import anchor, render

from . import wording
from .folding import GRAVITY
from .model import LEVELS, Change, ClusterReview, Danger, Entry, Level, Manifest, Property, Review
from .shared_names import common_name, pool_names

_TEMPLATE = Path(__file__).with_name("page.html.j2")

_OPEN_DANGERS = 60
"""Dangers that are open when the page is: of more, the less bad ones wait until they are asked for."""
_CHIPS = 4
"""Clusters that are named one by one."""

_STATUSES = {"new": "new cluster", "removed": "cluster goes", "broken": "can't be planned"}


def page(review: Review) -> str:
    """The page, HTML. Verdicts and dangers are markup; changes and manifests are data that the page's script shows."""
    links = _links(review)
    told = _Told(review, links)
    levels: dict[Level, list[tuple[int, Danger, str, str | None]]] = {level: told.dangers_of(level) for level in LEVELS}
    return render(
        _TEMPLATE,
        data=told.document() if review.dangers or review.entries or review.noise or review.manifests else None,
        review=review,
        headline=wording.headline(review),
        compared=wording.compared(review),
        contents=list(_contents(review)),
        changed=[one for one in review.clusters if one.status != "same"],
        same=[one.stack for one in review.clusters if one.status == "same"],
        statuses=_STATUSES,
        operations=[(one, wording.DONE[one]) for one in GRAVITY],
        facts=lambda cluster: list(_facts(cluster, review.currency)),
        by_level=[(level, dangers) for level, dangers in levels.items() if dangers],
        open_levels=_open_levels(levels),
        noise=wording.noise(review),
        unknowns=wording.unknowns(review),
        notes=wording.notes(review),
        shown_stacks=lambda stacks: _chips(stacks, review),
    )


def change_anchor(urn: str) -> str:
    """The id of a change on the page, for links to it from elsewhere. Each cluster's URN of a folded change leads to it."""
    return anchor("change", urn)


def _contents(review: Review) -> Iterator[tuple[str, str, int]]:
    """The sections that there are: id, name, and how much is in each."""
    sections = (
        ("dangers", "Dangers", review.dangers),
        ("changes", "Changes", review.entries),
        ("noise", "Noise", review.noise),
        ("manifests", "Rendered manifests", review.manifests),
        ("unknown", "Unknown until apply", wording.unknowns(review)),
        ("notes", "Notes", wording.notes(review)),
        ("rehearsals", "Rehearsals", review.rehearsals),
    )
    return ((id_, name, len(there)) for id_, name, there in sections if there)


def _facts(cluster: ClusterReview, currency: str) -> Iterator[tuple[str, str, str]]:
    """What a cluster's card says beside its counts: class, name, value."""
    if nodes := wording.nodes(cluster):
        yield "nodes", "nodes", nodes.removeprefix("nodes ")
    for name, change in wording.pool_changes(cluster):
        yield "pool", name, change.removeprefix("nodes ")
    if money := wording.money(cluster, currency):
        yield "money", "a month", money.removesuffix(" a month")


def _open_levels(levels: Mapping[Level, Sequence[Any]]) -> list[Level]:
    """The levels that are open: the worst that there is, and those below it as long as they are few."""
    found: list[Level] = []
    number = 0
    for level, dangers in levels.items():
        number += len(dangers)
        if dangers and (not found or number <= _OPEN_DANGERS):
            found.append(level)
    return found


def _chips(stacks: Sequence[str], review: Review) -> list[str]:
    """Clusters as a reader is told of them: by name, or all of them at once."""
    told = wording.stacks(stacks, review)
    return list(stacks) if told == ", ".join(stacks) and len(stacks) <= _CHIPS else [told]


@dataclass(frozen=True)
class _Link:
    """Where a change is on the page, and what is said of it."""

    id: str
    entry: Entry


class _Told:
    """What the script is given. Numbers stand for clusters and dangers: their places in the review."""

    def __init__(self, review: Review, links: Mapping[str, _Link]) -> None:
        self._review = review
        self._links = links
        self._clusters = {one.stack: index for index, one in enumerate(review.clusters)}
        self._dangers: dict[str, list[int]] = {}
        for index, danger in enumerate(review.dangers):
            if link := links.get(danger.urn):
                self._dangers.setdefault(link.id, []).append(index)
        self._other_ids: dict[str, list[str]] = {}
        for urn, link in links.items():
            if (other := change_anchor(urn)) != link.id:
                self._other_ids.setdefault(link.id, []).append(other)
        self._manifests = {(one.what, one.operation, stack): one for one in review.manifests for stack in one.stacks}
        self._entries_of_manifests = {
            id(manifest): entry for entry in review.entries if (manifest := self._manifest(entry)) is not None
        }

    def document(self) -> dict[str, Any]:
        """All of it; what is empty is left out."""
        return {
            "clusters": [one.stack for one in self._review.clusters],
            "dangers": [self._danger(one) for one in self._review.dangers],
            "entries": [self._entry(one) for one in self._review.entries],
            "noise": [self._entry(one) for one in self._review.noise],
            "manifests": [self._shown_manifest(one) for one in self._review.manifests],
        }

    def dangers_of(self, level: Level) -> list[tuple[int, Danger, str, str | None]]:
        """The dangers of a level: place in the review, danger, its id, and the id of the change."""
        return [
            (index, one, _danger_anchor(one), self._links[one.urn].id if one.urn in self._links else None)
            for index, one in enumerate(self._review.dangers)
            if one.level == level
        ]

    def _danger(self, danger: Danger) -> dict[str, Any]:
        link = self._links.get(danger.urn)
        change = link.entry.change if link else None
        return _without_nothing(
            {
                "id": _danger_anchor(danger),
                "level": danger.level,
                "what": danger.what,
                **self._where(danger.stacks),
                "text": " ".join((danger.rule, danger.where, danger.reason, danger.advice)),
                "operation": change.operation if change else None,
                "kind": change.kind if change else None,
            }
        )

    def _entry(self, entry: Entry) -> dict[str, Any]:
        change = entry.change
        id_ = change_anchor(change.urn)
        manifest = self._manifest(entry)
        verb = wording.verb(change)
        return _without_nothing(
            {
                "id": id_,
                "aliases": self._other_ids.get(id_),
                "group": entry.component,
                "operation": change.operation,
                "done": "renamed" if verb == "rename" else None,
                "kind": change.kind,
                "name": change.name,
                "urn": change.urn,
                **self._where(entry.stacks),
                "dangers": self._dangers.get(id_),
                "remarks": wording.remarks(change),
                "properties": [_property(one) for one in change.properties],
                "manifest": manifest and _manifest_anchor(manifest),
            }
        )

    def _shown_manifest(self, manifest: Manifest) -> dict[str, Any]:
        entry = self._entries_of_manifests.get(id(manifest))
        change = change_anchor(entry.change.urn) if entry else None
        kind, _, name = manifest.what.partition(" ")
        return _without_nothing(
            {
                "id": _manifest_anchor(manifest),
                "kind": kind,
                "name": name,
                "operation": manifest.operation,
                **self._where(manifest.stacks),
                "diff": manifest.diff,
                "change": change,
                "dangers": self._dangers.get(change or ""),
            }
        )

    def _manifest(self, entry: Entry) -> Manifest | None:
        """The manifest of the object that an entry is about."""
        change = entry.change
        found = (self._manifests.get((change.label, change.operation, stack)) for stack in entry.stacks)
        return next((one for one in found if one is not None), None)

    def _where(self, stacks: Sequence[str]) -> dict[str, Any]:
        """The clusters, and how a reader is told of them where that is something else than their names."""
        chips = _chips(stacks, self._review)
        return {
            "stacks": [self._clusters[one] for one in stacks if one in self._clusters],
            "chips": None if chips == list(stacks) else chips,
        }


def _links(review: Review) -> dict[str, _Link]:
    """Where each change is, by its URN on each of the clusters that its entry names."""
    alike = {
        (cluster.stack, _common_urn(one)): one.urn
        for cluster in review.clusters
        for one in cluster.changes
        if len(review.clusters) > 1
    }
    links: dict[str, _Link] = {}
    for entry in (*review.entries, *review.noise):
        link = _Link(change_anchor(entry.change.urn), entry)
        links[entry.change.urn] = link
        common = _common_urn(entry.change) if len(entry.stacks) > 1 else ""
        for stack in entry.stacks[1:]:
            if urn := alike.get((stack, common)):
                links.setdefault(urn, link)
    return links


def _common_urn(change: Change) -> str:
    """A URN as every cluster has it."""
    return common_name(change.urn, change.stack, pool_names(change.component))


def _danger_anchor(danger: Danger) -> str:
    return anchor("danger", repr(replace(danger, level="low")))


def _manifest_anchor(manifest: Manifest) -> str:
    return anchor("manifest", f"{manifest.what} {manifest.operation} {' '.join(manifest.stacks)}")


def _property(one: Property) -> dict[str, Any]:
    """A property; values that it hasn't, and what isn't so, are left out."""
    told = {
        "path": one.path,
        "before": one.before,
        "after": one.after,
        "replaces": one.replaces or None,
        "noise": one.noise or None,
    }
    return {key: value for key, value in told.items() if value is not None}


def _without_nothing(told: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in told.items() if value is not None and value != []}
