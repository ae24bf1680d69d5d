"""filebeat on every node, which ships logs to Logstash."""

from __future__ import annotations

from .part import PartSettings


class LoggingSettings(PartSettings):
    """filebeat on every node, which ships logs to Logstash."""
