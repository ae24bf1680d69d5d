"""How a call of the engine ends that doesn't go well."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn

import grpc
from google.protobuf import any_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from kuber.rehearsal.cloud.store import Record
from kuber.wire import to_struct, without_secrets

_DOING = {"create": "creating", "read": "reading", "update": "updating", "delete": "deleting"}


@dataclass(frozen=True)
class Call:
    """A call about one resource.

    Attributes:
        package: Of the provider.
        operation: "create", "read", "update", "delete".
        type: Type token.
        name: The resource's name in the program.
        subject: Its id, or its name where it has none yet.
        context: Of the call.
        inputs: What the engine sent; no secret of it gets into a message.
    """

    package: str
    operation: str
    type: str
    name: str
    subject: str
    context: grpc.ServicerContext
    inputs: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def refuse(self, reason: str) -> NoReturn:
        """End the call with an error, and nothing else."""
        self.context.abort(grpc.StatusCode.UNKNOWN, self._told(reason))

    def report_failure(self, record: Record, reasons: Sequence[str]) -> NoReturn:
        """Tell of a resource that is there and isn't as it should be; the engine keeps it in the state, with the reasons."""
        told = [self._told(reason) for reason in reasons]
        detail = any_pb2.Any()
        detail.Pack(
            provider_pb2.ErrorResourceInitFailed(
                id=record.id, properties=to_struct(record.outputs), inputs=to_struct(record.inputs), reasons=told
            )
        )
        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=told[0], details=[detail])
        self.context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        self.context.abort(grpc.StatusCode.UNKNOWN, told[0])

    def _told(self, reason: str) -> str:
        doing = f"{_DOING[self.operation]} {self.type} {self.subject}"
        return without_secrets(f"{doing}: {reason} (a simulated {self.package})", self.inputs)
