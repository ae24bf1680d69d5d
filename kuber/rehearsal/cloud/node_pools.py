"""Node pools of simulated clouds: their machines are nodes of a control plane."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Network, ip_network
from typing import Any, Protocol

from components.node_pools.naming import CLOUD_TAINT_EFFECTS
from kuber.rehearsal.cloud import aws_eks, aws_network, gcp
from kuber.rehearsal.cloud.kinds import Place, Resource
from kuber.rehearsal.cloud.machines import machine
from kuber.rehearsal.cloud.store import CloudStore, CloudStoreError, Record
from kuber.rehearsal.control_plane.nodes import NodeSpec
from kuber.wire import revealed

EKS, GKE = aws_eks.NODE_GROUP, gcp.NODE_POOL

_EFFECTS = {cloud: effect for effect, cloud in CLOUD_TAINT_EFFECTS.items()}
_MOST_PODS_OF_SMALL, _MOST_PODS_OF_LARGE, _LARGE_CPUS = 110, 250, 30
"""Of EKS nodes, with address prefixes (EKS user guide, "Increase the available IP addresses for your Amazon EC2 node")."""
_CHANGED_IN_PLACE = frozenset({"labels", "taints", "resourceLabels", "tags", "resourceManagerTags", "kubeletConfig"})
"""Of a GKE pool's node configuration; another change makes its nodes anew, some at a time."""
_FIRST_HOST = 10
"""The lowest address that a machine gets within its subnet; AWS keeps the first four."""


class PoolNodes(Protocol):
    """What a pool needs of a control plane's nodes (`kuber.rehearsal.control_plane.Nodes`)."""

    def add(self, specs: Sequence[NodeSpec]) -> None:
        """Let machines join."""
        ...

    def change(
        self,
        names: Sequence[str],
        *,
        labels: Mapping[str, str | None],
        taints: Sequence[Mapping[str, str]],
        former_taints: Sequence[Mapping[str, str]],
    ) -> None:
        """Give nodes other labels (None takes one away), and taints in the place of former ones."""
        ...

    def remove(self, names: Sequence[str], *, drain_seconds: float = 0) -> None:
        """Take nodes away; drained first if that may take time."""
        ...

    def names(self, *, pool: str | None = None, zone: str | None = None) -> list[str]:
        """Names of a pool's nodes in a zone."""
        ...


class NodePools:
    """Keeps the nodes of a control plane as the node pools in a store want them; the pools of all clouds alike.

    Args:
        nodes: The control plane's; None if there is none, and nothing is done.
        store: Holds the pools.
        drain_seconds: How long a node may take to be drained.
    """

    def __init__(self, nodes: PoolNodes | None, store: CloudStore, *, drain_seconds: float = 900) -> None:
        self._nodes = nodes
        self._store = store
        self._drain_seconds = drain_seconds

    def made(self, record: Record) -> None:
        """A resource was made; if it is a pool, its nodes come."""
        self.reconcile(record)

    def changed(self, before: Record, after: Record) -> None:
        """A resource was changed; if it is a pool, its nodes follow: in place, or some at a time."""
        if self._nodes is None or after.type not in (EKS, GKE):
            return
        old, new = self._pool(before), self._pool(after)
        if old.template != new.template:
            self._roll(new)
        elif (old.labels, old.taints) != (new.labels, new.taints):
            gone = {label: None for label in old.labels if label not in new.labels}
            self._nodes.change(
                self._nodes.names(pool=new.name),
                labels={**gone, **new.labels},
                taints=new.taints,
                former_taints=old.taints,
            )
        self.reconcile(after)

    def goes(self, record: Record) -> None:
        """A resource is taken away; if it is a pool, its nodes are drained and go."""
        if self._nodes is not None and record.type in (EKS, GKE):
            names = self._nodes.names(pool=self._pool(record).name)
            self._nodes.remove(names, drain_seconds=self._drain_seconds)

    def reconcile(self, record: Record) -> None:
        """Bring a pool to the number of nodes that it wants in each zone: also after its machines were taken back.

        New nodes come first, so that there is room for what moves when others go (EC2 Auto Scaling, "Rebalancing activities").
        """
        if self._nodes is None or record.type not in (EKS, GKE):
            return
        pool = self._pool(record)
        surplus: list[str] = []
        for zone, wanted in pool.sizes().items():
            there = self._nodes.names(pool=pool.name, zone=zone)
            self._nodes.add([pool.spec(zone) for _ in range(wanted - len(there))])
            surplus += there[wanted:]
        if surplus:
            self._nodes.remove(surplus, drain_seconds=self._drain_seconds)

    def scale(self, name: str, nodes: int) -> Record:
        """Give a pool another number of nodes behind the engine's back, as an autoscaler does. On GKE it counts by zone.

        Raises:
            CloudStoreError: there is no pool of that name.
        """
        record = self._named(name)
        change = {"scalingConfig": {"desiredSize": nodes}} if record.type == EKS else {"nodeCount": nodes}
        changed = self._store.edit(record.type, record.id, change)
        self.reconcile(changed)
        return changed

    def _named(self, name: str) -> Record:
        pools = [one for kind in (EKS, GKE) for one in self._store.resources(type=kind)]
        for record in pools:
            if self._pool(record).name == name:
                return record
        there = ", ".join(self._pool(record).name for record in pools) or "none"
        raise CloudStoreError(f"the simulated cloud has no node pool {name!r}; there are: {there}")

    def _roll(self, pool: _Pool) -> None:
        """Make all nodes of a pool anew: new ones come, as many old ones are drained and go."""
        assert self._nodes is not None
        for zone in pool.sizes():
            old = self._nodes.names(pool=pool.name, zone=zone)
            for start in range(0, len(old), pool.at_once):
                batch = old[start : start + pool.at_once]
                self._nodes.add([pool.spec(zone) for _ in batch])
                self._nodes.remove(batch, drain_seconds=self._drain_seconds)

    def _pool(self, record: Record) -> _Pool:
        return _EksPool(record, self._store) if record.type == EKS else _GkePool(record, self._store)


