"""Node pools as the plan shows them: what changes in place, what makes a new pool, and what they are made of."""

from __future__ import annotations

from typing import Any

import pytest

from tests.plans import Plan, Resource, gke_pools, node_groups, plan
from tests.support import EKS, GKE, StackFile

TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"
TAG = "aws:autoscaling/tag:Tag"
TAG_KEY = "k8s.io/cluster-autoscaler"

EKS_NEW_POOLS = (
    EKS.set("pools.system.machine_types", ["m7g.2xlarge"])
    .set("pools.workers-spot.capacity", "on_demand")
    .set("pools.workers-spot-memory.zones", ["eu-west-1a", "eu-west-1c"])
)
EKS_OTHER_NEW_POOLS = (
    EKS.set("pools.system.ami", "bottlerocket")
    .set("pools.workers-spot.version", "1.34")
    .set("pools.workers.disk_gib", 200)
    .set(
        "pools.workers-spot-memory.machine_types",
        ["r5.2xlarge", "r6a.2xlarge", "r6i.2xlarge", "r7a.2xlarge", "r7i.2xlarge"],
    )
)
EKS_IN_PLACE = (
    EKS.set("pools.system.min", 4)
    .set("pools.system.max", 9)
    .set("pools.workers.labels", {"workload": "general"})
    .set("pools.workers.taints", [{"key": "batch"}, {"key": "gpu", "value": "a100", "effect": "NoExecute"}])
    .set("pools.workers-spot.max_unavailable_percent", 50)
)
GKE_NEW_POOLS = (
    GKE.set("pools.system.machine_types", ["n2d-standard-8"])
    .set("pools.workers-spot-n2d.capacity", "on_demand")
    .set("pools.workers-spot-n2.disk_gib", 200)
    .set("pools.workers-spot-memory.zones", ["europe-west1-b", "europe-west1-c"])
)
GKE_OTHER_NEW_POOLS = GKE.set("pools.workers.disk_type", "pd-ssd").set("pools.system.version", "1.34.11-gke.1209000")
GKE_IN_PLACE = (
    GKE.set("pools.system.min", 4)
    .set("pools.system.max", 9)
    .set("pools.workers.labels", {"workload": "general"})
    .set("pools.workers.taints", [{"key": "batch"}])
    .set("pools.workers.version", "1.35.8-gke.1626001")
    .set("pools.workers-spot-n2d.upgrade", {"strategy": "surge", "max_surge": 3})
)


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        (EKS, EKS_NEW_POOLS, {"system", "workers-spot", "workers-spot-memory"}),
        (EKS, EKS_OTHER_NEW_POOLS, {"system", "workers-spot", "workers-spot-memory", "workers"}),
        (GKE, GKE_NEW_POOLS, {"system", "workers-spot-n2d", "workers-spot-n2", "workers-spot-memory"}),
        (GKE, GKE_OTHER_NEW_POOLS, {"system", "workers"}),
    ],
    ids=[
        "EKS: machine types, capacity, zones",
        "EKS: image, version, disk size, order of machine types",
        "GKE: machine type, capacity, disk size, zones",
        "GKE: disk type, version",
    ],
)
def test_what_cannot_change_on_live_nodes_makes_a_new_pool_and_leaves_the_others_alone(
    before: StackFile, after: StackFile, changed: set[str]
) -> None:
    old, new = pools(plan(before)), pools(plan(after))
    assert {name for name in old if old[name].urn != new[name].urn} == changed
    for name in changed:
        assert physical_name(old[name]) != physical_name(new[name]), "the new one would collide with the old one"
    for name in set(old) - changed:
        assert old[name] == new[name]


@pytest.mark.parametrize(("before", "after"), [(EKS, EKS_IN_PLACE), (GKE, GKE_IN_PLACE)], ids=["EKS", "GKE"])
def test_size_labels_taints_and_the_way_of_updating_change_in_place(before: StackFile, after: StackFile) -> None:
    old, new = pools(plan(before)), pools(plan(after))
    assert {name: pool.urn for name, pool in old.items()} == {name: pool.urn for name, pool in new.items()}
    assert old["system"].inputs != new["system"].inputs and old["workers"].inputs != new["workers"].inputs


def test_another_tag_rolls_no_nodes() -> None:
    """Terraform-aws-eks #2514: a group takes a new version of its launch template by replacing every node."""
    before, after = plan(EKS), plan(EKS.set("tags.team", "shop"))
    for name, group in node_groups(after).items():
        held = "launchTemplate.version" in group.options["ignoreChanges"]
        old, new = before.one(TEMPLATE, f"prod-eks-{name}"), after.one(TEMPLATE, f"prod-eks-{name}")
        assert held or old.urn != new.urn or old.inputs == new.inputs


# EKS


