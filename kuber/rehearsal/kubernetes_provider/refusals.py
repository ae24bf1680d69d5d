"""Ways for a call to fail."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

import grpc
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2, status_pb2

from kuber.rehearsal.api import ApiError

IF_IT_IS_GONE = (
    "If the cluster is gone, run this again with PULUMI_K8S_DELETE_UNREACHABLE=true to forget what was in it."
)


def fail(context: grpc.ServicerContext, message: str) -> NoReturn:
    """Fail; the engine keeps of the resource what it had."""
    context.abort(grpc.StatusCode.UNKNOWN, message)


def fail_partly(
    context: grpc.ServicerContext,
    id_: str,
    reasons: Iterable[str],
    state: struct_pb2.Struct,
    inputs: struct_pb2.Struct | None = None,
) -> NoReturn:
    """Fail and let the engine keep what there is of the resource. The first reason is the message."""
    detail = provider_pb2.ErrorResourceInitFailed(id=id_, properties=state, reasons=list(reasons), inputs=inputs)
    message = detail.reasons[0]
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=message)
    status.details.add().Pack(detail)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(grpc.StatusCode.UNKNOWN, message)


def keeps_preview(error: ApiError) -> bool:
    """Whether a preview goes on with the inputs: their namespace isn't there yet, they are there themselves, or nobody may ask."""
    no_namespace = error.status == 404 and error.details.get("kind") == "namespaces"
    return (
        no_namespace
        or error.status == 403
        or error.reason == "AlreadyExists"
        or "does not support dry run" in str(error)
    )
