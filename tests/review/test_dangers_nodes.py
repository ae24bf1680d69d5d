"""Node pools that are replaced, go, change their size or lead work elsewhere; and machines of one's own."""

from __future__ import annotations

import pytest

from kuber.plan.registration import UNKNOWN
from tests.review.cases import Cluster, cluster, found, of_rule, only, rules, whole
from tests.support import EKS, GKE, METAL, StackFile

SYSTEM = "prod-eks-system"
GKE_SYSTEM = "prod-gke-system"
WORKER = "lon-worker-1"
SPOT_TYPES = "m7i.2xlarge, m7a.2xlarge, m6i.2xlarge, m6a.2xlarge, m5.2xlarge, m5a.2xlarge"


def number(of: Cluster, kind: str) -> int:
    return sum(one["type"].rpartition(":")[2] == kind for one in of.resources.values())


# Replaced


def test_other_machine_types_make_the_new_pool_first_and_are_told_once() -> None:
    after = EKS.replacing(SPOT_TYPES, SPOT_TYPES.replace("m5.2xlarge", "m5n.2xlarge"))
    (told,) = found(cluster(EKS), cluster(after))
    assert (told.rule, told.level, told.what) == ("pool-replaced", "medium", "Node pool workers-spot is replaced")
    assert told.where.startswith("NodeGroup prod-eks-workers-spot-")
    assert told.reason.startswith(
        "3 to 60 nodes are replaced; the new pool comes up first, at its minimum, then the old one goes;"
    )
    assert told.reason.endswith("(instanceTypes[4]: m5.2xlarge becomes m5n.2xlarge)")


def test_a_larger_disk_is_told_although_it_stands_in_the_launch_template() -> None:
    told = only("pool-replaced", cluster(EKS), cluster(EKS.set("pools.workers.disk_gib", 200)))
    assert "volumeSize: 100 becomes 200" in told.reason
    assert "tag" not in told.reason.lower()


def test_a_pool_that_can_not_have_both_at_once_loses_its_nodes_first() -> None:
    told = only("pool-replaced", cluster(EKS), cluster(EKS).set("NodeGroup", SYSTEM, "amiType", "BOTTLEROCKET_ARM_64"))
    assert told.level == "high"
    assert "3 to 6 nodes are replaced; the old nodes go before the new ones are there" in told.reason
    assert told.reason.endswith("(amiType: AL2023_ARM_64_STANDARD becomes BOTTLEROCKET_ARM_64)")


def test_a_pool_that_follows_another_cluster_says_what_it_follows() -> None:
    other_addresses = cluster(EKS).set(
        "Cluster", "prod-eks", "kubernetesNetworkConfig.serviceIpv4Cidr", "172.21.0.0/16"
    )
    moved = other_addresses.set("NodeGroup", SYSTEM, "clusterName", UNKNOWN)
    told = only("pool-replaced", cluster(EKS), moved)
    assert "(clusterName: prod-eks becomes <unknown>)" in told.reason


@pytest.mark.parametrize("file", [EKS, GKE], ids=["eks", "gke"])
def test_a_new_minor_replaces_each_pool_and_says_so(file: StackFile) -> None:
    before, after = cluster(file), cluster(file.set("kubernetes.version", "1.36"))
    told = of_rule("pool-replaced", before, after)
    assert len(told) == number(before, "NodeGroup") + number(before, "NodePool")
    assert all("1.35 becomes 1.36)" in one.reason for one in told)


def test_the_pods_that_move_are_counted_as_far_as_they_are_known() -> None:
    before = whole(EKS)
    selector = {"kuber.dev/pool": "workers-spot-memory"}
    before = before.set("Deployment", "system-metrics/metrics-server", "spec.template.spec.nodeSelector", selector).set(
        "Deployment", "system-metrics/metrics-server", "spec.replicas", 4
    )
    daemons = number(before, "DaemonSet")
    for pool in ("workers-spot-memory", "workers"):
        name = f"prod-eks-{pool}-{'346ce5' if pool != 'workers' else '0c1500'}"
        group = before.one("NodeGroup", name)
        told = only("pool-replaced", before, before.set("NodeGroup", group["name"], "diskSize", 300))
        if pool == "workers":
            assert (
                f"; {daemons} pods a node of the standard stack's DaemonSets and the applications' pods move"
                in told.reason
            )
        else:
            assert (
                f"; 4 pods of the standard stack that are bound to it, {daemons} a node of its DaemonSets,"
                in told.reason
            )


