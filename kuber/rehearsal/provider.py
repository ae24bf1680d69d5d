"""Stand-ins for resource providers: they answer the real engine, and no cloud is behind them."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import grpc
from google.protobuf import empty_pb2, json_format, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from kuber.rehearsal.gate import Gate

MAX_MESSAGE_BYTES = 400 * 1024 * 1024
"""What the engine itself allows; a rendered CRD bundle is over gRPC's default of 4 MiB."""


class StandInProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Stands in for the provider plugin of one package: it accepts everything and makes nothing.

    Inputs come back as the engine sent them, secrets and unknown values included. In a preview a resource has its
    inputs as outputs and nothing else, so the engine takes every other output for unknown; a real create adds an id,
    which is the same each time. Looking things up is refused: a program that asks a live cloud while it is previewed
    needs credentials, and this project's doesn't.

    A simulated cloud overrides `failures`, `replacing_properties`, `computed_outputs` and `resource_id`.

    Attributes:
        workers: How many calls are answered at once; each that waits for something takes one.

    Args:
        package: The package as in type tokens: "aws", "gcp", "kubernetes".
    """

    workers = 8

    def __init__(self, package: str) -> None:
        self.package = package

    # What a simulated cloud knows better. Values are plain JSON; secret and unknown ones are in the engine's wire form.

    def failures(self, resource_type: str, inputs: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """What is wrong with the inputs, as (property, reason) pairs; nothing for a stand-in."""
        return ()

    def replacing_properties(self, resource_type: str) -> frozenset[str]:
        """The top-level properties of a type whose change replaces the resource; none for a stand-in."""
        return frozenset()

    def computed_outputs(self, resource_type: str, name: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        """The outputs that the cloud adds to the inputs at a real create; none for a stand-in."""
        return {}

    def resource_id(self, urn: str) -> str:
        """The id of a created resource: its name and a hash of its URN, so the same at each run."""
        name = urn.rsplit("::", 1)[-1]
        return f"{name}-{hashlib.sha256(urn.encode()).hexdigest()[:8]}"

    def close(self) -> None:
        """End what the provider still has under way or open; nothing for a stand-in without anything behind it."""

    # Getting to know each other. Output values are declined, so an unknown comes as the plain unknown marker.

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.ProviderHandshakeResponse:
        return provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=True)

    def Attach(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:
        """The version of the installed SDK that this stands in for; with any other, the engine warns."""
        return plugin_pb2.PluginInfo(version=importlib.metadata.version(f"pulumi_{self.package}"))

    def GetSchema(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.GetSchemaResponse:
        return provider_pb2.GetSchemaResponse(schema=f'{{"name": "{self.package}"}}')

    def CheckConfig(
        self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext
    ) -> provider_pb2.CheckResponse:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        """A provider's own configuration never replaces what it manages."""
        return _diff(_old_inputs(request), request.news, replacing=frozenset())

    def Configure(self, request: Any, context: grpc.ServicerContext) -> provider_pb2.ConfigureResponse:
        return provider_pb2.ConfigureResponse(acceptSecrets=True, acceptResources=True, supportsPreview=True)

    # A resource's life.

    def Check(self, request: provider_pb2.CheckRequest, context: grpc.ServicerContext) -> provider_pb2.CheckResponse:
        failures = [
            provider_pb2.CheckFailure(property=name, reason=reason)
            for name, reason in self.failures(request.type, _plain(request.news))
        ]
        return provider_pb2.CheckResponse(inputs=request.news, failures=failures)

    def Diff(self, request: provider_pb2.DiffRequest, context: grpc.ServicerContext) -> provider_pb2.DiffResponse:
        return _diff(_old_inputs(request), request.news, replacing=self.replacing_properties(request.type))

    def Create(self, request: provider_pb2.CreateRequest, context: grpc.ServicerContext) -> provider_pb2.CreateResponse:
        if request.preview:
            return provider_pb2.CreateResponse(properties=request.properties)
        computed = self.computed_outputs(request.type, request.name, _plain(request.properties))
        return provider_pb2.CreateResponse(
            id=self.resource_id(request.urn), properties=_with(request.properties, computed)
        )

    def Read(self, request: provider_pb2.ReadRequest, context: grpc.ServicerContext) -> provider_pb2.ReadResponse:
        """What the engine remembers is what there is: without a cloud nothing drifts."""
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Update(self, request: provider_pb2.UpdateRequest, context: grpc.ServicerContext) -> provider_pb2.UpdateResponse:
        if request.preview:
            return provider_pb2.UpdateResponse(properties=request.news)
        computed = self.computed_outputs(request.type, request.name, _plain(request.news))
        return provider_pb2.UpdateResponse(properties=_with(request.news, computed))

    def Delete(self, request: provider_pb2.DeleteRequest, context: grpc.ServicerContext) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    # What a program of this project doesn't do.

    def Invoke(self, request: provider_pb2.InvokeRequest, context: grpc.ServicerContext) -> NoReturn:
        context.abort(
            grpc.StatusCode.FAILED_PRECONDITION,
            f"{request.tok}: the program looks something up in a live {self.package}, so it can't be previewed without"
            f" credentials; put the value into the stack file or a table of the project"
            f" (asked of kuber's stand-in for the {self.package} provider)",
        )

    def Construct(self, request: provider_pb2.ConstructRequest, context: grpc.ServicerContext) -> NoReturn:
        context.abort(
            grpc.StatusCode.UNIMPLEMENTED,
            f"{request.type}: kuber's stand-in for the {self.package} provider has no remote components",
        )


