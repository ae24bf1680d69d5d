"""Node pools of simulated clouds and their nodes: first of no cluster, then of a real control plane."""

from __future__ import annotations

from typing import Any

import pytest

from kuber.rehearsal.autoscaler import Capacity
from kuber.rehearsal.cloud import CloudStore, CloudStoreError, NodePools, Record
from kuber.rehearsal.cloud.machines import machine
from kuber.rehearsal.control_plane import ControlPlane
from tests.rehearsal.clouds import Asked, RecordedNodes, network

NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
NODE_POOL = "gcp:container/nodePool:NodePool"
NODE = ("v1", "Node")


@pytest.fixture
def nodes() -> RecordedNodes:
    return RecordedNodes()


@pytest.fixture
def aws(store: CloudStore, nodes: RecordedNodes) -> Asked:
    return Asked("aws", store, nodes=nodes, drain_seconds=7)


@pytest.fixture
def gcp(store: CloudStore, nodes: RecordedNodes) -> Asked:
    return Asked("gcp", store, nodes=nodes, drain_seconds=7)


def group(made: dict[str, Record], desired: int = 5, **changes: Any) -> dict[str, Any]:
    return {
        "clusterName": "small",
        "nodeGroupName": "workers-1a2b3c",
        "nodeRoleArn": "arn:aws:iam::1:role/nodes",
        "subnetIds": [made[zone].id for zone in "abc"],
        "instanceTypes": ["m7g.xlarge", "m6g.xlarge"],
        "capacityType": "SPOT",
        "scalingConfig": {"minSize": 0, "desiredSize": desired, "maxSize": 9},
        "labels": {"kuber.dev/pool": "workers", "old": "label"},
        "taints": [{"key": "workload", "value": "memory", "effect": "NO_SCHEDULE"}],
        **changes,
    }


def google(gcp: Asked, **changes: Any) -> dict[str, Any]:
    cluster = gcp.create(
        "gcp:container/cluster:Cluster",
        "cluster",
        {"name": "small", "location": "europe-west1", "defaultMaxPodsPerNode": 64},
    )
    return {
        "name": "workers-1a2b3c",
        "cluster": cluster.id,
        "location": "europe-west1",
        "nodeLocations": ["europe-west1-b", "europe-west1-c"],
        "initialNodeCount": 2,
        "nodeConfig": {"machineType": "n2d-standard-8", "spot": True, "labels": {"kuber.dev/pool": "workers"}},
        **changes,
    }


def test_a_node_group_has_its_nodes_spread_over_its_zones(aws: Asked, nodes: RecordedNodes) -> None:
    aws.create(NODE_GROUP, "workers", group(network(aws)))
    assert nodes.by_zone() == {"eu-west-1a": 2, "eu-west-1b": 2, "eu-west-1c": 1}
    one = nodes.specs[nodes.names(zone="eu-west-1b")[0]]
    assert (one.pool, one.region, one.spot) == ("workers-1a2b3c", "eu-west-1", True)
    assert (one.instance_type, one.cpu, one.memory, one.architecture) == ("m7g.xlarge", "4", "16384Mi", "arm64")
    assert one.name.startswith("ip-10-0-1-") and one.name.endswith(".eu-west-1.compute.internal")
    assert one.provider_id.startswith("aws:///eu-west-1b/i-0")
    assert one.labels == {
        "kuber.dev/pool": "workers",
        "old": "label",
        "eks.amazonaws.com/nodegroup": "workers-1a2b3c",
        "eks.amazonaws.com/capacityType": "SPOT",
    }
    assert one.taints == [{"key": "workload", "value": "memory", "effect": "NoSchedule"}]
    assert len({spec.provider_id for spec in nodes.specs.values()}) == 5


def test_a_gke_pool_has_as_many_nodes_in_each_zone(gcp: Asked, nodes: RecordedNodes) -> None:
    gcp.create(NODE_POOL, "workers", google(gcp))
    assert nodes.by_zone() == {"europe-west1-b": 2, "europe-west1-c": 2}
    one = nodes.specs[nodes.names(zone="europe-west1-c")[0]]
    assert (one.pool, one.pods, one.cpu, one.spot) == ("workers-1a2b3c", 64, "8", True)
    assert one.name.startswith("gke-small-workers-1a2b3c-")
    assert one.provider_id == f"gce://small-project/europe-west1-c/{one.name}"
    assert one.labels["cloud.google.com/gke-nodepool"] == "workers-1a2b3c"
    assert one.labels["cloud.google.com/gke-spot"] == "true"


