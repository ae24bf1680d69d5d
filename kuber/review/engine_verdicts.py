"""The engine's verdict on each resource, with our own beside it where they differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from kuber.plan.registration import SECRET, UNKNOWN

from .changes import FOLLOWS, Plan, changes, component_of, old_one_goes_first
from .engine_digest import Digest, Verdict, steps_of_path
from .engine_documents import Reader
from .model import Change, Operation, Property
from .noise import is_noise
from .properties import Difference, concealed, differences, is_secret

_OPTION = "(option) "
_NAMED = 3
"""Properties that are named as a reason."""

_OURS: Mapping[Operation | None, str] = {
    "create": "created",
    "update": "updated in place",
    "replace": "replaced",
    "delete": "deleted",
    None: "left as it is",
}

_OF_THE_ENGINE: Mapping[str, str] = {
    "id": "the engine was told to replace it",
    "provider": "its provider becomes another",
    "replaceWith": "it is replaced together with what its `replaceWith` names",
    "#initerror": "it wasn't ready after its last change",
}
"""Reasons that are no properties (pulumi, resource/deploy/step_generator.go, diff)."""

Place = tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True)
class Verdicts:
    """What the engine will do to a cluster.

    Attributes:
        changes: What happens to each resource that isn't left as it is; the operation is the engine's.
        left: What differs and is left as it is, since its provider sees no difference: names for people.
    """

    changes: Sequence[Change]
    left: Sequence[str]


def verdicts(digest: Digest, before: Plan, after: Plan, reader: Reader) -> Verdicts:
    """The changes as the engine sees them.

    Properties are told as a review of two plans tells them; those that the engine names besides, such as what a provider chose or
    found, are added. `Change.engine` holds both verdicts where one of them is a replacement and the other isn't, or where by our own
    facts nothing would change.
    """
    ours = {one.urn: one for one in changes(digest.stack, before, after)}
    replaced = {one.urn for one in digest.verdicts if one.operation == "replace"}
    replaced_labels = {one.label for urn, one in ours.items() if urn in replaced}
    found: list[Change] = []
    left: list[str] = []
    for verdict in digest.verdicts:
        own = ours.get(verdict.urn)
        if not verdict.custom:
            continue
        if verdict.operation is None:
            if own and (kept := _only_noted(own)):
                found.append(kept)
            elif own and own.operation != "delete":
                left.append(
                    own.label if own.operation == "update" else f"{own.label} (by kuber's own facts {own.operation}d)"
                )
            continue
        own = own or _unseen(digest.stack, verdict, before, after)
        judged = _judged(verdict, own, ours.get(verdict.urn), reader)
        stale = judged.because.startswith(FOLLOWS) and judged.because.removeprefix(FOLLOWS) not in replaced_labels
        found.append(replace(judged, because="") if stale else judged)
    order = sorted(found, key=lambda one: (tuple(one.component), one.type, one.name))
    return Verdicts(changes=order, left=left)


def _only_noted(own: Change) -> Change | None:
    """What becomes of a resource that stays as it is: another name, or other options, which the engine only notes in its state."""
    options = [one for one in own.properties if one.path.startswith(_OPTION)]
    if own.operation == "delete" or not (options or own.renamed_from):
        return None
    noted = "same; only what it notes of it changes" if options else None
    return replace(own, operation="update", properties=options, because="", deletes_first=False, engine=noted)


def _unseen(stack: str, verdict: Verdict, before: Plan, after: Plan) -> Change:
    """A change that the inputs alone don't show."""
    old = before.get(verdict.before["urn"]) if verdict.before else None
    new = after.get(verdict.urn)
    resource = new or old
    assert resource is not None
    return Change(
        stack=stack,
        urn=verdict.urn,
        type=resource["type"],
        name=resource["name"],
        component=component_of(resource, after if new else before),
        operation="update",
        before=old,
        after=new,
    )


