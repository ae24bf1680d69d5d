"""Simulated EC2 networking: VPCs and what is in them. Error codes are those of the EC2 API reference, "Error codes"."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, ip_network
from typing import Any

from kuber.rehearsal.cloud.kinds import Autoname, CloudError, Kind, Needs, Resource, Unique
from kuber.wire import UNKNOWN, Properties

VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
SECURITY_GROUP = "aws:ec2/securityGroup:SecurityGroup"
_ROUTE_TABLE = "aws:ec2/routeTable:RouteTable"
_GATEWAY = "aws:ec2/internetGateway:InternetGateway"
_NAT = "aws:ec2/natGateway:NatGateway"
_EIP = "aws:ec2/eip:Eip"
LAUNCH_TEMPLATE = "aws:ec2/launchTemplate:LaunchTemplate"


def arn(resource: Resource, kind: str, id: str, service: str = "ec2") -> str:
    """The ARN of something in the resource's account and region."""
    return f"arn:aws:{service}:{resource.place.region}:{resource.place.owner}:{kind}{id}"


def in_vpc(path: str = "vpcId") -> Needs:
    """What lies in a VPC and holds it."""
    return Needs(
        path,
        VPC,
        "id",
        "InvalidVpcID.NotFound: The vpc ID '{value}' does not exist",
        "DependencyViolation: The vpc '{id}' has dependencies and cannot be deleted.",
    )


def in_subnet(path: str) -> Needs:
    """What has an interface in a subnet and holds it."""
    return Needs(
        path,
        SUBNET,
        "id",
        "InvalidSubnetID.NotFound: The subnet ID '{value}' does not exist",
        "DependencyViolation: The subnet '{id}' has dependencies and cannot be deleted.",
    )


def with_group(path: str) -> Needs:
    """What uses a security group and holds it."""
    return Needs(
        path,
        SECURITY_GROUP,
        "id",
        "InvalidGroup.NotFound: The security group '{value}' does not exist",
        "DependencyViolation: resource {id} has a dependent object",
    )


def _id(prefix: str) -> Any:
    return lambda resource: f"{prefix}-0{resource.hex(16)}"


def _described(kind: str) -> Any:
    def outputs(resource: Resource) -> Properties:
        owner = resource.place.owner
        return {"arn": arn(resource, f"{kind}/", resource.record.id), "ownerId": owner}

    return outputs


def _vpc(resource: Resource) -> Properties:
    table = f"rtb-0{resource.hex(16, 'routes')}"
    return {
        **_described("vpc")(resource),
        "defaultNetworkAclId": f"acl-0{resource.hex(16, 'acl')}",
        "defaultRouteTableId": table,
        "defaultSecurityGroupId": f"sg-0{resource.hex(16, 'group')}",
        "dhcpOptionsId": f"dopt-0{resource.hex(16, 'dhcp')}",
        "mainRouteTableId": table,
    }


def _default_group(resource: Resource) -> str:
    vpc = resource.find(VPC, id=resource.get("vpcId"))
    if vpc is None:
        raise CloudError(f"InvalidVpcID.NotFound: The vpc ID '{resource.get('vpcId')}' does not exist")
    return vpc.outputs["defaultSecurityGroupId"]


def _default_group_outputs(resource: Resource) -> Properties:
    return {
        **_described("security-group")(resource),
        "name": "default",
        "description": "default VPC security group",
    }


def _ranges_are_apart(resource: Resource, _: Mapping[str, Any] | None) -> None:
    """A subnet lies in its VPC's range, and beside all others."""
    cidr = resource.get("cidrBlock")
    vpc = resource.find(VPC, id=resource.get("vpcId"))
    if cidr in (None, UNKNOWN) or vpc is None or not vpc.inputs.get("cidrBlock"):
        return
    own = _network(cidr)
    if not own.subnet_of(_network(vpc.inputs["cidrBlock"])):
        raise CloudError(f"InvalidSubnet.Range: The CIDR '{cidr}' is invalid.")
    for other in resource.all(SUBNET, vpcId=vpc.id):
        if own.overlaps(_network(other.inputs["cidrBlock"])):
            raise CloudError(f"InvalidSubnet.Conflict: The CIDR '{cidr}' conflicts with another subnet ({other.id})")


def _network(cidr: str) -> IPv4Network:
    try:
        network = ip_network(cidr)
    except ValueError:
        raise CloudError(f"InvalidParameterValue: Value ({cidr}) for parameter cidrBlock is invalid.") from None
    assert isinstance(network, IPv4Network)
    return network


