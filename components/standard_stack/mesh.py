"""Linkerd, for services that ask for it."""

from __future__ import annotations

from .part import Part
from .site import Site

NAMESPACE = "system-mesh"


def mesh(site: Site) -> Part:
    """Linkerd, for services that ask for it."""
    return Part(name="mesh", namespace=NAMESPACE)
