"""What a provider tells the one who runs an engine."""

from __future__ import annotations

from contextlib import suppress
from threading import Lock

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc


class EngineLog:
    """The engine's log, where lines stand at the resource that they are about. Nothing is said twice of a resource.

    Args:
        address: Where the engine listens: "127.0.0.1:41234"; "" for nowhere.
    """

    def __init__(self, address: str) -> None:
        self._channel = grpc.insecure_channel(address) if address else None
        self._said: set[tuple[str, str]] = set()
        self._lock = Lock()

    def warning(self, urn: str, message: str) -> None:
        """A warning at a resource."""
        with self._lock:
            if self._channel is None or (urn, message) in self._said:
                return
            self._said.add((urn, message))
        request = engine_pb2.LogRequest(severity=engine_pb2.WARNING, message=message, urn=urn)
        with suppress(grpc.RpcError):  # an engine that is gone needs no warning
            engine_pb2_grpc.EngineStub(self._channel).Log(request, timeout=5)

    def close(self) -> None:
        """Close the connection."""
        if self._channel is not None:
            self._channel.close()
