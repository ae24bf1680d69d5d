"""Which properties resources have and need: what a provider's Check refuses."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from kuber.wire import is_secret, is_unknown

_TABLE = Path(__file__).with_name("properties.json")
_OF_THE_ENGINE = frozenset({"__defaults", "__internal"})

Failure = tuple[str, str]
"""The path of a property, and what is wrong with it."""


def known_types() -> frozenset[str]:
    """The types of which the properties are known."""
    return frozenset(_types())


def input_names(resource_type: str) -> frozenset[str]:
    """The top-level inputs of a type; none for one that isn't known."""
    shape = _types().get(resource_type, {"inputs": {}})["inputs"]
    return frozenset(name.removesuffix("!") for name in shape)


def output_names(resource_type: str) -> frozenset[str]:
    """What of a type's top-level outputs is no input."""
    return frozenset(_types().get(resource_type, {"outputs": ()})["outputs"])


def failures(resource_type: str, inputs: Mapping[str, Any]) -> list[Failure]:
    """What is missing, unknown or not of the right form. Of a type that isn't known, nothing is said.

    What the cloud will only tell later is taken for right.
    """
    known = _types().get(resource_type)
    return list(_failures(known["inputs"], inputs, "")) if known else []


@cache
def _types() -> Mapping[str, Mapping[str, Any]]:
    return json.loads(_TABLE.read_text(encoding="utf-8"))["types"]


def _failures(shape: Any, value: Any, path: str) -> Iterator[Failure]:
    while is_secret(value):
        value = value["value"]
    if shape == "" or value is None or is_unknown(value):
        return
    if isinstance(shape, list):
        if isinstance(value, list):
            for index, one in enumerate(value):
                yield from _failures(shape[0], one, f"{path}[{index}]")
        else:
            yield path, f"is {_form(value)}; it must be a list"
    elif not isinstance(value, Mapping):
        yield path, f"is {_form(value)}; it must be an object"
    elif "*" in shape:
        for key, one in value.items():
            yield from _failures(shape["*"], one, f"{path}.{key}")
    else:
        yield from _failures_of_object(shape, value, path)


def _failures_of_object(shape: Mapping[str, Any], value: Mapping[str, Any], path: str) -> Iterator[Failure]:
    known = {name.removesuffix("!"): one for name, one in shape.items()}
    for name in sorted(shape):
        if name.endswith("!") and value.get(name[:-1]) is None:
            yield _path(path, name[:-1]), "is required, and missing"
    for name, one in value.items():
        if name in known:
            yield from _failures(known[name], one, _path(path, name))
        elif name not in _OF_THE_ENGINE:
            near = difflib.get_close_matches(name, known, 1)
            yield _path(path, name), "is no property that there is" + (f"; did you mean {near[0]!r}?" if near else "")


def _path(above: str, name: str) -> str:
    return f"{above}.{name}" if above else name


def _form(value: Any) -> str:
    """What a value is, without saying it: it may be secret."""
    if isinstance(value, list):
        return "a list"
    return "an object" if isinstance(value, Mapping) else "a single value"
