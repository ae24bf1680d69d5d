"""Moves pods where nodes have become uneven."""

from __future__ import annotations

from .part import PartSettings


class DeschedulerSettings(PartSettings):
    """Moves pods where nodes have become uneven."""

    enabled: bool = False
