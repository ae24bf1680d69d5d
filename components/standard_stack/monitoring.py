"""Prometheus, Alertmanager and what they measure with."""

from __future__ import annotations

from .part import Part
from .site import Site

NAMESPACE = "system-monitoring"


def monitoring(site: Site) -> Part:
    """Prometheus, Alertmanager and what they measure with."""
    return Part(name="monitoring", namespace=NAMESPACE)