def test_a_pool_without_zones_of_its_own_has_its_clusters(gcp: Asked, nodes: RecordedNodes) -> None:
    gcp.create(NODE_POOL, "workers", {**google(gcp), "nodeLocations": None})
    assert nodes.by_zone() == {"europe-west1-b": 2, "europe-west1-c": 2, "europe-west1-d": 2}


def test_a_group_grows_and_shrinks_and_what_goes_is_drained(aws: Asked, nodes: RecordedNodes) -> None:
    made = network(aws)
    workers = aws.create(NODE_GROUP, "workers", group(made, 2))
    before = set(nodes.specs)
    aws.update(workers, group(made, 6))
    assert before < set(nodes.specs)
    assert nodes.by_zone() == {"eu-west-1a": 2, "eu-west-1b": 2, "eu-west-1c": 2}
    aws.update(workers, group(made, 1))
    assert nodes.by_zone() == {"eu-west-1a": 1}
    assert [seconds for _, seconds in nodes.drained] == [7] * 5


def test_labels_and_taints_reach_the_nodes_that_are_there(aws: Asked, gcp: Asked, nodes: RecordedNodes) -> None:
    made = network(aws)
    workers = aws.create(NODE_GROUP, "workers", group(made, 3))
    there = set(nodes.specs)
    taint = {"key": "workload", "effect": "NO_EXECUTE"}
    aws.update(workers, group(made, 3, labels={"kuber.dev/pool": "workers", "new": "label"}, taints=[taint]))
    assert set(nodes.specs) == there
    for spec in nodes.specs.values():
        assert "old" not in spec.labels and spec.labels["new"] == "label"
        assert spec.taints == [{"key": "workload", "effect": "NoExecute"}]


def test_a_new_version_makes_the_nodes_anew_some_at_a_time(aws: Asked, nodes: RecordedNodes) -> None:
    made = network(aws)
    workers = aws.create(NODE_GROUP, "workers", group(made, 3, version="1.33"))
    before = set(nodes.specs)
    aws.update(workers, group(made, 3, version="1.34"))
    assert not before & set(nodes.specs)
    assert nodes.by_zone() == {"eu-west-1a": 1, "eu-west-1b": 1, "eu-west-1c": 1}
    assert {name for name, _ in nodes.drained} == before


def test_another_machine_type_rolls_through_a_gke_pool(gcp: Asked, nodes: RecordedNodes) -> None:
    inputs = google(gcp)
    workers = gcp.create(NODE_POOL, "workers", inputs)
    before = set(nodes.specs)
    gcp.update(workers, {**inputs, "nodeConfig": {**inputs["nodeConfig"], "machineType": "n2d-standard-4"}})
    assert not before & set(nodes.specs)
    assert {spec.cpu for spec in nodes.specs.values()} == {"4"}


def test_the_nodes_of_a_pool_that_goes_are_drained_first(aws: Asked, gcp: Asked, nodes: RecordedNodes) -> None:
    workers = aws.create(NODE_GROUP, "workers", group(network(aws), 2))
    pool = gcp.create(NODE_POOL, "workers", {**google(gcp), "name": "others"})
    aws.delete(workers)
    assert {spec.pool for spec in nodes.specs.values()} == {"others"}
    gcp.delete(pool)
    assert nodes.specs == {}
    assert len(nodes.drained) == 6


def test_what_was_taken_back_comes_again_and_an_autoscaler_may_ask_for_more(
    aws: Asked, gcp: Asked, nodes: RecordedNodes
) -> None:
    made = network(aws)
    workers = aws.create(NODE_GROUP, "workers", group(made, 3))
    gcp.create(NODE_POOL, "workers", {**google(gcp), "name": "others"})
    pools = NodePools(nodes, aws.store, drain_seconds=0)
    nodes.specs.clear()
    pools.reconcile(workers)
    assert len(nodes.names(pool="workers-1a2b3c")) == 3
    pools.scale("workers-1a2b3c", 4)
    pools.scale("others", 3)
    assert len(nodes.names(pool="workers-1a2b3c")) == 4
    assert len(nodes.names(pool="others")) == 6
    live = aws.store.find(NODE_GROUP, workers.id)
    assert live is not None and live.inputs["scalingConfig"]["desiredSize"] == 4
    with pytest.raises(CloudStoreError, match="no node pool 'x'; there are: workers-1a2b3c, others"):
        pools.scale("x", 1)


