"""NetworkPolicies: nothing may pass in a part's namespace but what the part says it needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network
from typing import Any

from components.charts.manifests import Manifest
from config.addresses import RFC_1918

from .site import Site

DEFAULT_DENY = "default-deny"
Port = int | str
Pods = Mapping[str, str]
Peer = dict[str, Any]


def namespace(name: str, pods: Pods | None = None) -> Peer:
    """Pods of another namespace; all, or those of the labels."""
    peer: Peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}
    return peer | ({"podSelector": {"matchLabels": dict(pods)}} if pods else {})


def same_namespace(pods: Pods | None = None) -> Peer:
    """Pods of the same namespace; all, or those of the labels."""
    return {"podSelector": {"matchLabels": dict(pods)} if pods else {}}


def everywhere_in_the_cluster() -> Peer:
    """Pods of all namespaces."""
    return {"namespaceSelector": {}}


def prometheus() -> Peer:
    """Who reads metrics."""
    return namespace("system-monitoring", {"app.kubernetes.io/name": "prometheus"})


def addresses(*cidrs: IPv4Network | str, but: Iterable[IPv4Network | str] = ()) -> list[Peer]:
    """Ranges of addresses outside the cluster; without those in `but` that lie within."""
    inside = [IPv4Network(str(one)) for one in but]
    peers: list[Peer] = []
    for cidr in cidrs:
        block: dict[str, Any] = {"cidr": str(cidr)}
        if left_out := [str(one) for one in inside if one.subnet_of(IPv4Network(str(cidr)))]:
            block["except"] = left_out
        peers.append({"ipBlock": block})
    return peers


def allow(
    name: str,
    *,
    pods: Pods | None = None,
    ingress_from: Sequence[Peer] | None = None,
    egress_to: Sequence[Peer] | None = None,
    ports: Sequence[Port],
    protocol: str = "TCP",
) -> Manifest:
    """One thing that pods of a part may do: be reached on ports, or reach others on ports.

    Args:
        name: What it is for: "webhooks".
        pods: Labels of the pods; all of the namespace unless given.
        ingress_from: Who may reach them.
        egress_to: Whom they may reach; one of the two is given.
        ports: Numbers, or names of a container's ports.
        protocol: TCP or UDP.
    """
    if (ingress_from is None) == (egress_to is None):
        raise ValueError(f"{name}: a policy is for one direction")
    allowed = [{"protocol": protocol, "port": port} for port in ports]
    rule, key = ("ingress", "from") if ingress_from is not None else ("egress", "to")
    peers = list(ingress_from if ingress_from is not None else egress_to or ())
    return _policy(name, pods, rule, [{key: peers, "ports": allowed}])


def default_deny() -> Manifest:
    """What every part's namespace has: nothing in, nothing out, but names are looked up."""
    dns = [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")]
    caches = [
        namespace("kube-system", {"k8s-app": "node-local-dns"}),
        *addresses("169.254.20.10/32"),
    ]  # of a node's own
    to = [namespace("kube-system", {"k8s-app": "kube-dns"}), *caches]
    policy = _policy(DEFAULT_DENY, None, "egress", [{"to": to, "ports": dns}])
    policy["spec"]["policyTypes"] = ["Ingress", "Egress"]
    return policy


def allow_api_server(site: Site, pods: Pods | None = None, name: str = "api-server") -> Manifest:
    """Pods may call the API server: by its Service, whose address some network plugins judge, and as others see it."""
    return allow(name, pods=pods, egress_to=addresses(*site.api_server_cidrs, site.api_service), ports=[443, 6443])


def allow_webhooks(site: Site, ports: Sequence[Port], pods: Pods | None = None, name: str = "webhooks") -> Manifest:
    """The API server may call pods' webhooks; GKE's does so through agents in the cluster."""
    agents = [namespace("kube-system", {"k8s-app": "konnectivity-agent"})] if site.settings.platform == "gke" else []
    return allow(name, pods=pods, ingress_from=[*addresses(*site.api_server_cidrs), *agents], ports=ports)


def allow_nodes(site: Site, name: str, *, pods: Pods, ports: Sequence[Port]) -> Manifest:
    """Pods may reach ports of nodes. No range matches a node where GKE's Dataplane V2 judges: there the ports alone say it."""
    peers = [] if site.settings.platform == "gke" else addresses(*site.node_cidrs)
    return allow(name, pods=pods, egress_to=peers, ports=ports)


def allow_cloud(site: Site, pods: Pods | None = None) -> list[Manifest]:
    """Pods may call the cloud's interfaces, and ask the node's agent for the credentials to do so.

    The cloud's addresses aren't known beforehand: all but private ones, where its interfaces are reached through an endpoint of the
    network itself.
    """
    agents = {"eks": ("169.254.170.23/32", [80]), "gke": ("169.254.169.254/32", [80])}  # Pod Identity; metadata server
    agent, ports = agents[site.settings.platform]
    outside = addresses("0.0.0.0/0", but=[*RFC_1918, "169.254.0.0/16"])
    return [
        allow("cloud", pods=pods, egress_to=[*outside, *addresses(*site.node_cidrs)], ports=[443]),
        allow("cloud-credentials", pods=pods, egress_to=addresses(agent), ports=ports),
    ]


def allow_scraping(ports: Sequence[Port], pods: Pods | None = None, name: str = "metrics") -> Manifest:
    """Prometheus may read pods' metrics."""
    return allow(name, pods=pods, ingress_from=[prometheus()], ports=ports)


def _policy(name: str, pods: Pods | None, rule: str, rules: list[Any]) -> Manifest:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {
            "podSelector": {"matchLabels": dict(pods)} if pods else {},
            "policyTypes": [rule.capitalize()],
            rule: rules,
        },
    }
