"""What NetworkPolicies let pass, evaluated as Kubernetes' documentation says ("Network Policies", The two sorts of pod isolation).

Written from the documentation, and of the project's own code nothing is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from itertools import product
from typing import Any

Policy = Mapping[str, Any]
Labels = Mapping[str, str]


@dataclass(frozen=True)
class Pod:
    """A pod, or whatever else has labels within a namespace."""

    namespace: str
    labels: tuple[tuple[str, str], ...]


Peer = Pod | str
"""The other side of a connection: a pod, or an address outside the cluster."""


@dataclass(frozen=True)
class Flow:
    """A connection: from or to a pod, with a peer, to a port."""

    direction: str
    pod: Pod
    peer: Peer
    protocol: str
    port: int | str


def passes(policies: Sequence[Policy], flow: Flow) -> bool:
    """Whether the pod's side of a connection lets it pass: it does unless a policy for its direction is about the pod, and then only
    where a rule of one of those says so.
    """
    about = [
        policy
        for policy in policies
        if policy["metadata"]["namespace"] == flow.pod.namespace
        and _selects(policy["spec"]["podSelector"], dict(flow.pod.labels))
        and flow.direction in (kind.lower() for kind in policy["spec"]["policyTypes"])
    ]
    return not about or any(
        _allows(rule, flow) for policy in about for rule in policy["spec"].get(flow.direction) or []
    )


def flows(policies: Sequence[Policy]) -> Iterator[Flow]:
    """Every connection that some policy could decide otherwise than another: each pod that is told from others by what policies say,
    with each such peer, at each such port.
    """
    selectors = [*_selectors([policy["spec"] for policy in policies])]
    labels = {(), *(tuple(sorted((one.get("matchLabels") or {}).items())) for one in selectors)}
    every = tuple(sorted({pair for one in labels for pair in one}))
    names = {policy["metadata"]["namespace"] for policy in policies} | {
        dict(one)["kubernetes.io/metadata.name"] for one in labels if "kubernetes.io/metadata.name" in dict(one)
    }
    pods = [Pod(namespace, one) for namespace in sorted({*names, "elsewhere"}) for one in sorted({*labels, every})]
    subjects = [pod for pod in pods if pod.namespace in {policy["metadata"]["namespace"] for policy in policies}]
    rules = [(kind, rule) for one in policies for kind in ("ingress", "egress") for rule in one["spec"].get(kind) or []]
    ports = {(one.get("protocol", "TCP"), one["port"]) for _, rule in rules for one in rule.get("ports") or []}
    peers: list[Peer] = [*pods, *sorted(_addresses([rule for _, rule in rules]))]
    for direction, subject, peer, (protocol, port) in product(
        ("ingress", "egress"), subjects, peers, sorted({*ports, ("TCP", 1), ("UDP", 1)}, key=str)
    ):
        yield Flow(direction, subject, peer, protocol, port)


def _allows(rule: Mapping[str, Any], flow: Flow) -> bool:
    peers = rule.get("from" if flow.direction == "ingress" else "to")
    ports = rule.get("ports")
    return (not peers or any(_is(peer, flow) for peer in peers)) and (
        not ports or any((one.get("protocol", "TCP"), one["port"]) == (flow.protocol, flow.port) for one in ports)
    )


def _is(peer: Mapping[str, Any], flow: Flow) -> bool:
    if block := peer.get("ipBlock"):
        if isinstance(flow.peer, Pod):
            return False
        address = ip_address(flow.peer)
        return address in ip_network(block["cidr"]) and not any(
            address in ip_network(one) for one in block.get("except", [])
        )
    if not isinstance(flow.peer, Pod):
        return False
    if (namespaces := peer.get("namespaceSelector")) is None:
        if flow.peer.namespace != flow.pod.namespace:
            return False
    elif not _selects(namespaces, {**dict(flow.peer.labels), "kubernetes.io/metadata.name": flow.peer.namespace}):
        return False
    return _selects(peer.get("podSelector") or {}, dict(flow.peer.labels))


def _selects(selector: Mapping[str, Any], labels: Labels) -> bool:
    assert selector.keys() <= {"matchLabels"}, f"not evaluated here: {selector}"
    return (selector.get("matchLabels") or {}).items() <= labels.items()


def _selectors(value: object) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in ("podSelector", "namespaceSelector"):
                yield item
            else:
                yield from _selectors(item)
    elif isinstance(value, list):
        for item in value:
            yield from _selectors(item)


def _addresses(value: object) -> set[str]:
    """The first address of each block that is named, and the ones around it."""
    if isinstance(value, Mapping):
        found = (
            {str(ip_network(one)[0]) for one in [value["cidr"], *value.get("except", [])]} if "cidr" in value else set()
        )
        around = {str(ip_address(int(ip_address(one)) - 1)) for one in found if int(ip_address(one))}
        return found | around | {one for item in value.values() for one in _addresses(item)}
    return {one for item in value for one in _addresses(item)} if isinstance(value, list) else set()