def _address(resource: Resource) -> Properties:
    public = str(IPv4Address(int(IPv4Address("198.18.0.0")) + int(resource.hex(8), 16) % 2**17))  # RFC 2544: nobody's
    return {
        "allocationId": resource.record.id,
        "arn": arn(resource, "elastic-ip/", resource.record.id),
        "publicIp": public,
        "publicDns": f"ec2-{public.replace('.', '-')}.{resource.place.region}.compute.amazonaws.com",
    }


def _nat(resource: Resource) -> Properties:
    address = resource.find(_EIP, id=resource.get("allocationId"))
    return {
        "networkInterfaceId": f"eni-0{resource.hex(16, 'interface')}",
        "associationId": f"eipassoc-0{resource.hex(16, 'address')}",
        **({"publicIp": address.outputs["publicIp"]} if address else {}),
    }


def _template(resource: Resource) -> Properties:
    return {
        "arn": arn(resource, "launch-template/", resource.record.id),
        "latestVersion": resource.record.revision + 1,
        "defaultVersion": resource.record.revision + 1 if resource.get("updateDefaultVersion") else 1,
    }


def _endpoint(resource: Resource) -> Properties:
    interface = resource.get("vpcEndpointType", "Gateway") == "Interface"
    subnets = resource.get("subnetIds") or []
    service = str(resource.get("serviceName")).rpartition(".")[2]
    name = f"{resource.record.id}.{service}.{resource.place.region}.vpce.amazonaws.com"
    return {
        **_described("vpc-endpoint")(resource),
        "state": "available",
        "requesterManaged": False,
        "networkInterfaceIds": [f"eni-0{resource.hex(16, str(subnet))}" for subnet in subnets] if interface else [],
        "dnsEntries": [{"dnsName": name, "hostedZoneId": f"Z{resource.hex(13).upper()}"}] if interface else [],
        "prefixListId": "" if interface else f"pl-{resource.hex(8)}",
    }


def _one_for_a_service(resource: Resource, _: Mapping[str, Any] | None) -> None:
    """Of a service with private DNS a VPC has one endpoint."""
    if not resource.get("privateDnsEnabled"):
        return
    service = resource.get("serviceName")
    if resource.all("aws:ec2/vpcEndpoint:VpcEndpoint", vpcId=resource.get("vpcId"), serviceName=service):
        raise CloudError(
            "InvalidParameter: private-dns-enabled cannot be set because there is already a conflicting DNS domain for"
            f" {service} in the VPC {resource.get('vpcId')}"
        )


def _outpost(resource: Resource) -> Properties:
    return {"arn": arn(resource, "transit-gateway-attachment/", resource.record.id), "vpcOwnerId": resource.place.owner}


_ROUTE_TARGETS = (
    Needs(
        "gatewayId",
        _GATEWAY,
        "id",
        "InvalidGatewayID.NotFound: The gateway ID '{value}' does not exist",
        "DependencyViolation: Network has some mapped public address(es). Please unmap those public address(es) before detaching"
        " the gateway {id}.",
    ),
    Needs(
        "natGatewayId",
        _NAT,
        "id",
        "InvalidNatGatewayID.NotFound: The natGateway ID '{value}' does not exist",
    ),
)
_IN_ROUTE_TABLE = "InvalidRouteTableID.NotFound: The routeTable ID '{value}' does not exist"
_TABLE_IN_USE = "DependencyViolation: The routeTable '{id}' has dependencies and cannot be deleted."

