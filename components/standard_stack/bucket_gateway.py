"""Single-page apps out of object-storage buckets."""

from __future__ import annotations

from .part import Part
from .site import Site

NAMESPACE = "system-bucket-gateway"


def bucket_gateway(site: Site) -> Part:
    """Single-page apps out of object-storage buckets."""
    return Part(name="bucket_gateway", namespace=NAMESPACE)
