"""A cluster as a picture has it: who reaches it, its network, its zones, the nodes in them, and the parts of its standard stack."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from config.bare_metal import BareMetalCluster
from config.cluster import CloudClusterSettings
from config.eks import EksCluster
from config.gke import GkeCluster
from config.model import Taint

from .document import Plan
from .summary import Component, Resource, component_tree

PART = "kuber:standard_stack:Part"
_NAMESPACES = ("kubernetes:core/v1:Namespace", "kubernetes:core/v1:NamespacePatch")
_SERVICE = "kubernetes:core/v1:Service"


@dataclass(frozen=True, kw_only=True)
class Named:
    """Something with a name, and what is to be known of it.

    Attributes:
        name: `office-vpn`.
        value: `10.250.0.0/20`; "" where the name says it all.
        public: Whether it is open to the internet.
    """

    name: str
    value: str = ""
    public: bool = False


@dataclass(frozen=True, kw_only=True)
class Zone:
    """A zone of a region, or a rack.

    Attributes:
        name: Its name.
        holds: What is in it beside nodes: subnets with their ranges, ways out.
    """

    name: str
    holds: Sequence[Named] = ()


@dataclass(frozen=True, kw_only=True)
class Nodes:
    """The nodes of a pool in one zone.

    Attributes:
        always: How many there are at least.
        more: How many there may be beside them.
        names: Those of machines that are known.
    """

    always: int
    more: int = 0
    names: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class PicturedPool:
    """A node pool.

    Attributes:
        name: As the stack file calls it.
        kind: What its nodes are to the cluster: `control_plane`, or their capacity.
        size: How many nodes: `3–6`.
        machine_types: The first is what it is mostly made of.
        nodes: By zone, in the order of the picture's zones; None where it has none.
        taints: What its nodes refuse: `CriticalAddonsOnly=true:NoSchedule`.
    """

    name: str
    kind: str
    size: str
    machine_types: Sequence[str]
    nodes: Sequence[Nodes | None]
    taints: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class PicturedPart:
    """A part of the standard stack.

    Attributes:
        component: Itself.
        name: In words: `load balancers`.
        namespaces: Where its objects are.
        charts: With their versions.
        incomplete: Whether it lacks objects, since charts of its aren't on this machine.
    """

    component: Component
    name: str
    namespaces: Sequence[str]
    charts: Sequence[Named]
    incomplete: bool


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A cluster.

    Attributes:
        platform: For people: `Amazon EKS`.
        place: Where it is: region and account, project, or site.
        callers: Who reaches the API server.
        traffic: Load balancers, by which traffic comes in.
        control_plane: What is to be known of it.
        network: Its name and range.
        ranges: What else has ranges, and ways out of the network.
        spread: Whether nodes are drawn evenly spread, since the cloud decides where they are.
        zones: The zones.
        pools: The node pools.
        parts: Of the standard stack.
    """

    platform: str
    place: str
    callers: Sequence[Named]
    traffic: Sequence[Named]
    control_plane: Sequence[Named]
    network: Named
    ranges: Sequence[Named]
    spread: bool
    zones: Sequence[Zone]
    pools: Sequence[PicturedPool]
    parts: Sequence[PicturedPart] = field(default=())


def picture(plan: Plan) -> Picture:
    """The picture of a plan's cluster."""
    match plan.settings:
        case EksCluster() as settings:
            return _eks(plan, settings)
        case GkeCluster() as settings:
            return _gke(plan, settings)
        case BareMetalCluster() as settings:
            return _bare_metal(plan, settings)
        case other:
            raise TypeError(f"no picture for {type(other).__name__}")


def _eks(plan: Plan, settings: EksCluster) -> Picture:
    network = settings.network
    addons = [one["inputs"] for one in _of(plan, "aws:eks/addon:Addon")]
    ranges = [Named(name="services", value=str(network.service_cidr))]
    ranges += [Named(name="internet gateway")] if _of(plan, "aws:ec2/internetGateway:InternetGateway") else []
    ranges += [Named(name="transit gateway", value=network.transit_gateway)] if network.transit_gateway else []
    ranges += [Named(name="endpoints", value=", ".join(network.vpc_endpoints))] if network.vpc_endpoints else []
    return Picture(
        platform="Amazon EKS",
        place=f"{settings.region}, account {settings.account_id}",
        callers=_callers(settings),
        traffic=_traffic(plan),
        control_plane=[
            *_endpoint(settings),
            Named(name="secrets", value="encrypted with a key of its own"),
            Named(name="logs", value=f"kept {settings.logs.retention_days} days"),
            *(Named(name=one["addonName"], value=one["addonVersion"]) for one in addons),
        ],
        network=Named(name="VPC", value=str(network.cidr)),
        ranges=ranges,
        spread=True,
        zones=[Zone(name=zone, holds=list(_in_vpc_zone(plan, zone))) for zone in settings.zones],
        pools=_cloud_pools(settings),
        parts=_parts(plan),
    )


def _in_vpc_zone(plan: Plan, zone: str) -> Iterator[Named]:
    """Subnets and ways out of one zone."""
    for one in _of(plan, "aws:ec2/subnet:Subnet"):
        if one["inputs"]["availabilityZone"] == zone:
            public = "kubernetes.io/role/elb" in one["inputs"]["tags"]
            yield Named(name="public" if public else "private", value=one["inputs"]["cidrBlock"], public=public)
    if any(one["name"].endswith(zone) for one in _of(plan, "aws:ec2/natGateway:NatGateway")):
        yield Named(name="NAT gateway")


