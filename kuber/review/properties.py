"""What differs between the inputs of a resource before and after, as people read it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from kuber.plan.registration import SECRET

Place = tuple[str | int, ...]
"""Where a difference is: ("spec", "containers", 0, "image"), by the indices of afterwards, or of before where it goes."""

_NAMES = ("name", "key", "id", "type", "host", "alert", "record", "containerPort", "port", "mountPath", "cidrBlock")
"""By what people tell the items of a list apart, the first that all of them have and that no two have alike."""

_STEP = re.compile(r'\[("(?:[^"\\]|\\.)*")\]|\[(\d+)\]|([^.\[\]]+)')
_MASK = re.compile(r"\[secret [^\[\]\s]+\]")
"""A secret with its fingerprint."""
CHANGED_SECRET = "[secret, changed]"
"""Stands for a secret that is another than before."""


@dataclass(frozen=True)
class Difference:
    """One difference, as deep as it goes.

    Attributes:
        place: Where it is.
        shown: Its path, as people write it: `spec.containers[name=nginx].image`.
        kind: What happens.
        before, after: The values; None where there is none.
        same_meaning: Whether two texts hold the same JSON and are only written otherwise.
    """

    place: Place
    shown: str
    kind: Literal["add", "delete", "update"]
    before: Any
    after: Any
    same_meaning: bool = False


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """All differences, by path. A missing property is as good as null; an item of a list, as empty as it may be, isn't."""
    return list(_walk(before, after, (), ""))


def concealed(value: Any) -> Any:
    """A value with the fingerprints of its secrets left out."""
    match value:
        case str():
            return _MASK.sub(SECRET, value)
        case Mapping():
            return {key: concealed(item) for key, item in value.items()}
        case list():
            return [concealed(item) for item in value]
        case _:
            return value


def concealed_beside(before: Any, after: Any) -> Any:
    """A value of afterwards, concealed; a secret in it that isn't among those of before at the same place is said to be another."""
    match after:
        case str():
            known = set(_MASK.findall(before)) if isinstance(before, str) else set()
            return _MASK.sub(lambda found: SECRET if not known or found[0] in known else CHANGED_SECRET, after)
        case Mapping():
            olds = before if isinstance(before, Mapping) else {}
            return {key: concealed_beside(olds.get(key), item) for key, item in after.items()}
        case list():
            items = before if isinstance(before, list) else []
            padded = [*items, *[None] * (len(after) - len(items))]
            return [concealed_beside(old, new) for old, new in zip(padded, after, strict=False)]
        case _:
            return after


def is_secret(value: Any) -> bool:
    """Whether a plan shows a secret here, with a fingerprint or without."""
    return isinstance(value, str) and (value == SECRET or _MASK.fullmatch(value) is not None)


def steps_of_path(path: str) -> Place:
    """`spec.containers[0].image` → ("spec", "containers", 0, "image"); a key with dots of its own stands in brackets and quotes."""
    return tuple(
        json.loads(quoted) if quoted else int(index) if index else plain for quoted, index, plain in _STEP.findall(path)
    )


def is_within(place: Place, pattern: Sequence[str | int]) -> bool:
    """Whether a place is at a path, or below it; `*` stands for any step."""
    return len(place) >= len(pattern) and all(
        step in ("*", str(key)) for step, key in zip(map(str, pattern), place, strict=False)
    )


def _walk(before: Any, after: Any, place: Place, shown: str) -> Iterator[Difference]:
    if before == after or (_is_nothing(before) and _is_nothing(after)) or _are_untold(before, after):
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            yield from _walk(before.get(key), after.get(key), (*place, key), _joined(shown, key))
    elif isinstance(before, list) and isinstance(after, list) and before and after:
        yield from _walk_list(before, after, place, shown)
    elif documents := _documents(before, after):
        found = list(_walk(*documents, place, f"{shown}:"))
        yield from found or [Difference(place, f"{shown} (spelling)", "update", before, after, same_meaning=True)]
    else:
        yield _difference(before, after, place, shown)


