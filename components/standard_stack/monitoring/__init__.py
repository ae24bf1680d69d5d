"""Prometheus, Alertmanager and what they measure with."""