def _gke(plan: Plan, settings: GkeCluster) -> Picture:
    network = settings.network
    return Picture(
        platform="Google Kubernetes Engine",
        place=f"{settings.region}, project {settings.project.id}",
        callers=_callers(settings),
        traffic=_traffic(plan),
        control_plane=[
            *_endpoint(settings),
            Named(name="range", value=str(network.control_plane_cidr)),
            Named(name="secrets", value="encrypted with a key of its own"),
        ],
        network=Named(name="VPC network", value=str(network.nodes_cidr)),
        ranges=[
            Named(name="pods", value=str(network.pods_cidr)),
            Named(name="services", value=str(network.services_cidr)),
            *([Named(name="Cloud NAT")] if _of(plan, "gcp:compute/routerNat:RouterNat") else []),
        ],
        spread=True,
        zones=[Zone(name=zone) for zone in settings.zones],
        pools=_cloud_pools(settings),
        parts=_parts(plan),
    )


def _bare_metal(plan: Plan, settings: BareMetalCluster) -> Picture:
    network = settings.network
    return Picture(
        platform="Machines of our own",
        place=f"site {settings.site}",
        callers=[],
        traffic=[replace(one, value=str(network.load_balancers_cidr), public=False) for one in _traffic(plan)],
        control_plane=[Named(name="API server", value=settings.provisioner.server)],
        network=Named(name="Machines", value=str(network.machines_cidr)),
        ranges=[
            Named(name="pods", value=str(network.pods_cidr)),
            Named(name="services", value=str(network.services_cidr)),
            Named(name="load balancers", value=str(network.load_balancers_cidr)),
        ],
        spread=False,
        zones=[Zone(name=zone) for zone in settings.spread_over],
        pools=list(_machine_pools(settings)),
        parts=_parts(plan),
    )


def _callers(settings: CloudClusterSettings) -> list[Named]:
    endpoint = settings.endpoint
    ranges = ((False, endpoint.private_cidrs), (True, endpoint.public_cidrs))
    return [
        Named(name=name, value=str(cidr), public=public) for public, named in ranges for name, cidr in named.items()
    ]


def _endpoint(settings: CloudClusterSettings) -> Iterator[Named]:
    public = bool(settings.endpoint.public_cidrs)
    yield Named(name="endpoint", value="private and public" if public else "private only", public=public)


def _traffic(plan: Plan) -> list[Named]:
    """Load balancers. What makes one internal is an annotation, another one on each cloud, whose value says so."""
    found = []
    for one in _of(plan, _SERVICE):
        if one["inputs"]["spec"].get("type") == "LoadBalancer":
            annotations = one["inputs"]["metadata"].get("annotations") or {}
            internal = any(str(value).lower() == "internal" for value in annotations.values())
            found.append(Named(name=one["name"], value="internal" if internal else "", public=not internal))
    return found


def _cloud_pools(settings: CloudClusterSettings) -> list[PicturedPool]:
    return [
        PicturedPool(
            name=name,
            kind=pool.capacity,
            size=f"{pool.min}–{pool.max}" if pool.min != pool.max else str(pool.min),
            machine_types=pool.machine_types,
            nodes=_spread(pool.min, pool.max, pool.zones or settings.zones, settings.zones),
            taints=[_taint(one) for one in pool.taints],
        )
        for name, pool in settings.pools.items()
    ]


def _spread(least: int, most: int, zones: Sequence[str], every: Sequence[str]) -> list[Nodes | None]:
    """Nodes spread evenly over a pool's zones."""
    shares: dict[str, Nodes] = {}
    for index, zone in enumerate(zones):
        always, at_most = (number // len(zones) + (index < number % len(zones)) for number in (least, most))
        shares[zone] = Nodes(always=always, more=at_most - always)
    return [shares.get(zone) for zone in every]


def _machine_pools(settings: BareMetalCluster) -> Iterator[PicturedPool]:
    for pool_name in [None, *settings.pools]:
        machines = {name: one for name, one in settings.machines.items() if one.pool == pool_name}
        names = [[name for name, one in machines.items() if one.zone == zone] for zone in settings.spread_over]
        yield PicturedPool(
            name=pool_name or "control plane",
            kind="on_demand" if pool_name else "control_plane",
            size=str(len(machines)),
            machine_types=(),
            nodes=[Nodes(always=len(there), names=there) if there else None for there in names],
            taints=[_taint(one) for one in settings.pools[pool_name].taints] if pool_name else (),
        )


def _taint(one: Taint) -> str:
    return f"{one.key}={one.value}:{one.effect}" if one.value else f"{one.key}:{one.effect}"


def _parts(plan: Plan) -> list[PicturedPart]:
    return [_part(one, plan) for one in _components(component_tree(plan)) if one.resource["type"] == PART]


def _part(component: Component, plan: Plan) -> PicturedPart:
    name = component.resource["name"]
    below = [one for one in plan.resources if one["parent"] == component.resource["urn"]]
    charts: Mapping[str, str] = component.resource["inputs"].get("charts", {})
    return PicturedPart(
        component=component,
        name=name.replace("_", " "),
        namespaces=[one["inputs"]["metadata"]["name"] for one in below if one["type"] in _NAMESPACES],
        charts=[Named(name=chart, value=version) for chart, version in charts.items()],
        incomplete=name in plan.incomplete,
    )


def _components(component: Component) -> Iterator[Component]:
    yield component
    for one in component.components:
        yield from _components(one)


def _of(plan: Plan, type_: str) -> list[Resource]:
    return [one for one in plan.resources if one["type"] == type_]