def test_spot_pools_of_eks_name_their_machine_types_on_the_group() -> None:
    group = node_groups(plan(EKS))["workers-spot"]
    assert group.inputs["capacityType"] == "SPOT"
    assert len(group.inputs["instanceTypes"]) == 6
    assert node_groups(plan(EKS))["system"].inputs["capacityType"] == "ON_DEMAND"
    for template in plan(EKS).all(TEMPLATE):
        assert "instanceType" not in template.inputs and "instanceMarketOptions" not in template.inputs


def test_the_image_follows_from_the_machines_architecture() -> None:
    images = {name: group.inputs["amiType"] for name, group in node_groups(plan(EKS)).items()}
    assert images["system"] == "AL2023_ARM_64_STANDARD"
    assert images["workers"] == "AL2023_x86_64_STANDARD"
    assert node_groups(plan(EKS_OTHER_NEW_POOLS))["system"].inputs["amiType"] == "BOTTLEROCKET_ARM_64"


def test_the_autoscaler_owns_the_desired_size() -> None:
    for group in node_groups(plan(EKS)).values():
        assert "scalingConfig.desiredSize" in group.options["ignoreChanges"]  # camel case: else it does nothing
        size = group.inputs["scalingConfig"]
        assert size["minSize"] <= size["desiredSize"] <= size["maxSize"]


def test_a_group_is_updated_gently_and_repaired() -> None:
    for group in node_groups(plan(EKS)).values():
        assert group.inputs["updateConfig"] == {"maxUnavailablePercentage": 25}
        assert group.inputs["nodeRepairConfig"] == {"enabled": True}


def test_pods_cannot_take_the_node_s_role_and_disks_are_encrypted() -> None:
    for template in plan(EKS).all(TEMPLATE):
        assert template.inputs["metadataOptions"] == {
            "httpEndpoint": "enabled",
            "httpTokens": "required",
            "httpPutResponseHopLimit": 1,
        }
        [disk] = template.inputs["blockDeviceMappings"]
        assert (disk["ebs"]["volumeType"], disk["ebs"]["encrypted"]) == ("gp3", "true")


def test_the_size_of_the_disk_is_that_of_the_volume_for_containers() -> None:
    """Bottlerocket keeps images and containers on its second volume."""
    templates = {name: template(plan(EKS_OTHER_NEW_POOLS), name) for name in ("system", "workers")}
    [own, system], [workers] = (templates[name].inputs["blockDeviceMappings"] for name in ("system", "workers"))
    assert (own["deviceName"], own["ebs"].get("volumeSize"), own["ebs"]["encrypted"]) == ("/dev/xvda", None, "true")
    assert (system["deviceName"], system["ebs"]["volumeSize"]) == ("/dev/xvdb", 100)
    assert (workers["deviceName"], workers["ebs"]["volumeSize"]) == ("/dev/xvda", 200)


def test_machines_and_disks_carry_the_cluster_s_tags() -> None:
    """The provider's default tags don't reach what a launch template makes."""
    kinds = template(plan(EKS), "workers").inputs["tagSpecifications"]
    assert {kind["resourceType"] for kind in kinds} >= {"instance", "volume"}
    for kind in kinds:
        assert kind["tags"]["kuber:cluster"] == "prod-eks" and kind["tags"]["owner"] == "platform"


def test_a_launch_template_is_told_by_number() -> None:
    for group in node_groups(plan(EKS)).values():
        assert group.inputs["launchTemplate"]["version"] == "<unknown>", (
            "$Latest and $Default move without a change here"
        )


@pytest.mark.parametrize("pool", ["system", "workers-spot", "workers-spot-memory", "workers"])
def test_the_autoscaler_finds_each_group_and_scales_it_from_zero(pool: str) -> None:
    planned, settings = plan(EKS), EKS.read().pools[pool]  # type: ignore[attr-defined]
    tags = autoscaler_tags(planned, pool)
    assert tags.pop(f"{TAG_KEY}/enabled") == "true"
    assert tags.pop(f"{TAG_KEY}/prod-eks") == "owned"
    template_labels = {**settings.labels, "kuber.dev/pool": pool, "kuber.dev/capacity": settings.capacity}
    assert tags == {
        **{f"{TAG_KEY}/node-template/label/{key}": value for key, value in template_labels.items()},
        **{f"{TAG_KEY}/node-template/taint/{t.key}": f"{t.value}:{t.effect}" for t in settings.taints},
    }


def test_tags_follow_changed_labels_and_taints() -> None:
    tags = autoscaler_tags(plan(EKS_IN_PLACE), "workers")
    assert tags[f"{TAG_KEY}/node-template/label/workload"] == "general"
    assert tags[f"{TAG_KEY}/node-template/taint/batch"] == ":NoSchedule"
    assert tags[f"{TAG_KEY}/node-template/taint/gpu"] == "a100:NoExecute"


