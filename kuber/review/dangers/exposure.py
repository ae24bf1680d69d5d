"""What becomes reachable by more, or is watched less: endpoints, address ranges, logs, keys, retention, headers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network
from typing import Any

from kuber.review.model import Change, Danger

from .case import Case, at, danger, texts

_EKS, _GKE = "aws:eks/cluster:Cluster", "gcp:container/cluster:Cluster"
_Network = IPv4Network | IPv6Network

_OPEN_AT: Mapping[str, tuple[tuple[str, ...], ...]] = {
    _EKS: (("vpcConfig", "publicAccessCidrs"),),
    _GKE: (("masterAuthorizedNetworksConfig", "cidrBlocks", "*", "cidrBlock"),),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": (("cidrIpv4",), ("cidrIpv6",)),
    "gcp:compute/firewall:Firewall": (("sourceRanges",),),
    "kubernetes:core/v1:Service": (("spec", "loadBalancerSourceRanges"),),
    "kubernetes:networking.k8s.io/v1:NetworkPolicy": (
        ("spec", "ingress", "*", "from", "*", "ipBlock", "cidr"),
        ("spec", "egress", "*", "to", "*", "ipBlock", "cidr"),
    ),
    "kubernetes:k8s.nginx.org/v1:Policy": (("spec", "accessControl", "allow"),),
}
"""Where a resource says from where, or to where, it is open."""

_DURATION = re.compile(r"(?P<number>\d+)\s*(?P<unit>[a-zA-Z]+)")
_UNITS = {
    "s": 1,
    "m": 60,
    "h": 3600,
    "d": 86400,
    "w": 604800,
    "y": 31536000,
    "MB": 1,
    "MiB": 1,
    "GB": 1000,
    "GiB": 1024,
    "TB": 10**6,
    "TiB": 1024**2,
}
_HEADER = re.compile(r"\b(?:add_header|proxy_hide_header|proxy_set_header|grpc_hide_header)\s+[\"']?([A-Za-z0-9-]+)")


def endpoints(case: Case) -> Iterator[Danger]:
    """An API server that becomes reachable from the internet."""
    for change in case.changes:
        if change.type == _EKS:
            public = [
                bool(at(change.inputs(when), "vpcConfig", "endpointPublicAccess")) for when in ("before", "after")
            ]
        elif change.type == _GKE:
            public = [
                bool(change.inputs(when))
                and not at(change.inputs(when), "privateClusterConfig", "enablePrivateEndpoint")
                for when in ("before", "after")
            ]
        else:
            continue
        if change.before and public == [False, True]:
            ranges = sorted(map(str, _ranges(change, "after")))
            yield danger(
                "endpoint-public",
                "high",
                change,
                "The API server becomes reachable from the internet",
                f"from {', '.join(ranges) or 'everywhere'}; until now from private networks only",
                "Keep it private and reach it by VPN; if it must be, allow the fewest addresses.",
            )


def ranges(case: Case) -> Iterator[Danger]:
    """Address ranges that are allowed and weren't."""
    for change in case.changes:
        if change.type not in _OPEN_AT or change.operation == "delete" or not _was_there(case, change):
            continue
        before = _allowed_before(case, change)
        added = sorted(map(str, _beyond(_ranges(change, "after"), before)))
        if not added:
            continue
        everyone = any(one.prefixlen == 0 for one in map(ip_network, added))
        yield danger(
            "range-widened",
            "high" if everyone else "medium",
            change,
            f"{change.label} is open to more addresses",
            f"{', '.join(added[:4])}{f' and {len(added) - 4} more' if len(added) > 4 else ''} can reach what they couldn't",
            "Ask who they are, and whether a smaller range does.",
        )


def watching(case: Case) -> Iterator[Danger]:
    """Logs that are no longer written, or are kept for less time; metrics too."""
    for change in case.changes:
        if change.operation == "delete" and change.type == "aws:ec2/flowLog:FlowLog":
            yield danger(
                "flow-log-off",
                "medium",
                change,
                "Flow logs are switched off",
                "nobody can tell afterwards who talked with whom",
                "Keep them, or say why not.",
            )
        for path in (("enabledClusterLogTypes",), ("loggingConfig", "enableComponents")):
            before, after = (set(texts(at(change.inputs(when), *path))) for when in ("before", "after"))
            if change.after and (lost := sorted(before - after)):
                yield danger(
                    "log-type-dropped",
                    "high" if "audit" in lost or "APISERVER" in lost else "medium",
                    change,
                    f"The control plane no longer logs {', '.join(lost)}",
                    "what happened can't be found out afterwards; CIS benchmarks ask for all of them",
                    "Keep them; what costs is their retention.",
                )
        yield from _kept_shorter(change)


