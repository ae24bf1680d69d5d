"""Vault: how workloads get their secrets."""

from __future__ import annotations

from .part import PartSettings


class SecretsSettings(PartSettings):
    """Vault: how workloads get their secrets."""

    enabled: bool = False
