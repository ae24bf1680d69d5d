"""Somebody else changes what is there: a refresh shows it, `up` mends it, and what other controllers own is left to them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from kuber.rehearsal.api import Api, Kind
from tests.engine.staging import StagedCluster, staged, staged_small
from tests.engine.trees import charts_of, with_parts
from tests.support import EKS

CLUSTER = with_parts(EKS, "certificates", "metrics_api")
SERVICE: Kind = ("v1", "Service")
NETWORK_POLICY: Kind = ("networking.k8s.io/v1", "NetworkPolicy")
WEBHOOKS: Kind = ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration")
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
VPC = "aws:ec2/vpc:Vpc"
SHOP = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "shop", "namespace": "default"}}


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
    (vpc,) = cluster.stage.store.resources(type=VPC)
    cluster.stage.store.edit(VPC, vpc.id, {"enableDnsHostnames": False})
    (service, *_) = api_of(cluster).list(SERVICE, "system-certificates")
    name = f"system-certificates/{service['metadata']['name']}"
    service["spec"]["selector"] = {"app": "something-else"}
    api_of(cluster).request("PUT", api_of(cluster).path_of(service), {"fieldManager": "somebody"}, body=service)

    seen = cluster.engine.refresh(cluster.stack, "--preview-only")
    assert {(step.name, step.operation) for step in seen.changes} == {(vpc.name, "update"), (name, "update")}
    mended = cluster.engine.up(cluster.stack)
    assert {(step.name, step.operation) for step in mended.changes} == {(vpc.name, "update"), (name, "update")}
    live = api_of(cluster).get(SERVICE, "system-certificates", service["metadata"]["name"])
    assert live and live["spec"]["selector"] != {"app": "something-else"}
    assert cluster.stage.store.resources(type=VPC)[0].inputs["enableDnsHostnames"] is True
    assert cluster.changes() == {}


def test_what_other_controllers_own_is_left_to_them(cluster: StagedCluster) -> None:
    """Node counts are the autoscaler's, and a webhook's authority is injected."""
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


def test_replicas_are_left_to_a_horizontal_pod_autoscaler(tmp_path: Path, engine_tools: Path) -> None:
    """The standard stack has none: the small program has. There are no metrics, so its controller's hand is played here."""
    with staged_small(tmp_path) as small:
        small.configure("config:\n  small:greeting: hello\n  small:scaled: true\n")
        small.engine.up(small.stack)
        api = small.stage.control_plane.api
        path = f"{api.path_of(SHOP)}/scale"
        scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": SHOP["metadata"], "spec": {"replicas": 7}}
        api.request("PUT", path, {"fieldManager": "horizontal-pod-autoscaler"}, body=scale)

        small.configure("config:\n  small:greeting: good day\n  small:scaled: true\n")
        assert "shop" not in {step.name for step in small.engine.up(small.stack).changes}
        live = api.get(("apps/v1", "Deployment"), "default", "shop")
        assert live and live["spec"]["replicas"] == 7
