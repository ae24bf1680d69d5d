"""What the stack's policies let pass, as the platforms' network plugins see connections (decision 0011)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from components.charts.manifests import Manifest, pod_labels, pod_template
from tests.standard_stack.policy_flows import Flow, Peer, Pod, passes
from tests.standard_stack.rendered import Objects, stack_of
from tests.standard_stack.test_every_object import IDS, STACKS
from tests.support import EKS, GKE, METAL, StackFile

KONNECTIVITY = Pod("kube-system", (("k8s-app", "konnectivity-agent"),))
PROMETHEUS = Pod("system-monitoring", (("app.kubernetes.io/name", "prometheus"),))
NODE_LOCAL_DNS = Pod("kube-system", (("k8s-app", "node-local-dns"),))


@pytest.mark.parametrize("file", STACKS, ids=IDS)
def test_who_may_call_the_api_server_may_call_it_by_its_service(file: StackFile) -> None:
    settings = file.read()
    as_others_see_it = str(settings.control_plane_cidrs()[0][5])
    service = str(settings.services_cidr()[1])
    objects = stack_of(file)
    callers = [one for one, pod in pods(objects) if may_reach(objects, pod, as_others_see_it, 443)]
    assert callers, "no pod of the stack calls the API server"
    refused = [
        one["metadata"]["name"]
        for one, pod in pods(objects)
        if one in callers and not may_reach(objects, pod, service, 443)
    ]
    assert not refused, f"EKS's plugin judges before the Service's address is translated; refused there: {refused}"


@pytest.mark.parametrize("file", STACKS, ids=IDS)
def test_names_are_looked_up_at_a_node_s_own_cache_too(file: StackFile) -> None:
    objects = stack_of(file)
    assert all(may_reach(objects, pod, NODE_LOCAL_DNS, 53, "UDP") for _, pod in pods(objects))


def test_gke_s_api_server_reaches_webhooks_through_its_agents() -> None:
    objects, control_plane = stack_of(GKE), str(GKE.read().control_plane_cidrs()[0][2])
    ports = {
        port["port"]
        for one in policies(objects)
        for rule in one["spec"].get("ingress", [])
        for port in rule.get("ports", [])
    }
    called = [
        (one["metadata"]["name"], pod, port)
        for one, pod in pods(objects)
        for port in ports
        if passes(policies(objects), Flow("ingress", pod, control_plane, "TCP", port))
    ]
    assert {name for name, _, _ in called} >= {"cert-manager-webhook", "trust-manager", "monitoring-operator"}
    refused = {
        (name, port)
        for name, pod, port in called
        if not passes(policies(objects), Flow("ingress", pod, KONNECTIVITY, "TCP", port))
    }
    assert refused == set()
    webhook = next(pod for one, pod in pods(objects) if one["metadata"]["name"] == "cert-manager-webhook")
    assert not passes(policies(objects), Flow("ingress", webhook, NODE_LOCAL_DNS, "TCP", 10250))


def test_agents_are_named_on_gke_alone() -> None:
    assert "konnectivity" in str(policies(stack_of(GKE)))
    assert "konnectivity" not in str([*policies(stack_of(EKS)), *policies(stack_of(METAL))])


@pytest.mark.parametrize("file", STACKS, ids=IDS)
def test_prometheus_reads_what_nodes_tell(file: StackFile) -> None:
    node = str(file.read().node_cidrs()[0][9])
    objects = stack_of(file)
    assert all(may_reach(objects, PROMETHEUS, node, port) for port in (10250, 9100))
    assert not may_reach(objects, PROMETHEUS, node, 22)


def test_nodes_are_named_by_range_but_on_gke_where_no_range_matches_them() -> None:
    rule = stack_of(GKE).allowed("scrape-nodes", "system-monitoring")["egress"][0]
    assert not rule.get("to"), "Dataplane V2 takes a node for no address of a range"
    assert {one["port"] for one in rule["ports"]} == {10250, 9100}
    for file in (EKS, METAL):
        assert not may_reach(stack_of(file), PROMETHEUS, "192.0.2.1", 10250), file.stack


def policies(objects: Objects) -> list[Manifest]:
    return objects.all("NetworkPolicy")


def pods(objects: Objects) -> Iterator[tuple[Manifest, Pod]]:
    """Workloads whose pods a policy can be about, each with its pod."""
    for one in objects.stack.objects:
        template = pod_template(one)
        namespace = one["metadata"].get("namespace", "")
        if template and namespace.startswith("system-") and not template["spec"].get("hostNetwork"):
            yield one, Pod(namespace, tuple(sorted(pod_labels(one).items())))


def may_reach(objects: Objects, pod: Pod, peer: Peer, port: int, protocol: str = "TCP") -> bool:
    return passes(policies(objects), Flow("egress", pod, peer, protocol, port))
