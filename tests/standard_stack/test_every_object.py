"""What holds for every object of every cluster's standard stack."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from components.charts.cache import ChartCache, canonical_json
from components.charts.manifests import (
    CLUSTER_SCOPED,
    Manifest,
    containers,
    identity,
    pod_labels,
    pod_template,
    shown_identity,
)
from components.standard_stack.absence import going_without
from components.standard_stack.rendered import rendered_stack
from components.standard_stack.site import Site
from config.release import read_release
from config.standard_stack import StandardStackSettings
from tests.chart_cache import chart_cache
from tests.requirements import kubeconform, shared
from tests.standard_stack.rendered import Objects, stack_of
from tests.standard_stack.schemas import LOCATION, scopes, write_schemas
from tests.support import EKS, GKE, METAL, PROJECT, SHIPPED, StackFile

OLDER = EKS.set("release", "2026.08")
EKS_OTHERWISE = (
    EKS.set("environment", "stage")
    .set("standard_stack.ingress", {"flavour": "traefik", "internal": {"source_ranges": {"office": "10.250.0.0/20"}}})
    .set("standard_stack.load_balancers", {"aws_controller": False})
    .set("standard_stack.secrets.injector", {"enabled": True})
    .set("standard_stack.descheduler", {"enabled": True, "low_utilization": {}, "lifetime_days": 14})
    .set(
        "standard_stack.bucket_gateway",
        {"enabled": True, "sites": {"shop": {"host": "shop.example", "bucket": "shop-web"}}},
    )
    .set("standard_stack.mesh.services.checkout.test_builds", {"builds": {"pr-1": {"namespace": "test-pr-1"}}})
)
METAL_OTHERWISE = METAL.set(
    "standard_stack.load_balancers",
    {
        "mode": "bgp",
        "peers": [{"address": "10.40.0.1", "asn": 64512, "my_asn": 64513}],
        "api_address": {"address": "10.40.0.10", "interface": "bond0"},
    },
)
"""What may be chosen chosen otherwise, so that each part is in one of the stacks."""

STACKS = (*SHIPPED, OLDER, EKS_OTHERWISE, METAL_OTHERWISE)
IDS = (
    *("prod-eks", "prod-gke", "colo-london", "prod-eks at 2026.08"),
    *("prod-eks with what may be chosen", "colo-london with what may be chosen"),
)

every_stack = pytest.mark.parametrize("file", STACKS, ids=IDS)


@pytest.fixture(scope="session")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Strict schemas of Kubernetes 1.35 and of the CRDs that the stack brings."""
    folder = tmp_path_factory.mktemp("schemas")
    write_schemas(shared("upstream/kubernetes-1.35.4-openapi-v2-definitions.json"), shared("upstream/crds"), folder)
    return folder


@every_stack
def test_every_object_is_valid(file: StackFile, schemas: Path, tmp_path: Path) -> None:
    objects = stack_of(file).stack.objects
    manifests = tmp_path / "objects.json"
    manifests.write_text("\n---\n".join(json.dumps(one, default=str) for one in objects))
    command = [kubeconform(), "-strict", "-output", "json", "-schema-location", f"{schemas}/{LOCATION}", manifests]
    done = subprocess.run(command, capture_output=True, text=True)
    found = json.loads(done.stdout)["resources"] or []
    wrong = [f"{one['kind']} {one['name']}: {one['msg']}" for one in found if one["status"] != "statusValid"]
    assert not wrong, "\n".join(wrong)
    assert done.returncode == 0


def test_kinds_of_crds_have_a_namespace_as_the_crds_say() -> None:
    used = {one["kind"] for file in STACKS for one in stack_of(file).stack.objects}
    of_crds = {kind: namespaced for kind, namespaced in scopes(shared("upstream/crds")) if kind in used}
    assert of_crds
    assert {kind for kind, namespaced in of_crds.items() if namespaced} & CLUSTER_SCOPED == set()
    assert {kind for kind, namespaced in of_crds.items() if not namespaced} <= CLUSTER_SCOPED


@every_stack
def test_rendered_again_every_part_is_the_same_to_the_byte(file: StackFile, tmp_path: Path) -> None:
    again = ChartCache(tmp_path)
    for kind in ("charts", "manifests"):
        (tmp_path / kind).symlink_to(chart_cache().folder / kind)
    settings = file.read()
    with going_without():
        other = rendered_stack(Site(name=file.stack, settings=settings, release=read_release(settings.release)), again)
    for one, twice in zip(stack_of(file).stack.parts, other.parts, strict=True):
        assert _bytes(one.objects) == _bytes(twice.objects), one.part.name


@every_stack
def test_every_container_says_what_it_needs_and_stays_below_a_limit(file: StackFile) -> None:
    without = []
    for one, container in _containers(stack_of(file)):
        resources = container.get("resources") or {}
        requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
        if not ({"cpu", "memory"} <= requests.keys() and "memory" in limits):
            without.append(f"{shown_identity(one)}: {container['name']}")
    assert without == []


