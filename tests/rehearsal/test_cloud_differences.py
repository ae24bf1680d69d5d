"""What a simulated provider's Check refuses and its Diff tells."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2

from kuber.rehearsal.cloud import CloudStore
from kuber.rehearsal.cloud.properties import failures
from kuber.replacement.differences import changes, deletes_first
from kuber.wire import secret
from tests.rehearsal.clouds import Asked

GROUP = "aws:eks/nodeGroup:NodeGroup"
CLUSTER = "aws:eks/cluster:Cluster"
POOL = "gcp:container/nodePool:NodePool"
RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"


def replacing(resource_type: str, olds: dict[str, Any], news: dict[str, Any]) -> dict[str, bool]:
    return {one.text: one.replaces for one in changes(resource_type, olds, news)}


def test_what_is_missing_is_told_by_its_path() -> None:
    said = dict(failures(CLUSTER, {"roleArn": "arn", "encryptionConfig": {"provider": {}}}))
    assert set(said) == {"vpcConfig", "encryptionConfig.provider.keyArn", "encryptionConfig.resources"}
    assert set(said.values()) == {"is required, and missing"}


def test_a_misspelt_property_is_told_with_the_nearest_one_deep_down_too() -> None:
    sizes = {"desiredSize": 1, "minSize": 1, "maxSize": 1, "maxSise": 1}
    given = {"clusterName": "c", "nodeRoleArn": "r", "subnetIds": [], "scalingConfig": sizes, "label": {}}
    assert dict(failures(GROUP, given)) == {
        "scalingConfig.maxSise": "is no property that there is; did you mean 'maxSize'?",
        "label": "is no property that there is; did you mean 'labels'?",
    }


def test_keys_of_a_map_may_be_any() -> None:
    assert failures("aws:kms/key:Key", {"tags": {"any.thing": "goes"}}) == []


def test_a_list_in_the_place_of_an_object_is_told_without_saying_what_is_in_it() -> None:
    ((path, reason),) = failures("aws:kms/key:Key", {"tags": secret(["correct horse"])})
    assert (path, reason) == ("tags", "is a list; it must be an object")


def test_what_is_not_known_yet_is_taken_for_right() -> None:
    given = {"clusterName": rpc.UNKNOWN, "nodeRoleArn": secret(rpc.UNKNOWN), "subnetIds": rpc.UNKNOWN}
    assert failures(GROUP, {**given, "scalingConfig": rpc.UNKNOWN}) == []


def test_of_a_type_that_is_not_known_nothing_is_refused() -> None:
    assert failures("aws:sns/topic:Topic", {"anything": 1}) == []


def test_a_change_is_told_as_deep_as_it_goes_and_replaces_where_the_table_says() -> None:
    olds = {"labels": {"a.b/c": "1"}, "scalingConfig": {"minSize": 1}, "instanceTypes": ["m7g.large"]}
    news = {"labels": {"a.b/c": "2"}, "scalingConfig": {"minSize": 2}, "instanceTypes": ["m7g.large", "m6g.large"]}
    assert replacing(GROUP, olds, news) == {
        'labels["a.b/c"]': False,
        "scalingConfig.minSize": False,
        "instanceTypes[1]": True,
    }


def test_of_a_block_only_what_the_table_lists_replaces() -> None:
    olds = {"launchTemplate": {"id": "lt-1", "version": "1"}}
    assert replacing(GROUP, olds, {"launchTemplate": {"id": "lt-1", "version": "2"}}) == {
        "launchTemplate.version": False
    }
    assert replacing(GROUP, olds, {"launchTemplate": {"id": "lt-2", "version": "1"}}) == {"launchTemplate.id": True}
    assert replacing(GROUP, olds, {}) == {"launchTemplate": True}
    assert replacing(GROUP, {}, {"launchTemplate": {"version": "1"}}) == {"launchTemplate": False}


def test_a_block_may_replace_when_it_comes_or_goes_and_not_within() -> None:
    olds = {"nodeConfig": {"machineType": "n2d-standard-8", "labels": {"a": "1"}}}
    news = {"nodeConfig": {"machineType": "n2-standard-8", "labels": {"a": "2"}}}
    assert replacing(POOL, olds, news) == {"nodeConfig.machineType": False, "nodeConfig.labels.a": False}
    assert replacing(POOL, olds, {}) == {"nodeConfig": True}


def test_the_order_of_a_set_does_not_count_and_that_of_a_list_does() -> None:
    assert replacing(GROUP, {"subnetIds": ["a", "b"]}, {"subnetIds": ["b", "a"]}) == {}
    assert replacing(GROUP, {"subnetIds": ["a", "b"]}, {"subnetIds": ["a", "c"]}) == {"subnetIds": True}
    changed = replacing(GROUP, {"instanceTypes": ["a", "b"]}, {"instanceTypes": ["b", "a"]})
    assert changed == {"instanceTypes[0]": True, "instanceTypes[1]": True}


@pytest.mark.parametrize("nothing", [None, [], {}])
def test_an_empty_list_or_object_is_as_good_as_none(nothing: Any) -> None:
    assert replacing(GROUP, {"taints": nothing}, {}) == replacing(GROUP, {}, {"taints": nothing}) == {}


def test_a_policy_written_otherwise_is_the_same() -> None:
    olds, news = {"assumeRolePolicy": '{"a": 1, "b": 2}'}, {"assumeRolePolicy": '{"b":2,"a":1}'}
    assert replacing("aws:iam/role:Role", olds, news) == {}


def test_what_is_not_known_yet_counts_as_changed() -> None:
    assert replacing(GROUP, {"nodeRoleArn": "a"}, {"nodeRoleArn": rpc.UNKNOWN}) == {"nodeRoleArn": True}
    assert replacing(GROUP, {"launchTemplate": {"id": "a"}}, {"launchTemplate": rpc.UNKNOWN}) == {
        "launchTemplate": True
    }


def test_a_secret_is_compared_by_its_value() -> None:
    config = "vault:kubernetes/authBackendConfig:AuthBackendConfig"
    assert replacing(config, {"tokenReviewerJwt": secret("a")}, {"tokenReviewerJwt": secret("a")}) == {}
    assert replacing(config, {"tokenReviewerJwt": secret("a")}, {"tokenReviewerJwt": secret("b")}) == {
        "tokenReviewerJwt": False
    }


@pytest.mark.parametrize(
    ("resource_type", "olds", "news", "replaces"),
    [
        (RULE, {"cidrIpv4": "10.0.0.0/8"}, {"cidrIpv4": "10.0.0.0/9"}, False),
        (RULE, {"cidrIpv4": "10.0.0.0/8"}, {"prefixListId": "pl-1"}, True),
        ("gcp:compute/subnetwork:Subnetwork", {"ipCidrRange": "10.0.0.0/20"}, {"ipCidrRange": "10.0.0.0/16"}, False),
        ("gcp:compute/subnetwork:Subnetwork", {"ipCidrRange": "10.0.0.0/16"}, {"ipCidrRange": "10.0.0.0/20"}, True),
        ("gcp:compute/subnetwork:Subnetwork", {"ipCidrRange": "10.0.0.0/16"}, {"ipCidrRange": rpc.UNKNOWN}, True),
        (CLUSTER, {"encryptionConfig": {"resources": ["secrets"]}}, {}, True),
        (CLUSTER, {}, {"encryptionConfig": {"resources": ["secrets"]}}, False),
        (CLUSTER, {"version": "1.34"}, {"version": "1.35"}, False),
        ("aws:ec2/vpc:Vpc", {"instanceTenancy": "dedicated"}, {"instanceTenancy": "default"}, False),
        ("aws:ec2/vpc:Vpc", {"instanceTenancy": "default"}, {"instanceTenancy": "dedicated"}, True),
        ("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16"}, {"cidrBlock": "10.1.0.0/16"}, True),
        ("vault:index/authBackend:AuthBackend", {"path": "a"}, {"path": "b"}, False),
        ("vault:index/authBackend:AuthBackend", {"path": "a"}, {"path": "b", "disableRemount": True}, True),
        ("gcp:container/cluster:Cluster", {"enableL4IlbSubsetting": True}, {"enableL4IlbSubsetting": False}, True),
        ("gcp:container/cluster:Cluster", {}, {"enableL4IlbSubsetting": True}, False),
    ],
)
def test_some_properties_replace_in_some_cases_only(
    resource_type: str, olds: dict[str, Any], news: dict[str, Any], replaces: bool
) -> None:
    assert any(one.replaces for one in changes(resource_type, olds, news)) is replaces


@pytest.mark.parametrize(
    ("resource_type", "news", "first"),
    [
        (GROUP, {"clusterName": "c", "nodeGroupName": "workers"}, True),
        ("aws:iam/role:Role", {"name": "given"}, True),
        ("aws:iam/role:Role", {"name": "chosen-1a2b3c4", "__defaults": ["name"]}, False),
        ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", {"role": "r", "policyArn": "p"}, True),
        ("aws:eks/accessEntry:AccessEntry", {"clusterName": "c", "principalArn": "p"}, False),
        ("aws:ec2/vpc:Vpc", {"cidrBlock": "10.0.0.0/16"}, False),
    ],
)
def test_the_old_one_goes_first_where_the_program_fixes_the_name(
    resource_type: str, news: dict[str, Any], first: bool
) -> None:
    assert deletes_first(resource_type, news) is first


def test_the_engine_is_told_each_path_and_what_replaces(store: CloudStore) -> None:
    olds = {"clusterName": "c", "nodeGroupName": "w", "diskSize": 20, "labels": {"a": "1"}}
    answer = Asked("aws", store).diff(GROUP, olds, {**olds, "diskSize": 30, "labels": {}})
    assert answer.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert (list(answer.diffs), list(answer.replaces)) == (["diskSize", "labels"], ["diskSize"])
    kinds = {path: one.kind for path, one in answer.detailedDiff.items()}
    assert kinds == {
        "diskSize": provider_pb2.PropertyDiff.UPDATE_REPLACE,
        "labels.a": provider_pb2.PropertyDiff.DELETE,
    }
    assert answer.deleteBeforeReplace
    assert Asked("aws", store).diff(GROUP, olds, olds).changes == provider_pb2.DiffResponse.DIFF_NONE
