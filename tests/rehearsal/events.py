"""Events of watches as an API server tells them, short enough to be read in a test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kuber.rehearsal.observation import Change, Ledger

Object = dict[str, Any]


class Told:
    """A ledger that is told one event after the other; each method is an event."""

    def __init__(self, patience_seconds: float = 5.0) -> None:
        self.ledger = Ledger(patience_seconds)
        self.now = 0.0

    def at(self, seconds: float) -> Told:
        """What follows happens then."""
        self.now = seconds
        return self

    def begin(self) -> Told:
        self.ledger.begin(self.now)
        return self

    def tell(self, kind: str, what: str, one: Object) -> Told:
        self.ledger.take(Change(self.now, kind, what, one))
        return self

    def node(self, name: str, pool: str, what: str = "ADDED") -> Told:
        return self.tell("Node", what, {"metadata": {"name": name, "labels": {"kuber.dev/pool": pool}}})

    def pod(self, name: str, what: str = "MODIFIED", **facts: Any) -> Told:
        return self.tell("Pod", what, pod(name, **facts))

    def deployment(self, name: str, wanted: int, ready: int, what: str = "MODIFIED") -> Told:
        status = {"readyReplicas": ready} if ready else {}
        one = {"metadata": {"name": name, "namespace": "shop"}, "spec": {"replicas": wanted}, "status": status}
        return self.tell("Deployment", what, one)

    def budget(self, healthy: int, desired: int, expected: int, *, allowed: int = 0, what: str = "MODIFIED") -> Told:
        return self.tell("PodDisruptionBudget", what, budget(healthy, desired, expected, allowed))

    def warning(self, reason: str, kind: str, name: str, message: str, times: int = 1) -> Told:
        about = {"kind": kind, "namespace": "shop", "name": name}
        metadata = {"uid": f"{reason}-{name}", "creationTimestamp": f"2026-11-22T00:00:{int(self.now):02}Z"}
        event = {"type": "Warning", "reason": reason, "message": message, "count": times, "involvedObject": about}
        return self.tell("Event", "ADDED", {"metadata": metadata, **event})


def pod(
    name: str,
    *,
    node: str = "",
    ready: bool = False,
    template: str = "v1",
    why: str = "",
    disruption: str = "",
    priority: int = 0,
    deleting: bool = False,
    restarts: int = 0,
) -> Object:
    """A pod of a Deployment "web" of the namespace "shop"."""
    labels: Mapping[str, str] = {"app": "web", "pod-template-hash": template}
    owner = {"kind": "ReplicaSet", "name": f"web-{template}", "controller": True}
    conditions = [{"type": "Ready", "status": str(ready)}]
    if why:
        conditions.append({"type": "PodScheduled", "status": "False", "message": why})
    if disruption:
        conditions.append({"type": "DisruptionTarget", "status": "True", "reason": disruption})
    return {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": name,
            "labels": labels,
            "ownerReferences": [owner],
            **({"deletionTimestamp": "2026-11-22T00:00:00Z"} if deleting else {}),
        },
        "spec": {"priority": priority, **({"nodeName": node} if node else {})},
        "status": {
            "phase": "Running" if ready else "Pending",
            "conditions": conditions,
            "containerStatuses": [{"name": "web", "restartCount": restarts}],
        },
    }


def budget(healthy: int, desired: int, expected: int, allowed: int) -> Object:
    """A disruption budget "web" of the namespace "shop"."""
    return {
        "metadata": {"name": "web", "namespace": "shop", "uid": "pdb", "generation": 1},
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}},
        "status": {
            "observedGeneration": 1,
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "expectedPods": expected,
            "disruptionsAllowed": allowed,
        },
    }
