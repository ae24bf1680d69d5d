"""Linkerd, for services that ask for it."""

from __future__ import annotations

from .part import PartSettings


class MeshSettings(PartSettings):
    """Linkerd, for services that ask for it."""

    enabled: bool = False
