"""Simulated clouds under the real engine: what it makes, finds changed, and how it comes through what goes wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kuber.rehearsal.cloud import Fault
from kuber.rehearsal.engine import EngineError
from tests.rehearsal.clouds import Described, Small

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
ROLE = "aws:iam/role:Role"
CLUSTER = "aws:eks/cluster:Cluster"
GROUP = "aws:eks/nodeGroup:NodeGroup"
KEY = "aws:kms/key:Key"
ALIAS = "aws:kms/alias:Alias"


def one(resource_type: str, options: dict[str, Any] | None = None, **properties: Any) -> dict[str, Any]:
    return {"type": resource_type, "properties": properties, "options": options or {}}


def ref(output: str) -> dict[str, str]:
    return {"ref": output}


def role(**properties: Any) -> dict[str, Any]:
    return one(ROLE, assumeRolePolicy="{}", **properties)


def cluster(**group: Any) -> Described:
    """A cluster with a node group in two zones."""
    sizes = {"minSize": 1, "desiredSize": 2, "maxSize": 4}
    workers = {
        "nodeGroupName": "workers",
        "clusterName": ref("cluster.name"),
        "nodeRoleArn": ref("role.arn"),
        "subnetIds": [ref("a.id"), ref("b.id")],
        "scalingConfig": sizes,
        "launchTemplate": {"id": ref("template.id"), "version": "1"},
        "instanceTypes": ["m7g.large"],
        **group,
    }
    return {
        "vpc": one(VPC, cidrBlock="10.0.0.0/16"),
        "a": one(SUBNET, vpcId=ref("vpc.id"), cidrBlock="10.0.0.0/24", availabilityZone="eu-west-1a"),
        "b": one(SUBNET, vpcId=ref("vpc.id"), cidrBlock="10.0.1.0/24", availabilityZone="eu-west-1b"),
        "role": role(),
        "cluster": one(
            CLUSTER,
            name="small",
            version="1.35",
            roleArn=ref("role.arn"),
            vpcConfig={"subnetIds": [ref("a.id"), ref("b.id")]},
        ),
        "template": one("aws:ec2/launchTemplate:LaunchTemplate", updateDefaultVersion=True),
        "workers": one(GROUP, {"ignore_changes": ["scalingConfig.desiredSize"]}, **workers),
    }


def keys(description: str | None = None) -> Described:
    """A key, and an alias that waits for it."""
    return {
        "key": one(KEY, description=description),
        "alias": one(ALIAS, name="alias/small", targetKeyId=ref("key.keyId")),
    }


def ids(small: Small) -> list[tuple[str, str]]:
    return [(record.type, record.name) for record in small.store.resources()]


def outputs(small: Small, name: str) -> dict[str, Any]:
    """What the state holds of a resource."""
    resources = json.loads(small.engine.state("dev"))["deployment"]["resources"]
    (found,) = [one for one in resources if one["urn"].endswith(f"::{name}") and not one.get("delete")]
    return found


def test_a_cluster_from_its_making_to_its_end(small: Small) -> None:
    small.says(cluster())
    foreseen = small.foreseen()
    done = small.up()
    assert done == {name: ["create"] for name in small.described}
    assert {name: foreseen[name] for name in done} == dict.fromkeys(done, "create")
    assert small.nodes.by_zone() == {"eu-west-1a": 1, "eu-west-1b": 1}
    assert small.foreseen() == {}
    assert small.up() == {}

    small.described["vpc"]["properties"]["tags"] = {"owner": "platform"}
    small.described["template"]["properties"]["description"] = "another"
    small.says(small.described)
    foreseen = small.foreseen()
    assert small.up() == {"vpc": ["update"], "template": ["update"]}
    assert foreseen == {"vpc": "update", "template": "update"}
    assert outputs(small, "template")["outputs"]["latestVersion"] == 2
    assert outputs(small, "vpc")["outputs"]["tagsAll"] == {"kuber:cluster": "small", "owner": "platform"}

    before = set(small.nodes.specs)
    small.says(cluster(instanceTypes=["m7g.xlarge"]))
    small.described["vpc"]["properties"]["tags"] = {"owner": "platform"}
    small.described["template"]["properties"]["description"] = "another"
    small.says(small.described)
    assert small.foreseen() == {"workers": "replace"}
    done = small.up()  # the group has a fixed name, so the old one goes first
    assert [one for one in done["workers"] if one != "replace"] == ["delete-replaced", "create-replacement"]
    assert set(done) == {"workers"}
    assert not before & set(small.nodes.specs)
    assert {spec.cpu for spec in small.nodes.specs.values()} == {"4"}

    small.engine.destroy("dev")
    assert small.store.resources() == []
    assert small.nodes.specs == {}


def test_what_changed_behind_the_engines_back_is_seen_and_mended(small: Small) -> None:
    small.says({**cluster(), **keys(description="Secrets")})
    small.up()
    key, workers = small.record(KEY, "key"), small.record(GROUP, "workers")
    small.store.edit(KEY, key.id, {"description": "by hand"})
    small.store.edit(GROUP, workers.id, {"scalingConfig": {"desiredSize": 4}})
    small.store.remove(ALIAS, "alias/small")
    assert small.engine.refresh("dev", "--preview-only").changes
    found = small.refreshed()
    assert (found["key"], found["alias"]) == (["update"], ["delete"])
    assert outputs(small, "key")["inputs"]["description"] == "by hand"
    assert small.up() == {"key": ["update"], "alias": ["create"]}
    assert small.record(KEY, "key").outputs["description"] == "Secrets"
    assert small.record(GROUP, "workers").outputs["scalingConfig"]["desiredSize"] == 4  # the autoscaler's
    assert small.foreseen() == {}


def test_a_second_one_of_a_name_is_refused_in_the_clouds_words_and_nothing_else_is_lost(small: Small) -> None:
    small.says({"one": role(name="same"), "two": {**role(name="same"), "options": {"after": ["one"]}}})
    with pytest.raises(EngineError, match="EntityAlreadyExists: Role with name same already exists"):
        small.up()
    small.says({"one": role(name="same")})
    assert small.up() == {}
    assert ids(small) == [(ROLE, "one")]


@pytest.mark.parametrize("effect", ["fail", "throttle", "time_out"])
def test_after_a_call_that_made_nothing_the_next_run_makes_it(small: Small, effect: Any) -> None:
    small.faults.script = (Fault(effect=effect, type=ALIAS, first=1),)
    small.says(keys())
    with pytest.raises(EngineError, match="creating aws:kms/alias:Alias alias"):
        small.up()
    assert ids(small) == [(KEY, "key")]
    assert small.up() == {"alias": ["create"]}
    assert ids(small) == [(KEY, "key"), (ALIAS, "alias")]
    assert small.foreseen() == {}


def test_what_was_made_and_reported_as_failed_is_kept_and_put_right_by_the_next_run(small: Small) -> None:
    small.faults.script = (Fault(effect="report_failure", type=GROUP, first=1, message="CREATE_FAILED: no capacity"),)
    small.says(cluster())
    with pytest.raises(EngineError, match="CREATE_FAILED: no capacity"):
        small.up()
    kept = outputs(small, "workers")
    assert kept["id"] == "small:workers"
    assert ["no capacity" in error for error in kept["initErrors"]] == [True]
    assert small.up() == {"workers": ["update"]}
    assert [record.name for record in small.store.resources(type=GROUP)] == ["workers"]
    assert len(small.nodes.specs) == 2
    assert small.foreseen() == {}


def test_what_was_made_without_the_engine_hearing_of_it_is_taken_in_by_its_id(small: Small) -> None:
    small.faults.script = (Fault(effect="lose_answer", type=ROLE, first=1),)
    small.says({"role": role(name="nodes")})
    with pytest.raises(EngineError, match="context deadline exceeded"):
        small.up()
    with pytest.raises(EngineError, match="EntityAlreadyExists"):
        small.up()
    small.says({"role": {**role(name="nodes"), "options": {"import_": "nodes"}}})
    assert small.up() == {"role": ["import"]}
    small.says({"role": role(name="nodes")})
    assert small.foreseen() == {}
    assert ids(small) == [(ROLE, "role")]


def test_each_provider_resource_makes_things_in_its_own_region(small: Small) -> None:
    """Though one process stands in for the providers of all of them."""
    small.says({"here": one(KEY), "there": {**one(KEY), "region": "us-east-2"}})
    small.up()
    arns = {record.name: record.outputs["arn"].split(":")[3] for record in small.store.resources()}
    assert arns == {"here": "eu-west-1", "there": "us-east-2"}
    small.described["here"]["properties"]["description"] = "d"
    small.described["there"]["properties"]["description"] = "d"
    small.says(small.described)
    small.up()
    arns = {record.name: record.outputs["arn"].split(":")[3] for record in small.store.resources()}
    assert arns == {"here": "eu-west-1", "there": "us-east-2"}


def test_throttled_deletes_are_done_by_the_next_run(small: Small) -> None:
    small.says(keys())
    small.up()
    small.faults.script = (Fault(effect="throttle", operation="delete", type="aws:kms/*", first=1),)
    with pytest.raises(EngineError, match="deleting aws:kms/alias:Alias alias/small: ThrottlingException"):
        small.engine.destroy("dev")
    assert ids(small) == [(KEY, "key"), (ALIAS, "alias")]
    small.engine.destroy("dev")
    assert ids(small) == []


def test_a_property_that_there_is_not_is_told_before_anything_is_made(small: Small) -> None:
    small.says({"key": one(KEY, descripton="Secrets")})
    with pytest.raises(EngineError, match="descripton of aws:kms/key:Key key is no property that there is"):
        small.engine.preview("dev")
    assert ids(small) == []


def test_a_secret_is_one_in_the_state_too(small: Small) -> None:
    small.says(
        {
            "auth": one("vault:index/authBackend:AuthBackend", type="kubernetes", path="k8s"),
            "config": one(
                "vault:kubernetes/authBackendConfig:AuthBackendConfig",
                backend=ref("auth.path"),
                kubernetesHost="https://10.0.0.1",
                tokenReviewerJwt={"secret": "correct horse"},
            ),
        }
    )
    small.up()
    assert "correct horse" not in small.engine.state("dev")
    assert small.foreseen() == {}
