"""Nodes as they are needed, and some held ready."""

from __future__ import annotations

from .part import PartSettings


class AutoscalingSettings(PartSettings):
    """Nodes as they are needed, and some held ready."""
