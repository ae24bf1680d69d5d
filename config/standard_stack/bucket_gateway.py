"""Single-page apps out of object-storage buckets."""

from __future__ import annotations

from .part import PartSettings


class BucketGatewaySettings(PartSettings):
    """Single-page apps out of object-storage buckets."""

    enabled: bool = False