def test_taints_are_told_to_eks_in_its_own_words() -> None:
    assert node_groups(plan(EKS_IN_PLACE))["workers"].inputs["taints"] == [
        {"key": "batch", "value": "", "effect": "NO_SCHEDULE"},
        {"key": "gpu", "value": "a100", "effect": "NO_EXECUTE"},
    ]


# GKE


def test_spot_pools_of_gke_take_machines_from_whatever_zone_has_them() -> None:
    pool = gke_pools(plan(GKE))["workers-spot-n2d"]
    assert pool.inputs["nodeConfig"]["spot"] is True
    assert "preemptible" not in pool.inputs["nodeConfig"], "those end after a day"
    assert pool.inputs["autoscaling"]["locationPolicy"] == "ANY"
    system = gke_pools(plan(GKE))["system"]
    assert system.inputs["nodeConfig"]["spot"] is False
    assert system.inputs["autoscaling"]["locationPolicy"] == "BALANCED"


def test_sizes_count_over_all_zones() -> None:
    pool = gke_pools(plan(GKE))["system"].inputs
    assert pool["autoscaling"] == {"totalMinNodeCount": 3, "totalMaxNodeCount": 6, "locationPolicy": "BALANCED"}
    assert pool["initialNodeCount"] == 1  # in each of three zones


def test_gke_s_autoscaler_owns_the_counts() -> None:
    for pool in gke_pools(plan(GKE)).values():
        assert {"initialNodeCount", "nodeCount"} <= set(pool.options["ignoreChanges"])


def test_a_pool_has_the_control_plane_s_version_or_an_exact_one() -> None:
    """A minor alone would differ at each run from the full version that GKE reports."""
    old, new = gke_pools(plan(GKE)), gke_pools(plan(GKE_OTHER_NEW_POOLS))
    assert "version" not in old["system"].inputs
    assert new["system"].inputs["version"] == "1.34.11-gke.1209000"


def test_writing_out_the_version_that_a_pool_runs_leaves_it_where_it_is() -> None:
    """The first step of an upgrade: the pool is told to stay, then the control plane moves."""
    old, new = gke_pools(plan(GKE))["workers"], gke_pools(plan(GKE_IN_PLACE))["workers"]
    assert old.urn == new.urn and new.inputs["version"] == "1.35.8-gke.1626001"


def test_upgrades_of_gke_are_surge_or_blue_green() -> None:
    assert gke_pools(plan(GKE))["system"].inputs["upgradeSettings"] == {
        "strategy": "BLUE_GREEN",
        "blueGreenSettings": {
            "nodePoolSoakDuration": "3600s",
            "standardRolloutPolicy": {"batchPercentage": 0.2, "batchSoakDuration": "300s"},
        },
    }
    assert gke_pools(plan(GKE_IN_PLACE))["workers-spot-n2d"].inputs["upgradeSettings"] == {
        "strategy": "SURGE",
        "maxSurge": 3,
        "maxUnavailable": 0,
    }


def test_a_release_channel_keeps_auto_upgrade_on() -> None:
    """GKE answers 400 to anything else; the cluster's maintenance exclusion holds the upgrades back."""
    for pool in gke_pools(plan(GKE)).values():
        assert pool.inputs["management"] == {"autoRepair": True, "autoUpgrade": True}


# Both


@pytest.mark.parametrize("file", [EKS, GKE], ids=["EKS", "GKE"])
def test_services_select_nodes_alike_on_every_platform(file: StackFile) -> None:
    settings: Any = file.read()
    for name, pool in pools(plan(file)).items():
        labels = pool.inputs["labels"] if file is EKS else pool.inputs["nodeConfig"]["labels"]
        assert labels["kuber.dev/pool"] == name
        assert labels["kuber.dev/capacity"] == settings.pools[name].capacity
        assert settings.pools[name].labels.items() <= labels.items()


def pools(of: Plan) -> dict[str, Resource]:
    return gke_pools(of) if of.outputs["cluster"] == "prod-gke" else node_groups(of)


def physical_name(pool: Resource) -> str:
    return pool.inputs.get("nodeGroupName") or pool.inputs["name"]


def template(of: Plan, pool: str) -> Resource:
    return of.one(TEMPLATE, f"prod-eks-{pool}")


def autoscaler_tags(of: Plan, pool: str) -> dict[str, str]:
    component = of.one("kuber:node_pools:ManagedNodeGroup", f"prod-eks-{pool}")
    tags = [child.inputs["tag"] for child in of.below(component) if child.type == TAG]
    assert not any(tag["propagateAtLaunch"] for tag in tags)
    assert len(tags) == len({tag["key"] for tag in tags}), "a key stands twice: one would overwrite the other for ever"
    return {tag["key"]: tag["value"] for tag in tags}
