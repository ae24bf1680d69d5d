"""The VPC of an EKS cluster."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network

import pulumi
import pulumi_aws as aws

from config.addresses import zone_subnets
from config.eks import EksNetwork, FlowLogs

ANYWHERE = "0.0.0.0/0"
_GATEWAY_ENDPOINTS = ("s3",)


@dataclass(frozen=True, kw_only=True)
class VpcArgs:
    """What the VPC of a cluster needs.

    Attributes:
        cluster_name: The cluster's name in AWS, for the subnet tags by which load balancers find their subnets.
        region: AWS region.
        account_id: AWS account, for the conditions of trust policies.
        zones: Availability zones, a private and a public subnet in each.
        network: The network as the stack file describes it.
        private_cidrs: Ranges behind the transit gateway, where there is one.
        protect: Refuse to delete the VPC.
    """

    cluster_name: str
    region: str
    account_id: str
    zones: Sequence[str]
    network: EksNetwork
    private_cidrs: Sequence[IPv4Network]
    protect: bool


class Vpc(pulumi.ComponentResource):
    """A VPC with a private and a public subnet in each zone; nodes live in the private ones.

    Attributes:
        vpc: The VPC.
        private_subnet_ids: Private subnets by zone.
        egress: The routes out; nodes need them before they can join.
    """

    vpc: aws.ec2.Vpc
    private_subnet_ids: Mapping[str, pulumi.Output[str]]
    egress: Sequence[pulumi.Resource]

    def __init__(self, name: str, args: VpcArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kuber:network:Vpc", name, None, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)

        self.vpc = aws.ec2.Vpc(
            name,
            cidr_block=str(args.network.cidr),
            enable_dns_hostnames=True,  # the private API endpoint and interface endpoints are found by DNS
            enable_dns_support=True,
            tags={"Name": args.cluster_name},
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect),
        )
        # Without rules of its own the default group lets nothing through (CIS AWS Foundations, 5.4).
        aws.ec2.DefaultSecurityGroup(f"{name}-default-deny", vpc_id=self.vpc.id, opts=self._child)

        public_subnets, internet = self._public_subnets()
        gateways = self._nat_gateways(public_subnets, internet)
        self.private_subnet_ids, route_tables, self.egress = self._private_subnets(gateways)
        self._endpoints(route_tables)
        if args.network.transit_gateway:
            self.egress = [*self.egress, *self._attached(args.network.transit_gateway, route_tables)]
        if args.network.flow_logs:
            self._flow_logs(args.network.flow_logs)
        self.register_outputs({"vpcId": self.vpc.id})

    def _public_subnets(self) -> tuple[dict[str, aws.ec2.Subnet], aws.ec2.Route]:
        """Subnets for internet-facing load balancers and NAT gateways, and their route to the internet."""
        name = self._name
        internet = aws.ec2.InternetGateway(
            f"{name}-internet", vpc_id=self.vpc.id, tags={"Name": self._args.cluster_name}, opts=self._child
        )
        routes = aws.ec2.RouteTable(
            f"{name}-public", vpc_id=self.vpc.id, tags={"Name": f"{self._args.cluster_name}-public"}, opts=self._child
        )
        route = aws.ec2.Route(
            f"{name}-public-internet",
            route_table_id=routes.id,
            destination_cidr_block=ANYWHERE,
            gateway_id=internet.id,
            opts=self._child,
        )
        subnets = {zone: self._subnet(zone, "public", "kubernetes.io/role/elb", routes)[0] for zone in self._args.zones}
        return subnets, route

    def _nat_gateways(
        self, public_subnets: Mapping[str, aws.ec2.Subnet], internet: aws.ec2.Route
    ) -> dict[str, aws.ec2.NatGateway]:
        """The NAT gateway that each zone goes out by: its own, or the first zone's for all."""
        zones = self._args.zones if self._args.network.nat == "per_zone" else self._args.zones[:1]
        after_internet = pulumi.ResourceOptions(parent=self, depends_on=[internet])  # AWS refuses a gateway without it
        gateways: dict[str, aws.ec2.NatGateway] = {}
        for zone in zones:
            tags = {"Name": f"{self._args.cluster_name}-{zone}"}
            address = aws.ec2.Eip(f"{self._name}-nat-{zone}", domain="vpc", tags=tags, opts=after_internet)
            gateways[zone] = aws.ec2.NatGateway(
                f"{self._name}-nat-{zone}",
                allocation_id=address.allocation_id,
                subnet_id=public_subnets[zone].id,
                tags=tags,
                opts=after_internet,
            )
        return {zone: gateways.get(zone, gateways[zones[0]]) for zone in self._args.zones}

    def _private_subnets(
        self, gateways: Mapping[str, aws.ec2.NatGateway]
    ) -> tuple[dict[str, pulumi.Output[str]], list[aws.ec2.RouteTable], list[pulumi.Resource]]:
        """Subnets for nodes, pods and internal load balancers, each zone with its own way out."""
        subnets: dict[str, pulumi.Output[str]] = {}
        tables: list[aws.ec2.RouteTable] = []
        egress: list[pulumi.Resource] = []
        for zone in self._args.zones:
            table = aws.ec2.RouteTable(
                f"{self._name}-private-{zone}",
                vpc_id=self.vpc.id,
                tags={"Name": f"{self._args.cluster_name}-private-{zone}"},
                opts=self._child,
            )
            route = aws.ec2.Route(
                f"{self._name}-private-{zone}-nat",
                route_table_id=table.id,
                destination_cidr_block=ANYWHERE,
                nat_gateway_id=gateways[zone].id,
                opts=self._child,
            )
            subnet, association = self._subnet(zone, "private", "kubernetes.io/role/internal-elb", table)
            subnets[zone] = subnet.id
            tables.append(table)
            egress += [route, association]
        return subnets, tables, egress

    def _attached(self, gateway: str, route_tables: Sequence[aws.ec2.RouteTable]) -> list[pulumi.Resource]:
        """The VPC at a transit gateway, with a route for each range behind it; without one the NAT gateways would get the answers."""
        attachment = aws.ec2transitgateway.VpcAttachment(
            f"{self._name}-transit",
            transit_gateway_id=gateway,
            vpc_id=self.vpc.id,
            subnet_ids=list(self.private_subnet_ids.values()),
            tags={"Name": self._args.cluster_name},
            opts=self._child,
        )
        return [
            aws.ec2.Route(
                f"{self._name}-private-{zone}-{cidr}",
                route_table_id=table.id,
                destination_cidr_block=str(cidr),
                transit_gateway_id=gateway,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[attachment]),
            )
            for zone, table in zip(self._args.zones, route_tables, strict=True)
            for cidr in self._args.private_cidrs
        ]

    def _subnet(
        self, zone: str, kind: str, role_tag: str, routes: aws.ec2.RouteTable
    ) -> tuple[aws.ec2.Subnet, aws.ec2.RouteTableAssociation]:
        """One subnet with its routes; the role tag tells load balancers that it is for them (EKS user guide, "VPC and subnets")."""
        share = zone_subnets(self._args.network.cidr, zone)
        subnet = aws.ec2.Subnet(
            f"{self._name}-{kind}-{zone}",
            vpc_id=self.vpc.id,
            availability_zone=zone,
            cidr_block=str(share.public if kind == "public" else share.private),
            map_public_ip_on_launch=False,
            tags={
                "Name": f"{self._args.cluster_name}-{kind}-{zone}",
                role_tag: "1",
                f"kubernetes.io/cluster/{self._args.cluster_name}": "shared",
            },
            opts=self._child,
        )
        association = aws.ec2.RouteTableAssociation(
            f"{self._name}-{kind}-{zone}", subnet_id=subnet.id, route_table_id=routes.id, opts=self._child
        )
        return subnet, association

    def _endpoints(self, route_tables: Sequence[aws.ec2.RouteTable]) -> None:
        """AWS services reached from within the VPC: by a route where there is a gateway endpoint, else by an interface."""
        interfaces = [service for service in self._args.network.vpc_endpoints if service not in _GATEWAY_ENDPOINTS]
        gateways = [service for service in self._args.network.vpc_endpoints if service in _GATEWAY_ENDPOINTS]
        for service in gateways:
            aws.ec2.VpcEndpoint(
                f"{self._name}-{service}",
                vpc_id=self.vpc.id,
                service_name=f"com.amazonaws.{self._args.region}.{service}",
                vpc_endpoint_type="Gateway",
                route_table_ids=[table.id for table in route_tables],
                tags={"Name": f"{self._args.cluster_name}-{service}"},
                opts=self._child,
            )
        if not interfaces:
            return
        group = aws.ec2.SecurityGroup(
            f"{self._name}-endpoints",
            vpc_id=self.vpc.id,
            description="HTTPS from the VPC to its interface endpoints",
            tags={"Name": f"{self._args.cluster_name}-endpoints"},
            opts=self._child,
        )
        aws.vpc.SecurityGroupIngressRule(
            f"{self._name}-endpoints-https",
            security_group_id=group.id,
            description="HTTPS from the VPC",
            cidr_ipv4=str(self._args.network.cidr),
            ip_protocol="tcp",
            from_port=443,
            to_port=443,
            opts=self._child,
        )
        for service in interfaces:
            aws.ec2.VpcEndpoint(
                f"{self._name}-{service}",
                vpc_id=self.vpc.id,
                service_name=f"com.amazonaws.{self._args.region}.{service}",
                vpc_endpoint_type="Interface",
                private_dns_enabled=True,
                subnet_ids=list(self.private_subnet_ids.values()),
                security_group_ids=[group.id],
                tags={"Name": f"{self._args.cluster_name}-{service}"},
                opts=self._child,
            )

    def _flow_logs(self, settings: FlowLogs) -> None:
        """Who talked to whom, in a log group of the cluster's own (CIS AWS Foundations, 3.7)."""
        region, account = self._args.region, self._args.account_id
        group_name = f"/kuber/{self._args.cluster_name}/flow-logs"
        group = aws.cloudwatch.LogGroup(
            f"{self._name}-flow-logs",
            name=group_name,
            retention_in_days=settings.retention_days,
            opts=self._child,
        )
        # The conditions keep other accounts from using the service to write here (VPC user guide, "IAM role for flow logs").
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "vpc-flow-logs.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                    "Condition": {
                        "StringEquals": {"aws:SourceAccount": account},
                        "ArnLike": {"aws:SourceArn": f"arn:aws:ec2:{region}:{account}:vpc-flow-log/*"},
                    },
                }
            ],
        }
        role = aws.iam.Role(f"{self._name}-flow-logs", assume_role_policy=json.dumps(trust), opts=self._child)
        write = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": [
                        "logs:CreateLogStream",
                        "logs:DescribeLogGroups",
                        "logs:DescribeLogStreams",
                        "logs:PutLogEvents",
                    ],
                    "Resource": f"arn:aws:logs:{region}:{account}:log-group:{group_name}:*",
                }
            ],
        }
        policy = aws.iam.RolePolicy(
            f"{self._name}-flow-logs", role=role.name, policy=json.dumps(write), opts=self._child
        )
        aws.ec2.FlowLog(
            f"{self._name}-flow-logs",
            vpc_id=self.vpc.id,
            traffic_type=settings.traffic,
            log_destination=group.arn,
            iam_role_arn=role.arn,
            max_aggregation_interval=60,
            tags={"Name": self._args.cluster_name},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy]),
        )
