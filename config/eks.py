"""What a stack file says of an EKS cluster."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from .access import access_problems
from .addresses import RFC_1918, NamedRange, is_private, overlap_problems
from .cluster import CloudClusterSettings
from .eks_addons import ADDONS, AddonName, pinned_addons
from .errors import Problem, shown
from .machine_types import EC2_FAMILIES, ec2_family
from .model import Cidr, Name, Settings, reserved
from .node_pools import CloudNodePool, machine_type_problems
from .platforms import Capability, Feature
from .text import Text

Region = Annotated[str, Text(r"[a-z]{2}(-[a-z]+)+-\d", "a region such as eu-west-1")]
Zone = Annotated[str, Text(r"[a-z]{2}(-[a-z]+)+-\d[a-f]", "a zone such as eu-west-1a")]
AddonVersion = Annotated[str, Text(r"v\d+\.\d+\.\d+-eksbuild\.\d+", "a version such as v1.13.2-eksbuild.31")]
PrincipalArn = Annotated[
    str,
    Text(r"arn:aws:iam::\d{12}:(role|user)/\S+", "a role's ARN such as arn:aws:iam::210987654321:role/platform-admin"),
]

VpcEndpoint = Literal[
    "autoscaling",
    "ec2",
    "ecr.api",
    "ecr.dkr",
    "eks",
    "eks-auth",
    "elasticloadbalancing",
    "kms",
    "logs",
    "s3",
    "sts",
]


class FlowLogs(Settings):
    """VPC flow logs, kept in CloudWatch."""

    traffic: Literal["ALL", "ACCEPT", "REJECT"] = "ALL"
    retention_days: Literal[7, 14, 30, 60, 90, 180, 365] = 30


class EksNetwork(Settings):
    """The VPC: a private and a public subnet in each zone."""

    cidr: Cidr
    """The VPC's range, /16 to /20."""
    service_cidr: Cidr = Field(default="172.20.0.0/16", validate_default=True)
    """Range of Kubernetes services; fixed when the cluster is made."""
    nat: Literal["per_zone", "single"] = "per_zone"
    """per_zone: a zone's failure takes no other's way out. single: cheaper, one point of failure."""
    vpc_endpoints: Annotated[tuple[VpcEndpoint, ...], Field(strict=False)] = ("s3",)
    """AWS services reached without leaving the VPC; s3 is free and carries image layers."""
    transit_gateway: Annotated[str, Text(r"tgw-[0-9a-f]{8,17}", "an id such as tgw-0a1b2c3d4e5f60718")] | None = None
    """A transit gateway to attach the VPC to, with routes to the endpoint's private_cidrs, where no other way leads there."""
    flow_logs: FlowLogs | None = FlowLogs()
    """Null turns flow logs off."""

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        if not 16 <= self.cidr.prefixlen <= 20:
            yield Problem(
                path=("cidr",), message="wrong size for a VPC", found=str(self.cidr), expected="a /16 to a /20"
            )
        if not is_private(self.cidr):
            yield Problem(
                path=("cidr",), message="not a private range", found=str(self.cidr), expected="within 10.0.0.0/8"
            )
        if not 12 <= self.service_cidr.prefixlen <= 24 or not any(self.service_cidr.subnet_of(one) for one in RFC_1918):
            yield Problem(
                path=("service_cidr",),
                message="not a range that EKS takes for services",
                found=str(self.service_cidr),
                expected=f"a /12 to a /24 within {', '.join(map(str, RFC_1918))}",
            )
        yield from overlap_problems(self.ranges())
        for index, service in enumerate(self.vpc_endpoints):
            if service in self.vpc_endpoints[:index]:
                yield Problem(path=("vpc_endpoints", index), message=f"{service} stands twice", expected="each once")

    def ranges(self) -> list[NamedRange]:
        """All ranges that the cluster takes."""
        return [NamedRange(("cidr",), self.cidr), NamedRange(("service_cidr",), self.service_cidr)]


class EksAccess(Settings):
    """People and machines with rights in the cluster, by EKS access entries."""

    admins: Annotated[dict[Name, PrincipalArn], Field(min_length=1)]
    """IAM roles with all rights, by what they are for."""
    viewers: dict[Name, PrincipalArn] = {}
    """IAM roles that may read all but secrets."""

    def conflicts(self) -> Iterator[Problem]:
        yield from access_problems(self.admins, self.viewers)


class EksLogs(Settings):
    """Logs of the control plane (API, audit, authenticator, controller manager, scheduler), all five, in CloudWatch."""

    retention_days: Literal[30, 60, 90, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653] = 365


