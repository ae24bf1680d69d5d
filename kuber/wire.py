"""Property values in the engine's wire form: plain JSON, with marked objects for secrets and a marker for what is unknown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from google.protobuf import json_format, struct_pb2
from pulumi.runtime import rpc

Properties = dict[str, Any]

UNKNOWN: str = rpc.UNKNOWN
_SIGNATURE = rpc._special_sig_key
_SECRET = rpc._special_secret_sig


def to_properties(struct: struct_pb2.Struct) -> Properties:
    """What a message holds; whole numbers are ints."""
    return {key: _value(value) for key, value in struct.fields.items()}


def to_struct(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """The message of some properties."""
    return json_format.ParseDict(dict(properties), struct_pb2.Struct())


def secret(value: Any) -> Properties:
    """A value as a secret."""
    return {_SIGNATURE: _SECRET, "value": value}


def is_secret(value: Any) -> bool:
    """Whether a value is a secret as a whole."""
    return isinstance(value, dict) and value.get(_SIGNATURE) == _SECRET


def revealed(value: Any) -> Any:
    """A value without its marks: secrets in clear. Not for messages."""
    if is_secret(value):
        return revealed(value.get("value"))
    if isinstance(value, dict):
        return {key: revealed(one) for key, one in value.items()}
    return [revealed(one) for one in value] if isinstance(value, list) else value


def is_unknown(value: Any) -> bool:
    """Whether a value is unknown as a whole."""
    return value == UNKNOWN or (is_secret(value) and value.get("value") == UNKNOWN)


def without_secrets(text: str, *properties: Mapping[str, Any]) -> str:
    """A text for the user, with each secret of some properties blotted out."""
    for known in sorted({one for each in properties for one in _secret_texts(each)}, key=len, reverse=True):
        text = text.replace(known, "[secret]")
    return text


def merged(into: Mapping[str, Any], changes: Mapping[str, Any]) -> Properties:
    """Properties with changes, object by object; None takes one away."""
    result = dict(into)
    for key, value in changes.items():
        old = result.get(key)
        if value is None:
            result.pop(key, None)
        elif isinstance(old, dict) and isinstance(value, Mapping) and not is_secret(old) and not is_secret(value):
            result[key] = merged(old, value)
        else:
            result[key] = value
    return result


def _secret_texts(value: Any, *, within: bool = False) -> Iterator[str]:
    if is_secret(value):
        yield from _secret_texts(value.get("value"), within=True)
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _secret_texts(one, within=within)
    elif isinstance(value, list):
        for one in value:
            yield from _secret_texts(one, within=within)
    elif within and value not in ("", None, UNKNOWN) and not isinstance(value, bool):
        yield str(value)


def _value(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return to_properties(value.struct_value)
    if kind == "list_value":
        return [_value(one) for one in value.list_value.values]
    if kind == "number_value":
        return int(value.number_value) if value.number_value.is_integer() else value.number_value
    return None if kind in (None, "null_value") else getattr(value, kind)
