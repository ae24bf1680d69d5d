"""An object cut down to the shape of another, so that what a cluster filled in doesn't count as a change.

Source: pulumi-kubernetes, provider/pkg/provider/util.go (pruneMap, pruneSlice), as are the rules of each function.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def restricted(live: Mapping[str, Any], shape: Mapping[str, Any]) -> dict[str, Any]:
    """Those values of an object that `shape` has too. Where the kind of value differs, the live one is kept whole."""
    return {name: _value(value, shape[name]) for name, value in live.items() if name in shape}


def _value(value: Any, shape: Any) -> Any:
    if isinstance(value, dict) and isinstance(shape, dict):
        return restricted(value, shape)
    if isinstance(value, list) and isinstance(shape, list):
        return _items(value, shape)
    return value


def _items(live: Sequence[Any], shape: Sequence[Any]) -> list[Any]:
    """Items by their place; live ones beyond the shape's length are left out."""
    if not live or not shape:
        return []
    if type(live[0]) is not type(shape[0]):
        return list(live)
    return [_value(one, like) for one, like in zip(live, shape, strict=False)]
