"""One engine's use of the provider: its configuration, its API server, and what ends its waits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Event

import grpc

from kuber.rehearsal.api import ApiError

from . import kubeconfig
from .configuration import Configuration
from .connection import Connection
from .host import EngineLog
from .kubeconfig import KubeconfigError


class UnreachableError(Exception):
    """The cluster can't be reached; the message says why."""


class Session:
    """What one configured provider knows.

    Attributes:
        configuration: What it was told.
        unreachable: Why the cluster can't be reached; "" where it can.
        namespace: Of objects that name none; "" where no kubeconfig tells one.
        cancelled: Set when the engine wants to end.
        log: The engine's.

    Args:
        configuration: As given.
        environment: What exec plugins are run with.
        log: The engine's.
        on_warning: Gets the address of an object and what the API server warns of it.
    """

    def __init__(
        self,
        configuration: Configuration,
        environment: Mapping[str, str],
        log: EngineLog,
        on_warning: Callable[[str, str], None],
    ) -> None:
        self.configuration = configuration
        self.log = log
        self.cancelled = Event()
        self.unreachable = ""
        self.namespace = configuration.namespace
        self._connection: Connection | None = None
        given = configuration.kubeconfig or environment.get("KUBECONFIG", "")
        try:
            document = kubeconfig.parse(given) if given else {}
            self.namespace = configuration.namespace or kubeconfig.namespace(document, configuration.context)
            self._connection = Connection(
                document,
                environment,
                context=configuration.context,
                cluster=configuration.cluster,
                on_warning=on_warning,
            )
            self._connection.request("GET", "/version")
        except (KubeconfigError, ApiError) as error:
            self.unreachable = str(error)

    @property
    def api(self) -> Connection:
        """The cluster.

        Raises:
            UnreachableError: it can't be reached.
        """
        if self.unreachable or self._connection is None:
            raise UnreachableError(self.unreachable)
        return self._connection

    def ends_with(self, context: grpc.ServicerContext) -> Event:
        """What ends a wait: a cancel, or an engine that is gone."""
        ended = _Either(self.cancelled)
        context.add_callback(ended.set)
        return ended

    def close(self) -> None:
        """End its waits and close what is open."""
        self.cancelled.set()
        with suppress(Exception):
            self.log.close()
        if self._connection is not None:
            self._connection.close()


class _Either(Event):
    """Set by itself, or by another event; a wait looks at the other one now and then."""

    def __init__(self, other: Event) -> None:
        super().__init__()
        self._other = other

    def is_set(self) -> bool:
        return self._other.is_set() or super().is_set()

    def wait(self, timeout: float | None = None) -> bool:
        if self._other.is_set():
            return True
        return super().wait(timeout) or self._other.is_set()
