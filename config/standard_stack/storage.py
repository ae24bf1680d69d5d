"""Storage classes."""

from __future__ import annotations

from .part import PartSettings


class StorageSettings(PartSettings):
    """Storage classes."""
