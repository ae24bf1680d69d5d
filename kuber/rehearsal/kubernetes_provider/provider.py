"""A stand-in for the Kubernetes provider that works on a real API server.

It takes the place of the plugin of pulumi-kubernetes 4.34 where that can't be had, and does what that does by its published source
(pulumi-kubernetes at 94977969d641, after 4.32.0: provider/pkg/provider/provider.go where a module names no other file). These differ:
readiness is asked for again and again instead of watched, a Service's endpoints settle in a shorter time, warnings of deprecated
versions and Helm hooks aren't given, and client-side apply, charts, YAML rendering, replaceUnready and waitFor aren't there.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from threading import Event, Lock
from typing import Any, NoReturn

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import provider_pb2

from kuber.rehearsal.api import ApiError
from kuber.rehearsal.provider import StandInProvider

from . import inputs as inputs_of_engine
from . import kinds, objects, values, waiting
from .configuration import Configuration, ConfigurationError, changed
from .host import EngineLog
from .inputs import InputError
from .normal_form import normalized
from .refusals import IF_IT_IS_GONE, fail, fail_partly, keeps_preview
from .session import Session, UnreachableError
from .shape import restricted
from .state import INPUTS, VERSION, importable, manager_of, state_of
from .waiting import NotReadyError

Object = dict[str, Any]

_SETTLE_SECONDS = 1.0
_SESSIONS = 16
"""How many are kept: what runs at once, and some of engines that are gone, which nobody tells of."""


class KubernetesStandIn(StandInProvider):
    """Stands in for the Kubernetes provider: real objects in a real API server.

    It connects by the kubeconfig that it is configured with. Several engines may use it at once or one after the other; each of their
    providers has its own configuration. What it keeps in the state, `state.state_of` says.

    Attributes:
        warnings: What the API server warned of: the path of the object, and its words (unknown fields that it dropped, deprecated
            versions). The real provider keeps these to itself.

    Args:
        environment: What exec plugins of a kubeconfig are run with; that of this process if not given.
        settle_seconds: How long a Service's endpoints must stay as they are; the real provider takes 10 s.
    """

    workers = 64

    def __init__(
        self, *, environment: Mapping[str, str] | None = None, settle_seconds: float = _SETTLE_SECONDS
    ) -> None:
        super().__init__("kubernetes")
        self.warnings: list[tuple[str, str]] = []
        self._environment = dict(os.environ if environment is None else environment)
        self._settle_seconds = settle_seconds
        self._sessions: dict[str, Session] = {}
        self._engines: dict[str, str] = {}
        self._lock = Lock()

    def close(self) -> None:
        """End all waits and close all connections."""
        with self._lock:
            sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            session.close()

    # Getting to know each other. One server answers all providers of an engine, which only their connections tell apart.

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.ProviderHandshakeResponse:
        self._engines[context.peer()] = request.engine_address
        return super().Handshake(request, context)

    def Attach(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:
        self._engines[context.peer()] = request.address
        return super().Attach(request, context)

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        """See `configuration.changed`."""
        olds = request.old_inputs if request.HasField("old_inputs") else request.olds
        names, replaces = changed(values.plain(values.read(olds)), values.plain(values.read(request.news)))
        found = provider_pb2.DiffResponse.DIFF_SOME if names else provider_pb2.DiffResponse.DIFF_NONE
        return provider_pb2.DiffResponse(changes=found, diffs=names, replaces=replaces)

    def Configure(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.ConfigureResponse:
        """Connect. A cluster that can't be reached only matters to what needs it."""
        try:
            configuration = Configuration.of(dict(request.variables), self._environment)
        except ConfigurationError as error:
            fail(context, str(error))
        log = EngineLog(self._engines.pop(context.peer(), ""))
        peer, session = context.peer(), Session(configuration, self._environment, log, self._warned)
        with self._lock:
            self._sessions[peer] = session
            ended = [self._sessions.pop(known) for known in list(self._sessions)[:-_SESSIONS]]
        for one in ended:
            one.close()
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, supports_autonaming_configuration=True
        )

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """End the waits of the provider that is asked."""
        self._session(context).cancelled.set()
        return empty_pb2.Empty()

    # A resource's life.

    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        """See `inputs.checked`."""
        session = self._session(context)
        if session.unreachable and session.configuration.skip_update_unreachable:
            return provider_pb2.CheckResponse(inputs=request.olds)
        try:
            return provider_pb2.CheckResponse(inputs=inputs_of_engine.checked(request, session))
        except InputError as error:
            fail(context, str(error))

    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        """See `inputs.difference`."""
        return inputs_of_engine.difference(request, self._session(context))

    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        """Make the object and wait for it; in a preview, ask the API server what it would make of it.

        A preview goes on with the inputs where there is nothing to ask, or the answer would mislead: values that nobody knows yet,
        patches, kinds and namespaces that aren't there yet, an object that is there already.
        """
        session = self._session(context)
        given = values.read(request.properties)
        inputs: Object = values.plain(given)
        patch = kinds.is_patch(kinds.type_of_urn(request.urn), inputs)
        manager = manager_of({}, inputs)
        try:
            if request.preview and (patch or not _askable(session, inputs)):
                return provider_pb2.CreateResponse(properties=request.properties)
            ended = session.ends_with(context)
            live = objects.create(
                session.api,
                inputs,
                manager=manager,
                apply=patch or session.configuration.upsert_existing_objects,
                force=request.preview or _forced(session, inputs),
                dry_run=request.preview,
                pause=ended.wait,
            )
            if request.preview:
                live.pop("status", None)
                return provider_pb2.CreateResponse(properties=state_of(inputs, live, given, manager))
            live = self._until_ready(session, live, inputs, request.timeout, ended, updated=False)
        except UnreachableError as error:
            fail(context, f"the configured Kubernetes cluster can't be reached: {error}")
        except NotReadyError as error:
            state = state_of(inputs, error.live, given, manager)
            reasons = (f"{_what(inputs)} was made, and isn't live: {error}", *error.reasons)
            fail_partly(context, kinds.object_id(error.live), reasons, state)
        except ApiError as error:
            if request.preview and keeps_preview(error):
                return provider_pb2.CreateResponse(properties=request.properties)
            fail(context, f"the Kubernetes API server did not make {_what(inputs)}: {error}")
        return provider_pb2.CreateResponse(id=kinds.object_id(live), properties=state_of(inputs, live, given, manager))

    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        """The live object; its inputs are the live values of what was an input before, all of it for an import.

        An object that isn't ready is told as such, and the state keeps why, so that the next update tries again.
        """
        session = self._session(context)
        known_inputs, state = values.read(request.inputs), values.plain(values.read(request.properties))
        namespace, name = kinds.parse_id(request.id)
        old_inputs = normalized(values.plain(known_inputs))
        imported = not old_inputs.get("kind") and not state.get("kind")
        if not old_inputs.get("kind"):
            version, kind = kinds.kind_of_type(kinds.type_of_urn(request.urn))
            old_inputs |= {"apiVersion": state.get("apiVersion", version), "kind": state.get("kind", kind)}
            meta: Object = old_inputs.setdefault("metadata", {})
            old_inputs["metadata"] = {"name": name, **({"namespace": namespace} if namespace else {}), **meta}
        try:
            live = objects.live(session.api, old_inputs, name)
        except UnreachableError as error:
            return self._unread(session, request, context, str(error))
        except ApiError as error:
            fail(context, f"{_what(old_inputs)} can't be read: {error}")
        if live is None:
            return provider_pb2.ReadResponse(id="")
        inputs = importable(live) if imported else restricted(live, old_inputs)
        first_version = state.get(VERSION) or old_inputs["apiVersion"]
        outputs = state_of(inputs, live, known_inputs, manager_of(state, old_inputs), first_version)
        marked = values.written(values.with_secrets_of(inputs, known_inputs))
        if not imported:
            try:
                waiting.check_ready(session.api, live, inputs=old_inputs)
            except NotReadyError as error:
                fail_partly(context, request.id, (str(error), *error.reasons), outputs, marked)
            except ApiError as error:
                fail(context, f"{_what(old_inputs)} can't be judged: {error}")
        return provider_pb2.ReadResponse(id=request.id, properties=outputs, inputs=marked)

    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        """Change the object by server-side apply and wait for it; in a preview, ask the API server what would come of it."""
        session = self._session(context)
        given, state = values.read(request.news), values.plain(values.read(request.olds))
        inputs = normalized(values.plain(given))
        first_version = state.get(VERSION) or inputs["apiVersion"]
        old_manager, manager = manager_of(state, state.get(INPUTS, {})), manager_of(state, inputs)

        def to_keep(live: Object) -> struct_pb2.Struct:
            return state_of(inputs, live, given, manager, first_version)

        try:
            if request.preview and not _askable(session, inputs):
                return provider_pb2.UpdateResponse(properties=request.news)
            before = objects.live(session.api, inputs, kinds.metadata(state).get("name"))
            if before is None:
                raise ApiError("it isn't there", status=404, reason="NotFound")
            live = objects.update(
                session.api,
                before,
                inputs,
                manager=manager,
                patch=kinds.is_patch(kinds.type_of_urn(request.urn), inputs),
                force=_forced(session, inputs),
                dry_run=request.preview,
                ignored=request.ignoreChanges,
            )
            if not request.preview:
                ended = session.ends_with(context)
                live = self._until_ready(session, live, inputs, request.timeout, ended, updated=True)
                if manager != old_manager:
                    objects.relinquish(session.api, live, old_manager)
        except UnreachableError as error:
            fail(context, f"the configured Kubernetes cluster can't be reached: {error}")
        except NotReadyError as error:
            reasons = (f"{_what(inputs)} was changed, and isn't live: {error}", *error.reasons)
            fail_partly(context, request.id, reasons, to_keep(error.live))
        except ApiError as error:
            if request.preview and keeps_preview(error):
                return provider_pb2.UpdateResponse(properties=request.news)
            _refused_update(session, context, inputs, error, to_keep)
        return provider_pb2.UpdateResponse(properties=to_keep(live))

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        """Delete the object, with what it owns first, and wait until it is gone; a patch only gives up its fields."""
        session = self._session(context)
        given = values.read(request.properties)
        state = values.plain(given)
        inputs = state.pop(INPUTS, {})
        _, name = kinds.parse_id(request.id)
        try:
            api = session.api
            if kinds.is_patch(kinds.type_of_urn(request.urn), inputs):
                if objects.live(api, state, name) is not None:
                    objects.relinquish(api, state, manager_of(state, inputs))
            elif objects.delete(
                api, state, name, propagation=kinds.propagation(inputs)
            ) and not kinds.skips_delete_await(inputs):
                waiting.until_gone(
                    lambda: objects.live(api, state, name),
                    state,
                    timeout_seconds=kinds.timeout_seconds(request.timeout, inputs),
                    cancelled=session.ends_with(context),
                )
        except UnreachableError as error:
            if not session.configuration.delete_unreachable:
                fail(context, f"the configured Kubernetes cluster can't be reached: {error}\n{IF_IT_IS_GONE}")
            session.log.warning(request.urn, f"forgotten, since its cluster can't be reached: {error}")
        except NotReadyError as error:
            outputs = state_of(state, error.live, given, manager_of(state, inputs), state.get(VERSION))
            fail_partly(context, request.id, (str(error), *error.reasons), outputs)
        except ApiError as error:
            if error.status != 404:
                fail(context, f"the Kubernetes API server did not delete {_what(state)}: {error}")
        return empty_pb2.Empty()

    # What the calls share.

    def _session(self, context: grpc.ServicerContext) -> Session:
        """That of the connection."""
        with self._lock:
            found = self._sessions.get(context.peer())
        if found is None:
            context.abort(grpc.StatusCode.FAILED_PRECONDITION, "the provider isn't configured yet")
        return found

    def _warned(self, url: str, warning: str) -> None:
        path = "/" + url.split("/", 3)[-1].partition("?")[0]
        self.warnings.append((path, warning))

    def _until_ready(
        self, session: Session, live: Object, inputs: Object, timeout: float, ended: Event, *, updated: bool
    ) -> Object:
        try:
            return waiting.until_ready(
                session.api,
                live,
                inputs=inputs,
                updated=updated,
                timeout_seconds=kinds.timeout_seconds(timeout, inputs),
                settle_seconds=self._settle_seconds,
                cancelled=ended,
            )
        except ApiError as error:  # it is made already, so the state must hear of it
            raise NotReadyError(str(error), live) from None

    def _unread(
        self, session: Session, request: provider_pb2.ReadRequest, context: grpc.ServicerContext, why: str
    ) -> provider_pb2.ReadResponse:
        """The answer for an object of a cluster that can't be reached."""
        what = f"the configured Kubernetes cluster can't be reached: {why}"
        session.log.warning(request.urn, what)
        if session.configuration.delete_unreachable:
            return provider_pb2.ReadResponse(id="")
        if session.configuration.skip_update_unreachable:
            return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)
        fail(context, f"{request.id} can't be read: {what}\n{IF_IT_IS_GONE}")


def _askable(session: Session, inputs: Object) -> bool:
    """Whether a preview can ask the API server: all is known, and it knows the kind."""
    return not session.unreachable and not values.has_unknown(inputs) and objects.served(session.api, inputs)


def _forced(session: Session, inputs: Object) -> bool:
    return session.configuration.patch_force or kinds.annotation(inputs, "patchForce") == "true"


def _what(one: Mapping[str, Any]) -> str:
    return f"{one.get('kind')} {kinds.object_id(one)}"


def _refused_update(
    session: Session,
    context: grpc.ServicerContext,
    inputs: Object,
    error: ApiError,
    to_keep: Callable[[Object], struct_pb2.Struct],
) -> NoReturn:
    """An update that the server refused: where the object is still there, the state keeps it with the refusal as the reason."""
    what = f"the Kubernetes API server did not change {_what(inputs)}: {error}"
    try:
        live = objects.live(session.api, inputs)
    except (ApiError, UnreachableError):
        live = None
    if live is None:
        fail(context, what)
    fail_partly(context, kinds.object_id(live), (what,), to_keep(live))
