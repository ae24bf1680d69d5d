"""Networks as the plan shows them: the VPC of an EKS cluster, the network of a GKE cluster."""

from __future__ import annotations

import json

from tests.plans import Plan, Resource, plan
from tests.support import EKS, EKS_OTHERWISE, GKE

NAT = "aws:ec2/natGateway:NatGateway"
SUBNET = "aws:ec2/subnet:Subnet"
ENDPOINT = "aws:ec2/vpcEndpoint:VpcEndpoint"


def test_each_zone_has_its_own_way_out() -> None:
    assert {gateway.name for gateway in plan(EKS).all(NAT)} == {
        f"prod-eks-network-nat-eu-west-1{letter}" for letter in "abc"
    }
    for letter in "abc":
        route = plan(EKS).one("aws:ec2/route:Route", f"prod-eks-network-private-eu-west-1{letter}-nat")
        assert gateways_before(route, plan(EKS)) == {f"prod-eks-network-nat-eu-west-1{letter}"}
        assert route.inputs["destinationCidrBlock"] == "0.0.0.0/0"


def test_a_single_way_out_serves_all_zones() -> None:
    assert plan(EKS_OTHERWISE).one(NAT).name == "prod-eks-network-nat-eu-west-1a"
    for letter in "ab":
        route = plan(EKS_OTHERWISE).one("aws:ec2/route:Route", f"prod-eks-network-private-eu-west-1{letter}-nat")
        assert gateways_before(route, plan(EKS_OTHERWISE)) == {"prod-eks-network-nat-eu-west-1a"}


def test_a_zone_more_moves_no_subnet_of_the_others() -> None:
    two = {subnet.name: subnet.inputs["cidrBlock"] for subnet in plan(EKS_OTHERWISE).all(SUBNET)}
    three = {subnet.name: subnet.inputs["cidrBlock"] for subnet in plan(EKS).all(SUBNET)}
    assert len(two) == 4 and len(three) == 6
    assert two.items() <= three.items()


def test_load_balancers_find_their_subnets_by_tags() -> None:
    for subnet in plan(EKS).all(SUBNET):
        tags, public = subnet.inputs["tags"], "-public-" in subnet.name
        assert tags["kubernetes.io/cluster/prod-eks"] == "shared"
        assert tags["kubernetes.io/role/elb" if public else "kubernetes.io/role/internal-elb"] == "1"
        assert ("kubernetes.io/role/internal-elb" in tags) is not public
        assert subnet.inputs["mapPublicIpOnLaunch"] is False


def test_nodes_live_in_private_subnets_alone() -> None:
    for group in plan(EKS).all("aws:eks/nodeGroup:NodeGroup"):
        before = [plan(EKS).resources[urn] for urn in group.options["dependsOn"]]
        subnets = {one.name for one in before if one.type == SUBNET}
        assert subnets == {f"prod-eks-network-private-eu-west-1{letter}" for letter in "abc"}
        assert len(group.inputs["subnetIds"]) == 3


def test_the_way_out_is_there_before_the_nodes() -> None:
    for group in plan(EKS).all("aws:eks/nodeGroup:NodeGroup"):
        assert {f"prod-eks-network-private-eu-west-1{letter}-nat" for letter in "abc"} <= plan(EKS).names_before(group)


def test_s3_is_reached_by_routes_and_the_others_by_interfaces() -> None:
    kinds = {one.inputs["serviceName"].removeprefix("com.amazonaws.eu-west-1."): one for one in plan(EKS).all(ENDPOINT)}
    assert set(kinds) == {"s3", "ec2", "ecr.api", "ecr.dkr", "sts", "eks-auth", "logs"}
    s3 = kinds.pop("s3")
    assert s3.inputs["vpcEndpointType"] == "Gateway" and len(s3.inputs["routeTableIds"]) == 3
    for one in kinds.values():
        assert one.inputs["vpcEndpointType"] == "Interface"
        assert one.inputs["privateDnsEnabled"] is True
        assert len(one.inputs["subnetIds"]) == 3
    rule = plan(EKS).one(
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "prod-eks-network-endpoints-https"
    )
    assert (rule.inputs["cidrIpv4"], rule.inputs["fromPort"], rule.inputs["toPort"]) == ("10.20.0.0/16", 443, 443)


