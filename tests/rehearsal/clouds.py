"""Simulated clouds for tests: asked by a real engine, or directly."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, cast

import grpc
from pulumi.runtime.proto import provider_pb2, status_pb2

from kuber.rehearsal.cloud import CloudStore, Faults, Record, providers
from kuber.rehearsal.cloud.provider import SimulatedCloud
from kuber.rehearsal.control_plane import NodeSpec
from kuber.rehearsal.engine import Engine
from kuber.wire import to_properties, to_struct

Described = dict[str, dict[str, Any]]
REGION, ACCOUNT = "eu-west-1", "210987654321"

_PROGRAM = Path(__file__).parent / "cloud_program"


class RecordedNodes:
    """The nodes of no cluster: what pools ask for is kept.

    Attributes:
        specs: Those that are there, by name.
        drained: Those that went, with how long they might be drained.
        left: How many were left after each that went.
    """

    def __init__(self) -> None:
        self.specs: dict[str, NodeSpec] = {}
        self.drained: list[tuple[str, float]] = []
        self.left: list[int] = []

    def add(self, specs: Sequence[NodeSpec]) -> None:
        for spec in specs:
            assert spec.name not in self.specs
            self.specs[spec.name] = spec

    def change(
        self,
        names: Sequence[str],
        *,
        labels: Mapping[str, str | None],
        taints: Sequence[Mapping[str, str]],
        former_taints: Sequence[Mapping[str, str]],
    ) -> None:
        for name in names:
            spec = self.specs[name]
            kept = {**spec.labels, **labels}
            changed = {key: value for key, value in kept.items() if value is not None}
            self.specs[name] = NodeSpec(**{**spec.__dict__, "labels": changed, "taints": list(taints)})

    def remove(self, names: Sequence[str], *, drain_seconds: float = 0) -> None:
        for name in names:
            del self.specs[name]
            self.drained.append((name, drain_seconds))
            self.left.append(len(self.specs))

    def names(self, *, pool: str | None = None, zone: str | None = None) -> list[str]:
        return sorted(name for name, one in self.specs.items() if pool in (None, one.pool) and zone in (None, one.zone))

    def by_zone(self) -> dict[str, int]:
        zones = [spec.zone for spec in self.specs.values()]
        return {zone: zones.count(zone) for zone in sorted(set(zones))}


class Small:
    """A small project under the real engine, its clouds, and what it says there is to be."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "clouds"
        shutil.copytree(_PROGRAM, self.project)
        (self.project / ".venv").symlink_to(sys.prefix, target_is_directory=True)
        self.store = CloudStore(folder / "clouds.sqlite")
        self.nodes = RecordedNodes()
        self.faults = Faults()
        self.described: Described = {}
        self.engine = Engine(
            self.project, providers=providers(self.store, nodes=self.nodes, faults=self.faults, drain_seconds=7)
        )

    def says(self, described: Described) -> None:
        self.described = described
        (self.project / "resources.json").write_text(json.dumps(described), encoding="utf-8")

    def foreseen(self) -> dict[str, str]:
        """What a preview says will be done, by the resource's name."""
        operations = self.engine.preview("dev").operations
        return {urn.rpartition("::")[2]: operation for urn, operation in operations.items() if operation != "same"}

    def up(self) -> dict[str, list[str]]:
        """What was done, by the resource's name."""
        return _by_name(self.engine.up("dev").changes)

    def refreshed(self) -> dict[str, list[str]]:
        """What a refresh found, by the resource's name."""
        return _by_name(self.engine.refresh("dev").changes)

    def record(self, resource_type: str, name: str) -> Record:
        (found,) = [one for one in self.store.resources(type=resource_type) if one.name == name]
        return found


def _by_name(steps: Sequence[Any]) -> dict[str, list[str]]:
    done: dict[str, list[str]] = {}
    for step in steps:
        if step.package in ("aws", "gcp", "vault"):
            done.setdefault(step.name, []).append(step.operation)
    return done


class RefusedError(Exception):
    """A call ended with an error.

    Attributes:
        partly: What the engine is told of a resource that is there all the same.
    """

    def __init__(self, message: str, partly: provider_pb2.ErrorResourceInitFailed | None) -> None:
        super().__init__(message)
        self.partly = partly


class _Context:
    """What the stand-ins need of a call's context."""

    def __init__(self) -> None:
        self._partly: provider_pb2.ErrorResourceInitFailed | None = None

    def peer(self) -> str:
        return "test"

    def set_trailing_metadata(self, metadata: Sequence[tuple[str, bytes]]) -> None:
        ((key, value),) = metadata
        assert key == "grpc-status-details-bin"
        self._partly = provider_pb2.ErrorResourceInitFailed()
        assert status_pb2.Status.FromString(value).details[0].Unpack(self._partly)

    def abort(self, code: grpc.StatusCode, details: str) -> NoReturn:
        raise RefusedError(details, self._partly)