@every_stack
def test_every_image_is_the_release_s(file: StackFile) -> None:
    release = read_release(file.read().release)
    known = {pin.reference() for pin in release.images.values()}
    assert {container["image"] for _, container in _containers(stack_of(file))} <= known


def test_with_a_mirror_every_image_comes_from_there() -> None:
    mirrored = stack_of(METAL.set("standard_stack.image_mirror", "registry.shop.example/mirror"))
    images = {container["image"] for _, container in _containers(mirrored)}
    assert images
    assert {image for image in images if not image.startswith("registry.shop.example/mirror/")} == set()


@every_stack
def test_what_has_replicas_has_a_disruption_budget_and_is_spread(file: StackFile) -> None:
    objects = stack_of(file)
    budgets = objects.all("PodDisruptionBudget")
    bare = []
    for one in objects.stack.objects:
        if one["kind"] in ("Deployment", "StatefulSet") and one["spec"].get("replicas", 1) > 1:
            spec = (pod_template(one) or {})["spec"]
            covered = [
                budget
                for budget in budgets
                if budget["metadata"]["namespace"] == one["metadata"]["namespace"]
                and budget["spec"]["selector"]["matchLabels"].items() <= pod_labels(one).items()
            ]
            spread = spec.get("topologySpreadConstraints") or (spec.get("affinity") or {}).get("podAntiAffinity")
            if len(covered) != 1 or not spread:
                bare.append(f"{shown_identity(one)}: {len(covered)} budgets, spread: {bool(spread)}")
    assert bare == []


@every_stack
def test_every_namespace_of_the_stack_lets_nothing_pass_by_default(file: StackFile) -> None:
    objects = stack_of(file)
    for namespace in objects.all("Namespace"):
        name = namespace["metadata"]["name"]
        if not name.startswith("system-"):
            continue
        deny = objects.one("NetworkPolicy", "default-deny", name)
        assert deny["spec"]["podSelector"] == {}
        assert deny["spec"]["policyTypes"] == ["Ingress", "Egress"]
        assert "ingress" not in deny["spec"]
        [names_are_looked_up] = deny["spec"]["egress"]
        assert {port["port"] for port in names_are_looked_up["ports"]} == {53}


