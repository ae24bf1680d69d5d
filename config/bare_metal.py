"""What a stack file says of a cluster on the company's own machines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Network
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from .addresses import NamedRange, is_private, overlap_problems
from .cluster import ClusterSettings
from .errors import KeyPath, Problem, shown
from .model import Address, Cidr, Labels, Name, Settings, Taints
from .node_pools import NodePool, own_label_problems
from .pem import Pem
from .platforms import Capability, Feature
from .text import Text, invalid

MachineName = Annotated[str, Text(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", "the name of a node, at most 63 characters", 63)]


_SECRET_NAME = re.compile(r"(?i)(secret|token|password|passphrase|credentials?|(access|api|private)[-_]?key)$")


def secrets_given(args: Sequence[str], env: Iterable[str]) -> Iterator[tuple[KeyPath, str]]:
    """Options that are given a value and variables that are called secret, `--client-secret`, `API_TOKEN`, each with its place."""
    for index, arg in enumerate(args):
        name, _, value = arg.partition("=")
        following = "".join(args[index + 1 : index + 2])
        if (
            arg.startswith("-")
            and (value or (following and not following.startswith("-")))
            and _SECRET_NAME.search(name)
        ):
            yield ("args", index), name
    yield from ((("env", name), name) for name in env if _SECRET_NAME.search(name))


_NO_AUTOSCALER = "a machine can't be made by an autoscaler: the inventory says how many there are"


class ExecPlugin(Settings):
    """A credential plugin: a command that fetches a token for each run, so that none is stored."""

    api_version: Literal["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"] = (
        "client.authentication.k8s.io/v1"
    )
    """What the command speaks."""
    command: Annotated[str, Field(min_length=1)]
    args: Annotated[tuple[str, ...], Field(strict=False)] = ()
    env: dict[str, str] = {}
    """Settings of the command; nothing secret belongs here."""

    def conflicts(self) -> Iterator[Problem]:
        for path, name in secrets_given(self.args, self.env):
            yield Problem(
                path=path,
                message=f"{name} is called secret, and nothing secret goes into a stack file",
                expected="a command that logs a person or machine in, such as kubelogin",
            )


class KubeconfigProvisioner(Settings):
    """Reaches a cluster that exists already: its API server, its authority, and how to get a token."""

    type: Literal["kubeconfig"]
    server: Annotated[str, Text(r"https://[^\s/]+(:\d+)?", "an address such as https://10.40.0.10:6443")]
    """Address of the API server, a virtual one in front of all control-plane machines: https://10.40.0.10:6443."""
    certificate_authority: Pem
    """The API server's authority, PEM. It is public."""
    exec: ExecPlugin


class BareMetalNetwork(Settings):
    """Ranges that the cluster uses; kuber doesn't make them."""

    machines_cidr: Cidr
    pods_cidr: Cidr
    services_cidr: Cidr
    load_balancers_cidr: Cidr
    """Addresses for services of type LoadBalancer; within the machines' range or beside it."""

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        for one in self.ranges():
            if not is_private(one.cidr):
                yield Problem(
                    path=one.path, message="not a private range", found=str(one.cidr), expected="such as 10.40.0.0/20"
                )
        yield from overlap_problems([one for one in self.ranges() if one.path != ("load_balancers_cidr",)])
        for one in self.ranges()[1:3]:
            if one.cidr.overlaps(self.load_balancers_cidr):
                yield from overlap_problems([one, NamedRange(("load_balancers_cidr",), self.load_balancers_cidr)])

    def ranges(self) -> list[NamedRange]:
        """All ranges that the cluster takes."""
        names = ("machines_cidr", "pods_cidr", "services_cidr", "load_balancers_cidr")
        return [NamedRange((name,), getattr(self, name)) for name in names]


def _on_demand(value: object) -> object:
    if value == "spot":
        raise invalid("bare metal has no spot machines", expected="on_demand", hint="leave `capacity` out")
    return value


