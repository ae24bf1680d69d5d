"""What a program registers with an engine, in the form of `kuber plan --json`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pulumi.runtime import rpc

UNKNOWN = "<unknown>"
"""Stands for a value that only an apply can tell."""

SECRET = "[secret]"
"""Stands for a secret value, known or not."""

Masks = Callable[[Any], str]
"""Gives what is shown instead of a secret value."""


def masked(_value: Any) -> str:
    """Nothing of a secret: `[secret]`."""
    return SECRET


_OPTIONS = {
    "protect": "protect",
    "retainOnDelete": "retainOnDelete",
    "deletedWith": "deletedWith",
    "importId": "import",
    "ignoreChanges": "ignoreChanges",
    "replaceOnChanges": "replaceOnChanges",
    "additionalSecretOutputs": "additionalSecretOutputs",
    "customTimeouts": "customTimeouts",
    "aliases": "aliases",
}
"""Fields of RegisterResourceRequest that are resource options, and what the plan calls them."""


def registered_resource(request: Mapping[str, Any], urn: str, mask: Masks = masked) -> dict[str, Any]:
    """One resource as it was registered.

    Args:
        request: A RegisterResourceRequest in protobuf's JSON form (camelCase; fields at their default may be absent).
        urn: The URN that the engine gave it.
        mask: Gives what stands for a secret value.

    Returns:
        `urn`, `type`, `name`, `parent` (URN or None), `provider` (URN of an explicit provider; None for the default
        one and for components), `inputs`, `unknown` (sorted property paths of unknown inputs), `unknownFrom` (by property that
        holds an unknown one, the URNs of the resources that will tell) and `options` (only those that are set; `dependsOn` are
        the URNs of explicit and of implied dependencies).
    """
    inputs = shown(request.get("object") or {}, mask)
    unknown = sorted(unknown_paths(inputs))
    options = {name: request[field] for field, name in _OPTIONS.items() if request.get(field)}
    if request.get("deleteBeforeReplaceDefined"):
        options["deleteBeforeReplace"] = bool(request.get("deleteBeforeReplace"))
    if dependencies := request.get("dependencies"):
        options["dependsOn"] = sorted(set(dependencies))
    return {
        "urn": urn,
        "type": request["type"],
        "name": request["name"],
        "parent": request.get("parent") or None,
        "provider": (request.get("provider") or "").rpartition("::")[0] or None,
        "inputs": inputs,
        "unknown": unknown,
        "unknownFrom": _tellers(request.get("propertyDependencies") or {}, unknown),
        "options": dict(sorted(options.items())),
    }


def _tellers(dependencies: Mapping[str, Any], unknown: Sequence[str]) -> dict[str, list[str]]:
    """Of each property that is unknown, or something in it, the resources that it comes from."""
    return {
        name: sorted(depends.get("urns", ()))
        for name, depends in sorted(dependencies.items())
        if any(path == name or path.startswith((f"{name}.", f"{name}[")) for path in unknown) and depends.get("urns")
    }


def shown(value: Any, mask: Masks = masked) -> Any:
    """A property value fit to be shown: secrets and unknowns replaced, whole numbers as integers.

    A reference to a resource becomes its URN. Assets stay in the SDK's wire form.
    """
    match value:
        case rpc.UNKNOWN:
            return UNKNOWN
        case dict() if rpc._special_sig_key in value:
            return _shown_special(value, mask)
        case dict():
            return {key: shown(value[key], mask) for key in sorted(value)}
        case list():
            return [shown(item, mask) for item in value]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value


def _shown_special(value: dict[str, Any], mask: Masks) -> Any:
    """A value that the SDK marks by a signature: secret, output, resource reference or asset."""
    match value[rpc._special_sig_key]:
        case rpc._special_secret_sig:
            return mask(value.get("value"))
        case rpc._special_output_value_sig:
            if value.get("secret"):
                return mask(value.get("value"))
            return shown(value["value"], mask) if "value" in value else UNKNOWN
        case rpc._special_resource_sig:
            return value["urn"]
        case _:
            return value


def unknown_paths(value: Any, path: str = "") -> Iterator[str]:
    """The property paths, as Pulumi writes them, at which a shown value is unknown: `vpcConfig.subnetIds[1]`."""
    if value == UNKNOWN:
        yield path
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from unknown_paths(item, _joined(path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from unknown_paths(item, f"{path}[{index}]")


def _joined(path: str, key: str) -> str:
    if not key or any(character in key for character in '.["]'):
        return f"{path}[{json.dumps(key)}]"
    return f"{path}.{key}" if path else key
