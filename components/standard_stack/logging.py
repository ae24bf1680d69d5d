"""filebeat on every node, which ships logs to Logstash."""

from __future__ import annotations

from .part import Part
from .site import Site

NAMESPACE = "system-logging"


def logging(site: Site) -> Part:
    """filebeat on every node, which ships logs to Logstash."""
    return Part(name="logging", namespace=NAMESPACE)