# Rolled


@pytest.mark.parametrize(
    ("file", "kind", "path", "value", "reason"),
    [
        (GKE, "NodePool", "version", "1.35.8-gke.1626001", "(version: nothing becomes 1.35.8-gke.1626001)"),
        (
            GKE,
            "NodePool",
            "nodeConfig.machineType",
            "n2d-standard-8",
            "(nodeConfig.machineType: n2d-standard-4 becomes n2d-standard-8)",
        ),
        (EKS, "NodeGroup", "version", "1.36", "(version: 1.35 becomes 1.36)"),
    ],
    ids=["a patch on gke", "machine type on gke", "a minor on eks"],
)
def test_nodes_that_are_made_anew_in_place_are_told(
    file: StackFile, kind: str, path: str, value: str, reason: str
) -> None:
    before = cluster(file)
    told = only("pool-rolled", before, before.set(kind, f"{file.stack}-system", path, value))
    assert (told.level, told.what) == ("medium", "The nodes of pool system are made anew")
    assert told.reason.startswith("3 to 6 nodes are replaced a few at a time; ")
    assert told.reason.endswith(reason)


def test_labels_of_machines_in_the_cloud_leave_nodes_as_they_are() -> None:
    labelled = cluster(GKE).set("NodePool", GKE_SYSTEM, "nodeConfig.resourceLabels", {"owner": "somebody"})
    assert found(cluster(GKE), labelled) == []


def test_a_new_version_of_a_launch_template_that_the_pool_ignores_is_not_told() -> None:
    assert not of_rule("pool-rolled", cluster(EKS), cluster(EKS.set("tags.owner", "somebody")))


# Removed and renamed


def test_a_pool_that_goes_takes_its_nodes_and_is_told_once() -> None:
    after = cluster(EKS.without("pools.workers-spot-memory"))
    (told,) = found(cluster(EKS), after)
    assert (told.rule, told.level, told.what) == ("pool-removed", "high", "Node pool workers-spot-memory is removed")
    assert told.reason.startswith("its 0 to 20 nodes go, with the pods on them: ")


def test_a_pool_of_another_name_is_told_as_one_pool_and_not_as_two() -> None:
    renamed = EKS.replacing("      workers:\n", "      workers-on-demand:\n")
    (told,) = found(cluster(EKS), cluster(renamed))
    assert (told.rule, told.level, told.what) == ("pool-renamed", "high", "Node pool workers becomes workers-on-demand")
    assert "0 to 20 nodes are made anew" in told.reason
    assert told.reason.endswith("what selects kuber.dev/pool=workers no longer finds a node")


def test_a_pool_that_goes_while_another_comes_is_no_renamed_one() -> None:
    other = EKS.replacing("      workers:\n", "      batch:\n").set("pools.batch.machine_types", ["c7i.2xlarge"])
    assert rules(cluster(EKS), cluster(other)) == ["high pool-removed"]


def test_a_new_pool_is_no_danger() -> None:
    more = EKS.set("pools.batch", {"machine_types": ["c7i.2xlarge"], "min": 0, "max": 9})
    assert found(cluster(EKS), cluster(more)) == []


# Sizes


def test_a_lower_maximum_is_told_with_both_and_with_what_eks_refuses() -> None:
    told = only("pool-capped", cluster(EKS), cluster(EKS.set("pools.workers.max", 10)))
    assert (told.level, told.what) == ("medium", "Node pool workers may have fewer nodes")
    assert told.reason.startswith("its maximum goes from 20 to 10: ")
    assert told.reason.endswith("EKS refuses one below the nodes there are now")


def test_of_google_a_lower_maximum_is_told_without_what_eks_refuses() -> None:
    told = only("pool-capped", cluster(GKE), cluster(GKE.set("pools.workers.max", 10)))
    assert "from 20 to 10" in told.reason and "EKS" not in told.reason


def test_a_higher_maximum_is_no_danger() -> None:
    for file in (EKS, GKE):
        assert found(cluster(file), cluster(file.set("pools.workers.max", 40))) == []


