"""A simulated cloud as a resource provider of the real engine."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from threading import RLock
from typing import Any

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2

from kuber.rehearsal.cloud import kinds, properties
from kuber.rehearsal.cloud.calls import Call
from kuber.rehearsal.cloud.endpoint import Endpoint
from kuber.rehearsal.cloud.faults import Fault, Faults, first, wait
from kuber.rehearsal.cloud.kinds import CloudError, Kind, Place, Resource
from kuber.rehearsal.cloud.node_pools import NodePools
from kuber.rehearsal.cloud.store import CloudStore, Record
from kuber.rehearsal.provider import StandInProvider
from kuber.replacement import differences
from kuber.replacement.differences import Change
from kuber.wire import (
    UNKNOWN,
    Properties,
    is_secret,
    is_unknown,
    merged,
    revealed,
    to_properties,
    to_struct,
)

_CHANGE = {
    ("add", False): provider_pb2.PropertyDiff.ADD,
    ("add", True): provider_pb2.PropertyDiff.ADD_REPLACE,
    ("delete", False): provider_pb2.PropertyDiff.DELETE,
    ("delete", True): provider_pb2.PropertyDiff.DELETE_REPLACE,
    ("update", False): provider_pb2.PropertyDiff.UPDATE,
    ("update", True): provider_pb2.PropertyDiff.UPDATE_REPLACE,
}
_ANY_TYPE = Kind(id=lambda resource: f"{resource.record.name}-{resource.hex(8)}")
"""A type that nothing is known of: it is made, kept and taken away."""


class SimulatedCloud(StandInProvider):
    """Stands in for the provider of one cloud: resources are rows of a store, and nodes where a control plane is given.

    Args:
        package: "aws", "gcp" or "vault".
        kinds: What is known of its types; others are made and kept as they are.
        store: Holds what there is.
        endpoint: What simulated clusters answer as their own.
        node_pools: Makes the nodes of node pools.
        faults: What goes wrong.
    """

    def __init__(
        self,
        package: str,
        kinds: Mapping[str, Kind],
        store: CloudStore,
        *,
        endpoint: Endpoint | None = None,
        node_pools: NodePools | None = None,
        faults: Faults | None = None,
    ) -> None:
        super().__init__(package)
        self.store = store
        self._kinds = kinds
        self._endpoint = endpoint
        self._pools = node_pools or NodePools(None, store)
        self._faults = faults or Faults()
        self._configured: dict[str, Mapping[str, Any]] = {}
        self._lock = RLock()

    # Configuration. The engine has a connection for each provider resource, so each has a configuration of its own.

    def Configure(
        self, request: provider_pb2.ConfigureRequest, context: grpc.ServicerContext
    ) -> provider_pb2.ConfigureResponse:
        with self._lock:
            self._configured[_connection(context)] = revealed(to_properties(request.args))
        return provider_pb2.ConfigureResponse(acceptSecrets=True, acceptResources=True, supportsPreview=True)

    def _place(self, context: grpc.ServicerContext, inputs: Mapping[str, Any]) -> Place:
        with self._lock:
            last = next(reversed(self._configured.values()), {})
            configured = self._configured.get(_connection(context), last)
        return place_of(self.package, configured, inputs)

    # What would be.

    def failures(self, resource_type: str, inputs: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        return properties.failures(resource_type, inputs)

    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        inputs = to_properties(request.news)
        failures = [
            provider_pb2.CheckFailure(property=path, reason=f"{path} of {request.type} {request.name} {reason}")
            for path, reason in self.failures(request.type, inputs)
        ]
        if not failures:
            inputs = self._tagged(request.type, inputs, self._place(context, revealed(inputs)))
            try:
                inputs = self._named(request, inputs)
            except CloudError as error:
                failures.append(provider_pb2.CheckFailure(property="name", reason=str(error)))
        return provider_pb2.CheckResponse(inputs=to_struct(inputs), failures=failures)

    def _tagged(self, resource_type: str, inputs: Properties, place: Place) -> Properties:
        """With the provider's default tags, as the AWS provider's Check adds them."""
        if self.package != "aws" or not place.tags or "tags" not in properties.input_names(resource_type):
            return inputs
        own = inputs.get("tags") or {}
        return inputs if is_secret(own) or is_unknown(own) else {**inputs, "tags": {**place.tags, **own}}

    def _named(self, request: provider_pb2.CheckRequest, inputs: Properties) -> Properties:
        """With a name where the program gives none: the one it has, or a new one."""
        autoname = self._kind(request.type).autoname
        if autoname is None or inputs.get(autoname.property) is not None or inputs.get(f"{autoname.property}Prefix"):
            return inputs
        name = to_properties(request.olds).get(autoname.property) or self._new_name(request, autoname)
        return {**inputs, autoname.property: name, "__defaults": [autoname.property]}

    def _new_name(self, request: provider_pb2.CheckRequest, autoname: kinds.Autoname) -> str:
        """A name that nothing had before: the same at a preview and the run that follows."""
        generation = len(self.store.history(request.urn))
        suffix = hashlib.sha256(f"{self.store.seed}/{request.urn}/{generation}".encode()).hexdigest()[:7]
        name = f"{request.name}-{suffix}"
        if len(name) > autoname.length:
            raise CloudError(
                f"{autoname.property}: the name that is made from {request.name!r} has {len(name)} characters, and {request.type}"
                f" takes {autoname.length}"
            )
        return name.lower() if autoname.lower else name

    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        olds = to_properties(request.old_inputs if request.HasField("old_inputs") else request.olds)
        news = to_properties(request.news)
        changed = differences.changes(request.type, olds, news)
        labels = _labels(request.type, news, self._place(context, revealed(news)))
        before = revealed(to_properties(request.olds))  # the SDK has the engine keep these labels as secrets
        changed += [Change((name,), "update") for name in labels if before.get(name, labels[name]) != labels[name]]
        replacing = [one for one in changed if one.replaces]
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=sorted({str(one.path[0]) for one in changed}),
            replaces=sorted({str(one.path[0]) for one in replacing}),
            detailedDiff={
                one.text: provider_pb2.PropertyDiff(kind=_CHANGE[one.kind, one.replaces], inputDiff=True)
                for one in changed
            },
            hasDetailedDiff=bool(changed),
            deleteBeforeReplace=bool(replacing) and differences.deletes_first(request.type, news),
        )

    # What is done.

    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        inputs = to_properties(request.properties)
        call = Call(self.package, "create", request.type, request.name, request.name, context, inputs)
        faults = self._strike(call)
        try:
            record = self._create(request, inputs, self._place(context, revealed(inputs)))
        except CloudError as error:
            call.refuse(str(error))
        self._after(call, faults, record, _hindrances("NodeCreationFailure", lambda: self._pools.made(record)))
        return provider_pb2.CreateResponse(id=record.id, properties=to_struct(record.outputs))

    def _create(self, request: provider_pb2.CreateRequest, inputs: Properties, place: Place) -> Record:
        kind = self._kind(request.type)
        with self.store.transaction():
            record = self.store.add(
                package=self.package,
                type=request.type,
                place=_scope(kind, place),
                name=request.name,
                urn=request.urn,
                inputs=inputs,
            )
            resource = self._resource(record, inputs, place)
            if kind.overwrites:
                self._take_over(kind, resource)
            self._refuse_wrong(kind, resource, None)
            record = replace(record, id=kind.id(resource))
            if self.store.find(record.type, record.id, record.place):
                raise CloudError(f"AlreadyExists: there is {record.id} already")
            return self.store.complete(record, record.id, _outputs(kind, replace(resource, record=record), inputs))

    def _take_over(self, kind: Kind, resource: Resource) -> None:
        """What is there already becomes this resource."""
        wanted = {path: resource.get(path) for path in kind.unique[0].properties}
        for there in resource.all(resource.record.type, **wanted):
            self.store.delete(there)

    def _refuse_wrong(self, kind: Kind, resource: Resource, before: Mapping[str, Any] | None) -> None:
        kinds.refuse_what_is_missing(kind, resource, before or {})
        if not kind.overwrites:
            kinds.refuse_what_is_there_already(kind, resource)
        for rule in kind.rules:
            rule(resource, before)

    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        """What there is by the id, whoever made it; nothing, and the engine takes it for gone."""
        self._strike(Call(self.package, "read", request.type, request.name, request.id, context))
        record = self._record(request, context)
        if record is None:
            return provider_pb2.ReadResponse(id="")
        return provider_pb2.ReadResponse(
            id=record.id, properties=to_struct(record.outputs), inputs=to_struct(record.inputs)
        )

    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        news = to_properties(request.news)
        call = Call(self.package, "update", request.type, request.name, request.id, context, news)
        faults = [] if request.preview else self._strike(call)
        record = self._record(request, context)
        if record is None:
            if request.preview:
                return provider_pb2.UpdateResponse(properties=request.news)
            call.refuse("it isn't there; `pulumi refresh` takes that in")
        kind = self._kind(request.type)
        place = self._place(context, revealed(news))
        resource = self._resource(replace(record, revision=record.revision + 1), news, place)
        if request.preview:
            return provider_pb2.UpdateResponse(properties=to_struct(_foreseen(kind, resource, record, news)))
        try:
            with self.store.transaction():
                self._refuse_wrong(kind, resource, revealed(record.inputs))
                updated = self.store.update(record, news, _outputs(kind, resource, news))
        except CloudError as error:
            call.refuse(str(error))
        hindrances = _hindrances("NodeUpdateFailure", lambda: self._pools.changed(record, updated))
        self._after(call, faults, updated, hindrances)
        return provider_pb2.UpdateResponse(properties=to_struct(updated.outputs))

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        olds = to_properties(request.properties)
        call = Call(self.package, "delete", request.type, request.name, request.id, context, olds)
        faults = self._strike(call)
        record = self._record(request, context)
        kind = self._kind(request.type)
        if record is not None and not kind.lasting:
            try:
                self._delete(kind, record, context)
            except CloudError as error:
                call.refuse(str(error))
        if fault := first(faults, "report_failure", "lose_answer"):
            call.refuse(fault.said(self.package))
        return empty_pb2.Empty()

    def _delete(self, kind: Kind, record: Record, context: grpc.ServicerContext) -> None:
        resource = self._resource(record, record.inputs, self._place(context, revealed(record.inputs)))
        if kind.guard:
            kind.guard(resource)
        together = kinds.refuse_to_leave_users(self._kinds, resource)
        for one in [*together, record]:
            self._drained(one)
            self.store.delete(one)

    def _drained(self, record: Record) -> None:
        for hindrance in _hindrances("NodeDeletionFailure", lambda: self._pools.goes(record)):
            raise CloudError(hindrance)

    def _strike(self, call: Call) -> list[Fault]:
        """The faults that strike a call; those that end it before it has any effect, end it."""
        faults = self._faults.striking(self.store, call.operation, call.type, call.name)
        wait(faults)
        if fault := first(faults, "fail", "throttle", "time_out"):
            call.refuse(fault.said(self.package))
        return faults

    def _after(self, call: Call, faults: list[Fault], record: Record, hindrances: list[str]) -> None:
        """What strikes when a call has had its effect."""
        for fault in faults:
            if fault.effect == "drift" and fault.changes is None:
                self.store.delete(record)
            elif fault.effect == "drift":
                self.store.edit(record.type, record.id, fault.changes or {})
        if fault := first(faults, "lose_answer"):
            call.refuse(fault.said(self.package))
        if fault := first(faults, "report_failure"):
            hindrances = [fault.said(self.package), *hindrances]
        if hindrances:
            call.report_failure(record, hindrances)

    # What a call is about.

    def _kind(self, resource_type: str) -> Kind:
        return self._kinds.get(resource_type, _ANY_TYPE)

    def _resource(self, record: Record, inputs: Mapping[str, Any], place: Place) -> Resource:
        return Resource(record, revealed(dict(inputs)), place, self.store, self._endpoint)

    def _record(
        self,
        request: provider_pb2.ReadRequest | provider_pb2.UpdateRequest | provider_pb2.DeleteRequest,
        context: grpc.ServicerContext,
    ) -> Record | None:
        """The resource of an id: that of the URN if it is there, else the one in the place of the provider."""
        there = [one for one in self.store.resources(type=request.type) if one.id == request.id]
        own = [one for one in there if one.urn == request.urn]
        scope = _scope(self._kind(request.type), self._place(context, {}))
        near = [one for one in there if one.place == scope]
        return next(iter([*own, *near, *there]), None)


def place_of(package: str, configured: Mapping[str, Any], inputs: Mapping[str, Any]) -> Place:
    """Where a resource is made, by its provider's configuration and its own inputs.

    Where nothing says so it is the account of the AWS documentation's examples, or its like.
    """
    if package == "aws":
        accounts = _parsed(configured.get("allowedAccountIds")) or ["123456789012"]
        region = inputs.get("region") or configured.get("region") or "us-east-1"
        tags = (_parsed(configured.get("defaultTags")) or {}).get("tags") or {}
        return Place(owner=str(accounts[0]), region=str(region), tags=tags)
    if package == "gcp":
        project = inputs.get("project") or configured.get("project") or "example-project"
        region = inputs.get("region") or configured.get("region") or "us-central1"
        return Place(owner=str(project), region=str(region), tags=_parsed(configured.get("defaultLabels")) or {})
    return Place(owner=str(configured.get("address") or package))


def _hindrances(kind: str, nodes: Callable[[], None]) -> list[str]:
    """Let nodes follow a pool; what hinders them is a reason why the pool isn't ready, in the control plane's own words."""
    try:
        nodes()
    except Exception as error:
        return [f"{kind}: {error}"]
    return []


def _parsed(value: Any) -> Any:
    """A setting of a provider, which the engine has as JSON text."""
    if isinstance(value, str):
        with suppress(ValueError):
            return json.loads(value)
    return value


def _scope(kind: Kind, place: Place) -> str:
    return place.owner if kind.global_ or not place.region else f"{place.owner}/{place.region}"


def _connection(context: grpc.ServicerContext | None) -> str:
    return context.peer() if context else ""


def _outputs(kind: Kind, resource: Resource, inputs: Mapping[str, Any]) -> Properties:
    """All that the cloud says of a resource: its inputs, and what it computes."""
    said = {key: value for key, value in inputs.items() if not key.startswith("__")}
    if "tagsAll" in properties.output_names(resource.record.type):
        said["tagsAll"] = inputs.get("tags") or {}
    said |= _labels(resource.record.type, inputs, resource.place)
    computed = kind.outputs(resource)
    return _completed(computed, said)


def _labels(resource_type: str, inputs: Mapping[str, Any], place: Place) -> Properties:
    """What Google's provider makes of its default labels and a resource's own, where the type has labels."""
    if "pulumiLabels" not in properties.output_names(resource_type):
        return {}
    own = inputs.get("labels") or inputs.get("resourceLabels") or {}
    labels = own if is_secret(own) or is_unknown(own) else {**place.tags, **own}
    return {"pulumiLabels": labels, "effectiveLabels": labels}


def _completed(computed: Mapping[str, Any], said: Mapping[str, Any]) -> Properties:
    """What is said, with what is computed where nothing is; of objects with some of both, both."""
    result = merged(computed, {key: value for key, value in said.items() if value is not None})
    for key, value in computed.items():
        if (
            isinstance(value, dict)
            and isinstance(said.get(key), dict)
            and not is_secret(value)
            and not is_secret(said[key])
        ):
            result[key] = _completed(value, said[key])
    return result


def _foreseen(kind: Kind, resource: Resource, record: Record, news: Mapping[str, Any]) -> Properties:
    """The outputs of an update to come: what the cloud would compute anew is unknown."""
    after = _outputs(kind, resource, news)
    return {key: value if key in news or value == record.outputs.get(key) else UNKNOWN for key, value in after.items()}