class Asked:
    """A simulated cloud, asked directly."""

    def __init__(self, package: str, store: CloudStore, *, faults: Faults | None = None, **more: Any) -> None:
        (cloud,) = [one for one in providers(store, faults=faults, **more) if one.package == package]
        assert isinstance(cloud, SimulatedCloud)
        self.cloud = cloud
        self.store = store
        self.configure()

    def configure(self, **settings: str) -> None:
        """As the engine does, for an account and a project of tests."""
        usual = {"region": REGION, "allowedAccountIds": json.dumps([ACCOUNT]), "project": "small-project"}
        request = provider_pb2.ConfigureRequest(args=to_struct({**usual, **settings}))
        self.cloud.Configure(request, self._context())

    def check(self, type: str, name: str, inputs: Mapping[str, Any], olds: Mapping[str, Any] | None = None) -> Any:
        request = provider_pb2.CheckRequest(
            urn=urn(type, name), type=type, name=name, news=to_struct(inputs), olds=to_struct(olds or {})
        )
        return self.cloud.Check(request, self._context())

    def create(self, type: str, name: str, inputs: Mapping[str, Any]) -> Record:
        """As the engine does: checked, then made. What it is told is what there is."""
        made = self.told_of(type, name, inputs)
        record = self.store.find(type, made.id)
        assert record is not None
        assert to_properties(made.properties) == record.outputs
        return record

    def told_of(self, type: str, name: str, inputs: Mapping[str, Any]) -> provider_pb2.CreateResponse:
        """What the engine is told when it has something made."""
        checked = self.check(type, name, inputs)
        assert not checked.failures, checked.failures
        request = provider_pb2.CreateRequest(urn=urn(type, name), type=type, name=name, properties=checked.inputs)
        return self.cloud.Create(request, self._context())

    def update(self, record: Record, inputs: Mapping[str, Any], *, preview: bool = False) -> dict[str, Any]:
        checked = self.check(record.type, record.name, inputs, record.inputs)
        request = provider_pb2.UpdateRequest(
            id=record.id,
            urn=record.urn,
            type=record.type,
            name=record.name,
            olds=to_struct(record.outputs),
            news=checked.inputs,
            preview=preview,
        )
        return to_properties(self.cloud.Update(request, self._context()).properties)

    def delete(self, record: Record) -> None:
        request = provider_pb2.DeleteRequest(
            id=record.id, urn=record.urn, type=record.type, name=record.name, properties=to_struct(record.outputs)
        )
        self.cloud.Delete(request, self._context())

    def read(self, type: str, id: str, name: str = "it") -> provider_pb2.ReadResponse:
        request = provider_pb2.ReadRequest(id=id, urn=urn(type, name), type=type, name=name)
        return self.cloud.Read(request, self._context())

    def diff(
        self,
        type: str,
        olds: Mapping[str, Any],
        news: Mapping[str, Any],
        outputs: Mapping[str, Any] | None = None,
    ) -> provider_pb2.DiffResponse:
        request = provider_pb2.DiffRequest(
            id="it",
            urn=urn(type, "it"),
            type=type,
            olds=to_struct(outputs or olds),
            news=to_struct(news),
            old_inputs=to_struct(olds),
        )
        return self.cloud.Diff(request, self._context())

    def _context(self) -> grpc.ServicerContext:
        return cast(grpc.ServicerContext, _Context())


def urn(type: str, name: str) -> str:
    return f"urn:pulumi:dev::clouds::{type}::{name}"


def network(asked: Asked) -> dict[str, Record]:
    """A VPC with three subnets, a role and a cluster named "small"."""
    vpc = asked.create("aws:ec2/vpc:Vpc", "vpc", {"cidrBlock": "10.0.0.0/16"})
    made = {"vpc": vpc}
    for place, zone in enumerate("abc"):
        properties = {"vpcId": vpc.id, "cidrBlock": f"10.0.{place}.0/24", "availabilityZone": f"{REGION}{zone}"}
        made[zone] = asked.create("aws:ec2/subnet:Subnet", zone, properties)
    made["role"] = asked.create("aws:iam/role:Role", "role", {"assumeRolePolicy": "{}"})
    made["cluster"] = asked.create(
        "aws:eks/cluster:Cluster",
        "cluster",
        {
            "name": "small",
            "version": "1.34",
            "roleArn": made["role"].outputs["arn"],
            "vpcConfig": {"subnetIds": [made[zone].id for zone in "abc"]},
        },
    )
    return made
