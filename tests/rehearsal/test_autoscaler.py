"""The stand-ins that act on a rehearsal's cluster beside the engine: what is fitted where, and how much is asked for."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kuber.rehearsal.autoscaler import fits
from kuber.rehearsal.control_plane import NodeSpec
from kuber.rehearsal.workloads import amount, default_class, pools_of, requested, stand_in_workloads

POOL = {"kuber.dev/pool": "workers"}
TAINT = {"key": "workload", "value": "memory", "effect": "NoSchedule"}


def _node(**facts: Any) -> NodeSpec:
    given: dict[str, Any] = {"labels": POOL, "cpu": "4", "memory": "16Gi", **facts}
    return NodeSpec(name="n", pool="p", zone="a", region="r", instance_type="t", pods=110, **given)


def _pod(cpu: str = "1", memory: str = "1Gi", **spec: Any) -> dict[str, Any]:
    container = {"name": "c", "resources": {"requests": {"cpu": cpu, "memory": memory}}}
    return {"spec": {"containers": [container], **spec}, "status": {"phase": "Running"}}


def _required(operator: str, values: list[str]) -> dict[str, Any]:
    term = {"matchExpressions": [{"key": "kuber.dev/pool", "operator": operator, "values": values}]}
    required = {"nodeSelectorTerms": [term]}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}}


@pytest.mark.parametrize(
    ("pod", "node", "fit"),
    [
        (_pod(), _node(), True),
        (_pod(cpu="4"), _node(), False),  # the kubelet keeps some of the four
        (_pod(memory="16Gi"), _node(), False),
        (_pod(nodeSelector=POOL), _node(), True),
        (_pod(nodeSelector={"kuber.dev/pool": "system"}), _node(), False),
        (_pod(nodeSelector={"kubernetes.io/arch": "arm64"}), _node(), False),
        (_pod(nodeSelector={"kubernetes.io/arch": "arm64"}), _node(architecture="arm64"), True),
        (_pod(**_required("In", ["workers", "other"])), _node(), True),
        (_pod(**_required("NotIn", ["workers"])), _node(), False),
        (_pod(), _node(taints=[TAINT]), False),
        (_pod(), _node(taints=[{**TAINT, "effect": "PreferNoSchedule"}]), True),
        (_pod(tolerations=[{"key": "workload", "value": "memory"}]), _node(taints=[TAINT]), True),
        (_pod(tolerations=[{"key": "workload", "value": "other"}]), _node(taints=[TAINT]), False),
        (_pod(tolerations=[{"operator": "Exists"}]), _node(taints=[TAINT]), True),
        (_pod(tolerations=[{"operator": "Exists", "effect": "NoExecute"}]), _node(taints=[TAINT]), False),
    ],
)
def test_a_node_is_added_only_for_a_pod_that_it_would_take(pod: dict[str, Any], node: NodeSpec, fit: bool) -> None:
    assert fits(pod, node) is fit


def test_quantities_are_read_as_kubernetes_writes_them() -> None:
    written = {
        "250m": "0.25",
        "4": "4",
        "16Gi": str(16 * 1024**3),
        "1.5Gi": "1610612736",
        "500M": "500000000",
        "2k": "2000",
    }
    assert {quantity: amount(quantity) for quantity in written} == {
        key: Decimal(value) for key, value in written.items()
    }
    assert amount(2) == 2


def test_an_init_container_counts_where_it_asks_for_more_than_the_others_together() -> None:
    def container(cpu: str, **more: str) -> dict[str, Any]:
        return {"resources": {"requests": {"cpu": cpu}}, **more}

    small = _pod(initContainers=[container("500m")])
    large = _pod(initContainers=[container("3"), container("1", restartPolicy="Always")])
    sidecar = _pod(initContainers=[container("1", restartPolicy="Always")])
    assert [requested(pod)[0] for pod in (small, large, sidecar)] == [1, 3, 2]


def _live(name: str, pool: str, *taints: dict[str, str]) -> dict[str, Any]:
    room = {"cpu": "4", "memory": "16Gi"}
    metadata = {"name": name, "labels": {"kuber.dev/pool": pool} if pool else {}}
    return {"metadata": metadata, "spec": {"taints": list(taints)}, "status": {"allocatable": room}}


def test_workloads_fit_beside_what_runs_and_do_not_count_what_gives_way() -> None:
    nodes = [_live("a", "workers"), _live("b", "workers"), _live("m", "memory", TAINT), _live("control-plane", "")]
    pods = [_pod("2", nodeName="a"), _pod("3", nodeName="b", priority=-1)]
    memory, workers = pools_of(nodes, pods)
    assert (workers.nodes, workers.free_cpu, workers.taints) == (2, 2, [])
    assert (memory.nodes, memory.free_cpu, memory.taints) == (1, 4, [TAINT])

    objects = stand_in_workloads([memory, workers], "fast")
    made = {(one["kind"], one["metadata"]["name"]): one for one in objects}
    service = made["Deployment", "service-workers"]["spec"]
    assert service["replicas"] == 4
    assert requested({"spec": service["template"]["spec"]})[0] * 2 <= Decimal("0.6") * workers.free_cpu
    picky = made["Deployment", "service-memory"]["spec"]["template"]["spec"]
    assert picky["tolerations"] == [{"key": "workload", "operator": "Equal", "value": "memory", "effect": "NoSchedule"}]
    assert "requiredDuringSchedulingIgnoredDuringExecution" in picky["affinity"]["nodeAffinity"]
    assert made["PodDisruptionBudget", "service-memory"]["spec"]["maxUnavailable"] == 1
    (claim,) = made["StatefulSet", "database"]["spec"]["volumeClaimTemplates"]
    assert claim["spec"]["storageClassName"] == "fast"
    assert "volumeClaimTemplates" not in stand_in_workloads([workers], None)[-2]["spec"]


def test_the_default_storage_class_is_the_one_that_says_so() -> None:
    def named(name: str, default: str) -> dict[str, Any]:
        return {"metadata": {"name": name, "annotations": {"storageclass.kubernetes.io/is-default-class": default}}}

    assert default_class([named("a", "false"), named("b", "true")]) == "b"
    assert default_class([named("a", "false"), {"metadata": {"name": "c"}}]) is None
