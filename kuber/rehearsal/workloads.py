"""Stand-ins for the services of a company: workloads that use each pool well, so that what a change does to pods shows."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from config.node_pools import POOL_LABEL, ZONE_LABEL

from .api import Api, Object

NAMESPACE = "rehearsal"
FIELD_MANAGER = "kuber-rehearsal"

_IMAGE = "registry.k8s.io/pause:3.10.1"
_USED = Decimal("0.6")
"""Share of a node's free room that workloads ask for: what is left takes some of what a lost node carried."""
_ON_EACH_NODE = 2
_FEWEST, _MOST = 2, 40
_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_UNITS = {"": Decimal(1), "m": Decimal("0.001"), "k": Decimal(1000), "M": Decimal(10**6), "G": Decimal(10**9)} | {
    f"{prefix}i": Decimal(1024**power) for power, prefix in enumerate("KMGT", 1)
}
_GONE_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Pool:
    """The nodes of a pool as they are.

    Attributes:
        name: Its name in the stack file.
        nodes: How many.
        taints: Of its nodes.
        free_cpu: Cores that are free on the node with the least of them, beside what only holds room ready.
        free_memory: Likewise, bytes.
    """

    name: str
    nodes: int
    taints: Sequence[Mapping[str, str]]
    free_cpu: Decimal
    free_memory: Decimal


def pools_of(nodes: Sequence[Object], pods: Sequence[Object]) -> list[Pool]:
    """The pools that there are nodes of, by name."""
    asked: dict[str, list[Object]] = {}
    for pod in pods:
        ended = pod["status"].get("phase") in ("Succeeded", "Failed")
        if not ended and (pod["spec"].get("priority") or 0) >= 0:
            asked.setdefault(pod["spec"].get("nodeName", ""), []).append(pod)
    found: dict[str, list[Object]] = {}
    for node in nodes:
        if pool := (node["metadata"].get("labels") or {}).get(POOL_LABEL):
            found.setdefault(pool, []).append(node)
    return [_pool(name, of_it, asked) for name, of_it in sorted(found.items())]


def stand_in_workloads(pools: Sequence[Pool], storage_class: str | None) -> list[Object]:
    """A namespace, for each pool a Deployment with a disruption budget, and one StatefulSet, with volumes where there is a class.

    A pool that takes any pod is preferred by its Deployment, so that it goes elsewhere when the pool is gone; a pool with taints
    is asked for.
    """
    objects: list[Object] = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}]
    for pool in pools:
        objects += [_deployment(pool), _budget(f"service-{pool.name}")]
    if pools:
        host = next((pool for pool in pools if not pool.taints), pools[0])
        objects += [_stateful_set(host, storage_class), _budget("database")]
    return objects


def deploy(api: Api) -> list[Object]:
    """Make stand-in workloads that fit the cluster as it is, and give them."""
    pools = pools_of(api.list(("v1", "Node")), api.list(("v1", "Pod")))
    objects = stand_in_workloads(pools, default_class(api.list(("storage.k8s.io/v1", "StorageClass"))))
    for one in objects:
        api.apply(one, field_manager=FIELD_MANAGER)
    return objects


def remove(api: Api) -> None:
    """Take the workloads away, volumes included; they go a while later."""
    api.delete(("v1", "Namespace"), None, NAMESPACE)


def gone(api: Api) -> bool:
    """Wait until the workloads are gone; False if they don't go."""
    until = time.monotonic() + _GONE_SECONDS
    while time.monotonic() < until:
        if api.get(("v1", "Namespace"), None, NAMESPACE) is None:
            return True
        time.sleep(0.2)
    return False


def default_class(classes: Sequence[Object]) -> str | None:
    """The storage class that a claim gets which names none; None where there is none."""
    for one in classes:
        if (one["metadata"].get("annotations") or {}).get(_DEFAULT_CLASS) == "true":
            return one["metadata"]["name"]
    return None


def amount(quantity: str | int | float) -> Decimal:
    """A quantity as Kubernetes writes it, in cores or bytes: "250m" is 0.25, "16Gi" is 17179869184."""
    text = str(quantity)
    number = text.rstrip("".join({letter for unit in _UNITS for letter in unit}))
    return Decimal(number) * _UNITS[text.removeprefix(number)]


