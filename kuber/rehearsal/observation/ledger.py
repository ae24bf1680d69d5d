"""What watches tell, added up."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from threading import Lock

from config.node_pools import POOL_LABEL
from kuber.rehearsal.api import Kind, Object

from .budgets import Budgets
from .facts import Observed, PoolNodes, Short, Warned
from .pods import Pods
from .workloads import Workloads

WATCHED: tuple[Kind, ...] = (
    ("v1", "Node"),
    ("v1", "Pod"),
    ("v1", "Event"),
    ("policy/v1", "PodDisruptionBudget"),
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
)
"""What a ledger needs to be told of."""

_TOLD_ELSEWHERE = frozenset(
    {"FailedScheduling", "NotTriggerScaleUp", "NodeNotReady", "FailedToUpdateEndpoint", "FailedToUpdateEndpointSlices"}
)
"""Warnings of which the pods' and nodes' own status tells more, or that a controller gives for a moment where nodes vanish."""
_RANDOM_SUFFIX = re.compile(r"-[a-z0-9]{5}$")


@dataclass(frozen=True)
class Change:
    """What a watch tells.

    Attributes:
        seconds: When, on the ledger's clock.
        kind: "Pod".
        what: "ADDED", "MODIFIED" or "DELETED".
        object: As it is then, or as it was last.
    """

    seconds: float
    kind: str
    what: str
    object: Object


@dataclass(kw_only=True)
class _Nodes:
    """Pool by node, of all that are there, and what came and went."""

    there: dict[str, str] = field(default_factory=dict[str, str])
    before: dict[str, str] = field(default_factory=dict[str, str])
    gone: dict[str, str] = field(default_factory=dict[str, str])

    def begin(self) -> None:
        self.before, self.gone = dict(self.there), {}

    def take(self, what: str, one: Object) -> None:
        name = one["metadata"]["name"]
        pool = (one["metadata"].get("labels") or {}).get(POOL_LABEL, "")
        if what == "DELETED":
            self.gone[name] = self.there.pop(name, pool)
        else:
            self.there[name] = pool

    def pools(self) -> list[PoolNodes]:
        """Each pool that nodes are of, were of, or came and went of."""
        names = sorted({*self.there.values(), *self.before.values(), *self.gone.values()})
        return [
            PoolNodes(
                pool=pool,
                before=sum(of == pool for of in self.before.values()),
                added=sorted(name for name, of in self.there.items() if of == pool and name not in self.before),
                removed=sorted(name for name, of in self.gone.items() if of == pool),
                after=sum(of == pool for of in self.there.values()),
            )
            for pool in names
        ]


class Ledger:
    """Adds up what watches tell, from `begin` to `end`, and again. May be told by several threads.

    Watches of several kinds may tell of the same thing in any order, and again after they were broken off.

    Args:
        patience_seconds: How long a pod may wait before it is worth telling.
    """

    def __init__(self, patience_seconds: float = 10.0) -> None:
        self._patience = patience_seconds
        self._lock = Lock()
        self._since = 0.0
        self._nodes, self._pods, self._workloads = _Nodes(), Pods(), Workloads()
        self._budgets = Budgets(self._pods)
        self._warnings: dict[str, Object] = {}
        self._told_before: dict[str, int] = {}

    def take(self, change: Change) -> None:
        """One event of a watch."""
        with self._lock:
            seconds, what, one = change.seconds, change.what, change.object
            match change.kind:
                case "Node":
                    self._nodes.take(what, one)
                case "Pod":
                    self._pods.take(seconds, what, one)
                case "PodDisruptionBudget":
                    self._budgets.take(seconds, what, one)
                case "Event":
                    if what != "DELETED" and one.get("type") == "Warning" and one.get("reason") not in _TOLD_ELSEWHERE:
                        self._warnings[one["metadata"]["uid"]] = one
                case kind:
                    self._workloads.take(seconds, kind, what, one)

    def begin(self, seconds: float) -> None:
        """From now on counts what happens; what is there stays known."""
        with self._lock:
            self._since = seconds
            self._nodes.begin()
            self._pods.begin(seconds)
            self._workloads.begin(seconds)
            self._budgets.begin(seconds)
            self._told_before = {uid: _times(one) for uid, one in self._warnings.items()}

    def end(self, seconds: float) -> Observed:
        """What happened since `begin`."""
        with self._lock:
            gone_nodes, wanted = self._nodes.gone, self._workloads.wanted
            moved, rolled = self._pods.moved(gone_nodes, wanted)
            return Observed(
                seconds=round(seconds - self._since, 1),
                pools=self._nodes.pools(),
                moved=moved,
                rolled=rolled,
                budgets=self._budgets.found(gone_nodes, wanted),
                waiting=self._pods.waiting(seconds, self._patience),
                outages=[one for one in self._workloads.outages(seconds) if not self._only_holds_room(one.workload)],
                short=self._short(),
                restarts=self._pods.restarts(),
                warnings=self._warned(),
            )

    def unsettled(self) -> int:
        """How many pods are still to come: of workloads that have fewer than they are to have, and of pods that wait."""
        with self._lock:
            short = sum(one.wanted - one.ready for one in self._workloads.all.values() if one.ready < one.wanted)
            return max(short, sum(pod.waits_since is not None for pod in self._pods.there()))

    def _short(self) -> list[Short]:
        found: list[Short] = []
        for name in self._workloads.short():
            told = [pod.why for pod in self._pods.there() if pod.workload == name and pod.waits_since is not None]
            one = self._workloads.all[name]
            found.append(
                Short(
                    workload=name,
                    ready=one.ready,
                    wanted=one.wanted,
                    why=next(filter(None, told), "") or self._refusal(name),
                    placeholder=self._only_holds_room(name),
                )
            )
        return found

    def _only_holds_room(self, workload: str) -> bool:
        of_it = [pod for pod in self._pods.all.values() if pod.workload == workload]
        return bool(of_it) and all(pod.placeholder for pod in of_it)

    def _refusal(self, workload: str) -> str:
        """Why its pods can't even be made: the newest such event of the workload or of its ReplicaSets."""
        kind, _, name = workload.partition(" ")
        told = [
            one
            for one in self._warnings.values()
            if one.get("reason") in ("FailedCreate", "ReplicaSetCreateError") and _is_of(one, kind, name)
        ]
        return max(told, key=_moment)["message"] if told else ""

    def _warned(self) -> list[Warned]:
        found = [
            Warned(
                reason=one.get("reason", ""),
                about=_about(one),
                message=one.get("message", ""),
                times=_times(one) - self._told_before.get(uid, 0),
            )
            for uid, one in self._warnings.items()
        ]
        return sorted(_added_up(one for one in found if one.times), key=lambda one: (one.reason, one.about))


