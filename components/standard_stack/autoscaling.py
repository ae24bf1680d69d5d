"""Nodes as they are needed, and some held ready."""

from __future__ import annotations

from .part import Part
from .site import Site

NAMESPACE = "system-autoscaling"


def autoscaling(site: Site) -> Part:
    """Nodes as they are needed, and some held ready."""
    return Part(name="autoscaling", namespace=NAMESPACE)
