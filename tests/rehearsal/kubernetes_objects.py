"""The stand-in for the Kubernetes provider for tests: under a real engine, or asked directly over gRPC."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import grpc
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from kuber.rehearsal.control_plane import ControlPlane
from kuber.rehearsal.engine import Engine
from kuber.rehearsal.events import Run
from kuber.rehearsal.kubernetes_provider import KubernetesStandIn, values
from kuber.rehearsal.provider import StandInProvider, StandInServers

Object = dict[str, Any]

_PROGRAM = Path(__file__).parent / "objects_program"


def kubeconfig(control_plane: ControlPlane, user: Mapping[str, Any] | None = None, **cluster: Any) -> str:
    """A kubeconfig of one cluster; its user has the control plane's token if no other is given."""
    reached = {"server": control_plane.url, "certificate-authority": str(control_plane.certificate_authority)}
    return json.dumps(
        {
            **{"apiVersion": "v1", "kind": "Config", "current-context": "it"},
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
            "clusters": [{"name": "it", "cluster": {**reached, **cluster}}],
            "users": [{"name": "it", "user": user or {"token": control_plane.token}}],
        }
    )


def config_map(name: str, space: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": space}, "data": data}


class Objects:
    """A small project under the real engine, whose objects are what a test says.

    Args:
        folder: Of its own.
        control_plane: Where the objects are made.
        providers: Instead of the stand-in.
    """

    def __init__(
        self,
        folder: Path,
        control_plane: ControlPlane,
        *,
        providers: Sequence[StandInProvider] | None = None,
        **engine: Any,
    ) -> None:
        self.project = folder / "objects"
        shutil.copytree(_PROGRAM, self.project)
        (self.project / ".venv").symlink_to(sys.prefix, target_is_directory=True)
        self.provider = KubernetesStandIn(settle_seconds=0.2)
        self.engine = Engine(self.project, providers=providers or [self.provider], **engine)
        self.control_plane = control_plane
        self.inputs_of_provider: Object = {"enable_config_map_mutable": True, "enable_secret_mutable": True}
        self.reaches(kubeconfig(control_plane))

    def reaches(self, kubeconfig_text: str) -> None:
        (self.project / "kubeconfig.json").write_text(kubeconfig_text, encoding="utf-8")

    def says(self, *objects: Object, **options: Mapping[str, Any]) -> None:
        """What there is to be; options by the name of the object."""
        described = [
            {"name": one["metadata"]["name"], "manifest": one, "options": options.get(one["metadata"]["name"], {})}
            for one in objects
        ]
        text = json.dumps({"provider": self.inputs_of_provider, "objects": described})
        (self.project / "objects.json").write_text(text, encoding="utf-8")

    def foreseen(self) -> dict[str, str]:
        """What a preview says will be done, by the resource's name."""
        return _objects(self.engine.preview("dev").operations)

    def up(self) -> dict[str, list[str]]:
        return done(self.engine.up("dev"))

    def refreshed(self) -> dict[str, list[str]]:
        return done(self.engine.refresh("dev"))

    def destroyed(self) -> dict[str, list[str]]:
        return done(self.engine.destroy("dev"))

    def resources(self) -> dict[str, Object]:
        """The resources of the state, by name."""
        state = json.loads(self.engine.state("dev"))["deployment"]
        return {one["urn"].rpartition("::")[2]: one for one in state["resources"]}


def done(run: Run) -> dict[str, list[str]]:
    """What was done to objects, by the resource's name."""
    found: dict[str, list[str]] = {}
    for step in run.changes:
        if step.package == "kubernetes":
            found.setdefault(step.name, []).append(step.operation)
    return found


def _objects(operations: Mapping[str, str]) -> dict[str, str]:
    return {
        urn.rpartition("::")[2]: operation
        for urn, operation in operations.items()
        if "::kubernetes:" in urn.partition("$")[0]
    }


class RefusedError(Exception):
    """A call ended with an error.

    Attributes:
        partly: What the engine is told of a resource that is there all the same.
    """

    def __init__(self, error: grpc.RpcError) -> None:
        super().__init__(error.details())  # pyright: ignore[reportAttributeAccessIssue]
        self.partly: provider_pb2.ErrorResourceInitFailed | None = None
        trailing: dict[str, bytes] = dict(error.trailing_metadata() or ())  # pyright: ignore
        if "grpc-status-details-bin" in trailing:
            status = status_pb2.Status.FromString(trailing["grpc-status-details-bin"])
            self.partly = provider_pb2.ErrorResourceInitFailed()
            status.details[0].Unpack(self.partly)


class Asked:
    """The stand-in, asked over gRPC as an engine asks it; a context manager.

    Args:
        provider: The stand-in.
        kubeconfig_text: What it is configured with.
        variables: More of its configuration: enableConfigMapMutable="true".
    """

    def __init__(self, provider: KubernetesStandIn, kubeconfig_text: str, **variables: str) -> None:
        self._servers = StandInServers([provider])
        self._variables = {f"kubernetes:config:{name}": value for name, value in variables.items()}
        self._variables["kubernetes:config:kubeconfig"] = kubeconfig_text

    def __enter__(self) -> Asked:
        self._servers.__enter__()
        self._channel = grpc.insecure_channel(f"127.0.0.1:{self._servers.debug_providers.rpartition(':')[2]}")
        self.stub = provider_pb2_grpc.ResourceProviderStub(self._channel)
        self.stub.Configure(provider_pb2.ConfigureRequest(variables=self._variables, acceptSecrets=True))
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()
        self._servers.__exit__()

    def check(self, inputs: Object, *, olds: Object | None = None) -> Object:
        request = provider_pb2.CheckRequest(urn=_urn(inputs), news=_struct(inputs), olds=_struct(olds or {}))
        return values.read(self._call(self.stub.Check, request).inputs)

    def diff(self, state: Object, inputs: Object, *ignored: str) -> provider_pb2.DiffResponse:
        request = provider_pb2.DiffRequest(
            urn=_urn(inputs), olds=_struct(state), news=_struct(inputs), ignoreChanges=ignored
        )
        return self._call(self.stub.Diff, request)

    def create(self, inputs: Object, *, preview: bool = False, timeout: float = 0, patch: bool = False) -> Object:
        """The state of what was made."""
        request = provider_pb2.CreateRequest(
            urn=_urn(inputs, patch), properties=_struct(inputs), preview=preview, timeout=timeout
        )
        return values.read(self._call(self.stub.Create, request).properties)

    def read(self, state: Object, inputs: Object, *, id_: str = "") -> provider_pb2.ReadResponse:
        request = provider_pb2.ReadRequest(
            urn=_urn(inputs or state), id=id_ or _id(state), properties=_struct(state), inputs=_struct(inputs)
        )
        return self._call(self.stub.Read, request)

    def imported(self, type_: str, id_: str) -> provider_pb2.ReadResponse:
        request = provider_pb2.ReadRequest(urn=f"urn:pulumi:dev::objects::kubernetes:{type_}::any", id=id_)
        return self._call(self.stub.Read, request)

    def update(
        self,
        state: Object,
        inputs: Object,
        *ignored: str,
        preview: bool = False,
        timeout: float = 0,
        patch: bool = False,
    ) -> Object:
        """The state of what was changed."""
        request = provider_pb2.UpdateRequest(
            urn=_urn(inputs, patch),
            id=_id(state),
            olds=_struct(state),
            news=_struct(inputs),
            preview=preview,
            timeout=timeout,
            ignoreChanges=ignored,
        )
        return values.read(self._call(self.stub.Update, request).properties)

    def delete(self, state: Object, *, timeout: float = 0, patch: bool = False) -> None:
        request = provider_pb2.DeleteRequest(
            urn=_urn(state, patch), id=_id(state), properties=_struct(state), timeout=timeout
        )
        self._call(self.stub.Delete, request)

    def _call(self, method: Any, request: Any) -> Any:
        try:
            return method(request, timeout=60)
        except grpc.RpcError as error:
            _refused(error)


def _refused(error: grpc.RpcError) -> NoReturn:
    raise RefusedError(error) from None


def _struct(properties: Object) -> struct_pb2.Struct:
    return values.written(properties)


def _urn(one: Object, patch: bool = False) -> str:
    version = one["apiVersion"] if "/" in one["apiVersion"] else f"core/{one['apiVersion']}"
    name = one.get("metadata", {}).get("name", "unnamed")
    return f"urn:pulumi:dev::objects::kubernetes:{version}:{one['kind']}{'Patch' if patch else ''}::{name}"


def _id(state: Object) -> str:
    meta = state["metadata"]
    return f"{meta['namespace']}/{meta['name']}" if meta.get("namespace") else meta["name"]
