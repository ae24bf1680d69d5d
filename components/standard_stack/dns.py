"""DNS records of ingresses and services."""

from __future__ import annotations

from .part import Part
from .site import Site

NAMESPACE = "system-dns"


def dns(site: Site) -> Part:
    """DNS records of ingresses and services."""
    return Part(name="dns", namespace=NAMESPACE)