class BareMetalPool(NodePool):
    """Machines of one kind: their common labels and taints."""

    refused_keys = {
        "min": _NO_AUTOSCALER,
        "max": _NO_AUTOSCALER,
        "machine_types": "a machine is what it is: the inventory names it",
        "disk_gib": "a machine has the disks that it has",
        "zones": "a machine's zone stands in the inventory",
        "version": "the machines' Kubernetes is installed outside kuber",
    }

    capacity: Annotated[Literal["on_demand"], BeforeValidator(_on_demand)] = "on_demand"  # pyright: ignore[reportIncompatibleVariableOverride]


class Machine(Settings):
    """One machine of the inventory, under the name of its node."""

    address: Address
    role: Literal["control_plane", "worker"] = "worker"
    pool: Name | None = None
    """The pool that it belongs to; control-plane machines have none."""
    zone: Name
    """Rack or room that fails as one; becomes topology.kubernetes.io/zone."""
    labels: Labels = {}
    taints: Taints = ()

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        yield from own_label_problems(self.labels)


class BareMetalCluster(ClusterSettings):
    """A cluster in a data centre."""

    version_source = "upstream"
    capabilities: ClassVar[frozenset[Capability]] = frozenset()
    brings: ClassVar[frozenset[Feature]] = frozenset({Feature.CLUSTER_DNS})

    platform: Literal["bare_metal"]  # type: ignore[assignment]
    site: Name
    """The data centre: becomes topology.kubernetes.io/region."""
    provisioner: KubeconfigProvisioner
    network: BareMetalNetwork
    pools: dict[Name, BareMetalPool] = {}  # pyright: ignore[reportIncompatibleVariableOverride]
    machines: Annotated[dict[MachineName, Machine], Field(min_length=1)]
    """The inventory, by node name."""

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        owner: dict[Address, str] = {}
        for name, machine in self.machines.items():
            at = ("machines", name)
            if machine.address not in self.network.machines_cidr:
                yield Problem(
                    path=(*at, "address"),
                    message="outside the machines' range",
                    found=str(machine.address),
                    expected=f"an address in {self.network.machines_cidr}",
                )
            if machine.address in self.network.load_balancers_cidr:
                yield Problem(
                    path=(*at, "address"),
                    message="one of the load balancers' addresses",
                    found=str(machine.address),
                    expected=f"an address outside {self.network.load_balancers_cidr}",
                )
            if machine.address in owner:
                yield Problem(
                    path=(*at, "address"),
                    message=f"{owner[machine.address]} has this address",
                    found=str(machine.address),
                    expected="an address of its own",
                )
            owner.setdefault(machine.address, name)
            yield from self._membership_problems(name, machine)
        control_planes = sum(machine.role == "control_plane" for machine in self.machines.values())
        if control_planes % 2 == 0:
            yield Problem(
                path=("machines",),
                message="etcd needs an odd number of control-plane machines to keep a majority",
                found=f"{control_planes} with role control_plane",
                expected="1, 3 or 5",
            )

    def _membership_problems(self, name: str, machine: Machine) -> Iterator[Problem]:
        at = ("machines", name, "pool")
        if machine.role == "control_plane" and machine.pool:
            yield Problem(path=at, message="a control-plane machine is in no pool", expected="no `pool`")
        elif machine.role == "worker" and machine.pool not in self.pools:
            yield Problem(
                path=at,
                message="unknown pool" if machine.pool else "a worker belongs to a pool",
                found=shown(machine.pool),
                expected=f"one of {', '.join(self.pools) or '(no pools are defined)'}",
            )

    @property
    def spread_over(self) -> tuple[str, ...]:
        return tuple(sorted({machine.zone for machine in self.machines.values()}))

    def control_plane_cidrs(self) -> tuple[IPv4Network, ...]:
        return (self.network.machines_cidr,)

    def services_cidr(self) -> IPv4Network:
        return self.network.services_cidr

    def node_cidrs(self) -> tuple[IPv4Network, ...]:
        return (self.network.machines_cidr,)

    def address_ranges(self) -> list[NamedRange]:
        inside = self.network.load_balancers_cidr.subnet_of(self.network.machines_cidr)
        ranges = [one for one in self.network.ranges() if not (inside and one.path == ("load_balancers_cidr",))]
        return [NamedRange(("network", *one.path), one.cidr) for one in ranges]