def keys(case: Case) -> Iterator[Danger]:
    """Encryption that goes, or gets another key."""
    for change in case.changes:
        for path, told in (
            (("encryptionConfig",), "secrets"),
            (("databaseEncryption",), "secrets"),
            (("kmsKeyId",), "it"),
            (("enableKeyRotation",), ""),
        ):
            before, after = (at(change.inputs(when), *path) for when in ("before", "after"))
            if not change.before or not change.after or before == after or not before:
                continue
            if path == ("enableKeyRotation",):
                yield danger(
                    "key-not-rotated",
                    "medium",
                    change,
                    f"{change.label} is no longer rotated",
                    "one key protects everything for good",
                    "Keep the rotation on.",
                )
                continue
            yield _another_key(change, told, gone=not after or at(after, "state") == "DECRYPTED")


def _another_key(change: Change, told: str, *, gone: bool) -> Danger:
    return danger(
        "encryption-changes",
        "high",
        change,
        f"{change.label} {'loses its encryption key' if gone else 'gets another encryption key'}",
        f"{told} would lie there unencrypted by a key of yours"
        if gone
        else f"{told} is encrypted anew; the old key is still needed for what was written before",
        "Keep the old key until all is written anew, and see whether the cloud can change it at all without a new cluster.",
    )


def headers(case: Case) -> Iterator[Danger]:
    """Headers that the ingress no longer sends or strips."""
    for change in case.changes:
        if change.kind != "ConfigMap" or change.operation != "update":
            continue
        before, after = (_headers(at(change.inputs(when), "data") or {}) for when in ("before", "after"))
        if lost := sorted(before - after):
            yield danger(
                "header-dropped",
                "medium",
                change,
                f"The ingress no longer handles {', '.join(lost)}",
                "every host behind this ingress class changes at once: a header that protects browsers is missing, or an internal "
                "one leaks",
                "See who relies on it; a service can override a header for itself.",
            )


def _headers(data: Mapping[str, Any]) -> set[str]:
    found = {name for text in data.values() if isinstance(text, str) for name in _HEADER.findall(text)}
    hidden = {
        name.strip()
        for key in ("proxy-hide-headers", "proxy-pass-headers")
        for name in str(data.get(key, "")).split(",")
    }
    return (
        found
        | (hidden - {""})
        | ({"Strict-Transport-Security"} if str(data.get("hsts", "")).lower() == "true" else set())
    )


def _kept_shorter(change: Change) -> Iterator[Danger]:
    for path in (("retentionInDays",), ("spec", "retention"), ("spec", "retentionSize")):
        before, after = (at(change.inputs(when), *path) for when in ("before", "after"))
        if before and after and _amount(after) < _amount(before):
            yield danger(
                "retention-lowered",
                "medium",
                change,
                f"{change.label} keeps less",
                f"{path[-1]}: {before} becomes {after}; what is older is deleted, and can't be had back",
                "Copy what is still needed first; rules and audits may ask for the longer time.",
            )


def _amount(value: Any) -> float:
    if isinstance(value, (int, float)):
        return float(value)
    return sum(int(one["number"]) * _UNITS.get(one["unit"], 1) for one in _DURATION.finditer(str(value)))


def _was_there(case: Case, change: Change) -> bool:
    """Whether there was something to be wider than: a new cluster, or a new part of one, is what it is."""
    if change.before:
        return True
    return change.type.startswith("aws:vpc/") and any(one["type"] == change.type for one in case.before.values())


def _allowed_before(case: Case, change: Change) -> set[_Network]:
    if change.before:
        return _ranges(change, "before")
    return {
        network
        for one in case.before.values()
        if one["type"] == change.type
        for network in _in(one["inputs"], change.type)
    }


def _ranges(change: Change, when: Any) -> set[_Network]:
    return _in(change.inputs(when), change.type)


def _in(inputs: Mapping[str, Any], type_: str) -> set[_Network]:
    return {network for path in _OPEN_AT[type_] for text in _all_at(inputs, path) for network in _network(text)}


def _all_at(value: Any, path: tuple[str, ...]) -> Iterator[Any]:
    if not path:
        yield from value if isinstance(value, list) else [value]
    elif path[0] == "*":
        for one in value if isinstance(value, list) else ():
            yield from _all_at(one, path[1:])
    elif isinstance(value, Mapping) and path[0] in value:
        yield from _all_at(value[path[0]], path[1:])


def _network(text: Any) -> Iterator[_Network]:
    try:
        yield ip_network(str(text), strict=False)
    except ValueError:
        return


def _beyond(after: set[_Network], before: set[_Network]) -> list[_Network]:
    """What of some ranges lies in none of those before."""
    known = [one for version in (4, 6) for one in collapse_addresses(n for n in before if n.version == version)]  # type: ignore[type-var]
    return [one for one in after if not any(one.version == other.version and one.subnet_of(other) for other in known)]  # type: ignore[arg-type]
