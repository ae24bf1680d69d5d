"""What Alertmanager does with alerts."""

from __future__ import annotations

from components.charts.manifests import Manifest

from ..site import Site

CONFIGURATION = "alertmanager-configuration"
"""Secret that holds alertmanager.yaml."""
NOBODY = """\
# Alerts can be looked at, and reach nobody: the stack file names no configuration.
route:
  receiver: nobody
  group_by: [alertname, namespace]
  routes:
    - receiver: watchdog
      matchers: [alertname = Watchdog]
      repeat_interval: 5m
inhibit_rules:
  - source_matchers: [severity = critical]
    target_matchers: ["severity =~ warning|info"]
    equal: [namespace, alertname]
  - source_matchers: [severity = warning]
    target_matchers: [severity = info]
    equal: [namespace, alertname]
  - source_matchers: [alertname = InfoInhibitor]
    target_matchers: [severity = info]
    equal: [namespace]
receivers:
  - name: nobody
  - name: watchdog
"""


def configuration_secret(site: Site) -> list[Manifest]:
    """The Secret with the stack file's configuration; none where one is there already."""
    settings = site.stack.monitoring.alertmanager
    if settings.existing_secret:
        return []
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": CONFIGURATION},
            "type": "Opaque",
            "stringData": {"alertmanager.yaml": settings.configuration or NOBODY},
        }
    ]
