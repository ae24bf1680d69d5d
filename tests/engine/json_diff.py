"""Where two JSON values differ, told so that a person finds the place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

SHOWN = 20


def differences(left: Any, right: Any, names: tuple[str, str], path: str = "") -> Iterator[str]:
    """One line a place, in order.

    Args:
        left: A JSON value.
        right: Another.
        names: What the two are called: ("plan", "engine").
        path: Where in a whole the two are.
    """
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        for key in sorted({*left, *right}):
            inner = f"{path} › {key}" if path else key
            if key not in right:
                yield f"{inner}: only in {names[0]}: {_short(left[key])}"
            elif key not in left:
                yield f"{inner}: only in {names[1]}: {_short(right[key])}"
            else:
                yield from differences(left[key], right[key], names, inner)
    elif isinstance(left, list) and isinstance(right, list) and len(left) == len(right):
        for index, (left_item, right_item) in enumerate(zip(left, right, strict=True)):
            yield from differences(left_item, right_item, names, f"{path}[{index}]")
    elif left != right or isinstance(left, bool) != isinstance(right, bool):
        yield f"{path}: {names[0]} {_short(left)}, {names[1]} {_short(right)}"


def report(found: list[str]) -> str:
    """The first differences, a line each, and how many more there are."""
    more = [f"… and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    return "\n".join([*islice(found, SHOWN), *more])


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:200]}…"
