"""Prometheus, Alertmanager and what they measure with."""

from __future__ import annotations

from .part import PartSettings


class MonitoringSettings(PartSettings):
    """Prometheus, Alertmanager and what they measure with."""