def _judged(verdict: Verdict, change: Change, own: Change | None, reader: Reader) -> Change:
    """A change with the engine's operation and reasons."""
    assert verdict.operation is not None
    if verdict.operation in ("create", "delete"):
        imported = "import; it is there already, and only comes into the state" if verdict.imported else None
        return replace(
            change, operation=verdict.operation, properties=(), because="", deletes_first=False, engine=imported
        )
    given = {**change.inputs("before"), **change.inputs("after")}
    reasons = [name for name in _OF_THE_ENGINE if name in verdict.differing and name not in given]
    properties = _properties(verdict, change, [name for name in verdict.differing if name not in reasons], reader)
    replaced = verdict.operation == "replace"
    because = change.because or "; ".join(_OF_THE_ENGINE[name] for name in reasons)
    if replaced and not because and not any(one.replaces for one in properties):
        because = "the engine doesn't say why"
    return replace(
        change,
        operation=verdict.operation,
        properties=properties,
        because=because,
        deletes_first=replaced and _deletes_first(verdict, change),
        engine=_both(verdict, own, properties),
    )


def _deletes_first(verdict: Verdict, change: Change) -> bool:
    if verdict.deletes_first is not None or not change.before or not change.after:
        return bool(verdict.deletes_first)
    return old_one_goes_first(change.before, change.after)


def _properties(verdict: Verdict, change: Change, named: Sequence[str], reader: Reader) -> list[Property]:
    """The properties that differ: ours with the engine's word on what replaces, and those that it names beside them."""
    places = {one.shown: one.place for one in differences(change.inputs("before"), change.inputs("after"))}
    replacing = [steps_of_path(path) for path in verdict.replacing]
    told = [
        replace(one, replaces=any(_meet(places[one.path], path) for path in replacing)) if one.path in places else one
        for one in change.properties
    ]
    besides = {
        path: place
        for path, place in ((path, steps_of_path(path)) for path in named)
        if place and not str(place[0]).startswith("__") and not any(_meet(place, one) for one in places.values())
    }
    return [*told, *_besides(verdict, change, besides, reader)]


def _besides(verdict: Verdict, change: Change, named: Mapping[str, Place], reader: Reader) -> Iterator[Property]:
    """What the engine says of properties that don't differ between the inputs as the program gives them, or are secrets."""
    if not named or not verdict.before or not verdict.after:
        return
    olds, news = reader.values(verdict.before), reader.values(verdict.after)
    for path, place in named.items():
        kind = verdict.differing[path]
        old, new = _at(olds.inputs, place), _at(news.inputs, place)
        if old == new and old != SECRET:  # so it is other in the world than the inputs say
            old = _at(olds.outputs, place)
            new = UNKNOWN if kind != "delete" and new in (None, old) else new
        difference = Difference(place, path, "update", old, new)
        yield Property(
            path=path,
            kind="add" if kind == "add" else "delete" if kind == "delete" else "update",
            before=concealed(old),
            after=concealed(new),
            replaces=path in verdict.replacing,
            noise=is_noise(change.type, difference),
        )


def _both(verdict: Verdict, own: Change | None, properties: Sequence[Property]) -> str | None:
    """The engine's verdict with ours; None where they are alike, or only a secret differs, which ours can't see."""
    ours = own.operation if own else None
    if own is None and properties and all(one.before == one.after == SECRET for one in properties):
        return None
    if own is not None and (verdict.operation == "replace") == (ours == "replace"):
        return None
    paths = [one.path for one in properties if one.replaces] if verdict.operation == "replace" else []
    if own is None and not paths:
        paths = [one.path for one in properties]
    own_paths = [one.path for one in own.properties if one.replaces] if own else []
    return f"{verdict.operation}{_because(paths)}; by kuber's own facts it would be {_OURS[ours]}{_because(own_paths)}"


def _because(paths: Sequence[str]) -> str:
    if not paths:
        return ""
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return f", because of {', '.join(paths[:_NAMED])}{more}"


def _meet(one: Sequence[str | int], other: Sequence[str | int]) -> bool:
    """Whether one of two places is at the other or below it; of a list's items, which providers count otherwise, any."""
    return all(
        left == right or (isinstance(left, int) and isinstance(right, int))
        for left, right in zip(one, other, strict=False)
    )


def _at(value: Any, place: Place) -> Any:
    """What stands at a place; within a secret, the secret."""
    for step in place:
        if is_secret(value):
            return SECRET
        if isinstance(value, Mapping):
            value = value.get(str(step))
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value
