"""What every namespace of the cluster relies on: priorities, quotas, the image pull secret."""

from __future__ import annotations

from .part import PartSettings


class BaseSettings(PartSettings):
    """What every namespace of the cluster relies on: priorities, quotas, the image pull secret."""