class StandInServers:
    """Serves stand-ins on loopback ports of this process, from entering the context until leaving it.

    Args:
        providers: The stand-ins, one a package.
        gate: Stands before them, if given.

    Attributes:
        packages: The packages that are stood in for, in the order given.
        debug_providers: The value of PULUMI_DEBUG_PROVIDERS that makes an engine attach to them:
            "aws:PORT,gcp:PORT".
    """

    def __init__(self, providers: Sequence[StandInProvider], gate: Gate | None = None) -> None:
        self.packages = tuple(provider.package for provider in providers)
        self.debug_providers = ""
        self._providers = providers
        self._gate = gate
        self._servers: list[grpc.Server] = []

    def __enter__(self) -> StandInServers:
        ports = [self._serve(provider) for provider in self._providers]
        self.debug_providers = ",".join(f"{package}:{port}" for package, port in zip(self.packages, ports, strict=True))
        return self

    def __exit__(self, *_: object) -> None:
        stopping = [server.stop(grace=None) for server in self._servers]
        for provider in self._providers:
            provider.close()
        for stopped in stopping:
            stopped.wait()

    def _serve(self, provider: StandInProvider) -> int:
        """Start a server for one package and return its port."""
        options = [
            ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
            ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ]
        threads = ThreadPoolExecutor(max_workers=provider.workers, thread_name_prefix=provider.package)
        server = grpc.server(threads, interceptors=[self._gate] if self._gate else [], options=options)
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        self._servers.append(server)
        return port


def _plain(properties: struct_pb2.Struct) -> dict[str, Any]:
    return json_format.MessageToDict(properties)


def _with(properties: struct_pb2.Struct, computed: Mapping[str, Any]) -> struct_pb2.Struct:
    """The properties with computed ones added; the engine's own values stay as they were sent."""
    outputs = struct_pb2.Struct()
    outputs.CopyFrom(properties)
    outputs.update(dict(computed))
    return outputs


def _old_inputs(request: provider_pb2.DiffRequest) -> struct_pb2.Struct:
    """The inputs of the last run; an engine that doesn't send them sends the old outputs alone."""
    return request.old_inputs if request.HasField("old_inputs") else request.olds


def _diff(olds: struct_pb2.Struct, news: struct_pb2.Struct, *, replacing: frozenset[str]) -> provider_pb2.DiffResponse:
    """Compare top-level properties; an unknown value counts as changed."""
    names = sorted({*olds.fields, *news.fields} - {"__internal", "version"})
    changed = [name for name in names if olds.fields.get(name) != news.fields.get(name)]
    changes = provider_pb2.DiffResponse.DIFF_SOME if changed else provider_pb2.DiffResponse.DIFF_NONE
    return provider_pb2.DiffResponse(
        changes=changes, diffs=changed, replaces=[name for name in changed if name in replacing]
    )
