"""What the cluster's namespaces rely on: priorities, the rules of the namespace `default`, image pull secrets."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator

from components.charts.manifests import Manifest
from config.model import compose
from config.standard_stack.base import BaseSettings, DefaultNamespace

from .house_rules import PRIORITY_SYSTEM
from .ingress import classes as ingress_classes
from .network import DEFAULT_DENY, Peer, addresses, namespace, prometheus, same_namespace
from .part import Part
from .patches import patch
from .site import Site

NAMESPACE = None
APPLICATIONS = "default"
PRIORITY_APPLICATION, PRIORITY_INTERRUPTIBLE, PRIORITY_HEADROOM = "application", "interruptible", "headroom"
REACHES_DEFAULT = "kuber.dev/reaches-default"
"""Label of namespaces whose pods reach the applications, such as those of a pull request's test build."""
IMAGE_PULL_SECRET = "image-pull"


def base(site: Site) -> Part:
    """Priority classes, and the rules of the namespace `default`; the namespace itself is the cluster's."""
    settings = site.stack.base
    return Part(
        name="base",
        namespace=NAMESPACE,
        objects=[*_priority_classes(settings), *_default_namespace(settings.default_namespace), *_image_pull(settings)],
    )


def _priority_classes(settings: BaseSettings) -> list[Manifest]:
    return [
        _priority(PRIORITY_SYSTEM, 1_000_000, "What applications rely on: ingress, certificates, monitoring."),
        _priority(
            PRIORITY_APPLICATION,
            1_000,
            "Applications; takes the place of what is interruptible, and of headroom.",
            default=settings.application_is_default_priority,
        ),
        _priority(
            PRIORITY_INTERRUPTIBLE, 100, "What can wait: takes nobody's place, and gives up its own.", preempts=False
        ),
        # The autoscaler leaves pods below -10 out of account (cluster-autoscaler FAQ, --expendable-pods-priority-cutoff).
        _priority(
            PRIORITY_HEADROOM, -10, "Pods that hold capacity ready; whoever needs it takes their place.", preempts=False
        ),
    ]


def _priority(name: str, value: int, description: str, *, preempts: bool = True, default: bool = False) -> Manifest:
    return {
        "apiVersion": "scheduling.k8s.io/v1",
        "kind": "PriorityClass",
        "metadata": {"name": name},
        "value": value,
        "globalDefault": default,
        "preemptionPolicy": "PreemptLowerPriority" if preempts else "Never",
        "description": description,
    }


def _default_namespace(settings: DefaultNamespace) -> Iterator[Manifest]:
    levels = {"enforce": settings.pod_security, "audit": "restricted", "warn": "restricted"}
    labels = {f"pod-security.kubernetes.io/{mode}": level for mode, level in levels.items()}
    yield patch({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": APPLICATIONS, "labels": labels}})
    if settings.network_policy == "default_deny":
        yield {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": DEFAULT_DENY, "namespace": APPLICATIONS},
            "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": _reached_from(settings)}]},
        }
    if settings.default_requests:
        requests = {"cpu": settings.default_requests.cpu, "memory": settings.default_requests.memory}
        yield _in_default(
            "LimitRange", "default-requests", {"limits": [{"type": "Container", "defaultRequest": requests}]}
        )
    if settings.quota and (hard := settings.quota.hard()):
        yield _in_default("ResourceQuota", "quota", {"hard": hard})


def _reached_from(settings: DefaultNamespace) -> list[Peer]:
    return [
        same_namespace(),
        ingress_classes.controllers(),
        prometheus(),
        {"namespaceSelector": {"matchLabels": {REACHES_DEFAULT: "true"}}},
        *(namespace(one) for one in settings.reachable_from_namespaces),
        *addresses(*settings.reachable_from_cidrs.values()),
    ]


def _in_default(kind: str, name: str, spec: Manifest) -> Manifest:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": APPLICATIONS}, "spec": spec}


def _image_pull(settings: BaseSettings) -> Iterator[Manifest]:
    """One Secret for all registries, named by the namespace's default service account: its pods need say nothing."""
    registries = [settings.registries[name] for name in sorted(settings.registries)]
    if not registries:
        return

    def document(*passwords: str) -> str:
        auths = {
            one.address: {
                "username": one.username,
                "password": password,
                "auth": base64.b64encode(f"{one.username}:{password}".encode()).decode(),
            }
            for one, password in zip(registries, passwords, strict=True)
        }
        return json.dumps({"auths": auths}, sort_keys=True)

    yield {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": IMAGE_PULL_SECRET, "namespace": APPLICATIONS},
        "type": "kubernetes.io/dockerconfigjson",
        "stringData": {".dockerconfigjson": compose(document, *(one.password for one in registries))},
    }
    yield patch(
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "default", "namespace": APPLICATIONS},
            "imagePullSecrets": [{"name": IMAGE_PULL_SECRET}],
        }
    )