def requested(pod: Object) -> tuple[Decimal, Decimal]:
    """What a pod asks for: cores and bytes. An init container counts where it asks for more than all others together."""

    def total(containers: Sequence[Object], resource: str) -> Decimal:
        return sum((_request(one, resource) for one in containers), Decimal(0))

    spec = pod["spec"]
    first = spec.get("initContainers") or ()
    steady = [*spec["containers"], *(one for one in first if one.get("restartPolicy") == "Always")]
    cpu, memory = (
        max([total(steady, resource), *(_request(one, resource) for one in first)]) for resource in ("cpu", "memory")
    )
    return cpu, memory


def _request(container: Object, resource: str) -> Decimal:
    return amount(((container.get("resources") or {}).get("requests") or {}).get(resource, 0))


def _pool(name: str, nodes: Sequence[Object], asked: Mapping[str, Sequence[Object]]) -> Pool:
    free: list[tuple[Decimal, Decimal]] = []
    for node in nodes:
        room, used = node["status"]["allocatable"], [requested(pod) for pod in asked.get(node["metadata"]["name"], ())]
        free.append(
            (
                amount(room["cpu"]) - sum((cpu for cpu, _ in used), Decimal(0)),
                amount(room["memory"]) - sum((memory for _, memory in used), Decimal(0)),
            )
        )
    taints = [one for one in nodes[0]["spec"].get("taints") or () if not one["key"].startswith("node.kubernetes.io/")]
    return Pool(
        name=name,
        nodes=len(nodes),
        taints=taints,
        free_cpu=min(cpu for cpu, _ in free),
        free_memory=min(memory for _, memory in free),
    )


def _deployment(pool: Pool) -> Object:
    labels = {"app.kubernetes.io/name": f"service-{pool.name}"}
    replicas = min(max(_ON_EACH_NODE * pool.nodes, _FEWEST), _MOST)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": f"service-{pool.name}", "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": _pod(pool, labels, _ON_EACH_NODE)},
        },
    }


def _stateful_set(pool: Pool, storage_class: str | None) -> Object:
    labels = {"app.kubernetes.io/name": "database"}
    spec = _pod(pool, labels, 10)
    claims: list[Object] = []
    if storage_class:
        spec["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
        claim = {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage_class,
            "resources": {"requests": {"storage": "1Gi"}},
        }
        claims = [{"metadata": {"name": "data"}, "spec": claim}]
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "database", "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "replicas": min(max(pool.nodes, _FEWEST), 3),
            "serviceName": "database",
            "podManagementPolicy": "Parallel",
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
            **({"volumeClaimTemplates": claims} if claims else {}),
        },
    }


def _budget(name: str) -> Object:
    labels = {"app.kubernetes.io/name": name}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": labels}},
    }


def _pod(pool: Pool, labels: Mapping[str, str], parts: int) -> dict[str, Any]:
    """A pod that asks for one of so many equal parts of what of the pool's fullest node is to be used."""
    share = _USED / parts
    cpu = max(int(pool.free_cpu * share * 1000), 10)
    memory = max(int(pool.free_memory * share) // 1024**2, 16)
    preferred = {"weight": 100, "preference": _pool_term(pool)}
    required = {"nodeSelectorTerms": [_pool_term(pool)]}
    affinity = (
        {"requiredDuringSchedulingIgnoredDuringExecution": required}
        if pool.taints
        else {"preferredDuringSchedulingIgnoredDuringExecution": [preferred]}
    )
    return {
        "affinity": {"nodeAffinity": affinity},
        "tolerations": [
            {"key": one["key"], "operator": "Equal", "value": one.get("value", ""), "effect": one["effect"]}
            for one in pool.taints
        ],
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": ZONE_LABEL,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": dict(labels)},
            }
        ],
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 1,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65535, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "service",
                "image": _IMAGE,
                "resources": {
                    "requests": {"cpu": f"{cpu}m", "memory": f"{memory}Mi"},
                    "limits": {"memory": f"{memory}Mi"},
                },
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    }


def _pool_term(pool: Pool) -> Object:
    return {"matchExpressions": [{"key": POOL_LABEL, "operator": "In", "values": [pool.name]}]}
