"""What holds for every part's objects, whether a chart rendered them or we wrote them."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from components.charts.cache import canonical_json, digest_of
from components.charts.errors import ChartError
from components.charts.manifests import (
    Manifest,
    containers,
    identity,
    pod_labels,
    pod_template,
    shown_identity,
    with_leaves,
)
from components.charts.secret_texts import secret_texts, without_secret_texts
from config.model import SecretText, compose
from config.release import Release

from .site import Site

PRIORITY_SYSTEM = "cluster-service"
"""Priority of what applications rely on."""
PRIORITY_NODE = "system-node-critical"
"""Kubernetes' own, for what each node must run."""
CONFIG_HASH = "kuber.dev/config-hash"
"""On a pod template: changes when a ConfigMap or Secret that the pods read does, so that they start anew."""
MONITORING_GROUP = "monitoring.coreos.com"


def kept(objects: Iterable[Manifest], site: Site) -> list[Manifest]:
    """Without monitors and rules where nothing reads them."""
    if site.stack.monitoring.enabled:
        return list(objects)
    return [one for one in objects if not one["apiVersion"].startswith(f"{MONITORING_GROUP}/")]


def applied(objects: Sequence[Manifest], site: Site) -> list[Manifest]:
    """The objects of one part, under the house's rules.

    - Pods run on the system pool, with a priority, spread over zones where there are several; a DaemonSet's run on each node.
    - Images are those of the release, by digest, from the mirror where there is one.
    - Pods start anew when what they read changes.
    - What has replicas has a disruption budget.
    - Who is scaled by an autoscaler has no number of replicas.
    - Where Google Cloud admits Kubernetes' own priorities by a quota alone, there is one.

    Raises:
        ChartError: a container's image isn't in the release.
    """
    own = _pinned_images(objects, site.release, site.stack.image_mirror)  # copies, which are changed from here on
    scaled = {_target(one) for one in own if one["kind"] == "HorizontalPodAutoscaler"}
    configuration = {identity(one): one for one in own if one["kind"] in ("ConfigMap", "Secret")}
    for one in own:
        if (template := pod_template(one)) is not None:
            _place(one, template, site)
            _mark_configuration(one, template, configuration)
        if (one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]) in scaled:
            one["spec"].pop("replicas", None)
    return [*own, *_budgets(own), *_critical_pods_quotas(own, site)]


def image_names(one: Manifest) -> list[str]:
    """Images of an object's containers."""
    return [container["image"] for container in containers(one)]


def _place(one: Manifest, template: dict[str, Any], site: Site) -> None:
    spec = template["spec"]
    if one["kind"] == "DaemonSet":
        spec.setdefault("priorityClassName", PRIORITY_NODE)
        return
    placement = site.system_placement
    if not spec.get("nodeSelector", {}).keys() - {"kubernetes.io/os"} and not spec.get("affinity", {}).get(
        "nodeAffinity"
    ):
        spec["nodeSelector"] = {**spec.get("nodeSelector", {}), **placement.node_selector}
        given = spec.get("tolerations") or []
        spec["tolerations"] = [*given, *(dict(t) for t in placement.tolerations if t not in given)]
        if not spec["tolerations"]:
            del spec["tolerations"]
        if not spec["nodeSelector"]:
            del spec["nodeSelector"]
    spec.setdefault("priorityClassName", PRIORITY_SYSTEM)
    if one["kind"] in ("Deployment", "StatefulSet") and not spec.get("topologySpreadConstraints"):
        selector = one["spec"]["selector"].get("matchLabels")
        if selector and one["spec"].get("replicas", 1) > 1:
            spec["topologySpreadConstraints"] = site.spread(selector)


def _mark_configuration(one: Manifest, template: dict[str, Any], configuration: Mapping[Any, Manifest]) -> None:
    namespace = one["metadata"].get("namespace", "")
    read = [(f"/{kind}", namespace, name) for kind, name in sorted(configuration_read(template["spec"]))]
    content = [
        {key: configuration[at].get(key) for key in ("data", "stringData", "binaryData")}
        for at in read
        if at in configuration
    ]
    if content:
        metadata = template.setdefault("metadata", {})
        annotations = metadata.setdefault("annotations", {})
        annotations[CONFIG_HASH] = _hash(content)


def _hash(content: list[Any]) -> str | SecretText:
    """Of what pods read; as secret as what it is made of."""

    def digest(*_: str) -> str:
        clear = without_secret_texts(content, lambda one: one.value)
        return digest_of(canonical_json(clear)).removeprefix("sha256:")[:16]

    secrets = list(secret_texts(content))
    return compose(digest, *secrets) if secrets else digest()


