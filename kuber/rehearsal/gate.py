"""Holds what would change something, so that an engine can be killed between two known steps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Condition
from typing import Any, NoReturn

import grpc

_CHANGING = ("Create", "Update", "Delete")


@dataclass(frozen=True)
class Call:
    """A provider's call that changes something.

    Attributes:
        method: "Create", "Update" or "Delete".
        urn: Of its resource.
    """

    method: str
    urn: str

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return self.urn.rpartition("::")[2]


class Gate(grpc.ServerInterceptor):
    """Stands before the providers and counts their calls that change something; previews pass uncounted.

    Open at first. After `admit(5)` five calls pass, and all that come after them are held before they have any effect. After
    `close` those fail, as do all that a killed engine still has under way.
    """

    def __init__(self) -> None:
        self._changed = Condition()
        self._counting = False
        self._limit: int | None = None
        self._losing: str | None = None
        self._closed = False
        self._inside = 0
        self._admitted: list[Call] = []
        self._answered = 0
        self._lost = False

    def open(self) -> None:
        """Let everything pass, and count nothing."""
        with self._changed:
            self._counting, self._limit, self._losing, self._closed = False, None, None, False

    def admit(self, calls: int | None = None, *, losing: str | None = None) -> None:
        """Count anew, and let so many calls through.

        Args:
            calls: How many; all of them if not given.
            losing: Name of a resource: its call is the last to be let through; it has its effect and isn't answered.
        """
        with self._changed:
            self._counting, self._limit, self._losing, self._closed = True, calls, losing, False
            self._admitted, self._answered, self._lost = [], 0, False

    def close(self) -> None:
        """Refuse everything, what is held too. Returns when what was let through has had its effect."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._inside == 0)

    @property
    def admitted(self) -> list[Call]:
        """The calls that were let through since `admit`, in order."""
        with self._changed:
            return list(self._admitted)

    @property
    def answered(self) -> int:
        """How many of them have had their effect."""
        with self._changed:
            return self._answered

    @property
    def lost(self) -> bool:
        """Whether the call whose answer is lost has had its effect."""
        with self._changed:
            return self._lost

    def intercept_service(
        self, continuation: Callable[[Any], Any], handler_call_details: grpc.HandlerCallDetails
    ) -> Any:
        """Put the gate before the methods that change something."""
        handler = continuation(handler_call_details)
        method = handler_call_details.method.rpartition("/")[2]
        if handler is None or method not in _CHANGING:
            return handler

        def gated(request: Any, context: grpc.ServicerContext) -> Any:
            if getattr(request, "preview", False):
                return handler.unary_unary(request, context)
            return self._passed(Call(method, request.urn), lambda: handler.unary_unary(request, context), context)

        return grpc.unary_unary_rpc_method_handler(gated, handler.request_deserializer, handler.response_serializer)

    def _passed(self, call: Call, answer: Callable[[], Any], context: grpc.ServicerContext) -> Any:
        with self._changed:
            if self._closed or (self._limit is not None and len(self._admitted) >= self._limit):
                self._refuse_in_the_end(context)
            counted, lost = self._counting, call.name == self._losing
            if counted:
                self._admitted.append(call)
            if lost:
                self._limit = len(self._admitted)
            self._inside += 1
        try:
            answered = answer()
        finally:
            with self._changed:
                self._inside -= 1
                self._answered += counted
                self._lost |= lost
                self._changed.notify_all()
        if lost:
            with self._changed:
                self._refuse_in_the_end(context)
        return answered

    def _refuse_in_the_end(self, context: grpc.ServicerContext) -> NoReturn:
        """Hold a call until the gate is closed."""
        self._changed.wait_for(lambda: self._closed)
        context.abort(grpc.StatusCode.CANCELLED, "the engine that asked this was killed")
