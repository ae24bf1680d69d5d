"""Stand-in providers, asked directly: what a simulated cloud grows from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import grpc
from google.protobuf import json_format, struct_pb2
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2

from kuber.rehearsal.provider import StandInProvider

URN = "urn:pulumi:dev::sample::aws:kms/key:Key::main"
NO_CONTEXT = cast(grpc.ServicerContext, None)
SECRET = {rpc._special_sig_key: rpc._special_secret_sig, "value": "correct horse"}


class Keys(StandInProvider):
    """A cloud that knows one type a little."""

    def replacing_properties(self, resource_type: str) -> frozenset[str]:
        return frozenset({"keyUsage"})

    def computed_outputs(self, resource_type: str, name: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"arn": f"arn:aws:kms:::{name}"}


def struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    return json_format.ParseDict(dict(values), struct_pb2.Struct())


def diff(olds: Mapping[str, Any], news: Mapping[str, Any]) -> provider_pb2.DiffResponse:
    request = provider_pb2.DiffRequest(id="main", urn=URN, type="aws:kms/key:Key", news=struct(news))
    request.old_inputs.CopyFrom(struct(olds))
    return Keys("aws").Diff(request, NO_CONTEXT)


def create(inputs: Mapping[str, Any], *, preview: bool) -> provider_pb2.CreateResponse:
    request = provider_pb2.CreateRequest(urn=URN, name="main", properties=struct(inputs), preview=preview)
    return Keys("aws").Create(request, NO_CONTEXT)


def test_a_preview_gives_back_the_inputs_and_leaves_the_rest_unknown() -> None:
    response = create({"policy": rpc.UNKNOWN, "password": SECRET}, preview=True)
    assert response.id == ""
    assert json_format.MessageToDict(response.properties) == {"policy": rpc.UNKNOWN, "password": SECRET}


def test_a_create_adds_what_the_cloud_computes_and_the_same_id_each_time() -> None:
    response = create({"password": SECRET}, preview=False)
    assert json_format.MessageToDict(response.properties) == {"password": SECRET, "arn": "arn:aws:kms:::main"}
    assert response.id == create({}, preview=False).id != ""


def test_equal_inputs_are_no_change() -> None:
    assert diff({"tags": {"a": "b"}}, {"tags": {"a": "b"}}).changes == provider_pb2.DiffResponse.DIFF_NONE


def test_a_change_replaces_only_where_the_type_says_so() -> None:
    response = diff({"tags": {}, "keyUsage": "SIGN"}, {"tags": {"a": "b"}, "keyUsage": "SIGN"})
    assert (list(response.diffs), list(response.replaces)) == (["tags"], [])
    response = diff({"keyUsage": "SIGN"}, {"keyUsage": rpc.UNKNOWN})
    assert (list(response.diffs), list(response.replaces)) == (["keyUsage"], ["keyUsage"])