class _Pool(ABC):
    """A node pool as its cloud understands it.

    Attributes:
        name: Of the pool in its cluster.
        labels: Of its nodes, those included that the cloud sets.
        taints: As Kubernetes writes them.
        template: What a node is made by; another one makes it anew.
        at_once: How many nodes of a zone are made anew at the same time.
        zones: Where its nodes are.
    """

    name: str
    labels: Mapping[str, str]
    taints: Sequence[Mapping[str, str]]
    template: Mapping[str, Any]
    at_once: int
    zones: Sequence[str]

    def __init__(self, record: Record, store: CloudStore) -> None:
        self._record = record
        self._store = store
        self._outputs = revealed(record.outputs)
        owner, _, region = record.place.partition("/")
        self._resource = Resource(record, self._outputs, Place(owner=owner, region=region), store)

    @abstractmethod
    def sizes(self) -> dict[str, int]:
        """How many nodes it wants, by zone."""

    @abstractmethod
    def spec(self, zone: str) -> NodeSpec:
        """One more machine for it."""

    def _mark(self, length: int) -> str:
        """Digits that no other machine of the pool has."""
        return self._resource.hex(length, f"node {self._store.count(f'nodes of {self._record.number}')}")


class _EksPool(_Pool):
    def __init__(self, record: Record, store: CloudStore) -> None:
        super().__init__(record, store)
        outputs = self._outputs
        self.name = outputs["nodeGroupName"]
        self._capacity = outputs["capacityType"]
        self._machine_type = next(iter(outputs.get("instanceTypes") or ()), "t3.medium")  # EKS's own default
        self.labels = {
            **(outputs.get("labels") or {}),
            "eks.amazonaws.com/nodegroup": self.name,
            "eks.amazonaws.com/capacityType": self._capacity,
        }
        self.taints = _taints(outputs.get("taints"))
        self.template = {key: outputs.get(key) for key in ("version", "releaseVersion", "launchTemplate", "amiType")}
        self._subnets = self._subnets_by_zone()
        self.zones = list(self._subnets)
        update = outputs.get("updateConfig") or {}
        share = update.get("maxUnavailablePercentage", 0) / 100
        self.at_once = max(1, int(update.get("maxUnavailable", 0)), int(share * max(self.sizes().values(), default=0)))

    def sizes(self) -> dict[str, int]:
        """The group's size, spread over its zones."""
        each, rest = divmod(int(self._outputs["scalingConfig"]["desiredSize"]), max(1, len(self.zones)))
        return {zone: each + (place < rest) for place, zone in enumerate(self.zones)}

    def spec(self, zone: str) -> NodeSpec:
        made = machine(self._machine_type)
        subnet = self._subnets[zone]
        host = subnet[_FIRST_HOST + self._store.count(f"machines in {subnet}") % (subnet.num_addresses - _FIRST_HOST)]
        return NodeSpec(
            name=f"ip-{str(host).replace('.', '-')}.{self._resource.place.region}.compute.internal",
            pool=self.name,
            zone=zone,
            region=self._resource.place.region,
            instance_type=self._machine_type,
            cpu=made.cpu,
            memory=made.memory,
            pods=_MOST_PODS_OF_SMALL if int(made.cpu) < _LARGE_CPUS else _MOST_PODS_OF_LARGE,
            labels=self.labels,
            taints=self.taints,
            architecture=made.architecture,
            provider_id=f"aws:///{zone}/i-0{self._mark(16)}",
            spot=self._capacity == "SPOT",
        )

    def _subnets_by_zone(self) -> dict[str, IPv4Network]:
        subnets: dict[str, IPv4Network] = {}
        for subnet_id in self._outputs["subnetIds"]:
            subnet = self._store.find(aws_network.SUBNET, subnet_id)
            if subnet is not None:
                network = ip_network(subnet.outputs["cidrBlock"])
                assert isinstance(network, IPv4Network)
                subnets[subnet.outputs.get("availabilityZone") or f"{self._resource.place.region}a"] = network
        return subnets