KINDS: Mapping[str, Kind] = {
    VPC: Kind(id=_id("vpc"), outputs=_vpc),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": Kind(
        id=_default_group, outputs=_default_group_outputs, overwrites=True, unique=[Unique(["vpcId"], "")]
    ),
    SUBNET: Kind(id=_id("subnet"), outputs=_described("subnet"), needs=[in_vpc()], rules=[_ranges_are_apart]),
    _GATEWAY: Kind(
        id=_id("igw"),
        outputs=_described("internet-gateway"),
        needs=[in_vpc()],
        unique=[
            Unique(["vpcId"], "Resource.AlreadyAssociated: Network {vpcId} already has an internet gateway attached")
        ],
    ),
    _EIP: Kind(id=_id("eipalloc"), outputs=_address),
    _NAT: Kind(
        id=_id("nat"),
        outputs=_nat,
        needs=[
            in_subnet("subnetId"),
            Needs(
                "allocationId",
                _EIP,
                "id",
                "InvalidAllocationID.NotFound: The allocation ID '{value}' does not exist",
                "InvalidIPAddress.InUse: The address with allocation id [{id}] is in use by {user}",
            ),
        ],
        unique=[
            Unique(
                ["allocationId"],
                "Resource.AlreadyAssociated: Elastic IP address [{allocationId}] is already associated with {id}",
            )
        ],
    ),
    _ROUTE_TABLE: Kind(id=_id("rtb"), outputs=_described("route-table"), needs=[in_vpc()]),
    "aws:ec2/route:Route": Kind(
        id=lambda resource: f"r-{resource.get('routeTableId')}{resource.digits(10)}",
        outputs=lambda resource: {"origin": "CreateRoute", "state": "active"},
        needs=[Needs("routeTableId", _ROUTE_TABLE, "id", _IN_ROUTE_TABLE, goes_too=True), *_ROUTE_TARGETS],
        unique=[
            Unique(
                ["routeTableId", "destinationCidrBlock"],
                "RouteAlreadyExists: Route in Route Table ({routeTableId}) with destination ({destinationCidrBlock}) already exists",
            )
        ],
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Kind(
        id=_id("rtbassoc"),
        needs=[
            Needs("routeTableId", _ROUTE_TABLE, "id", _IN_ROUTE_TABLE, _TABLE_IN_USE),
            Needs(
                "subnetId",
                SUBNET,
                "id",
                "InvalidSubnetID.NotFound: The subnet ID '{value}' does not exist",
                goes_too=True,
            ),
        ],
        unique=[
            Unique(
                ["subnetId"],
                "Resource.AlreadyAssociated: the specified association for subnet {subnetId} is there: {id}",
            )
        ],
    ),
    SECURITY_GROUP: Kind(
        id=_id("sg"),
        outputs=_described("security-group"),
        autoname=Autoname(property="name", length=255),
        needs=[in_vpc()],
        unique=[
            Unique(
                ["vpcId", "name"],
                "InvalidGroup.Duplicate: The security group '{name}' already exists for VPC '{vpcId}'",
            )
        ],
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": Kind(
        id=_id("sgr"),
        outputs=lambda resource: {
            "arn": arn(resource, "security-group-rule/", resource.record.id),
            "securityGroupRuleId": resource.record.id,
        },
        needs=[
            Needs(
                "securityGroupId",
                SECURITY_GROUP,
                "id",
                "InvalidGroup.NotFound: The security group '{value}' does not exist",
                goes_too=True,
            ),
        ],
        unique=[
            Unique(
                ["securityGroupId", "cidrIpv4", "ipProtocol", "fromPort", "toPort"],
                'InvalidPermission.Duplicate: the specified rule "peer: {cidrIpv4}, {ipProtocol}, from port: {fromPort}, to port:'
                ' {toPort}, ALLOW" already exists',
            )
        ],
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Kind(
        id=_id("vpce"),
        outputs=_endpoint,
        needs=[
            in_vpc(),
            in_subnet("subnetIds[*]"),
            with_group("securityGroupIds[*]"),
            Needs("routeTableIds[*]", _ROUTE_TABLE, "id", _IN_ROUTE_TABLE),
        ],
        rules=[_one_for_a_service],
    ),
    "aws:ec2transitgateway/vpcAttachment:VpcAttachment": Kind(
        id=_id("tgw-attach"),
        outputs=_outpost,
        needs=[in_vpc(), in_subnet("subnetIds[*]")],
        unique=[
            Unique(
                ["transitGatewayId", "vpcId"],
                "DuplicateTransitGatewayAttachment: {transitGatewayId} has non-deleted Transit Gateway Attachments with same VPC ID",
            )
        ],
    ),
    "aws:ec2/flowLog:FlowLog": Kind(
        id=_id("fl"),
        outputs=lambda resource: {"arn": arn(resource, "vpc-flow-log/", resource.record.id)},
        needs=[in_vpc()],
        unique=[
            Unique(
                ["vpcId", "trafficType", "logDestination"],
                "FlowLogAlreadyExists: Error. There is an existing Flow Log with the same configuration and log destination.",
            )
        ],
    ),
    LAUNCH_TEMPLATE: Kind(
        id=_id("lt"),
        outputs=_template,
        autoname=Autoname(property="name", length=128),
        unique=[
            Unique(
                ["name"],
                "InvalidLaunchTemplateName.AlreadyExistsException: Launch template name already in use: {name}",
            )
        ],
    ),
}
"""Routes of gateway endpoints and network interfaces that load balancers leave behind aren't simulated."""
