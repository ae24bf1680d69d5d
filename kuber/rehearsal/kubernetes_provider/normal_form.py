"""Objects in the form that Kubernetes' own types give them."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from . import kinds
from .quantity import canonical
from .values import has_unknown

Object = dict[str, Any]

_TYPES = Path(__file__).parent / "types.json"
"""Made by tools/kubernetes_types.py from Kubernetes' own Go types."""

_FILLED_IN = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "uid",
)


def normalized(one: Object) -> Object:
    """An object so that two ways of writing the same are one; a copy. Custom resources are left as they are written.

    Quantities are in canonical form. What Kubernetes' types leave out when it is empty is left out (`hostNetwork: false`), as are
    fields that they don't have. An object with a value of the wrong type stays as it is, for the API server to tell.

    Source: pulumi-kubernetes, provider.go (normalizeInputs) and clients/unstructured.go (Normalize), which converts to the Go types
    of k8s.io/api and back (k8s.io/apimachinery, pkg/runtime/converter.go).
    """
    one = copy.deepcopy(one)
    if one.get("apiVersion") and kinds.built_in(str(one["apiVersion"])) and not has_unknown(one):
        one = _built_in(one)
    meta = one.get("metadata")
    if isinstance(meta, dict):
        for name in _FILLED_IN:
            meta.pop(name, None)
    return one


def _built_in(one: Object) -> Object:
    if kinds.is_crd(one):
        return _crd(one)
    if one.get("kind") == "Secret":
        return _secret(one)
    types = _types()
    struct = types["kinds"].get(f"{str(one.get('apiVersion')).removeprefix('core/')}/{one.get('kind')}")
    if struct is None:
        return one
    try:
        return _of_struct(one, types["structs"], struct)
    except (TypeError, ValueError):
        return one


def _of_struct(given: Any, structs: Mapping[str, Mapping[str, str]], name: str) -> Object:
    if not isinstance(given, dict):
        raise TypeError(f"{given!r} is no object")
    fields, written = structs[name], Object()
    for field, code in fields.items():
        if field not in given:
            continue
        value = _of_type(given[field], structs, code.removesuffix("?"))
        if not (code.endswith("?") and _left_out(value, code)):
            written[field] = value
    return written


def _left_out(value: Any, code: str) -> bool:
    """Whether a value counts as empty: nothing, zero, false, or a list or an object of any keys without any in it."""
    if code[0] == "*" or value is None:
        return value is None
    structure = code[0] not in "[{" and len(code) > len("s?")
    return not value and not structure


def _of_type(value: Any, structs: Mapping[str, Mapping[str, str]], code: str) -> Any:
    if value is None:
        return _ZERO.get(code)
    if code[0] == "*":
        return _of_type(value, structs, code[1:])
    if code[0] == "[":
        if not isinstance(value, list):
            raise TypeError(f"{value!r} is no list")
        return [_of_type(one, structs, code[1:]) for one in value]
    if code[0] == "{":
        if not isinstance(value, dict):
            raise TypeError(f"{value!r} is no object")
        return {name: _of_type(one, structs, code[1:]) for name, one in value.items()}
    if convert := _BASIC.get(code):
        return convert(value)
    return _of_struct(value, structs, code)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no string")
    return value


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false")
    return value


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is no number")
    return value


def _whole(value: Any) -> int:
    if not isinstance(number := _number(value), int):
        raise TypeError(f"{value!r} is no whole number")
    return number


_BASIC: Mapping[str, Callable[[Any], Any]] = {
    "s": _text,
    "b": _truth,
    "n": _whole,
    "f": _number,
    "q": lambda value: canonical(value if isinstance(value, str) else str(_number(value))),
    "i": lambda value: value if isinstance(value, str) else _whole(value),
    "y": lambda value: base64.b64encode(base64.b64decode(_text(value))).decode(),
    "t": _text,
    "x": lambda value: value,
}

_ZERO = {"s": "", "b": False, "n": 0, "f": 0}


@cache
def _types() -> Any:
    return json.loads(_TYPES.read_text(encoding="utf-8"))


def _crd(one: Object) -> Object:
    one.pop("status", None)
    spec = one.get("spec")
    if isinstance(spec, dict) and spec.get("preserveUnknownFields") is False:
        del spec["preserveUnknownFields"]
    return one


def _secret(one: Object) -> Object:
    """`stringData` becomes `data`, in base64; `data` is written as the server writes it."""
    texts: Any = one.get("stringData")
    data: Any = one.get("data")
    if isinstance(texts, dict) and texts:
        encoded = {name: base64.b64encode(str(text).encode()).decode() for name, text in texts.items()}
        one["data"] = {**(data if isinstance(data, dict) else {}), **encoded}
        del one["stringData"]
    elif isinstance(data, dict):
        one["data"] = {name: _reencoded(value) for name, value in data.items()}
    return one


def _reencoded(value: Any) -> Any:
    try:
        return base64.b64encode(base64.b64decode("".join(value.split()), validate=True)).decode()
    except (ValueError, AttributeError, TypeError):
        return value
