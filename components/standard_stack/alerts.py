"""Alerts that a part brings with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from components.charts.manifests import Manifest

RUNBOOKS = "docs/parts"


@dataclass(frozen=True, kw_only=True)
class Alert:
    """One alerting rule.

    Attributes:
        name: CamelCase, as Alertmanager's routes name it.
        expression: PromQL that gives a series for each thing that is wrong.
        pending: How long it must be wrong, such as "15m".
        severity: critical wakes somebody, warning waits for the morning.
        summary: What is wrong, in a line; may use `{{ $labels.x }}` and `{{ $value }}`.
        action: What to do first.
    """

    name: str
    expression: str
    pending: str
    severity: Literal["critical", "warning"]
    summary: str
    action: str


def alerts(part: str, *rules: Alert) -> Manifest:
    """A part's alerting rules, each with the page of its runbook (docs/parts/<part>.md)."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": rules_name(part)},
        "spec": {
            "groups": [
                {
                    "name": f"kuber.{part}",
                    "rules": [
                        {
                            "alert": one.name,
                            "expr": one.expression,
                            "for": one.pending,
                            "labels": {"severity": one.severity, "part": part},
                            "annotations": {
                                "summary": one.summary,
                                "description": one.action,
                                "runbook": f"{RUNBOOKS}/{part.replace('_', '-')}.md#{one.name.lower()}",
                            },
                        }
                        for one in rules
                    ],
                }
            ]
        },
    }


def rules_name(part: str) -> str:
    """Name of the object that holds a part's rules."""
    return f"kuber-{part.replace('_', '-')}"
