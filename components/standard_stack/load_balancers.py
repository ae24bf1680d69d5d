"""Services of type LoadBalancer: the cloud's, or MetalLB and kube-vip on own machines."""

from __future__ import annotations

from .part import Part
from .site import Site

NAMESPACE = "system-load-balancers"


def load_balancers(site: Site) -> Part:
    """Services of type LoadBalancer: the cloud's, or MetalLB and kube-vip on own machines."""
    return Part(name="load_balancers", namespace=NAMESPACE)
