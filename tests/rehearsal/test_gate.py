"""The gate before the providers: what it lets through has its effect, what it holds has none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from kuber.rehearsal.gate import Call, Gate
from kuber.rehearsal.provider import StandInProvider, StandInServers
from tests.rehearsal.cluster import until


class Ledger(StandInProvider):
    """Remembers what was made."""

    def __init__(self) -> None:
        super().__init__("aws")
        self.made: list[str] = []

    def computed_outputs(self, resource_type: str, name: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        self.made.append(name)
        return {}


class Caller:
    """An engine that makes things, several at once."""

    def __init__(self, address: str, threads: ThreadPoolExecutor) -> None:
        self._stub = provider_pb2_grpc.ResourceProviderStub(grpc.insecure_channel(address))
        self._threads = threads

    def create(self, name: str, *, preview: bool = False) -> Future[Any]:
        request = provider_pb2.CreateRequest(urn=urn(name), name=name, preview=preview)
        return self._threads.submit(self._stub.Create, request, timeout=30)


def urn(name: str) -> str:
    return f"urn:pulumi:dev::shop::aws:s3/bucket:Bucket::{name}"


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def engine(gate: Gate, ledger: Ledger) -> Iterator[Caller]:
    with ThreadPoolExecutor() as threads, StandInServers([ledger], gate) as servers:
        yield Caller(f"127.0.0.1:{servers.debug_providers.rpartition(':')[2]}", threads)
        gate.close()


def test_an_open_gate_lets_everything_through(engine: Caller, ledger: Ledger) -> None:
    for name in ("a", "b", "c"):
        engine.create(name).result()
    assert ledger.made == ["a", "b", "c"]


def test_after_so_many_calls_the_others_are_held_without_any_effect_and_fail_in_the_end(
    engine: Caller, ledger: Ledger, gate: Gate
) -> None:
    gate.admit(2)
    engine.create("preview", preview=True).result()
    for name in ("a", "b"):
        engine.create(name).result()
    held = engine.create("c")
    with pytest.raises(TimeoutError):
        held.result(timeout=0.3)
    assert (gate.answered, gate.admitted) == (2, [Call("Create", urn("a")), Call("Create", urn("b"))])

    gate.close()
    with pytest.raises(grpc.RpcError, match="was killed"):
        held.result()
    with pytest.raises(grpc.RpcError, match="was killed"):
        engine.create("late").result()
    assert ledger.made == ["a", "b"]

    gate.open()
    engine.create("d").result()
    assert ledger.made[2:] == ["d"]


def test_a_call_that_is_to_be_lost_has_its_effect_and_no_answer(engine: Caller, ledger: Ledger, gate: Gate) -> None:
    gate.admit(losing="b")
    engine.create("a").result()
    lost = engine.create("b")
    until(lambda: gate.lost)
    later = engine.create("c")
    gate.close()
    for one in (lost, later):
        with pytest.raises(grpc.RpcError, match="was killed"):
            one.result()
    assert ledger.made == ["a", "b"]
