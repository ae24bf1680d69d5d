"""Properties whose change replaces a resource in some cases only, and the cases."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from ipaddress import ip_network
from typing import Any

from kuber.wire import is_unknown

Condition = Callable[[Any, Any, Mapping[str, Any], Mapping[str, Any]], bool]
"""Given the property's old and new value and all of the old and new inputs."""

_SOURCES = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")
"""A rule of a security group has one of these."""


def holds(resource_type: str, path: tuple[str, ...], olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    """Whether a conditional path of the table of replacements replaces in this case; a case that isn't known does."""
    condition = CONDITIONS.get((resource_type, ".".join(path)))
    return condition is None or condition(_value(olds, path), _value(news, path), olds, news)


def _switched_off(old: Any, new: Any, olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    return bool(old) and not new


def _comes_or_goes(old: Any, new: Any, olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    return bool(old) != bool(new)


def _kind_of_source_changes(old: Any, new: Any, olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    return {one for one in _SOURCES if olds.get(one)} != {one for one in _SOURCES if news.get(one)}


def _range_is_not_an_expansion(old: Any, new: Any, olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    if is_unknown(new):
        return True
    try:
        before, after = ip_network(old), ip_network(new)
    except ValueError:
        return True
    return before.version != after.version or not before.subnet_of(after)  # type: ignore[arg-type]


def _apis_go(old: Any, new: Any, olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    return bool({*(old or ())} - {*(new or ())})


def _role_of_auto_mode_changes(old: Any, new: Any, olds: Mapping[str, Any], news: Mapping[str, Any]) -> bool:
    return bool(old) and bool(new)


CONDITIONS: Mapping[tuple[str, str], Condition] = {
    ("aws:ec2/natGateway:NatGateway", "availabilityZoneAddresses"): _comes_or_goes,
    ("aws:ec2/natGateway:NatGateway", "secondaryPrivateIpAddressCount"): lambda old, new, olds, news: new is not None,
    ("aws:ec2/subnet:Subnet", "ipv6CidrBlock"): lambda old, new, olds, news: bool(
        olds.get("assignIpv6AddressOnCreation")
    ),
    ("aws:ec2/vpc:Vpc", "cidrBlock"): lambda old, new, olds, news: not news.get("ipv4NetmaskLength"),
    ("aws:ec2/vpc:Vpc", "instanceTenancy"): lambda old, new, olds, news: not (old == "dedicated" and new == "default"),
    ("aws:ec2/vpcEndpoint:VpcEndpoint", "privateDnsEnabled"): lambda old, new, olds, news: (
        news.get("vpcEndpointType") != "Interface"
    ),
    ("aws:eks/cluster:Cluster", "computeConfig.nodeRoleArn"): _role_of_auto_mode_changes,
    ("aws:eks/cluster:Cluster", "encryptionConfig"): _switched_off,
    **{
        ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", source): _kind_of_source_changes
        for source in _SOURCES
    },
    ("gcp:compute/subnetwork:Subnetwork", "ipCidrRange"): _range_is_not_an_expansion,
    ("gcp:container/cluster:Cluster", "dnsConfig.additiveVpcScopeDnsDomain"): lambda old, new, olds, news: bool(
        news.get("enableAutopilot")
    ),
    ("gcp:container/cluster:Cluster", "enableFqdnNetworkPolicy"): _switched_off,
    ("gcp:container/cluster:Cluster", "enableK8sBetaApis.enabledApis"): _apis_go,
    ("gcp:container/cluster:Cluster", "enableL4IlbSubsetting"): _switched_off,
    ("gcp:container/nodePool:NodePool", "bestEffortProvisioning"): lambda old, new, olds, news: (
        not (new or {}).get("enabled")
    ),
    ("vault:index/authBackend:AuthBackend", "path"): lambda old, new, olds, news: bool(news.get("disableRemount")),
}
"""By type and path, in the words of the table of replacements; `conditional` in force_new.json tells each in prose."""


def _value(inputs: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = inputs
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
