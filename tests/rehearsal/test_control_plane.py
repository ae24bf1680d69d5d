"""The real control plane: controllers, scheduler and kwok do what a cluster's do, and nothing of it is left."""

from __future__ import annotations

import base64
import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kuber.rehearsal.api import Api, ApiError
from kuber.rehearsal.control_plane import ControlPlane
from kuber.rehearsal.control_plane.nodes import POOL_LABEL, allocatable, node_object
from tests.rehearsal.cluster import (
    DEPLOYMENT,
    POD,
    budget,
    condition,
    node_spec,
    pod_spec,
    template,
    until,
    when,
    workload,
)

BUDGET = ("policy/v1", "PodDisruptionBudget")


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane) -> Api:
    """The API of a cluster with four nodes in two pools and two zones."""
    specs = [
        node_spec(
            f"{pool}-{zone}", pool=pool, zone=f"eu-west-1{zone}", spot=pool == "spot", labels={"example.com/pool": pool}
        )
        for pool in ("workers", "spot")
        for zone in ("a", "b")
    ]
    control_plane.nodes.add(specs)
    until(lambda: all(condition(node, "Ready") == "True" for node in control_plane.api.list(("v1", "Node"))))
    return control_plane.api


def pods(api: Api, space: str) -> list[dict[str, Any]]:
    return [pod for pod in api.list(POD, space) if "deletionTimestamp" not in pod["metadata"]]


def ready(api: Api, space: str) -> list[str]:
    """The nodes of ready pods, sorted."""
    return sorted(pod["spec"]["nodeName"] for pod in pods(api, space) if condition(pod, "Ready") == "True")


def test_it_is_ready_within_seconds_and_leaves_nothing() -> None:
    started = time.monotonic()
    with ControlPlane() as control_plane:
        control_plane.nodes.add([node_spec("one")])
        pod = {"metadata": {"name": "first", "namespace": "default"}, "spec": pod_spec()}
        control_plane.api.create({"apiVersion": "v1", "kind": "Pod", **pod})
        until(lambda: condition(control_plane.api.get(POD, "default", "first"), "Ready") == "True")
        seconds = time.monotonic() - started
        memory = control_plane.memory_mb()
        listed = subprocess.run(
            ["kubectl", "--kubeconfig", control_plane.kubeconfig, "get", "nodes", "-o", "json"], capture_output=True
        )
    # 8 s are promised for two quiet cores; a machine that runs other tests beside is slower.
    assert seconds < 40
    assert 100 < memory < 600
    assert [node["metadata"]["name"] for node in json.loads(listed.stdout)["items"]] == ["one"]
    assert not control_plane.folder.exists()
    with pytest.raises(ApiError, match="no answer"):
        control_plane.api.list(("v1", "Node"))


def test_a_node_is_what_its_machine_is(api: Api, control_plane: ControlPlane) -> None:
    taint = {"key": "dedicated", "value": "db", "effect": "NoSchedule"}
    spec = node_spec(
        "machine",
        pool="databases",
        zone="eu-west-1c",
        architecture="arm64",
        provider_id="aws:///eu-west-1c/i-1",
        taints=[taint],
    )
    control_plane.nodes.add([spec])
    node = when(api, ("v1", "Node"), None, "machine", "Ready")
    labels = node["metadata"]["labels"]
    assert {label: value for label, value in labels.items() if not label.startswith("beta.")} == {
        "kubernetes.io/hostname": "machine",
        "kubernetes.io/arch": "arm64",
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/region": "eu-west-1",
        "topology.kubernetes.io/zone": "eu-west-1c",
        "node.kubernetes.io/instance-type": "m7i.xlarge",
        POOL_LABEL: "databases",
    }
    assert node["spec"]["providerID"] == "aws:///eu-west-1c/i-1"
    assert node["status"]["capacity"] == {"cpu": "4", "memory": "16Gi", "pods": "58", "ephemeral-storage": "100Gi"}
    assert node["status"]["allocatable"]["cpu"] == "3920m"
    assert node["status"]["nodeInfo"]["kubeletVersion"] == api.request("GET", "/version")["gitVersion"]
    until(
        lambda: (api.get(("v1", "Node"), None, "machine") or {})["spec"]["taints"] == [taint]
    )  # no longer "not-ready"
    assert control_plane.nodes.names(pool="databases") == control_plane.nodes.names(zone="eu-west-1c") == ["machine"]
    control_plane.nodes.remove(["machine"])
    assert control_plane.nodes.names() == ["spot-a", "spot-b", "workers-a", "workers-b"]


