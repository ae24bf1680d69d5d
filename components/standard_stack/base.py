"""What every namespace of the cluster relies on: priorities, quotas, the image pull secret."""

from __future__ import annotations

from .part import Part
from .site import Site

NAMESPACE = None


def base(site: Site) -> Part:
    """What every namespace of the cluster relies on: priorities, quotas, the image pull secret."""
    return Part(name="base", namespace=NAMESPACE)
