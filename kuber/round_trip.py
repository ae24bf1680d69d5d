"""Edits YAML so that comments, quotes and order stay as people wrote them."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import CommentMark
from ruamel.yaml.tokens import CommentToken

_WIDTH = 4096
"""Lines stay as they are: a scalar that was folded by hand (`>-`) keeps its folds, no other gets some."""


def load(text: str) -> CommentedMap:
    """A document that remembers how it was written; the text is known to be a mapping."""
    return _yaml().load(text)


def dump(document: CommentedMap) -> str:
    """The document as text."""
    out = io.StringIO()
    _yaml().dump(document, out)
    return out.getvalue()


def _yaml() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = _WIDTH
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def put(mapping: CommentedMap, key: str, value: Any) -> None:
    """Set a key. A new one goes to the end, above the blank lines and comments that follow the mapping."""
    if not mapping:
        mapping.fa.set_flow_style()  # it was `{}`
    if key in mapping or mapping.fa.flow_style():
        mapping[key] = value
        return
    tail = _take_tail(mapping)
    mapping[key] = value
    _set_tail(mapping, tail)


def refill(mapping: CommentedMap, items: Iterable[tuple[str, Any]]) -> None:
    """Give a mapping other keys, in the order of `items`; what follows the mapping stays below it."""
    tail = _take_tail(mapping)
    kept = {key: mapping.ca.items.get(key) for key in mapping}
    for key in list(mapping):
        del mapping[key]
    mapping.ca.items.clear()
    for key, value in items:
        mapping[key] = value
        if kept.get(key):
            mapping.ca.items[key] = kept[key]
    _set_tail(mapping, tail)


def remove(mapping: CommentedMap, key: str) -> None:
    """Take a key away, if it is there."""
    if key in mapping:
        refill(mapping, [(name, value) for name, value in mapping.items() if name != key])


def flow(items: Any) -> Any:
    """A list or mapping on one line: `[a, b]`, `{a: 1}`."""
    written = CommentedMap(items) if isinstance(items, dict) else CommentedSeq(items)
    written.fa.set_flow_style()
    return written


def _take_tail(mapping: CommentedMap) -> str:
    """What stands between a mapping's end and the next key, taken away.

    The comment on its last line stays, and so do comments below that are indented as its values are.
    """
    place = _last_place(mapping)
    token = _comment(place)
    if place is None or token is None:
        return ""
    own, *below = token.value.split("\n")
    deeper = [n for n, line in enumerate(below, 1) if len(line) - len(line.lstrip()) > mapping.lc.col and line.strip()]
    below_own = below[: max(deeper, default=0)]
    stays = "\n".join([own, *below_own]) + "\n" if own or below_own else ""
    _set_comment(place, stays, token.start_mark.column)
    return "\n".join(below[len(below_own) :])


def _set_tail(mapping: CommentedMap, tail: str) -> None:
    place = _last_place(mapping)
    if place is not None and tail:
        token = _comment(place)
        own, column = (token.value, token.start_mark.column) if token else ("\n", 0)
        _set_comment(place, own + tail, column)


_Place = tuple[Any, Any, int]
"""Where ruamel keeps what follows a block: the innermost collection, its last key, and the comment's slot."""


def _last_place(value: Any) -> _Place | None:
    place = None
    while isinstance(value, CommentedMap | CommentedSeq) and value and not value.fa.flow_style():
        in_map = isinstance(value, CommentedMap)
        key = list(value)[-1] if in_map else len(value) - 1
        place = (value, key, 2 if in_map else 0)
        value = value[key]
    return place


def _comment(place: _Place | None) -> CommentToken | None:
    if place is None:
        return None
    collection, key, slot = place
    comments = collection.ca.items.get(key)
    return comments[slot] if comments else None


def _set_comment(place: _Place, text: str, column: int) -> None:
    collection, key, slot = place
    comments = collection.ca.items.setdefault(key, [None] * 4)
    comments[slot] = CommentToken(text, CommentMark(column), None) if text else None