def test_without_endpoints_there_is_no_group_for_them() -> None:
    assert plan(EKS_OTHERWISE).none(ENDPOINT)
    assert "prod-eks-network-endpoints" not in {one.name for one in plan(EKS_OTHERWISE).resources.values()}


def test_flow_logs_are_on_and_can_write_to_their_group_alone() -> None:
    log = plan(EKS).one("aws:ec2/flowLog:FlowLog")
    assert log.inputs["trafficType"] == "ALL"
    policy = plan(EKS).one("aws:iam/rolePolicy:RolePolicy", "prod-eks-network-flow-logs")
    [statement] = json.loads(policy.inputs["policy"])["Statement"]
    assert statement["Resource"] == ("arn:aws:logs:eu-west-1:210987654321:log-group:/kuber/prod-eks/flow-logs:*")
    group = plan(EKS).one("aws:cloudwatch/logGroup:LogGroup", "prod-eks-network-flow-logs")
    assert group.inputs["name"] == "/kuber/prod-eks/flow-logs" and group.inputs["retentionInDays"] == 30
    assert {policy, group} <= plan(EKS).before(log)


def test_flow_logs_that_are_null_are_off() -> None:
    assert plan(EKS_OTHERWISE).none("aws:ec2/flowLog:FlowLog")
    assert not [one.name for one in plan(EKS_OTHERWISE).resources.values() if "flow-logs" in one.name]


def test_the_vpc_s_default_security_group_lets_nothing_through() -> None:
    group = plan(EKS).one("aws:ec2/defaultSecurityGroup:DefaultSecurityGroup")
    assert "ingress" not in group.inputs and "egress" not in group.inputs


def test_names_resolve_within_the_vpc() -> None:
    vpc = plan(EKS).one("aws:ec2/vpc:Vpc")
    assert vpc.inputs["enableDnsHostnames"] is True and vpc.inputs["enableDnsSupport"] is True
    assert vpc.inputs["cidrBlock"] == "10.20.0.0/16"


def test_pods_and_services_of_gke_have_secondary_ranges() -> None:
    subnetwork = plan(GKE).one("gcp:compute/subnetwork:Subnetwork")
    assert subnetwork.inputs["ipCidrRange"] == "10.30.0.0/20"
    assert subnetwork.inputs["secondaryIpRanges"] == [
        {"rangeName": "pods", "ipCidrRange": "10.32.0.0/16"},
        {"rangeName": "services", "ipCidrRange": "10.30.16.0/20"},
    ]
    assert subnetwork.inputs["privateIpGoogleAccess"] is True
    assert plan(GKE).one("gcp:compute/network:Network").inputs["autoCreateSubnetworks"] is False


def test_nodes_of_gke_have_their_way_out_first() -> None:
    for pool in plan(GKE).all("gcp:container/nodePool:NodePool"):
        assert {"prod-gke-network-nat", "prod-gke-network-router"} <= plan(GKE).names_before(pool)
    nat = plan(GKE).one("gcp:compute/routerNat:RouterNat")
    assert nat.inputs["natIpAllocateOption"] == "AUTO_ONLY"
    assert nat.inputs["sourceSubnetworkIpRangesToNat"] == "ALL_SUBNETWORKS_ALL_IP_RANGES"


def gateways_before(route: Resource, of: Plan) -> set[str]:
    return {one.name for one in of.before(route) if one.type == NAT}


def test_a_transit_gateway_is_the_way_back_to_the_private_ranges() -> None:
    """Without it the NAT gateways would get the answers to those who reach the private endpoint."""
    attached = plan(EKS.set("network.transit_gateway", "tgw-0a1b2c3d4e5f60718"))
    attachment = attached.one("aws:ec2transitgateway/vpcAttachment:VpcAttachment")
    routes = [one for one in attached.all("aws:ec2/route:Route") if one.inputs.get("transitGatewayId")]
    assert {one.inputs["destinationCidrBlock"] for one in routes} == {"10.250.0.0/20", "10.251.4.0/24", "10.40.0.0/20"}
    assert len(routes) == 9  # each range in each zone's table
    assert all(attachment in attached.before(one) for one in routes)
    for group in attached.all("aws:eks/nodeGroup:NodeGroup"):
        assert set(routes) <= attached.before(group)
    assert plan(EKS).none("aws:ec2transitgateway/vpcAttachment:VpcAttachment")
