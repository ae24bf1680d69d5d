"""The VPC network of a GKE cluster."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from config.gke import GkeNetwork

PODS_RANGE, SERVICES_RANGE = "pods", "services"


@dataclass(frozen=True, kw_only=True)
class GcpNetworkArgs:
    """What the network of a cluster needs.

    Attributes:
        cluster_name: The cluster's name, which the network takes too.
        region: Google Cloud region.
        network: The network as the stack file describes it.
        protect: Refuse to delete the network.
    """

    cluster_name: str
    region: str
    network: GkeNetwork
    protect: bool


class GcpNetwork(pulumi.ComponentResource):
    """A network with one subnetwork: nodes in its primary range, pods and services in secondary ones, the way out by NAT.

    Attributes:
        network: The network.
        subnetwork: Its subnetwork.
        nat: The way out; nodes have no addresses of their own and need it to pull images from elsewhere.
    """

    network: gcp.compute.Network
    subnetwork: gcp.compute.Subnetwork
    nat: gcp.compute.RouterNat

    def __init__(self, name: str, args: GcpNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kuber:network:GcpNetwork", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        self.network = gcp.compute.Network(
            name,
            name=args.cluster_name,
            auto_create_subnetworks=False,
            routing_mode="GLOBAL",  # routers in other regions, where VPNs end, announce the subnetwork too
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )
        flow_logs: gcp.compute.SubnetworkLogConfigArgsDict = {
            "aggregation_interval": "INTERVAL_1_MIN",
            "flow_sampling": 0.5,
            "metadata": "INCLUDE_ALL_METADATA",
        }
        self.subnetwork = gcp.compute.Subnetwork(
            f"{name}-nodes",
            name=f"{args.cluster_name}-nodes",
            network=self.network.id,
            region=args.region,
            ip_cidr_range=str(args.network.nodes_cidr),
            secondary_ip_ranges=[
                {"range_name": PODS_RANGE, "ip_cidr_range": str(args.network.pods_cidr)},
                {"range_name": SERVICES_RANGE, "ip_cidr_range": str(args.network.services_cidr)},
            ],
            private_ip_google_access=True,
            log_config=flow_logs if args.network.flow_logs else None,
            opts=child,
        )
        router = gcp.compute.Router(
            f"{name}-router", name=args.cluster_name, network=self.network.id, region=args.region, opts=child
        )
        self.nat = gcp.compute.RouterNat(
            f"{name}-nat",
            name=args.cluster_name,
            router=router.name,
            region=args.region,
            nat_ip_allocate_option="AUTO_ONLY",
            source_subnetwork_ip_ranges_to_nat="ALL_SUBNETWORKS_ALL_IP_RANGES",
            # A node with a hundred pods runs out of 64 ports; growing by need costs no address until it is used.
            enable_dynamic_port_allocation=True,
            enable_endpoint_independent_mapping=False,
            min_ports_per_vm=64,
            max_ports_per_vm=4096,
            log_config={"enable": True, "filter": "ERRORS_ONLY"},
            opts=child,
        )
        self.register_outputs({"network": self.network.id, "subnetwork": self.subnetwork.id})
