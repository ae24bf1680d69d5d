"""Somebody else changes what is there: a refresh shows it, `up` mends it, and what other controllers own is left to them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from kuber.rehearsal.api import Api, Kind
from kuber.rehearsal.engine import EngineError
from tests.engine.staging import StagedCluster, staged
from tests.engine.trees import charts_of, with_parts
from tests.support import EKS

CLUSTER = with_parts(EKS, "certificates", "metrics_api")
SERVICE: Kind = ("v1", "Service")
NETWORK_POLICY: Kind = ("networking.k8s.io/v1", "NetworkPolicy")
WEBHOOKS: Kind = ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration")
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
VPC = "aws:ec2/vpc:Vpc"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, engine_tools: Path) -> Iterator[StagedCluster]:
    with charts_of(CLUSTER), staged(CLUSTER, tmp_path_factory.mktemp("drift")) as made:
        made.engine.up(made.stack)
        yield made


def api_of(cluster: StagedCluster) -> Api:
    return cluster.stage.control_plane.api


def test_what_was_taken_away_is_seen_and_comes_back(cluster: StagedCluster) -> None:
    policy = api_of(cluster).list(NETWORK_POLICY, "system-certificates")[0]["metadata"]["name"]
    api_of(cluster).delete(NETWORK_POLICY, "system-certificates", policy)
    attachment = cluster.stage.store.resources(type=ATTACHMENT)[0]
    cluster.stage.store.remove(ATTACHMENT, attachment.id)
    gone = {f"system-certificates/{policy}", attachment.name}

    seen = cluster.engine.refresh(cluster.stack, "--preview-only")
    assert {(step.name, step.operation) for step in seen.changes} == {(name, "delete") for name in gone}
    mended = cluster.engine.up(cluster.stack)
    assert {(step.name, step.operation) for step in mended.changes} == {(name, "create") for name in gone}
    assert cluster.out_of_line() == []
    assert cluster.changes() == {}


def test_what_was_edited_is_seen_and_mended(cluster: StagedCluster) -> None:
    """Of an object, a field that somebody else has set is told with his name; by force it is taken back (docs/recovery.md)."""
    (vpc,) = cluster.stage.store.resources(type=VPC)
    cluster.stage.store.edit(VPC, vpc.id, {"enableDnsHostnames": False})
    (service, *_) = api_of(cluster).list(SERVICE, "system-certificates")
    name = f"system-certificates/{service['metadata']['name']}"
    service["spec"]["selector"] = {"app": "something-else"}
    api_of(cluster).request("PUT", api_of(cluster).path_of(service), {"fieldManager": "somebody"}, body=service)

    seen = cluster.engine.refresh(cluster.stack, "--preview-only")
    assert {(step.name, step.operation) for step in seen.changes} == {(vpc.name, "update"), (name, "update")}
    with pytest.raises(EngineError, match=r'conflict with "somebody" using v1: \.spec\.selector'):
        cluster.engine.up(cluster.stack)
    forced = cluster.engine.at(environment={"PULUMI_K8S_ENABLE_PATCH_FORCE": "true"}).up(cluster.stack)
    assert name in {step.name for step in forced.changes}
    cluster.engine.up(cluster.stack)
    live = api_of(cluster).get(SERVICE, "system-certificates", service["metadata"]["name"])
    assert live and live["spec"]["selector"] != {"app": "something-else"}
    assert cluster.stage.store.resources(type=VPC)[0].inputs["enableDnsHostnames"] is True
    assert cluster.changes() == {}


def test_what_other_controllers_own_is_left_to_them(cluster: StagedCluster) -> None:
    """Node counts are the autoscaler's, replicas those of a HorizontalPodAutoscaler, a webhook's authority is injected."""
    group = next(
        one for one in cluster.stage.store.resources(type=NODE_GROUP) if one.inputs["scalingConfig"]["maxSize"] > 4
    )
    cluster.stage.store.edit(NODE_GROUP, group.id, {"scalingConfig": {"desiredSize": 4}})
    authority = base64.b64encode(b"another authority").decode()
    (webhooks,) = [one for one in api_of(cluster).list(WEBHOOKS) if one["metadata"]["name"] == "cert-manager-webhook"]
    for hook in webhooks["webhooks"]:
        hook["clientConfig"]["caBundle"] = authority
    api_of(cluster).merge(WEBHOOKS, None, "cert-manager-webhook", {"webhooks": webhooks["webhooks"]})

    mended = cluster.engine.up(cluster.stack)
    assert mended.changes == []
    assert cluster.changes() == {}
    (after,) = [one for one in cluster.stage.store.resources(type=NODE_GROUP) if one.id == group.id]
    assert after.inputs["scalingConfig"]["desiredSize"] == 4
