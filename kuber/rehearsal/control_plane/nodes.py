"""Nodes of a control plane: they come and go as a cloud makes and takes machines, and kwok plays their kubelets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from kuber.rehearsal.api import Api, ApiError, Object

T = TypeVar("T")

POOL_LABEL = "rehearsal.kuber.dev/pool"
"""Set on every node beside the pool's own labels, so that a pool's nodes are found whatever a cloud calls its label."""
SPOT_LABEL = "rehearsal.kuber.dev/spot"

_NODE = ("v1", "Node")
_POD = ("v1", "Pod")
_EVICTION_RETRY_SECONDS = 0.5
_BINDING_SECONDS = 0.3
"""In that time a pod may yet be bound to a node that has just gone."""
_AT_ONCE = 16

_EPHEMERAL_STORAGE = "100Gi"
_RESERVED_CPU = Decimal("0.08")
_RESERVED_MEMORY = Decimal("0.08")
"""Cores and share of memory that pods don't get: about what the clouds keep for the kubelet and the system."""
_UNITS = {"": 1, "m": Decimal("0.001"), **{f"{prefix}i": 1024**power for power, prefix in enumerate("KMGT", 1)}}


@dataclass(frozen=True, kw_only=True)
class NodeSpec:
    """A machine that joins the cluster.

    Attributes:
        name: Name of the node.
        pool: The node pool that it belongs to.
        zone: "eu-west-1a".
        region: "eu-west-1".
        instance_type: "m7i.xlarge".
        cpu: What the machine has, as Kubernetes writes it: "4".
        memory: Likewise: "16Gi".
        pods: How many pods it takes.
        labels: The pool's labels.
        taints: The pool's taints as Kubernetes has them: key, value, effect.
        architecture: "amd64" or "arm64".
        provider_id: The cloud's id of it: "aws:///eu-west-1a/i-0123"; none if empty.
        spot: Whether the cloud may take it back at any time; told by the label of SPOT_LABEL.
    """

    name: str
    pool: str
    zone: str
    region: str
    instance_type: str
    cpu: str
    memory: str
    pods: int
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: Sequence[Mapping[str, str]] = ()
    architecture: str = "amd64"
    provider_id: str = ""
    spot: bool = False


class Nodes:
    """The nodes of a control plane.

    What goes with a machine is done here as the cloud's node lifecycle controller and the pod garbage collector do it in a
    cluster, but at once where those take minutes: the node is deleted, and the pods that were on it are deleted by force,
    so that their controllers make others.

    Args:
        api: The control plane's.
        kubelet_version: What nodes say of themselves: "v1.35.4".
    """

    def __init__(self, api: Api, *, kubelet_version: str) -> None:
        self._api = api
        self._kubelet_version = kubelet_version

    def add(self, specs: Sequence[NodeSpec]) -> None:
        """Let machines join; they are ready a moment later. One whose name is there already is left as it is."""
        self._each(self._add, specs)

    def remove(self, names: Sequence[str], *, drain_seconds: float = 0) -> None:
        """Take nodes away.

        Args:
            names: Of nodes; what isn't there is passed over.
            drain_seconds: If more than 0, they are cordoned first and their pods evicted (Eviction API, so that disruption
                budgets hold), except those of DaemonSets. What couldn't be evicted in that time goes with the node, as with
                a managed node group's forced update. If 0, they are gone at once.
        """
        if drain_seconds > 0:
            self._drain(names, drain_seconds)
        self._delete(names)

    def interrupt(self, names: Sequence[str]) -> None:
        """The cloud takes machines back: nodes and what runs on them are gone, and no budget is asked."""
        self._delete(names)

    def cordon(self, names: Sequence[str]) -> None:
        """Let no more pods on nodes; what isn't there is passed over."""
        self._each(self._cordon, names)

    def change(
        self,
        names: Sequence[str],
        *,
        labels: Mapping[str, str | None],
        taints: Sequence[Mapping[str, str]],
        former_taints: Sequence[Mapping[str, str]],
    ) -> None:
        """Give nodes other labels and taints, as a cloud does when its pool's are changed; what isn't there is passed over.

        Args:
            names: Of nodes.
            labels: None takes one away; those not named stay.
            taints: Of the pool from now on.
            former_taints: Of the pool until now; taints that others set stay.
        """
        self._each(lambda name: self._change(name, labels, taints, former_taints), names)

    def names(self, *, pool: str | None = None, zone: str | None = None) -> list[str]:
        """Names of nodes, sorted: all, or those of a pool or a zone."""
        wanted = {POOL_LABEL: pool, "topology.kubernetes.io/zone": zone}
        selector = ",".join(f"{label}={value}" for label, value in wanted.items() if value is not None)
        nodes = self._api.list(_NODE, labelSelector=selector)
        return sorted(node["metadata"]["name"] for node in nodes)

    def _add(self, spec: NodeSpec) -> None:
        try:
            self._api.create(node_object(spec, self._kubelet_version))
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise

    def _change(
        self,
        name: str,
        labels: Mapping[str, str | None],
        taints: Sequence[Mapping[str, str]],
        former_taints: Sequence[Mapping[str, str]],
    ) -> None:
        while (node := self._api.get(_NODE, None, name)) is not None:
            try:
                self._api.merge(_NODE, None, name, _changed(node, labels, taints, former_taints))
                return
            except ApiError as error:
                if error.status != 409:  # a conflict: the node's own status came in between
                    raise

    def _drain(self, names: Sequence[str], seconds: float) -> None:
        until = time.monotonic() + seconds
        self.cordon(names)
        while True:
            pods = [pod for pod in self._pods_on(names) if not _stays(pod)]
            if not pods or time.monotonic() > until:
                return
            self._each(self._evict, [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]])
            time.sleep(_EVICTION_RETRY_SECONDS)

    def _cordon(self, name: str) -> None:
        try:
            self._api.merge(_NODE, None, name, {"spec": {"unschedulable": True}})
        except ApiError as error:
            if error.status != 404:
                raise

    def _evict(self, pod: Object) -> None:
        """Ask for an eviction; a budget that allows none now (429), or one that is over (404), is no error."""
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"namespace": namespace, "name": name}}
        try:
            self._api.request("POST", f"/api/v1/namespaces/{namespace}/pods/{name}/eviction", body=eviction)
        except ApiError as error:
            if error.status not in (404, 409, 429, 500):  # 500: several budgets for one pod, which never ends well
                raise

    def _delete(self, names: Sequence[str]) -> None:
        self._each(lambda name: self._api.delete(_NODE, None, name), names)
        self._each(self._delete_by_force, self._pods_on(names))
        time.sleep(_BINDING_SECONDS)
        self._each(self._delete_by_force, self._pods_on(names))

    def _delete_by_force(self, pod: Object) -> None:
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        preconditions = {"uid": pod["metadata"]["uid"]}
        try:
            self._api.delete(_POD, namespace, name, gracePeriodSeconds=0, preconditions=preconditions)
        except ApiError as error:
            if error.status != 409:  # another pod of the same name, a StatefulSet's, is there already
                raise

    def _pods_on(self, names: Sequence[str]) -> list[Object]:
        wanted = set(names)
        return [pod for pod in self._api.list(_POD) if pod["spec"].get("nodeName") in wanted]

    def _each(self, do: Callable[[T], object], what: Iterable[T]) -> None:
        """Do it with each, several at once; the first error is raised when all are done."""
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            errors = list(pool.map(lambda one: _outcome(do, one), what))
        for error in errors:
            if error:
                raise error