class EksEncryption(Settings):
    """The cluster's own KMS key for Kubernetes secrets, rotated every year."""

    deletion_window_days: Annotated[int, Field(ge=7, le=30)] = 30
    """Days in which a deleted key can be had back."""


class EksPool(CloudNodePool):
    """A managed node group."""

    ami: Literal["al2023", "bottlerocket"] = "al2023"
    """Operating system: Amazon Linux 2023 or Bottlerocket."""
    max_unavailable_percent: Annotated[int, Field(ge=1, le=100)] = 25
    """How many of its nodes EKS may take at once while it updates the group."""

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        yield from machine_type_problems(self, ec2_family, EC2_FAMILIES, "m7g.large")
        yield from self._taint_problems()
        for key in self.labels:
            if reserved(key, "kubernetes.io", "k8s.io", "eks.amazonaws.com"):
                yield Problem(
                    path=("labels", key),
                    message="EKS keeps this prefix to itself",
                    expected="a prefix of your own, or none",
                )

    def _taint_problems(self) -> Iterator[Problem]:
        """The autoscaler reads taints from tags of the auto scaling group, which has one tag of a key."""
        effects: dict[str, str] = {}
        for index, taint in enumerate(self.taints):
            if effects.setdefault(taint.key, taint.effect) != taint.effect:
                yield Problem(
                    path=("taints", index),
                    message=f"EKS's autoscaler can't tell two taints of one key, {taint.key}",
                    found=taint.effect,
                    expected="one effect for a key; NoExecute keeps pods from being scheduled too",
                )


class EksCluster(CloudClusterSettings):
    """A cluster on AWS."""

    version_source = "eks"
    object_storage = "s3"
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {Capability.AUTOSCALING, Capability.SPOT, Capability.WORKLOAD_IDENTITY, Capability.CLOUD_LOAD_BALANCER}
    )
    brings: ClassVar[frozenset[Feature]] = frozenset(
        {Feature.CLUSTER_DNS, Feature.NETWORK_POLICIES, Feature.BLOCK_STORAGE}
    )

    platform: Literal["eks"]  # type: ignore[assignment]
    account_id: Annotated[str, Text(r"\d{12}", "the twelve digits of an AWS account, in quotes")]
    """AWS account, in quotes; a run with another account's credentials is refused."""
    region: Region
    zones: Annotated[tuple[Zone, ...], Field(strict=False, min_length=2, max_length=6)]
    """Availability zones; the control plane needs two, production three."""
    network: EksNetwork
    access: EksAccess
    encryption: EksEncryption = EksEncryption()
    logs: EksLogs = EksLogs()
    extended_support: bool = False
    """Stay on a minor, at a higher price, when its standard support ends; otherwise EKS upgrades the control plane by itself then."""
    addons: dict[AddonName, AddonVersion] = {}
    """Add-on versions other than those that come with the Kubernetes minor (config/eks_addons.yaml)."""
    pools: Annotated[dict[Name, EksPool], Field(min_length=1)]  # pyright: ignore[reportIncompatibleVariableOverride]
    """Node pools by name."""

    def after_standard_support(self) -> str:
        if self.extended_support:
            return "extended support, at a higher price, follows"
        return "EKS then upgrades the control plane by itself, as `extended_support` is false"

    def zone(self, letter: str) -> str:
        return f"{self.region}{letter}"

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        if self.region.startswith(("cn-", "us-gov-", "us-iso")):
            yield Problem(
                path=("region",),
                message="a partition of AWS that kuber doesn't know: its ARNs are others",
                found=shown(self.region),
                expected="a region of the commercial partition",
            )
        yield from self._addon_problems()

    def _addon_problems(self) -> Iterator[Problem]:
        version = self.kubernetes.version
        missing = [
            addon for addon in ADDONS if addon not in self.addons and addon not in pinned_addons().get(version, {})
        ]
        if missing:
            yield Problem(
                path=("addons",),
                message=f"no pinned add-on versions for Kubernetes {version}",
                found=f"none for {', '.join(missing)}",
                expected=f"versions in `addons`, or one of {', '.join(pinned_addons())}",
                hint=f"`aws eks describe-addon-versions --kubernetes-version {version}` lists them",
            )

    def control_plane_cidrs(self) -> tuple[IPv4Network, ...]:
        return (self.network.cidr,)  # EKS puts network interfaces of its own into the subnets

    def services_cidr(self) -> IPv4Network:
        return self.network.service_cidr

    def node_cidrs(self) -> tuple[IPv4Network, ...]:
        return (self.network.cidr,)

    def address_ranges(self) -> list[NamedRange]:
        return [NamedRange(("network", "cidr"), self.network.cidr)]