def _added_up(warnings: Iterable[Warned]) -> list[Warned]:
    """Warnings of one reason about the same thing as one, with the last text."""
    found: dict[tuple[str, str], Warned] = {}
    for one in warnings:
        before = found.get((one.reason, one.about))
        found[one.reason, one.about] = Warned(
            reason=one.reason,
            about=one.about,
            message=one.message,
            times=one.times + (before.times if before else 0),
        )
    return list(found.values())


def _times(event: Object) -> int:
    return (event.get("series") or {}).get("count") or event.get("count") or 1


def _moment(event: Object) -> str:
    return event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or ""


def _about(event: Object) -> str:
    """What a warning is about; of a pod what its name begins with, which its fellows share."""
    of = event["involvedObject"]
    name = _RANDOM_SUFFIX.sub("", of.get("name", "")) if of.get("kind") == "Pod" else of.get("name", "")
    return f"{of.get('kind', '')} {of['namespace']}/{name}" if of.get("namespace") else f"{of.get('kind', '')} {name}"


def _is_of(event: Object, kind: str, name: str) -> bool:
    of = event["involvedObject"]
    about = f"{of.get('namespace')}/{of.get('name')}"
    if kind == "Deployment" and of.get("kind") == "ReplicaSet":
        return about.rpartition("-")[0] == name
    return of.get("kind") == kind and about == name
