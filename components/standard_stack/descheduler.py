"""The descheduler: moves pods where nodes have become uneven."""

from __future__ import annotations

from typing import Any

from components.charts.rendering import Chart
from config.standard_stack.descheduler import DeschedulerSettings

from .alerts import Alert, alerts
from .house_rules import PRIORITY_SYSTEM
from .network import allow_api_server, allow_scraping
from .part import Part
from .site import Site

NAMESPACE = "system-descheduler"
_PODS = {"app.kubernetes.io/name": "descheduler"}
_PORT = 10258
_PLACEHOLDERS = {"matchExpressions": [{"key": "kuber.dev/headroom", "operator": "DoesNotExist"}]}


def descheduler(site: Site) -> Part:
    """The descheduler, as one pod that looks again and again, so that its metrics can be read."""
    settings = site.stack.descheduler
    values = {
        "fullnameOverride": "descheduler",
        "kind": "Deployment",
        "deschedulingInterval": settings.interval,
        "cmdOptions": {"v": 2, **({"dry-run": True} if settings.dry_run else {})},
        "deschedulerPolicy": _policy(settings),
        "priorityClassName": PRIORITY_SYSTEM,
        "resources": {
            **settings.resources.manifest(),
            "limits": {"cpu": None, **settings.resources.manifest()["limits"]},
        },
        "podSecurityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "service": {"enabled": site.stack.monitoring.enabled},
        "serviceMonitor": {"enabled": site.stack.monitoring.enabled},
    }
    return Part(
        name="descheduler",
        namespace=NAMESPACE,
        # A policy is taken whole; "limits.cpu: null" takes the chart's own limit away.
        charts=[Chart(name="descheduler", values=values, free_form=["deschedulerPolicy", "cmdOptions"])],
        objects=[
            allow_api_server(site, _PODS),
            allow_scraping([_PORT], _PODS),
            alerts(
                "descheduler",
                Alert(
                    name="DeschedulerMovesWithoutEnd",
                    expression='sum by (namespace) (increase(descheduler_pods_evicted_total{result="success"}[1h])) > 100',
                    pending="1h",
                    severity="warning",
                    summary="The descheduler has moved more than 100 pods of {{ $labels.namespace }} an hour, for two hours",
                    action="Set `dry_run: true`, and look which of its reasons contradicts the pods' own constraints.",
                ),
                Alert(
                    name="DeschedulerCannotMovePods",
                    expression='sum(increase(descheduler_pods_evicted_total{result="error"}[1h])) > 10',
                    pending="1h",
                    severity="warning",
                    summary="The descheduler fails to move pods",
                    action="Disruption budgets that allow nothing are the usual reason: `kubectl get pdb -A`.",
                ),
            ),
        ],
    )


def _policy(settings: DeschedulerSettings) -> dict[str, Any]:
    """Version v1alpha2 of the descheduler's policy: what may be moved, and the reasons to move it."""
    evictor = {
        "name": "DefaultEvictor",
        "args": {
            # All that isn't the system's own: pods of priority cluster-service and above stay where they are.
            "priorityThreshold": {"name": PRIORITY_SYSTEM},
            "nodeFit": True,
            "minReplicas": 2,
            "labelSelector": _PLACEHOLDERS,
            "podProtections": {"defaultDisabled": ["PodsWithLocalStorage"], "extraEnabled": ["PodsWithPVC"]},
        },
    }
    balance: dict[str, Any] = {}
    deschedule: dict[str, Any] = {}
    if settings.duplicates:
        balance["RemoveDuplicates"] = {}
    if settings.topology_spread:
        balance["RemovePodsViolatingTopologySpreadConstraint"] = {"constraints": ["DoNotSchedule", "ScheduleAnyway"]}
    if low := settings.low_utilization:
        resources = ("cpu", "memory", "pods")
        balance["LowNodeUtilization"] = {
            "thresholds": dict.fromkeys(resources, low.nearly_empty_percent),
            "targetThresholds": dict.fromkeys(resources, low.full_percent),
        }
    if settings.lifetime_days:
        deschedule["PodLifeTime"] = {"maxPodLifeTimeSeconds": settings.lifetime_days * 86_400}
    reasons = {**balance, **deschedule}
    plugins = {"balance": balance, "deschedule": deschedule}
    return {
        "maxNoOfPodsToEvictPerNode": settings.most_from_node,
        "maxNoOfPodsToEvictPerNamespace": settings.most_in_namespace,
        "profiles": [
            {
                "name": "default",
                "pluginConfig": [evictor, *({"name": name, "args": args} for name, args in reasons.items())],
                "plugins": {kind: {"enabled": list(names)} for kind, names in plugins.items() if names},
            }
        ],
    }
