"""DNS records of ingresses and services."""

from __future__ import annotations

from .part import PartSettings


class DnsSettings(PartSettings):
    """DNS records of ingresses and services."""

    enabled: bool = False
