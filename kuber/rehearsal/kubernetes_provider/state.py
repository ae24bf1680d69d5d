"""What an engine keeps of an object."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from google.protobuf import struct_pb2

from . import kinds, values
from .normal_form import normalized
from .values import Properties

Object = dict[str, Any]

INPUTS, VERSION, MANAGER = "__inputs", "__initialApiVersion", "__fieldManager"

_NO_INPUTS = ("deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration")
"""Annotations that an import leaves out."""


def state_of(
    inputs: Object, live: Object, given: Properties, manager: str, version: str | None = None
) -> struct_pb2.Struct:
    """The live object with all that the server tells of it, `metadata.managedFields` too, and what the next operation needs to know.

    The real provider keeps the same (pulumi-kubernetes: provider.go, checkpointObject), so a state here has the size of a real one.

    Args:
        inputs: What was asked for.
        live: The object as it is.
        given: The inputs with their secrets marked.
        manager: The resource's field manager.
        version: The API version that the object was created with; that of the inputs if not given.
    """
    outputs = values.with_secrets_of(live, given)
    outputs[INPUTS] = values.with_secrets_of(inputs, given)
    outputs[VERSION] = version or inputs["apiVersion"]
    outputs[MANAGER] = manager
    return values.written(outputs)


def manager_of(state: Mapping[str, Any], inputs: Mapping[str, Any]) -> str:
    """The field manager of a resource: its annotation's, else that of the state, else a new one."""
    told = kinds.annotation(inputs, "patchFieldManager")
    return told or state.get(MANAGER) or f"pulumi-kubernetes-{secrets.token_hex(4)}"


def importable(live: Object) -> Object:
    """The inputs of an object that nobody gave inputs for: all of it but what is plainly none."""
    inputs = normalized({name: value for name, value in live.items() if name != "status"})
    annotations: Object = inputs["metadata"].get("annotations") or {}
    for name in _NO_INPUTS:
        annotations.pop(name, None)
    return inputs
