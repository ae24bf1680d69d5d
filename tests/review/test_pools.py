"""Node pools as plans have them, how many nodes that is, and what it costs."""

from __future__ import annotations

from typing import Any

import pytest

from kuber.plan.registration import UNKNOWN
from kuber.review.model import Pool, Range
from kuber.review.pools import money, nodes, pool_of, pools
from kuber.review.prices import PriceList
from tests import plans
from tests.review.plan_by_hand import Resource, plan, resource
from tests.support import EKS, GKE, METAL, StackFile

NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
NODE_POOL = "gcp:container/nodePool:NodePool"
PRICES = PriceList.model_validate(
    {
        "currency": "EUR",
        "control_plane": {"eks": 73},
        "machine_types": {
            "m7i.large": {"on_demand": 0.1, "spot": 0.04},
            "m7i.xlarge": {"on_demand": 0.2},
            "n2d-standard-4": {"on_demand": 0.2},
        },
    }
)


def shipped(file: StackFile) -> list[Pool]:
    return pools({urn: vars(one) for urn, one in plans.plan(file).resources.items()})


def told(found: list[Pool]) -> dict[str, tuple[float, float, str]]:
    return {one.name: (one.nodes.least, one.nodes.most, one.capacity) for one in found}


def node_group(name: str, least: Any, most: Any, *machine_types: str, capacity: str = "on_demand") -> Resource:
    return resource(
        NODE_GROUP,
        f"prod-{name}-0c1500",
        {
            "instanceTypes": list(machine_types),
            "labels": {"kuber.dev/pool": name, "kuber.dev/capacity": capacity},
            "scalingConfig": {"desiredSize": 1, "minSize": least, "maxSize": most},
        },
    )


def gke_pool(**inputs: Any) -> Resource:
    labels = {"kuber.dev/pool": "workers", "kuber.dev/capacity": "on_demand"}
    node_config = {"machineType": "n2d-standard-4", "labels": labels}
    return resource(NODE_POOL, "prod-workers-b2f85a", {"nodeConfig": node_config, **inputs})


def test_the_pools_of_an_eks_cluster_are_those_of_its_stack_file() -> None:
    found = shipped(EKS)
    assert told(found) == {
        "system": (3, 6, "on_demand"),
        "workers": (0, 20, "on_demand"),
        "workers-spot": (3, 60, "spot"),
        "workers-spot-memory": (0, 20, "spot"),
    }
    assert found[0].machine_types == ("m7g.xlarge",)
    assert nodes(found) == Range(least=6, most=106)


def test_the_pools_of_a_gke_cluster_are_those_of_its_stack_file() -> None:
    assert told(shipped(GKE)) == {
        "system": (3, 6, "on_demand"),
        "workers": (0, 20, "on_demand"),
        "workers-spot-memory": (0, 20, "spot"),
        "workers-spot-n2": (0, 40, "spot"),
        "workers-spot-n2d": (3, 40, "spot"),
    }


def test_machines_of_ones_own_count_by_pool_and_the_control_plane_apart() -> None:
    found = told(shipped(METAL))
    assert found["control plane"] == (3, 3, "machines")
    assert sum(least for least, _, _ in found.values()) == 12


def test_limits_of_a_zone_count_in_each_of_gkes_zones() -> None:
    by_zone = gke_pool(autoscaling={"minNodeCount": 1, "maxNodeCount": 4}, nodeLocations=["b", "c", "d"])
    together = gke_pool(autoscaling={"totalMinNodeCount": 1, "totalMaxNodeCount": 4}, nodeLocations=["b", "c", "d"])
    fixed = gke_pool(nodeCount=2, nodeLocations=["b", "c"])
    ranges = [one.nodes for one in map(pool_of, (by_zone, together, fixed)) if one]
    assert ranges == [Range(least=3, most=12), Range(least=1, most=4), Range(least=4, most=4)]


def test_a_pool_that_is_not_of_a_stack_file_is_called_as_its_resource_is() -> None:
    foreign = resource(NODE_GROUP, "legacy", {"scalingConfig": {"minSize": 1, "maxSize": 2}})
    assert pool_of(foreign) == Pool(name="legacy", nodes=Range(least=1, most=2), machine_types=(), capacity="on_demand")


@pytest.mark.parametrize("name", ["scalingConfig", "labels", "instanceTypes"])
def test_what_only_an_apply_tells_of_a_pool_breaks_nothing(name: str) -> None:
    known = node_group("workers", 1, 2, "m7i.large")
    unknown = {**known, "inputs": {**known["inputs"], name: UNKNOWN}}
    found = pool_of(unknown)
    assert found is not None and found.nodes.least in (0, 1)


def test_other_resources_are_no_pools() -> None:
    assert pool_of(resource("aws:ec2/launchTemplate:LaunchTemplate", "workers")) is None


def test_a_cluster_costs_its_control_plane_and_its_nodes_from_the_fewest_to_the_most() -> None:
    cluster = resource("aws:eks/cluster:Cluster", "prod")
    cost, missing = money(plan(cluster, node_group("workers", 2, 10, "m7i.large")), PRICES)
    assert (cost.least, cost.most) == pytest.approx((73 + 2 * 73, 73 + 10 * 73))
    assert missing == []


def test_a_pool_of_several_machine_types_costs_from_the_cheapest_to_the_dearest() -> None:
    cost, _ = money(plan(node_group("workers", 2, 10, "m7i.xlarge", "m7i.large")), PRICES)
    assert (cost.least, cost.most) == pytest.approx((2 * 73, 10 * 146))


def test_spot_machines_cost_what_spot_does() -> None:
    cost, _ = money(plan(node_group("workers", 1, 1, "m7i.large", capacity="spot")), PRICES)
    assert cost.least == pytest.approx(0.04 * 730)


def test_what_the_list_does_not_know_counts_as_nothing_and_is_named() -> None:
    groups = [node_group("spot", 1, 1, "m7i.xlarge", capacity="spot"), node_group("gpu", 1, 9, "g6.xlarge")]
    gke = resource("gcp:container/cluster:Cluster", "prod")
    cost, missing = money(plan(gke, *groups), PRICES)
    assert (cost.least, cost.most) == (0, 0)
    assert missing == ["g6.xlarge, on demand", "m7i.xlarge, spot", "the control plane of gke"]


def test_machines_of_ones_own_cost_nothing_and_are_not_said_to_be_missing() -> None:
    machine = resource("kubernetes:core/v1:NodePatch", "lon-worker-1", {"metadata": {"name": "lon-worker-1"}})
    assert money(plan(machine), PRICES) == (Range(least=0, most=0), [])