def _are_untold(before: Any, after: Any) -> bool:
    """Whether both are secrets and a plan without fingerprints is among the two: nobody can tell whether they are alike."""
    return is_secret(before) and is_secret(after) and SECRET in (before, after)


def _walk_list(before: list[Any], after: list[Any], place: Place, shown: str) -> Iterator[Difference]:
    name = _told_apart_by(before, after)
    if name is None and _are_plain(before) and _are_plain(after):
        yield from _walk_set(before, after, place, shown)
        return
    if name is None:
        for index in range(max(len(before), len(after))):
            old, new = (one[index] if index < len(one) else None for one in (before, after))
            at, shown_at = (*place, index), f"{shown}[{index}]"
            if _is_nothing(old) and _is_nothing(new) and old != new:  # to a rule of a NetworkPolicy, `{}` is everything
                kind = "add" if index >= len(before) else "delete" if index >= len(after) else "update"
                yield Difference(at, shown_at, kind, old, new)
            else:
                yield from _walk(old, new, at, shown_at)
        return
    old_items = {item[name]: (index, item) for index, item in enumerate(before)}
    new_items = {item[name]: (index, item) for index, item in enumerate(after)}
    for key in [*new_items, *(one for one in old_items if one not in new_items)]:
        (old_index, old), (new_index, new) = old_items.get(key, (None, None)), new_items.get(key, (None, None))
        index = new_index if new_index is not None else old_index
        assert index is not None
        yield from _walk(old, new, (*place, index), f"{shown}[{name}={key}]")
    if [one for one in old_items if one in new_items] != [one for one in new_items if one in old_items]:
        yield Difference(place, f"{shown} (order)", "update", list(old_items), list(new_items))


def _walk_set(before: list[Any], after: list[Any], place: Place, shown: str) -> Iterator[Difference]:
    """Items that come and go, where a list holds plain values."""
    gone = [one for one in before if one is not None and one not in after]
    come = [one for one in after if one is not None and one not in before]
    if len(gone) == len(come) == 1 and len(before) == len(after):
        index = after.index(come[0])
        yield Difference((*place, index), f"{shown}[{index}]", "update", gone[0], come[0])
        return
    if not gone and not come:  # only the order, how often, or how much of nothing
        yield Difference(place, shown, "update", before, after)
    for one in gone:
        yield Difference((*place, before.index(one)), f"{shown}[]", "delete", one, None)
    for one in come:
        yield Difference((*place, after.index(one)), f"{shown}[]", "add", None, one)


def _told_apart_by(*lists: list[Any]) -> str | None:
    for name in _NAMES:
        if all(
            all(isinstance(item, Mapping) and isinstance(item.get(name), (str, int)) for item in items)
            and len({item[name] for item in items}) == len(items)
            for items in lists
        ):
            return name
    return None


def _are_plain(items: list[Any]) -> bool:
    return not any(isinstance(item, (Mapping, list)) for item in items)


def _documents(before: Any, after: Any) -> tuple[Any, Any] | None:
    """The meaning of two texts that both hold JSON, such as policies."""
    if not all(isinstance(one, str) and one.lstrip()[:1] in ("{", "[") for one in (before, after)):
        return None
    try:
        old, new = json.loads(before), json.loads(after)
    except ValueError:
        return None
    return (old, new) if type(old) is type(new) else None


def _difference(before: Any, after: Any, place: Place, shown: str) -> Difference:
    kind = "add" if _is_nothing(before) else "delete" if _is_nothing(after) else "update"
    return Difference(place, shown, kind, before, after)


def _is_nothing(value: Any) -> bool:
    return value is None or value in ([], {})


def _joined(shown: str, key: str) -> str:
    plain = key.replace("_", "a").replace("-", "a").isalnum()
    return (f"{shown}.{key}" if shown else key) if plain else f"{shown}[{json.dumps(key, ensure_ascii=False)}]"
