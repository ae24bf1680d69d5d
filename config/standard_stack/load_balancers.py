"""Services of type LoadBalancer: the cloud's, or MetalLB and kube-vip on own machines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field

from ..errors import Problem
from ..model import Address, Name, Settings
from ..platforms import Capability
from ..text import Text
from .part import ContainerResources, PartSettings

if TYPE_CHECKING:
    from ..bare_metal import BareMetalCluster
    from ..cluster import ClusterSettings

Asn = Annotated[int, Field(ge=1, le=4_294_967_295)]
InterfaceName = Annotated[str, Text(r"[a-zA-Z0-9._-]{1,15}", "a network interface such as eth0")]
_METAL = ("mode", "peers", "announced_by", "avoid_network_addresses", "api_address")


class BgpPeer(Settings):
    """A router that is told where the addresses are."""

    address: Address
    asn: Asn
    """The router's autonomous system."""
    my_asn: Asn
    """The machines' autonomous system."""


class ApiAddress(Settings):
    """The virtual address in front of all control-plane machines."""

    address: Address
    """The one in `provisioner.server`."""
    interface: InterfaceName
    """Network interface of the control-plane machines that carries it."""


class LoadBalancersSettings(PartSettings):
    """Load balancers: AWS's by its controller, Google's by GKE itself; on own machines addresses by MetalLB.

    The AWS controller's certificate is made by cert-manager, so this part comes after `certificates`.
    """

    needs: ClassVar[tuple[str, ...]] = ("certificates",)

    aws_controller: bool = True
    """The AWS Load Balancer Controller: network load balancers that send straight to pods. Without it, EKS makes classic ones."""
    resources: ContainerResources = ContainerResources(cpu="50m", memory="128Mi", memory_limit="256Mi")
    """Of each controller."""
    mode: Literal["l2", "bgp"] = "l2"
    """l2: one machine answers for an address, and another takes over in seconds. bgp: routers share out over machines."""
    peers: Annotated[tuple[BgpPeer, ...], Field(strict=False)] = ()
    """Routers, with `mode: bgp`."""
    announced_by: Annotated[tuple[Name, ...], Field(strict=False)] = ()
    """Pools whose machines announce addresses; all unless given. Control-plane machines never do."""
    avoid_network_addresses: bool = True
    """Leave addresses that end in .0 and .255 out: some old devices drop them."""
    api_address: ApiAddress | None = None
    """Keep the API's virtual address alive with kube-vip, where nothing else does. For a cluster that exists: it can't start one."""

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        if (self.mode == "bgp") != bool(self.peers):
            yield Problem(
                path=("peers",),
                message="routers are for `mode: bgp`, and that needs one",
                found=f"mode {self.mode}, {len(self.peers)} peers",
                expected="peers with `mode: bgp`, none with `mode: l2`",
            )

    def problems_on(self, cluster: ClusterSettings) -> Iterator[Problem]:
        given = self.model_fields_set
        if Capability.CLOUD_LOAD_BALANCER in cluster.capabilities:
            for field in (field for field in _METAL if field in given):
                yield Problem(
                    path=(field,), message="the cloud has load balancers of its own", expected=f"no `{field}`"
                )
            if "aws_controller" in given and cluster.platform != "eks":
                yield Problem(
                    path=("aws_controller",), message="GKE makes Google's load balancers itself", expected="no such key"
                )
            return
        if "aws_controller" in given:
            yield Problem(
                path=("aws_controller",), message="there is no AWS under own machines", expected="no such key"
            )
        yield from self._machine_problems(cluster)  # pyright: ignore[reportArgumentType] - without a cloud's load balancers

    def _machine_problems(self, cluster: BareMetalCluster) -> Iterator[Problem]:
        for index, name in enumerate(self.announced_by):
            if name not in cluster.pools:
                yield Problem(
                    path=("announced_by", index),
                    message="no pool of this cluster",
                    found=name,
                    expected=f"one of {', '.join(cluster.pools)}",
                )
        if self.api_address and str(self.api_address.address) != urlsplit(cluster.provisioner.server).hostname:
            yield Problem(
                path=("api_address", "address"),
                message="not the address by which the API is reached",
                found=str(self.api_address.address),
                expected=f"the one in {cluster.provisioner.server}",
            )
