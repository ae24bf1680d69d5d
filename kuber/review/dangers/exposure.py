"""What becomes reachable by more: API servers, load balancers, and whatever says from where it may be reached."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kuber.review.model import Change, Danger
from kuber.review.renames import Resource

from .addresses import EVERYONE, Network, beyond, has_everyone, networks, shown
from .case import Case, at, danger, mapping, mappings, metadata

_EKS, _GKE = "aws:eks/cluster:Cluster", "gcp:container/cluster:Cluster"
_SERVICE = "kubernetes:core/v1:Service"
_RULE = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_INTERNAL = {
    "service.beta.kubernetes.io/aws-load-balancer-scheme": "internal",
    "service.beta.kubernetes.io/aws-load-balancer-internal": "true",
    "networking.gke.io/load-balancer-type": "Internal",
}
"""Annotations that keep a load balancer off the internet."""


def endpoints(case: Case) -> Iterator[Danger]:
    """An API server or a load balancer that becomes reachable from the internet."""
    for change in case.changes:
        if change.before and change.after and not _is_public(change.before) and _is_public(change.after):
            ranges = beyond(_open_to(change.after) or (), ())
            what = change.label if change.type == _SERVICE else "The API server"
            yield danger(
                "endpoint-public",
                "high",
                change,
                f"{what} becomes reachable from the internet",
                f"from {'everywhere' if has_everyone(ranges) else shown(ranges)}; until now from private networks only",
                "Keep it private and reach it by VPN; if it must be, allow the fewest addresses.",
            )


def ranges(case: Case) -> Iterator[Danger]:
    """Address ranges that are allowed and weren't; of what is new as a whole, nothing: it is what it is."""
    for change in case.changes:
        if change.after is None or (change.before and not _is_public(change.before) and _is_public(change.after)):
            continue
        before = _open_before(case, change, change.after)
        after = _open_to(change.after)
        if before is None or after is None or not (added := beyond(after, before)):
            continue
        yield danger(
            "range-widened",
            "high" if has_everyone(added) else "medium",
            change,
            f"{change.label} is open to more addresses",
            f"{shown(added)} can reach what they couldn't{_at_ports(change.after)}",
            "Ask who they are, and whether a smaller range does.",
        )
    yield from _from_all_of_google(case)


def narrowed(case: Case) -> Iterator[Danger]:
    """Address ranges that were allowed and aren't any more: whoever is there is locked out, be it the pipeline itself."""
    for change in case.changes:
        if change.before is None or change.retained:
            continue
        before, after = _open_to(change.before), _open_after(case, change, change.before)
        if before is None or after is None or not (lost := beyond(before, after)):
            continue
        yield danger(
            "range-narrowed",
            "low",
            change,
            f"{change.label} is open to fewer addresses",
            f"not all of {shown(lost)} can reach any more what they could{_at_ports(change.before)}",
            "See that nobody is there who needs it, such as the pipeline that applies this.",
        )


def _from_all_of_google(case: Case) -> Iterator[Danger]:
    for change in case.changes:
        if (
            change.type == _GKE
            and change.after
            and [_lets_in_google(change.inputs(one)) for one in ("before", "after")] == [False, True]
        ):
            yield danger(
                "range-widened",
                "high",
                change,
                f"{change.label} is open to more addresses",
                "every machine of Google Cloud with a public address can reach the API server, whoever it belongs to",
                "Allow the few addresses that need it by `endpoint.public_cidrs`.",
            )


def _lets_in_google(inputs: Mapping[str, Any]) -> bool | None:
    """None where nothing is said of it, and whatever Google has for that holds."""
    return at(inputs, "masterAuthorizedNetworksConfig", "gcpPublicCidrsAccessEnabled")


def _is_public(resource: Resource) -> bool:
    inputs = resource["inputs"]
    match resource["type"]:
        case "aws:eks/cluster:Cluster":
            return at(inputs, "vpcConfig", "endpointPublicAccess") is True
        case "gcp:container/cluster:Cluster":
            return at(inputs, "privateClusterConfig", "enablePrivateEndpoint") is not True
        case "kubernetes:core/v1:Service":
            annotations = mapping(metadata(resource).get("annotations"))
            return _balances_load(inputs) and not any(annotations.get(key) == one for key, one in _INTERNAL.items())
        case _:
            return False


def _balances_load(inputs: Mapping[str, Any]) -> bool:
    return at(inputs, "spec", "type") == "LoadBalancer"


