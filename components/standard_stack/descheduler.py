"""Moves pods where nodes have become uneven."""

from __future__ import annotations

from .part import Part
from .site import Site

NAMESPACE = "system-descheduler"


def descheduler(site: Site) -> Part:
    """Moves pods where nodes have become uneven."""
    return Part(name="descheduler", namespace=NAMESPACE)
