"""The load balancer of an ingress class: what its Service says on each platform, and how the client's address gets through it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from config.standard_stack.ingress import IngressClassSettings

from ..site import Site
from .classes import IngressClass

_AWS = "service.beta.kubernetes.io/aws-load-balancer"


@dataclass(frozen=True, kw_only=True)
class LoadBalancer:
    """A Service of type LoadBalancer.

    Attributes:
        annotations: For whoever makes the load balancer.
        spec: Fields of the Service's spec, beside its type, ports and selector.
        proxy_protocol_from: Where connections come from that begin with the PROXY protocol; none where they don't.
    """

    annotations: Mapping[str, str]
    spec: Mapping[str, Any] = field(default_factory=dict)
    proxy_protocol_from: Sequence[str] = ()


def load_balancer(site: Site, name: IngressClass, settings: IngressClassSettings) -> LoadBalancer:
    """The load balancer of a class.

    The client's address gets through on each platform: packets keep it, and `externalTrafficPolicy: Local` keeps nodes from
    replacing it; a load balancer of AWS that sends to pods itself says it by the PROXY protocol, which unlike keeping it
    also works for pods that call the cluster's own ingress.
    """
    if site.settings.platform == "eks":
        made = _network_load_balancer(site, name, settings)
    elif site.settings.platform == "gke":
        made = _passthrough_load_balancer(name, settings)
    else:
        made = _metallb(settings)
    ranges = {str(cidr) for cidr in settings.source_ranges.values()}
    if ranges and name == "internal":  # pods call what the cluster serves, too
        ranges |= {str(one.cidr) for one in site.settings.address_ranges()}
    spec = {**made.spec, **({"loadBalancerSourceRanges": sorted(ranges)} if ranges else {})}
    return LoadBalancer(
        annotations={**made.annotations, **settings.annotations},
        spec=spec,
        proxy_protocol_from=made.proxy_protocol_from,
    )


def _network_load_balancer(site: Site, name: IngressClass, settings: IngressClassSettings) -> LoadBalancer:
    """AWS: by the AWS Load Balancer Controller, straight to pods; or by the cloud provider's own code, by way of nodes.

    Annotations as in the controller's guide ("Network Load Balancer", "Service annotations").
    """
    addresses = ",".join(settings.addresses)
    kind = "eip-allocations" if name == "public" else "private-ipv4-addresses"
    fixed = {f"{_AWS}-{kind}": addresses} if addresses else {}
    spread = {f"{_AWS}-attributes": "load_balancing.cross_zone.enabled=true"}
    if not site.stack.load_balancers.aws_controller:
        internal = {f"{_AWS}-internal": "true"} if name == "internal" else {}
        in_tree = {f"{_AWS}-type": "nlb", f"{_AWS}-cross-zone-load-balancing-enabled": "true"}
        return LoadBalancer(annotations={**in_tree, **internal, **fixed}, spec={"externalTrafficPolicy": "Local"})
    return LoadBalancer(
        annotations={
            f"{_AWS}-type": "external",
            f"{_AWS}-nlb-target-type": "ip",
            f"{_AWS}-scheme": "internet-facing" if name == "public" else "internal",
            f"{_AWS}-target-group-attributes": "proxy_protocol_v2.enabled=true,deregistration_delay.timeout_seconds=60",
            **spread,
            **fixed,
        },
        spec={"externalTrafficPolicy": "Cluster", "allocateLoadBalancerNodePorts": False},
        proxy_protocol_from=[str(cidr) for cidr in site.node_cidrs],
    )


def _passthrough_load_balancer(name: IngressClass, settings: IngressClassSettings) -> LoadBalancer:
    """Google Cloud: a passthrough network load balancer (GKE documentation, "LoadBalancer Service parameters")."""
    scheme = (
        {"cloud.google.com/l4-rbs": "enabled"}
        if name == "public"
        else {
            "networking.gke.io/load-balancer-type": "Internal",
            "networking.gke.io/internal-load-balancer-allow-global-access": "true",
        }
    )
    return LoadBalancer(
        annotations=scheme,
        spec={
            "externalTrafficPolicy": "Local",
            **({"loadBalancerIP": settings.addresses[0]} if settings.addresses else {}),
        },
    )


def _metallb(settings: IngressClassSettings) -> LoadBalancer:
    """Own machines: MetalLB announces the address (MetalLB documentation, "Usage")."""
    fixed = {"metallb.io/loadBalancerIPs": settings.addresses[0]} if settings.addresses else {}
    pool = {"metallb.io/address-pool": settings.address_pool} if settings.address_pool else {}
    return LoadBalancer(annotations={**pool, **fixed}, spec={"externalTrafficPolicy": "Local"})
