"""What replaces infrastructure: the providers' own force-new properties, held against the plans."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.components.test_node_pools import (
    EKS_IN_PLACE,
    EKS_NEW_POOLS,
    EKS_OTHER_NEW_POOLS,
    GKE_IN_PLACE,
    GKE_NEW_POOLS,
    GKE_OTHER_NEW_POOLS,
)
from tests.plans import Resource, gke_pools, node_groups, plan, replacements
from tests.requirements import shared
from tests.support import EKS, EKS_OTHERWISE, GKE, GKE_OTHERWISE, METAL, METAL_OTHERWISE, SHIPPED, StackFile

IN_THE_NAME = "in the pool's fingerprint, so its name changes too"
OF_THE_CLUSTER = "the same for all pools as long as the cluster lives"

NODE_GROUP = {
    "amiType": IN_THE_NAME,
    "capacityType": IN_THE_NAME,
    "instanceTypes": IN_THE_NAME,
    "subnetIds": IN_THE_NAME,
    "launchTemplate.id": IN_THE_NAME,
    "nodeGroupName": IN_THE_NAME,
    "clusterName": OF_THE_CLUSTER,
    "nodeRoleArn": OF_THE_CLUSTER,
}
GKE_POOL = {
    "name": IN_THE_NAME,
    "nodeConfig.spot": IN_THE_NAME,
    "initialNodeCount": "a change of it is ignored",
    "cluster": OF_THE_CLUSTER,
    "location": OF_THE_CLUSTER,
    "nodeConfig.metadata": OF_THE_CLUSTER,
    "nodeConfig.oauthScopes": OF_THE_CLUSTER,
    "nodeConfig.serviceAccount": OF_THE_CLUSTER,
    "nodeConfig.shieldedInstanceConfig": OF_THE_CLUSTER,
}
"""Why each force-new property that the program sets replaces no live pool."""

NOT_IN_THE_TABLE = {
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",  # AWS makes one with a VPC; the program only takes it over
    "gcp:dns/dnsManagedZoneIamMember:DnsManagedZoneIamMember",  # as every binding: all of it, and nothing hangs on one
}


@pytest.fixture(scope="module")
def force_new() -> Mapping[str, list[str]]:
    return json.loads(shared("upstream/replace_on_changes.json").read_text())["types"]


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stack)
def test_it_is_known_of_each_type_what_replaces_it(file: StackFile, force_new: Mapping[str, list[str]]) -> None:
    types = {one.type for one in plan(file).resources.values()}
    known_by_rule = (
        "kuber:",
        "pulumi:",
        "pulumi-python:",
        "kubernetes:",
    )  # of every Kubernetes kind: name and namespace
    assert {one for one in types if not one.startswith(known_by_rule)} - set(force_new) - NOT_IN_THE_TABLE == set()


def test_no_force_new_property_of_a_pool_is_left_to_chance(force_new: Mapping[str, list[str]]) -> None:
    for group in node_groups(plan(EKS)).values():
        assert force_new_set_by(group, force_new) == set(NODE_GROUP)
    for pool in gke_pools(plan(GKE)).values():
        assert force_new_set_by(pool, force_new) == set(GKE_POOL)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (EKS, EKS_NEW_POOLS),
        (EKS, EKS_OTHER_NEW_POOLS),
        (EKS, EKS_IN_PLACE),
        (EKS_OTHERWISE, EKS),
        (GKE, GKE_NEW_POOLS),
        (GKE, GKE_OTHER_NEW_POOLS),
        (GKE, GKE_IN_PLACE),
        (GKE_OTHERWISE, GKE),
        (METAL, METAL_OTHERWISE),
    ],
    ids=[
        "EKS pools",
        "more EKS pools",
        "EKS sizes and labels",
        "EKS zone, gateways, endpoints, protection",
        "GKE pools",
        "more GKE pools",
        "GKE sizes and labels",
        "GKE channel, access, endpoint, protection",
        "a machine's pool and taints",
    ],
)
def test_no_change_of_a_living_cluster_replaces_anything_of_one_name(
    before: StackFile, after: StackFile, force_new: Mapping[str, list[str]]
) -> None:
    assert plan(before) != plan(after)
    assert list(replacements(plan(before), plan(after), force_new)) == []


def force_new_set_by(resource: Resource, force_new: Mapping[str, list[str]]) -> set[str]:
    return {path for path in force_new[resource.type] if _at(resource.inputs, path) is not None}


def _at(value: Any, path: str) -> Any:
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