class _GkePool(_Pool):
    def __init__(self, record: Record, store: CloudStore) -> None:
        super().__init__(record, store)
        outputs = self._outputs
        self.name = outputs["name"]
        config = outputs.get("nodeConfig") or {}
        self._machine_type = config.get("machineType", "e2-medium")  # GKE's own default
        self._spot = bool(config.get("spot") or config.get("preemptible"))
        self.labels = {
            **(config.get("labels") or {}),
            "cloud.google.com/gke-nodepool": self.name,
            "cloud.google.com/machine-family": self._machine_type.partition("-")[0],
            "cloud.google.com/gke-os-distribution": "cos",
            **({"cloud.google.com/gke-spot": "true"} if self._spot else {}),
        }
        self.taints = _taints(config.get("taints"))
        self.template = {key: value for key, value in config.items() if key not in _CHANGED_IN_PLACE} | {
            "version": outputs.get("version")
        }
        self.zones = self._zones()
        self.at_once = max(1, int((outputs.get("upgradeSettings") or {}).get("maxSurge") or 1))

    def sizes(self) -> dict[str, int]:
        """The pool's size, which on GKE is that of each zone."""
        return dict.fromkeys(self.zones, int(self._outputs.get("nodeCount") or 0))

    def spec(self, zone: str) -> NodeSpec:
        made = machine(self._machine_type)
        project = self._record.place.partition("/")[0]
        name = f"{gcp.group_name(self._resource, zone)}-{self._mark(4)}"
        return NodeSpec(
            name=name,
            pool=self.name,
            zone=zone,
            region=zone.rpartition("-")[0],
            instance_type=self._machine_type,
            cpu=made.cpu,
            memory=made.memory,
            pods=int(self._outputs["maxPodsPerNode"]),
            labels=self.labels,
            taints=self.taints,
            architecture=made.architecture,
            provider_id=f"gce://{project}/{zone}/{name}",
            spot=self._spot,
        )

    def _zones(self) -> list[str]:
        own = self._outputs.get("nodeLocations")
        if own:
            return own
        cluster = self._store.find(gcp.CLUSTER, gcp.cluster_of(self._resource))
        location = (cluster.outputs if cluster else self._outputs).get("location") or self._resource.place.region
        zones = (cluster.outputs.get("nodeLocations") if cluster else None) or []
        return zones or ([location] if location.count("-") > 1 else [f"{location}-{letter}" for letter in "bcd"])


def _taints(taints: Sequence[Mapping[str, str]] | None) -> list[dict[str, str]]:
    """Taints as Kubernetes writes them."""
    return [
        {
            "key": taint["key"],
            **({"value": taint["value"]} if taint.get("value") else {}),
            "effect": _EFFECTS.get(taint["effect"], taint["effect"]),
        }
        for taint in taints or ()
    ]
