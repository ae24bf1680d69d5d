"""Vault: how workloads get their secrets."""

from __future__ import annotations

from .part import Part
from .site import Site

NAMESPACE = "system-secrets"


def secrets(site: Site) -> Part:
    """Vault: how workloads get their secrets."""
    return Part(name="secrets", namespace=NAMESPACE)
