"""The in-process resource monitor: stands where the engine stands, and writes down what the program registers."""

from __future__ import annotations

import logging
from typing import Any

from google.protobuf import struct_pb2
from pulumi.runtime.mocks import MockCallArgs, MockMonitor, MockResourceArgs, Mocks
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.settings import get_project, get_stack

from .errors import LookUpError, PlanError
from .registration import Masks, registered_resource, shown

STACK_TYPE = "pulumi:pulumi:Stack"


class _NoLookUps(Mocks):
    """There is no cloud to ask: a plan that needs one is no plan."""

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        """Reading a resource that exists; registrations don't come here."""
        raise LookUpError(f"the program reads {args.typ} {args.name} while planning: pin what it needs instead")

    def call(self, args: MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise LookUpError(f"the program calls {args.token} while planning: pin the value in the stack file instead")


class PlanMonitor(MockMonitor):
    """Records each registration and answers as an engine does in the first preview of a stack.

    What the program gives is known; everything that the cloud decides is unknown: ids are empty and the answer holds the inputs
    alone (the SDK takes what is missing for unknown while previewing).

    Attributes:
        registered: Resources in the form of the plan's document, by URN.
        outputs: Outputs of the stack.
    """

    def __init__(self, mask: Masks) -> None:
        super().__init__(_NoLookUps())
        self._mask = mask
        self.registered: dict[str, dict[str, Any]] = {}
        self.outputs: dict[str, Any] = {}

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> Any:
        """Record a resource.

        Raises:
            PlanError: there is one of this URN already.
        """
        urn = self.make_urn(request.parent, request.type, request.name)
        if urn in self.registered:
            raise PlanError(f"two resources with one URN: {urn}")
        self.registered[urn] = registered_resource(_fields(request), urn, self._mask)
        return resource_pb2.RegisterResourceResponse(
            urn=urn, object=request.object if self._answered(request) else None
        )

    def _answered(self, request: resource_pb2.RegisterResourceRequest) -> bool:
        """Whether an engine knows outputs while previewing: not of components, nor where the provider itself isn't known yet."""
        provider = self.registered.get(request.provider.rpartition("::")[0])
        return request.custom and not (provider and provider["unknown"])

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """The URN as the engine makes it: with the types of all parents below the stack, where the mock keeps the nearest alone."""
        types = "" if not parent or _is_stack(parent) else parent.split("::")[2] + "$"
        return f"urn:pulumi:{get_stack()}::{get_project()}::{types}{type_}::{name}"

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> Any:
        """Record the outputs of the stack; those of components are for the engine's state alone."""
        if _is_stack(request.urn):
            self.outputs = shown(_plain(request.outputs), self._mask)
        return super().RegisterResourceOutputs(request)


def _is_stack(urn: str) -> bool:
    return f"::{STACK_TYPE}::" in urn


def _fields(request: resource_pb2.RegisterResourceRequest) -> dict[str, Any]:
    """The fields that are set, by the names of protobuf's JSON form; converting all of them costs five times as much."""
    return {field.json_name: _plain_field(value) for field, value in request.ListFields()}


def _plain_field(value: Any) -> Any:
    if isinstance(value, struct_pb2.Struct):
        return _plain(value)
    if isinstance(value, (str, bool, int, float)):
        return value
    if hasattr(value, "ListFields"):
        return {field.json_name: _plain_field(item) for field, item in value.ListFields()}
    if hasattr(value, "items"):
        return {key: _plain_field(item) for key, item in value.items()}
    return [_plain_field(item) for item in value]


def _plain(struct: struct_pb2.Struct) -> dict[str, Any]:
    return {key: _plain_value(value) for key, value in struct.fields.items()}


def _plain_value(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return _plain(value.struct_value)
    if kind == "list_value":
        return [_plain_value(item) for item in value.list_value.values]
    return None if kind in (None, "null_value") else getattr(value, kind)


class WarningLog(logging.Handler):
    """Collects what the program says by `pulumi.log.warn` and worse."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message."""
        self.messages.append(record.getMessage())