@every_stack
def test_pods_keep_to_the_pod_security_level_of_their_namespace(file: StackFile) -> None:
    objects = stack_of(file)
    levels = {
        one["metadata"]["name"]: one["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        for one in objects.all("Namespace")
    }
    broken = []
    for one in objects.stack.objects:
        if (template := pod_template(one)) and (level := levels.get(one["metadata"]["namespace"])):
            broken += [f"{shown_identity(one)}: {problem}" for problem in _beyond(level, template["spec"])]
    assert broken == []


@every_stack
def test_what_isn_t_restricted_says_why(file: StackFile) -> None:
    own = [one for one in stack_of(file).all("Namespace") if one["metadata"]["name"].startswith("system-")]
    assert own
    for one in own:
        level = one["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
        reason = (one["metadata"].get("annotations") or {}).get("kuber.dev/pod-security-reason")
        assert (level == "restricted") != bool(reason), one["metadata"]["name"]


@every_stack
def test_pods_run_on_the_system_pool_or_on_every_node(file: StackFile) -> None:
    placement = Site(
        name=file.stack, settings=file.read(), release=read_release(file.read().release)
    ).system_placement.node_selector
    elsewhere = []
    for one in stack_of(file).stack.objects:
        template = pod_template(one)
        if (
            template
            and one["kind"] != "DaemonSet"
            and one["metadata"].get("labels", {}).get("kuber.dev/headroom") is None
        ):
            selector = template["spec"].get("nodeSelector") or {}
            if not placement.items() <= selector.items():
                elsewhere.append(shown_identity(one))
    assert elsewhere == []


@every_stack
def test_everything_that_pods_name_is_there_or_is_made_by_a_part(file: StackFile) -> None:
    objects = stack_of(file)
    there = {identity(one) for one in objects.stack.objects}
    missing = []
    for one in objects.stack.objects:
        spec = (pod_template(one) or {}).get("spec") or {}
        namespace = one["metadata"].get("namespace", "")
        named = [("/ServiceAccount", namespace, spec.get("serviceAccountName"))]
        priority = spec.get("priorityClassName", "")
        if not priority.startswith("system-node") and not priority.startswith("system-cluster"):
            named.append(("scheduling.k8s.io/PriorityClass", "", priority))
        missing += [f"{shown_identity(one)}: {at}" for at in named if at[2] and at[2] != "default" and at not in there]
    assert missing == []


@every_stack
def test_priority_classes_keep_off_the_names_that_kubernetes_keeps_for_itself(file: StackFile) -> None:
    """As the API server has it: `system-` is its own."""
    names = [one["metadata"]["name"] for one in stack_of(file).all("PriorityClass")]
    assert [name for name in names if name.startswith("system-")] == []


@every_stack
def test_every_alert_of_ours_has_a_section_in_its_runbook(file: StackFile) -> None:
    rules = [
        rule
        for one in stack_of(file).all("PrometheusRule")
        for group in one["spec"]["groups"]
        for rule in group["rules"]
        if group["name"].startswith("kuber.")
    ]
    without = []
    for rule in rules:
        page, _, _ = rule["annotations"]["runbook"].partition("#")
        if not re.search(rf"^#+ {rule['alert']}$", (PROJECT / page).read_text(encoding="utf-8"), re.MULTILINE):
            without.append(f"{rule['alert']}: {page}")
    assert without == []


def test_every_part_has_alerts_of_its_own_or_its_page_says_why_not() -> None:
    parts = {one.part.name for file in STACKS for one in stack_of(file).stack.parts}
    with_alerts = {
        one.part.name
        for file in STACKS
        for one in stack_of(file).stack.parts
        for rules in one.objects
        if rules["kind"] == "PrometheusRule"
        and any(group["name"].startswith("kuber.") for group in rules["spec"]["groups"])
    }
    pages = {one: (PROJECT / "docs/parts" / f"{one.replace('_', '-')}.md").read_text("utf-8") for one in parts}
    assert {one for one in parts if re.search(r"^## Alerts\n\nNone of its own", pages[one], re.MULTILINE)} == (
        parts - with_alerts
    )


def test_a_release_moves_a_cluster_in_the_charts_that_changed_alone() -> None:
    new, old = stack_of(EKS), stack_of(OLDER)
    changed = {
        part.part.name
        for part, other in zip(new.stack.parts, old.stack.parts, strict=True)
        if _bytes(part.objects) != _bytes(other.objects)
    }
    assert {"monitoring", "certificates"} <= changed
    assert {"logging", "base", "autoscaling", "storage", "load_balancers"} & changed == set()


def test_each_part_is_in_one_of_the_stacks() -> None:
    there = {one.part.name for file in STACKS for one in stack_of(file).stack.parts}
    assert set(StandardStackSettings.model_fields) - {"image_mirror", "system_pool", "remove_crds"} == there


def test_what_the_platform_brings_is_left_out() -> None:
    assert stack_of(GKE).part("metrics_api") == []
    assert not stack_of(GKE).has("Deployment", "cluster-autoscaler")


_AS_ROOT = {
    "filebeat": "reads the logs of all containers, which belong to root",
    "install-cni": "writes to the node's folder of network plugins",
    "repair-controller": "looks into the network of pods on its node",
    "speaker": "announces addresses on the node's own interfaces",
    "kube-vip": "takes an address of the node's own interfaces",
}
"""Containers that run as root, or may, and why."""


def test_no_container_may_run_as_root_but_those_with_a_reason() -> None:
    as_root = set()
    for one, container in (found for file in STACKS for found in _containers(stack_of(file))):
        of_the_pod = (pod_template(one) or {})["spec"].get("securityContext") or {}
        if not (container.get("securityContext") or {}).get("runAsNonRoot", of_the_pod.get("runAsNonRoot")):
            as_root.add(container["name"])
    assert as_root == set(_AS_ROOT)


@every_stack
def test_no_container_may_write_to_its_image(file: StackFile) -> None:
    lax = {
        f"{shown_identity(one)}: {container['name']}"
        for one, container in _containers(stack_of(file))
        if not (container.get("securityContext") or {}).get("readOnlyRootFilesystem")
    }
    assert lax == set()


def _containers(objects: Objects) -> Iterator[tuple[Manifest, dict[str, Any]]]:
    for one in objects.stack.objects:
        for container in containers(one):
            yield one, container


def _bytes(objects: Any) -> bytes:
    return canonical_json(json.loads(json.dumps(list(objects), default=str)))


def _beyond(level: str, spec: Mapping[str, Any]) -> Iterator[str]:
    """What a pod asks for beyond a level (Kubernetes documentation, "Pod Security Standards"), as far as the stack comes near it."""
    if level == "privileged":
        return
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(key):
            yield key
    yield from (f"hostPath {one['name']}" for one in spec.get("volumes") or [] if "hostPath" in one)
    for container in [*(spec.get("initContainers") or []), *spec["containers"]]:
        security, name = container.get("securityContext") or {}, container["name"]
        if security.get("privileged"):
            yield f"{name} is privileged"
        yield from (f"{name} has a host port" for port in container.get("ports") or [] if port.get("hostPort"))
        if level == "restricted":
            yield from (
                f"{name} {problem}" for problem in _beyond_restricted(security, spec.get("securityContext") or {})
            )


def _beyond_restricted(security: Mapping[str, Any], of_the_pod: Mapping[str, Any]) -> Iterator[str]:
    capabilities = security.get("capabilities") or {}
    if capabilities.get("drop") != ["ALL"] or set(capabilities.get("add") or ()) - {"NET_BIND_SERVICE"}:
        yield "has capabilities"
    if security.get("allowPrivilegeEscalation") is not False:
        yield "may gain privileges"
    if not security.get("runAsNonRoot", of_the_pod.get("runAsNonRoot")):
        yield "may run as root"
    seccomp = security.get("seccompProfile") or of_the_pod.get("seccompProfile") or {}
    if seccomp.get("type") not in ("RuntimeDefault", "Localhost"):
        yield "has no seccomp profile"
