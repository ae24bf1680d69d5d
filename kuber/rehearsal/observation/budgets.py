"""Disruption budgets: how far down each went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from kuber.rehearsal.api import Object
from kuber.selectors import selects

from .facts import Budget
from .pods import Pods

_AROUND_SECONDS = 2.0
"""How far the watches of budgets and of pods may be apart."""


@dataclass(frozen=True, kw_only=True)
class _Status:
    healthy: int
    desired: int
    expected: int
    allowed: int

    @property
    def room(self) -> int:
        return self.healthy - self.desired


@dataclass(kw_only=True)
class _Budget:
    name: str
    selector: Mapping[str, Any] = field(default_factory=dict[str, Any])
    kept_with: int | None = None
    """Healthy pods when it was last kept, or what was left of them at the beginning; None until it was kept for the first time."""
    kept_at: float = 0.0
    whole: bool = False
    """All of its pods were healthy once; until then they come up, and the lowest is the last."""
    now: _Status | None = None
    lowest: _Status | None = None
    fewest_allowed: int = 0
    broken_at: float | None = None
    broken_since: float = 0.0


class Budgets:
    """All budgets that are there, by the disruption controller's own figures.

    A budget isn't broken for being unmet at first, while its pods come up, nor for asking for more than before: fewer pods must be
    healthy than when it was last kept. Nor is it when its whole workload is removed. Pods that were lost before the beginning count
    for what was observed then.
    """

    def __init__(self, pods: Pods) -> None:
        self._pods = pods
        self._all: dict[str, _Budget] = {}

    def begin(self, seconds: float) -> None:
        """From now on counts what happens."""
        for one in self._all.values():
            one.lowest, one.broken_at = one.now, None
            one.fewest_allowed = one.now.allowed if one.now else 0
            if one.now and one.now.room < 0:
                one.kept_with, one.kept_at = one.now.healthy, seconds

    def take(self, seconds: float, what: str, one: Object) -> None:
        """One event of a watch."""
        metadata, status = one["metadata"], one.get("status") or {}
        name = f"{metadata['namespace']}/{metadata['name']}"
        if what == "DELETED":
            self._all.pop(name, None)
            return
        budget = self._all.setdefault(name, _Budget(name=name))
        budget.selector = one["spec"].get("selector") or {}
        if status.get("observedGeneration", 0) < metadata.get("generation", 0) or not status.get("expectedPods"):
            return
        now = _Status(
            healthy=status.get("currentHealthy", 0),
            desired=status.get("desiredHealthy", 0),
            expected=status["expectedPods"],
            allowed=status.get("disruptionsAllowed", 0),
        )
        if budget.kept_with is None and now.room < 0:
            return  # its pods come up for the first time
        _note(budget, seconds, now)

    def found(self, gone_nodes: Collection[str], wanted: Callable[[str], int]) -> list[Budget]:
        """Each that was kept once, by name.

        Args:
            gone_nodes: Nodes that went since the beginning.
            wanted: How many pods a workload is to have; 0 where it is gone.
        """
        return [
            self._found(one, one.lowest, gone_nodes, wanted)
            for one in sorted(self._all.values(), key=lambda one: one.name)
            if one.lowest
        ]

    def _found(
        self, one: _Budget, lowest: _Status, gone_nodes: Collection[str], wanted: Callable[[str], int]
    ) -> Budget:
        why = None if one.broken_at is None else self._why(one, one.broken_at, gone_nodes, wanted)
        return Budget(
            name=one.name,
            healthy=lowest.healthy,
            desired=lowest.desired,
            expected=lowest.expected,
            allowed=one.fewest_allowed,
            broken=why is not None,
            why=why or "",
        )

    def _why(
        self, one: _Budget, broken_at: float, gone_nodes: Collection[str], wanted: Callable[[str], int]
    ) -> str | None:
        """What had happened to its pods; None where all of them were of workloads that are gone themselves."""
        namespace = one.name.partition("/")[0]
        of_it = [
            pod
            for pod in self._pods.all.values()
            if pod.name.startswith(f"{namespace}/") and selects(one.selector, pod.labels)
        ]
        span = (one.broken_since - _AROUND_SECONDS, broken_at + _AROUND_SECONDS)
        went = [pod for pod in of_it if pod.gone is not None and span[0] <= pod.gone <= span[1]]
        meant = [pod for pod in went if wanted(pod.workload)]
        if went and not meant:
            return None
        causes = Counter(self._pods.cause(pod, gone_nodes) for pod in meant)
        return ", ".join(f"{number} {cause}" for cause, number in causes.most_common()) or "pods were not ready"


def _note(budget: _Budget, seconds: float, now: _Status) -> None:
    if now.room >= 0:
        budget.kept_with, budget.kept_at = now.healthy, seconds
    elif now.healthy < (budget.kept_with or 0) and budget.broken_at is None:
        budget.broken_at, budget.broken_since = seconds, budget.kept_at
    coming_up = not budget.whole and budget.broken_at is None
    if budget.lowest is None or coming_up or now.room < budget.lowest.room:
        budget.lowest = now
    budget.fewest_allowed = now.allowed if coming_up else min(budget.fewest_allowed, now.allowed)
    budget.whole = budget.whole or now.healthy >= now.expected
    budget.now = now