def _changed(
    node: Object,
    labels: Mapping[str, str | None],
    taints: Sequence[Mapping[str, str]],
    former_taints: Sequence[Mapping[str, str]],
) -> Object:
    """The merge patch that gives a node other labels and taints; it conflicts if the node has changed since."""
    of_pool = {(taint["key"], taint["effect"]) for taint in (*former_taints, *taints)}
    others = [taint for taint in node["spec"].get("taints", ()) if (taint["key"], taint["effect"]) not in of_pool]
    metadata = {"labels": dict(labels), "resourceVersion": node["metadata"]["resourceVersion"]}
    return {"metadata": metadata, "spec": {"taints": [*others, *map(dict, taints)]}}


def node_object(spec: NodeSpec, kubelet_version: str) -> Object:
    """The Node that a kubelet and the cloud's controller register together."""
    labels = {
        "kubernetes.io/hostname": spec.name,
        "kubernetes.io/arch": spec.architecture,
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/region": spec.region,
        "topology.kubernetes.io/zone": spec.zone,
        "node.kubernetes.io/instance-type": spec.instance_type,
        **spec.labels,
        POOL_LABEL: spec.pool,
        **({SPOT_LABEL: "true"} if spec.spot else {}),
    }
    machine = {"memory": spec.memory, "ephemeral-storage": _EPHEMERAL_STORAGE, "pods": str(spec.pods)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": spec.name, "labels": labels},
        "spec": {
            **({"providerID": spec.provider_id} if spec.provider_id else {}),
            **({"taints": [dict(taint) for taint in spec.taints]} if spec.taints else {}),
        },
        "status": {
            "capacity": {"cpu": spec.cpu, **machine},
            "allocatable": {**machine, **allocatable(spec.cpu, spec.memory)},
            "addresses": [
                {"type": "InternalIP", "address": "127.0.0.1"},
                {"type": "Hostname", "address": spec.name},
            ],
            "nodeInfo": {
                "architecture": spec.architecture,
                "operatingSystem": "linux",
                "kubeletVersion": kubelet_version,
                "kubeProxyVersion": "",
                "containerRuntimeVersion": "kwok",
                "kernelVersion": "",
                "osImage": "simulated by kwok",
                **dict.fromkeys(("machineID", "systemUUID", "bootID"), ""),
            },
        },
    }


def allocatable(cpu: str, memory: str) -> dict[str, str]:
    """What of a machine pods get: "4" and "16Gi" are 3920m and 15073Mi."""
    return {
        "cpu": f"{int((_amount(cpu) - _RESERVED_CPU) * 1000)}m",
        "memory": f"{int(_amount(memory) * (1 - _RESERVED_MEMORY)) // 1024**2}Mi",
    }


def _amount(quantity: str) -> Decimal:
    number = quantity.rstrip("".join(_UNITS))
    return Decimal(number) * _UNITS[quantity.removeprefix(number)]


def _outcome(do: Callable[[T], object], one: T) -> Exception | None:
    try:
        do(one)
    except ApiError as error:
        return error
    return None


def _stays(pod: Object) -> bool:
    """Whether a drain leaves a pod where it is: a DaemonSet's own, which would come back at once, and one that has ended."""
    owners = pod["metadata"].get("ownerReferences", [])
    ended = pod["status"].get("phase") in ("Succeeded", "Failed")
    return ended or any(owner["kind"] == "DaemonSet" for owner in owners)