def test_a_higher_minimum_is_told_of_eks_which_may_refuse_it() -> None:
    told = only("pool-grows", cluster(EKS), cluster(EKS.set("pools.workers-spot.min", 6)))
    assert told.level == "low"
    assert told.reason.startswith("its minimum goes from 3 to 6; EKS refuses one above")
    assert found(cluster(GKE), cluster(GKE.set("pools.workers-spot-n2d.min", 6))) == []


def test_a_lower_minimum_is_told() -> None:
    for file, pool in ((EKS, "workers-spot"), (GKE, "workers-spot-n2d")):
        told = only("pool-shrinks", cluster(file), cluster(file.set(f"pools.{pool}.min", 1)))
        assert told.level == "low"
        assert told.reason.startswith("its minimum goes from 3 to 1: ")


# Taints and labels


@pytest.mark.parametrize(
    ("effect", "level", "reason"),
    [
        ("NO_EXECUTE", "medium", "dedicated: pods that don't tolerate it are driven off at once"),
        ("NO_SCHEDULE", "low", "dedicated: new pods that don't tolerate it go elsewhere"),
    ],
)
def test_a_taint_is_told_with_what_it_does_to_pods(effect: str, level: str, reason: str) -> None:
    taints = [{"key": "dedicated", "value": "x", "effect": effect}]
    for before, after in (
        (cluster(EKS), cluster(EKS).set("NodeGroup", "prod-eks-workers-0", "taints", taints)),
        (cluster(GKE), cluster(GKE).set("NodePool", "prod-gke-workers-b", "nodeConfig.taints", taints)),
    ):
        told = only("pool-tainted", before, after)
        assert (told.level, told.what, told.reason) == (level, "Node pool workers gets a taint", reason)


def test_a_taint_less_is_no_danger() -> None:
    assert found(cluster(EKS), cluster(EKS).set("NodeGroup", SYSTEM, "taints", [])) == []


def test_a_label_that_goes_is_told_since_pods_may_select_it() -> None:
    told = only(
        "pool-relabelled", cluster(EKS), cluster(EKS.set("pools.workers-spot-memory.labels", {"workload": "other"}))
    )
    assert (told.level, told.what) == ("low", "Nodes of pool workers-spot-memory lose a label")
    assert told.reason.startswith("workload=memory: ")


def test_a_label_more_is_no_danger() -> None:
    assert found(cluster(EKS), cluster(EKS.set("pools.workers.labels", {"disk": "fast"}))) == []


# Machines of one's own


def test_a_machine_that_leaves_is_told_with_what_happens_to_its_node() -> None:
    (told,) = found(cluster(METAL), cluster(METAL.without(f"machines.{WORKER}")))
    assert (told.rule, told.level, told.what) == ("machine-leaves", "low", f"Machine {WORKER} leaves the inventory")
    assert "the node itself, and the pods on it, stay" in told.reason


@pytest.mark.parametrize(("effect", "level"), [("NoExecute", "medium"), ("NoSchedule", "low")])
def test_a_machine_that_gets_a_taint_is_told(effect: str, level: str) -> None:
    tainted = cluster(METAL).set(
        "NodePatch", f"colo-london-nodes-{WORKER}", "spec", {"taints": [{"key": "broken", "effect": effect}]}
    )
    told = only("machine-tainted", cluster(METAL), tainted)
    assert (told.level, told.what) == (level, f"Machine {WORKER} gets a taint")
    assert told.reason.startswith("broken: ")


def test_a_machine_of_another_pool_is_told_with_what_no_longer_finds_it() -> None:
    moved = cluster(METAL.set(f"machines.{WORKER}.pool", "storage"))
    assert rules(cluster(METAL), moved) == ["low machine-moves", "low machine-tainted"]
    told = only("machine-moves", cluster(METAL), moved)
    assert told.what == f"Machine {WORKER} goes from pool general to storage"
    assert "kuber.dev/pool=general" in told.reason


def test_a_new_machine_is_no_danger_even_if_its_pool_has_a_taint() -> None:
    machine = {"address": "10.40.2.14", "pool": "storage", "zone": "rack-a"}
    assert found(cluster(METAL), cluster(METAL.set("machines.lon-storage-4", machine))) == []