@pytest.mark.parametrize(
    ("cpu", "memory", "expected"),
    [
        ("4", "16Gi", ("3920m", "15073Mi")),
        ("1500m", "2048Mi", ("1420m", "1884Mi")),
        ("0.5", "512Mi", ("420m", "471Mi")),
    ],
)
def test_a_node_keeps_some_of_its_machine_for_itself(cpu: str, memory: str, expected: tuple[str, str]) -> None:
    assert tuple(allocatable(cpu, memory).values()) == expected
    assert node_object(node_spec("n", cpu=cpu, memory=memory), "v1.35.4")["status"]["capacity"]["memory"] == memory


def test_a_deployment_becomes_available_and_its_budget_knows(api: Api, space: str) -> None:
    api.create(budget("web", space, minAvailable=2))
    api.create(
        workload("Deployment", "web", space, replicas=3, pod={"initContainers": [{"name": "init", "image": "i"}]})
    )
    when(api, DEPLOYMENT, space, "web", "Available")
    until(lambda: (api.get(BUDGET, space, "web") or {})["status"].get("disruptionsAllowed") == 1)
    started = pods(api, space)[0]["status"]["initContainerStatuses"][0]
    assert started["state"]["terminated"]["reason"] == "Completed"


def test_pods_take_a_moment_to_be_ready(api: Api, space: str) -> None:
    api.create(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "slow", "namespace": space}, "spec": pod_spec()}
    )
    seen = []
    for _, pod in api.watch(POD, fieldSelector=f"metadata.namespace={space}", timeout_seconds=30):
        seen.append((condition(pod, "PodScheduled"), condition(pod, "Ready")))
        if seen[-1] == ("True", "True"):
            break
    assert ("True", None) in seen and seen[-1] == ("True", "True")


def test_a_daemon_set_has_a_ready_pod_on_each_node(api: Api, space: str) -> None:
    api.create(workload("DaemonSet", "agent", space))
    until(lambda: ready(api, space) == ["spot-a", "spot-b", "workers-a", "workers-b"])


def test_a_job_completes_and_its_pods_stay_until_it_goes(api: Api, space: str) -> None:
    spec = {"completions": 2, "parallelism": 2, "template": template("job", restartPolicy="Never")}
    api.create({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "job", "namespace": space}, "spec": spec})
    when(api, ("batch/v1", "Job"), space, "job", "Complete")
    assert [pod["status"]["phase"] for pod in pods(api, space)] == ["Succeeded", "Succeeded"]
    api.delete(("batch/v1", "Job"), space, "job", propagationPolicy="Background")
    until(lambda: not api.list(POD, space))


def test_an_autoscaler_sees_to_its_least_number(api: Api, space: str) -> None:
    api.create(workload("Deployment", "scaled", space))
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "scaled"}
    spec = {"scaleTargetRef": target, "minReplicas": 3, "maxReplicas": 5}
    metadata = {"name": "scaled", "namespace": space}
    autoscaler = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata, "spec": spec}
    api.create(autoscaler)
    until(lambda: len(ready(api, space)) == 3)


def test_pods_that_fit_nowhere_stay_pending_and_say_why(api: Api, space: str) -> None:
    pod = {"metadata": {"name": "huge", "namespace": space}, "spec": pod_spec(nodeSelector={"example.com/pool": "gpu"})}
    api.create({"apiVersion": "v1", "kind": "Pod", **pod})
    found = when(api, POD, space, "huge", "PodScheduled", status="False")
    assert "didn't match Pod's node affinity/selector" in found["status"]["conditions"][0]["message"]


def test_an_account_gets_its_token_and_the_token_is_good(api: Api, space: str, control_plane: ControlPlane) -> None:
    annotations = {"kubernetes.io/service-account.name": "default"}
    metadata = {"name": "token", "namespace": space, "annotations": annotations}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/service-account-token"}
    api.create(secret)
    filled = until(lambda: (api.get(("v1", "Secret"), space, "token") or {}).get("data"))
    assert filled
    as_account = Api(api.url, base64.b64decode(filled["token"]).decode(), control_plane.certificate_authority)
    with pytest.raises(ApiError, match=f'User "system:serviceaccount:{space}:default" cannot list') as refused:
        as_account.list(POD, space)
    assert refused.value.status == 403