def _open_to(resource: Resource) -> frozenset[Network] | None:
    """From where something may be reached; None of what says nothing of that.

    Where a list of ranges is left out altogether, all may reach it; that is so of each of these.
    """
    told = _OPEN_TO.get(resource["type"])
    return told(resource["inputs"]) if told else None


def _of_eks(inputs: Mapping[str, Any]) -> frozenset[Network]:
    public = at(inputs, "vpcConfig", "endpointPublicAccess") is True
    return _listed(at(inputs, "vpcConfig", "publicAccessCidrs")) if public else frozenset()


def _of_gke(inputs: Mapping[str, Any]) -> frozenset[Network]:
    allowed = inputs.get("masterAuthorizedNetworksConfig")
    if allowed is None:
        return EVERYONE
    return networks(one.get("cidrBlock") for one in mappings(at(allowed, "cidrBlocks")))


def _of_service(inputs: Mapping[str, Any]) -> frozenset[Network] | None:
    return _listed(at(inputs, "spec", "loadBalancerSourceRanges")) if _balances_load(inputs) else None


def _listed(ranges: Any) -> frozenset[Network]:
    if not ranges:
        return EVERYONE
    return networks(ranges) if isinstance(ranges, list) else frozenset()


_OPEN_TO: Mapping[str, Callable[[Mapping[str, Any]], frozenset[Network] | None]] = {
    _EKS: _of_eks,
    _GKE: _of_gke,
    _RULE: lambda inputs: networks((inputs.get("cidrIpv4"), inputs.get("cidrIpv6"))),
    _SERVICE: _of_service,
    "kubernetes:k8s.nginx.org/v1:Policy": lambda inputs: _listed(at(inputs, "spec", "accessControl", "allow")),
    "kubernetes:traefik.io/v1alpha1:Middleware": lambda inputs: _listed(
        at(inputs, "spec", "ipAllowList", "sourceRange")
    ),
}


def _open_before(case: Case, change: Change, after: Resource) -> frozenset[Network] | None:
    """From where the same could be reached; None where there wasn't such a thing."""
    if after["type"] == _RULE:
        return _let_in_before(case, after)
    return _open_to(change.before) if change.before else None


def _open_after(case: Case, change: Change, before: Resource) -> frozenset[Network] | None:
    """From where the same can still be reached; None where it goes as a whole."""
    if before["type"] == _RULE:
        group = _group(before)
        gone = group is None or all(one.startswith("urn:") and one not in case.after for one in group)
        return None if gone else _let_in(case.after, before)
    return _open_to(change.after) if change.after else None


def _let_in_before(case: Case, rule: Resource) -> frozenset[Network] | None:
    """From where a security group let in to the ports of a rule; None where the group itself is new."""
    group = _group(rule)
    if group is None or all(one.startswith("urn:") and case.is_new(one) for one in group):
        return None
    return _let_in(case.before, rule)


def _let_in(plan: Mapping[str, Resource], rule: Resource) -> frozenset[Network]:
    """From where a rule's security group lets in to the rule's ports, by whichever of its rules."""
    same = [one for one in plan.values() if one["type"] == _RULE and _group(one) == _group(rule)]
    covering = [one for one in same if _covers_ports(one["inputs"], rule["inputs"])]
    return frozenset(network for one in covering for network in _open_to(one) or ())


def _group(rule: Resource) -> tuple[str, ...] | None:
    """A rule's security group: by its id, or while that isn't known by what tells it."""
    teller = mapping(rule.get("unknownFrom")).get("securityGroupId")
    told = rule["inputs"].get("securityGroupId")
    return tuple(teller) if teller else (str(told),) if told else None


def _covers_ports(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    if str(one.get("ipProtocol")) == "-1":
        return True
    if one.get("ipProtocol") != other.get("ipProtocol"):
        return False
    ports = [one.get("fromPort"), other.get("fromPort"), other.get("toPort"), one.get("toPort")]
    return all(isinstance(port, int) for port in ports) and ports == sorted(ports, key=lambda port: port or 0)


def _at_ports(resource: Resource) -> str:
    inputs = resource["inputs"]
    if resource["type"] != _RULE:
        return ""
    if str(inputs.get("ipProtocol")) == "-1":
        return ", at any port"
    first, last = inputs.get("fromPort"), inputs.get("toPort")
    return f" at {inputs.get('ipProtocol')} {first}" + (f" to {last}" if last != first else "")