def test_nodes_come_to_a_zone_that_is_given_back_before_those_in_their_place_are_drained(
    aws: Asked, nodes: RecordedNodes
) -> None:
    aws.create(NODE_GROUP, "workers", group(network(aws), 3))
    capacity = Capacity(nodes, aws.store, drain_seconds=9)
    capacity.lost_zones.add("eu-west-1c")
    nodes.specs = {name: one for name, one in nodes.specs.items() if one.zone != "eu-west-1c"}
    assert capacity.fill() == 1
    assert (nodes.by_zone(), nodes.drained) == ({"eu-west-1a": 2, "eu-west-1b": 1}, [])
    capacity.lost_zones.clear()
    assert capacity.fill() == 1
    assert nodes.by_zone() == {"eu-west-1a": 1, "eu-west-1b": 1, "eu-west-1c": 1}
    assert ([seconds for _, seconds in nodes.drained], nodes.left) == ([9], [3])


def test_the_size_that_an_autoscaler_gave_a_gke_pool_outlives_an_update(gcp: Asked, nodes: RecordedNodes) -> None:
    inputs = google(gcp)
    workers = gcp.create(NODE_POOL, "workers", inputs)
    NodePools(nodes, gcp.store).scale("workers-1a2b3c", 3)
    labels = {"nodeConfig": {**inputs["nodeConfig"], "labels": {"a": "b"}}}
    gcp.update(workers, {**inputs, **labels})
    assert nodes.by_zone() == {"europe-west1-b": 3, "europe-west1-c": 3}


def test_what_hinders_nodes_is_told_of_the_pool_which_is_there(store: CloudStore) -> None:
    from tests.rehearsal.clouds import RefusedError

    class Broken(RecordedNodes):
        def add(self, specs: Any) -> None:
            raise OSError("the API server is down")

    aws = Asked("aws", store, nodes=Broken())
    made = network(aws)
    with pytest.raises(RefusedError, match="NodeCreationFailure: the API server is down") as refused:
        aws.create(NODE_GROUP, "workers", group(made))
    there = store.find(NODE_GROUP, "small:workers-1a2b3c")
    assert there is not None and refused.value.partly is not None
    assert refused.value.partly.id == there.id


@pytest.mark.parametrize(
    ("machine_type", "cpu", "memory", "architecture"),
    [
        ("m7i.2xlarge", "8", "32768Mi", "amd64"),
        ("c7g.large", "2", "4096Mi", "arm64"),
        ("t3.medium", "2", "4096Mi", "amd64"),
        ("i4i.4xlarge", "16", "65536Mi", "amd64"),
        ("n2d-highmem-8", "8", "65536Mi", "amd64"),
        ("e2-custom-4-8192", "4", "8192Mi", "amd64"),
        ("n2d-standard-8", "8", "32768Mi", "amd64"),
        ("nothing-known", "4", "16384Mi", "amd64"),
    ],
)
def test_a_machine_has_what_its_type_says(machine_type: str, cpu: str, memory: str, architecture: str) -> None:
    made = machine(machine_type)
    assert (made.cpu, made.memory, made.architecture) == (cpu, memory, architecture)


def test_on_a_real_control_plane_a_pools_nodes_come_change_and_go(
    store: CloudStore, control_plane: ControlPlane
) -> None:
    aws = Asked("aws", store, nodes=control_plane.nodes, drain_seconds=5)
    made = network(aws)
    workers = aws.create(NODE_GROUP, "workers", group(made, 3))
    names = control_plane.nodes.names(pool="workers-1a2b3c")
    assert len(names) == 3
    control_plane.nodes.cordon(names[:1])
    aws.update(workers, group(made, 3, labels={"new": "label"}, taints=[]))
    for name in names:
        node = control_plane.api.get(NODE, None, name)
        assert node is not None
        assert node["metadata"]["labels"]["new"] == "label"
        assert "old" not in node["metadata"]["labels"]
        assert "workload" not in {taint["key"] for taint in node["spec"].get("taints", ())}
    cordoned = control_plane.api.get(NODE, None, names[0])
    assert cordoned is not None and cordoned["spec"]["unschedulable"]
    aws.delete(workers)
    assert control_plane.nodes.names(pool="workers-1a2b3c") == []
