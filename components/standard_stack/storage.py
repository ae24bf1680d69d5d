"""Storage classes."""

from __future__ import annotations

from .part import Part
from .site import Site

NAMESPACE = "system-storage"


def storage(site: Site) -> Part:
    """Storage classes."""
    return Part(name="storage", namespace=NAMESPACE)
