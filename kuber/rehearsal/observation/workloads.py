"""Workloads: whether each has the pods that it is to have."""

from __future__ import annotations

from dataclasses import dataclass

from kuber.rehearsal.api import Object

from .facts import Outage


@dataclass(kw_only=True)
class Workload:
    """A Deployment, StatefulSet or DaemonSet.

    Attributes:
        wanted: How many pods it is to have.
        ready: How many are ready.
        ran: It had a ready pod once.
        down_since: Since when it has none although it had; None while it has one.
        down_seconds: How long it had none, since the ledger's beginning.
    """

    wanted: int = 0
    ready: int = 0
    ran: bool = False
    down_since: float | None = None
    down_seconds: float = 0.0


class Workloads:
    """All workloads that are there."""

    def __init__(self) -> None:
        self.all: dict[str, Workload] = {}

    def begin(self, seconds: float) -> None:
        """From now on counts what happens."""
        for one in self.all.values():
            one.down_seconds = 0.0
            one.down_since = None if one.down_since is None else seconds

    def take(self, seconds: float, kind: str, what: str, one: Object) -> None:
        """One event of a watch."""
        metadata, status = one["metadata"], one.get("status") or {}
        name = f"{kind} {metadata['namespace']}/{metadata['name']}"
        if what == "DELETED":
            self.all.pop(name, None)
            return
        workload = self.all.setdefault(name, Workload())
        if kind == "DaemonSet":
            workload.wanted, workload.ready = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
        else:
            workload.wanted, workload.ready = one["spec"].get("replicas", 1), status.get("readyReplicas", 0)
        workload.ran = workload.ran or workload.ready > 0
        if workload.ran and workload.wanted and not workload.ready:
            workload.down_since = seconds if workload.down_since is None else workload.down_since
        elif workload.down_since is not None:
            workload.down_seconds += seconds - workload.down_since
            workload.down_since = None

    def wanted(self, workload: str) -> int:
        """How many pods a workload is to have: 0 if it is gone. Of other kinds, Jobs for one, nothing is known: 1."""
        if not workload.startswith(("Deployment ", "StatefulSet ", "DaemonSet ")):
            return 1
        return self.all[workload].wanted if workload in self.all else 0

    def outages(self, seconds: float) -> list[Outage]:
        """Those that had no ready pod for some time."""
        found: list[Outage] = []
        for name, one in sorted(self.all.items()):
            still = 0.0 if one.down_since is None else seconds - one.down_since
            if one.down_seconds or still:
                found.append(
                    Outage(
                        workload=name,
                        seconds=round(one.down_seconds + still, 1),
                        wanted=one.wanted,
                        at_the_end=one.down_since is not None,
                    )
                )
        return found

    def short(self) -> list[str]:
        """Those that have fewer ready pods than they are to have."""
        return [name for name, one in sorted(self.all.items()) if one.ready < one.wanted]