def test_an_interrupted_pool_is_gone_and_its_pods_run_elsewhere(
    api: Api, space: str, control_plane: ControlPlane
) -> None:
    spread = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"}
    spread["labelSelector"] = {"matchLabels": {"app": "web"}}
    api.create(workload("Deployment", "web", space, replicas=8, pod={"topologySpreadConstraints": [spread]}))
    until(lambda: len(ready(api, space)) == 8)
    assert {"spot-a", "spot-b"} < set(ready(api, space))
    started = time.monotonic()
    control_plane.nodes.interrupt(control_plane.nodes.names(pool="spot"))
    assert control_plane.nodes.names(pool="spot") == []
    until(lambda: Counter(ready(api, space)).total() == 8 and set(ready(api, space)) == {"workers-a", "workers-b"})
    assert time.monotonic() - started < 20
    control_plane.nodes.add([node_spec("spot-a", pool="spot"), node_spec("spot-b", pool="spot", zone="eu-west-1b")])
    until(lambda: all(condition(node, "Ready") == "True" for node in api.list(("v1", "Node"))))


def lowest_while(api: Api, space: str, do: Callable[[], None], *, seconds: float = 60) -> int:
    """The fewest ready pods that are seen while something is done, or in the first seconds of it."""
    with ThreadPoolExecutor() as pool:
        end, lowest, doing = time.monotonic() + seconds, len(ready(api, space)), pool.submit(do)
        while not doing.done() and time.monotonic() < end:
            lowest = min(lowest, len(ready(api, space)))
        doing.result()
    return lowest


@pytest.fixture
def budgeted(api: Api, space: str, control_plane: ControlPlane) -> Iterator[str]:
    """A namespace with three pods on the node "old", of which two must be available."""
    control_plane.nodes.add([node_spec("old", pool="old", labels={"example.com/pool": "db"})])
    api.create(budget("db", space, minAvailable=2))
    pinned = {"nodeSelector": {"example.com/pool": "db"}}
    api.create(workload("Deployment", "db", space, replicas=3, pod=pinned))
    until(lambda: ready(api, space) == ["old"] * 3)
    until(lambda: (api.get(BUDGET, space, "db") or {})["status"].get("disruptionsAllowed") == 1)
    yield space
    control_plane.nodes.remove(["old", "new"])


def test_a_drain_moves_pods_as_fast_as_their_budget_allows(
    api: Api, budgeted: str, control_plane: ControlPlane
) -> None:
    control_plane.nodes.add([node_spec("new", pool="new", labels={"example.com/pool": "db"})])
    lowest = lowest_while(api, budgeted, lambda: control_plane.nodes.remove(["old"], drain_seconds=30))
    until(lambda: ready(api, budgeted) == ["new"] * 3)
    assert lowest == 2
    assert "old" not in control_plane.nodes.names()


def test_a_drain_with_nowhere_to_go_keeps_the_budget_until_its_time_is_over(
    api: Api, budgeted: str, control_plane: ControlPlane
) -> None:
    lowest = lowest_while(api, budgeted, lambda: control_plane.nodes.remove(["old"], drain_seconds=3), seconds=2)
    assert lowest == 2
    until(lambda: ready(api, budgeted) == [] and len(pods(api, budgeted)) == 3)


def test_removal_without_a_drain_asks_no_budget(api: Api, budgeted: str, control_plane: ControlPlane) -> None:
    control_plane.nodes.add([node_spec("new", pool="new", labels={"example.com/pool": "db"})])
    assert lowest_while(api, budgeted, lambda: control_plane.nodes.remove(["old", "was-never-there"])) == 0
    until(lambda: ready(api, budgeted) == ["new"] * 3)


def test_a_deleted_namespace_is_gone_with_all_in_it(api: Api, space: str) -> None:
    # The controller comes back to a namespace when the grace of its pods is half over.
    api.create(workload("Deployment", "web", space, replicas=2, pod={"terminationGracePeriodSeconds": 2}))
    until(lambda: len(ready(api, space)) == 2)
    api.delete(("v1", "Namespace"), None, space)
    until(lambda: api.get(("v1", "Namespace"), None, space) is None)
