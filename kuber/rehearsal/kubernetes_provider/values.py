"""Property values as the engine sends them, as plain JSON and back; what is secret, and what nobody knows yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from google.protobuf import struct_pb2
from pulumi.runtime import rpc

Properties = dict[str, Any]


class _Unknown:
    """A value that only a later step can tell; there is one of it, `UNKNOWN`."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __deepcopy__(self, _: object) -> _Unknown:
        return self


UNKNOWN = _Unknown()


@dataclass(frozen=True)
class Secret:
    """A value that the state keeps encrypted."""

    value: Any


_SIGNATURE = rpc._special_sig_key
_SECRET = rpc._special_secret_sig

_WITH_DASHES = {
    f"x_kubernetes_{name.replace('-', '_')}": f"x-kubernetes-{name}"
    for name in (
        "embedded-resource",
        "int-or-string",
        "list-map-keys",
        "list-type",
        "map-type",
        "preserve-unknown-fields",
        "validations",
    )
}
"""Keys of a CRD's schema that the SDKs write with underscores; the provider translates them wherever they stand
(pulumi-kubernetes: provider.go, underscoreToDashMap)."""

_WITH_UNDERSCORES = {dashed: name for name, dashed in _WITH_DASHES.items()}


def read(properties: struct_pb2.Struct) -> Properties:
    """Properties with `Secret` and `UNKNOWN` where the engine says so; whole numbers are ints."""
    return {_WITH_DASHES.get(name, name): _read(value) for name, value in properties.fields.items()}


def plain(value: Any) -> Any:
    """The same in the clear; `UNKNOWN` stays. A copy."""
    match value:
        case Secret():
            return plain(value.value)
        case dict():
            return {name: plain(one) for name, one in value.items()}
        case list():
            return [plain(one) for one in value]
        case _:
            return value


def written(properties: Mapping[str, Any]) -> struct_pb2.Struct:
    """Properties as the engine takes them."""
    struct = struct_pb2.Struct()
    for name, value in properties.items():
        _write(value, struct.fields[_WITH_UNDERSCORES.get(name, name)])
    return struct


def has_unknown(value: Any) -> bool:
    """Whether there is an `UNKNOWN` anywhere in it."""
    match value:
        case Secret():
            return has_unknown(value.value)
        case dict():
            return any(has_unknown(one) for one in value.values())
        case list():
            return any(has_unknown(one) for one in value)
        case _:
            return value is UNKNOWN


def _has_secret(value: Any) -> bool:
    match value:
        case Secret():
            return True
        case dict():
            return any(_has_secret(one) for one in value.values())
        case list():
            return any(_has_secret(one) for one in value)
        case _:
            return False


def with_secrets_of(plain_values: Mapping[str, Any], inputs: Mapping[str, Any]) -> Properties:
    """An object with those values secret that came as secrets in the inputs, and `data` and `stringData` of a Secret.

    A list with one secret in it is secret as a whole, an object isn't (pulumi-kubernetes: provider.go, annotateSecrets).
    Of a Secret nothing else is looked at.

    Args:
        plain_values: The object, or a part of it, without secrets.
        inputs: What it was made from, as `read`.
    """
    marked = dict(plain_values)
    if marked.get("kind") == "Secret":
        for field in ("data", "stringData"):
            if field in marked:
                marked[field] = Secret(marked[field])
        return marked
    for name, given in inputs.items():
        if name not in marked:
            continue
        if isinstance(marked[name], dict) and isinstance(given, dict):
            marked[name] = with_secrets_of(marked[name], given)
        elif _has_secret(given):
            marked[name] = Secret(marked[name])
    return marked


def _read(value: struct_pb2.Value) -> Any:
    match value.WhichOneof("kind"):
        case "string_value":
            return UNKNOWN if value.string_value == rpc.UNKNOWN else value.string_value
        case "number_value":
            return int(value.number_value) if value.number_value.is_integer() else value.number_value
        case "bool_value":
            return value.bool_value
        case "struct_value":
            return _read_struct(value.struct_value)
        case "list_value":
            return [_read(one) for one in value.list_value.values]
    return None


def _read_struct(struct: struct_pb2.Struct) -> Any:
    if _SIGNATURE in struct.fields and struct.fields[_SIGNATURE].string_value == _SECRET:
        return Secret(_read(struct.fields["value"]))
    return read(struct)


def _write(value: Any, into: struct_pb2.Value) -> None:
    match value:
        case None:
            into.null_value = struct_pb2.NULL_VALUE
        case bool():
            into.bool_value = value
        case int() | float():
            into.number_value = value
        case str():
            into.string_value = value
        case Secret():
            into.struct_value.fields[_SIGNATURE].string_value = _SECRET
            _write(value.value, into.struct_value.fields["value"])
        case dict():
            into.struct_value.SetInParent()
            for name, one in value.items():
                _write(one, into.struct_value.fields[_WITH_UNDERSCORES.get(str(name), str(name))])
        case list():
            into.list_value.SetInParent()
            for one in value:
                _write(one, into.list_value.values.add())
        case _:
            into.string_value = rpc.UNKNOWN