def configuration_read(spec: Mapping[str, Any]) -> set[tuple[str, str]]:
    """ConfigMaps and Secrets that a pod reads, `(kind, name)`."""
    found: set[tuple[str, str]] = set()
    for volume in spec.get("volumes") or []:
        sources = [volume, *((volume.get("projected") or {}).get("sources") or [])]
        for source in sources:
            if name := (source.get("configMap") or {}).get("name"):
                found.add(("ConfigMap", name))
            secret = source.get("secret") or {}
            if name := secret.get("secretName") or secret.get("name"):
                found.add(("Secret", name))
    for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
        references = [
            *(container.get("envFrom") or []),
            *((e.get("valueFrom") or {}) for e in container.get("env") or []),
        ]
        for reference in references:
            for key, kind in (
                ("configMapRef", "ConfigMap"),
                ("configMapKeyRef", "ConfigMap"),
                ("secretRef", "Secret"),
                ("secretKeyRef", "Secret"),
            ):
                if name := (reference.get(key) or {}).get("name"):
                    found.add((kind, name))
    return found


def _target(autoscaler: Manifest) -> tuple[str, str | None, str]:
    target = autoscaler["spec"]["scaleTargetRef"]
    return (target["kind"], autoscaler["metadata"].get("namespace"), target["name"])


def _budgets(objects: Sequence[Manifest]) -> list[Manifest]:
    """A disruption budget for each workload of several replicas that has none: one pod at a time may be moved."""
    there = [one for one in objects if one["kind"] == "PodDisruptionBudget"]
    scaled = {_target(one) for one in objects if one["kind"] == "HorizontalPodAutoscaler"}
    made: list[Manifest] = []
    for one in objects:
        metadata = one["metadata"]
        several = one["kind"] in ("Deployment", "StatefulSet") and (
            one["spec"].get("replicas", 1) > 1 or (one["kind"], metadata.get("namespace"), metadata["name"]) in scaled
        )
        if several and not any(_covers(budget, one) for budget in there):
            made.append(
                {
                    "apiVersion": "policy/v1",
                    "kind": "PodDisruptionBudget",
                    "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]},
                    "spec": {"maxUnavailable": 1, "selector": copy.deepcopy(one["spec"]["selector"])},
                }
            )
    return made


def _critical_pods_quotas(objects: Sequence[Manifest], site: Site) -> list[Manifest]:
    """GKE refuses pods of Kubernetes' own priorities outside kube-system, unless a quota of their namespace names the priority."""
    if site.settings.platform != "gke":
        return []
    critical: dict[str, set[str]] = {}
    for one in objects:
        priority = ((pod_template(one) or {}).get("spec") or {}).get("priorityClassName", "")
        namespace = one["metadata"].get("namespace", "")
        if priority.startswith(("system-node-", "system-cluster-")) and namespace != "kube-system":
            critical.setdefault(namespace, set()).add(priority)
    return [
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "critical-pods", "namespace": namespace},
            "spec": {
                "hard": {"pods": "1G"},  # as many as there are
                "scopeSelector": {
                    "matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": sorted(priorities)}]
                },
            },
        }
        for namespace, priorities in sorted(critical.items())
    ]


def _covers(budget: Manifest, workload: Manifest) -> bool:
    selector = (budget["spec"].get("selector") or {}).get("matchLabels") or {}
    return (
        budget["metadata"].get("namespace") == workload["metadata"].get("namespace")
        and selector.items() <= pod_labels(workload).items()
    )


def _pinned_images(objects: Sequence[Manifest], release: Release, mirror: str) -> list[Manifest]:
    pins = {
        name: pin.reference(mirror) for pin in release.images.values() for name in _names(f"{pin.repository}:{pin.tag}")
    }
    whole = "|".join(re.escape(name) for name in sorted(pins, key=len, reverse=True))
    pattern = re.compile(rf"(?<![\w./@-])({whole})(?:@sha256:[0-9a-f]{{64}})?(?![\w.-])")

    def pinned(leaf: Any) -> Any:
        return pattern.sub(lambda found: pins[found[1]], leaf) if pins and isinstance(leaf, str) else leaf

    own = [with_leaves(one, pinned) for one in objects]
    allowed = set(pins.values())
    for one in own:
        if unknown := [image for image in image_names(one) if image not in allowed]:
            raise ChartError(
                shown_identity(one),
                f"runs what the release doesn't list: {', '.join(unknown)}",
                "add the image, with repository and tag, to `images` of the release",
            )
    return own


def _names(image: str) -> list[str]:
    """How an image may be written: Docker's own registry is the one that may be left out."""
    short = image.removeprefix("docker.io/").removeprefix("library/")
    return [image] if short == image else [image, f"docker.io/{short}", short]
