"""Load balancers that become others, or lose their addresses, though what asks for them stays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from ipaddress import ip_address, summarize_address_range
from typing import Any

from kuber.review.model import Danger
from kuber.review.renames import Resource

from .addresses import Network, beyond, networks, shown, without
from .case import Case, at, danger, mapping, metadata, texts

_SERVICE = "kubernetes:core/v1:Service"
_POOL = "kubernetes:metallb.io/v1beta1:IPAddressPool"
_MADE_ANEW = (
    "service.beta.kubernetes.io/aws-load-balancer-type",
    "service.beta.kubernetes.io/aws-load-balancer-scheme",
    "service.beta.kubernetes.io/aws-load-balancer-internal",
    "service.beta.kubernetes.io/aws-load-balancer-name",
    "networking.gke.io/load-balancer-type",
)
"""Annotations by which a controller makes another load balancer (AWS Load Balancer Controller: Service annotations; GKE: internal
load balancers)."""


def load_balancers(case: Case) -> Iterator[Danger]:
    """Services whose load balancer goes or becomes another, and pools of addresses that lose some."""
    for change in case.changes:
        if change.operation != "update" or not change.before or not change.after:
            continue
        if change.type == _SERVICE and (told := _becomes_another(change.before, change.after)):
            yield danger(
                "traffic-stops",
                "high",
                change,
                f"{change.label} {'gets another load balancer' if _asks(change.after) else 'loses its load balancer'}",
                f"with the old one goes its address, which names and others' rules may point to ({told})",
                "Bring the new one up beside the old one first, and lead names over to it.",
            )
        elif change.type == _POOL and (lost := _lost(change.before, change.after)):
            yield danger(
                "traffic-stops",
                "high",
                change,
                f"{change.label} has fewer addresses",
                f"load balancers that have one of {shown(lost)} lose it",
                "See that none is in use: `kubectl get services --all-namespaces`.",
            )


def _asks(service: Resource) -> bool:
    return at(service["inputs"], "spec", "type") == "LoadBalancer"


def _becomes_another(before: Resource, after: Resource) -> str:
    """What makes a service's load balancer go, or be made anew; empty where it stays."""
    if not _asks(before):
        return ""
    old, new = (one["inputs"].get("spec") for one in (before, after))
    if not _asks(after):
        return f"spec.type: LoadBalancer becomes {at(new, 'type') or 'ClusterIP'}"
    annotations = [mapping(metadata(one).get("annotations")) for one in (before, after)]
    for key in _MADE_ANEW:
        values = [one.get(key) for one in annotations]
        if values[0] != values[1]:
            return f"{key}: {values[0] or 'nothing'} becomes {values[1] or 'nothing'}"
    address = at(old, "loadBalancerIP")
    if address and address != at(new, "loadBalancerIP"):
        return f"spec.loadBalancerIP: {address} becomes {at(new, 'loadBalancerIP') or 'any'}"
    return ""


def _lost(before: Resource, after: Resource) -> list[Network]:
    old, new = (one["inputs"].get("spec") for one in (before, after))
    if not isinstance(at(new, "addresses"), list):
        return []
    kept = _pool(texts(at(new, "addresses")))
    return beyond((part for one in _pool(texts(at(old, "addresses"))) for part in without(one, kept)), ())


def _pool(told: Iterable[str]) -> list[Network]:
    """The addresses of a pool: `10.40.8.0/24`, or `10.40.8.10-10.40.8.20`."""
    found: list[Network] = []
    for one in told:
        first, dash, last = (part.strip() for part in one.partition("-"))
        found += _between(first, last) if dash else networks([one.strip()])
    return found


def _between(first: str, last: str) -> list[Any]:
    try:
        return list(summarize_address_range(ip_address(first), ip_address(last)))  # type: ignore[type-var]
    except (ValueError, TypeError):
        return []
