"""The lives of pods, read from what a watch says of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from kuber.rehearsal.api import Object

from .facts import Moved, Waiting

_CAUSES = {
    "EvictionByEvictionAPI": "evicted",
    "DeletionByTaintManager": "evicted by a taint of its node",
    "DeletionByPodGC": "lost with their node",
    "PreemptionByScheduler": "preempted",
    "TerminationByKubelet": "evicted by the kubelet",
}
"""Reasons of a pod's condition DisruptionTarget (Kubernetes documentation, "Pod disruption conditions")."""
LOST, ROLLED, DELETED = "lost with their node", "replaced by a new version", "deleted"


@dataclass(kw_only=True)
class Pod:
    """A pod from its first event to its last; seconds are of the ledger's clock.

    Attributes:
        name: "shop/checkout-5d8-x7k".
        workload: "Deployment shop/checkout"; the pod itself where nothing controls it.
        template: What tells the version of the workload's pod template.
        labels: Its labels.
        placeholder: It only holds room ready: its priority is below zero.
        node: "" while it has none.
        seen: When it was first seen.
        ready: Its condition Ready, or it has done its work.
        waits_since: Since when it waits for a node or to be ready; None while it doesn't.
        why: Why it waits, in the scheduler's or kubelet's words.
        disruption: Reason of its condition DisruptionTarget.
        restarts: Of all its containers.
        gone: When it went, or was asked to.
    """

    name: str
    workload: str
    template: str
    labels: Mapping[str, str]
    placeholder: bool
    node: str = ""
    seen: float
    ready: bool = False
    waits_since: float | None = None
    why: str = ""
    disruption: str = ""
    restarts: int = 0
    gone: float | None = None
    waited: list[tuple[float, float, str]] = field(default_factory=list[tuple[float, float, str]])

    @property
    def moves(self) -> bool:
        """A pod that is made anew elsewhere when it goes."""
        return self.workload.startswith(("Deployment ", "StatefulSet ", "ReplicaSet "))


class Pods:
    """All pods that were seen."""

    def __init__(self) -> None:
        self.all: dict[str, Pod] = {}
        self._since = 0.0
        self._restarts_before = 0

    def begin(self, seconds: float) -> None:
        """From now on counts what happens."""
        self._since = seconds
        self.all = {uid: pod for uid, pod in self.all.items() if pod.gone is None}
        for pod in self.all.values():
            pod.waited.clear()
            if pod.waits_since is not None:
                pod.waits_since = seconds
        self._restarts_before = self._all_restarts()

    def take(self, seconds: float, what: str, one: Object) -> None:
        """One event of a watch."""
        uid = one["metadata"]["uid"]
        pod = self.all.get(uid)
        if pod is None:
            if what == "DELETED":
                return
            pod = self.all[uid] = _pod(seconds, one)
        _update(pod, seconds, one)
        if what == "DELETED" and pod.gone is None:
            _stop_waiting(pod, seconds)
            pod.gone = seconds

    def there(self) -> list[Pod]:
        """Pods that haven't gone."""
        return [pod for pod in self.all.values() if pod.gone is None]

    def gone(self) -> list[Pod]:
        """Pods that went since the beginning."""
        return [pod for pod in self.all.values() if pod.gone is not None and pod.gone >= self._since]

    def restarts(self) -> int:
        """Restarts of containers since the beginning."""
        return max(0, self._all_restarts() - self._restarts_before)

    def cause(self, pod: Pod, gone_nodes: Iterable[str]) -> str:
        """Why a pod went."""
        if pod.disruption:
            return _CAUSES.get(pod.disruption, pod.disruption)
        if pod.node in gone_nodes:
            return LOST
        newest = max((one for one in self.all.values() if one.workload == pod.workload), key=lambda one: one.seen)
        return ROLLED if newest.template != pod.template else DELETED

    def moved(self, gone_nodes: Iterable[str], wanted: Callable[[str], int]) -> tuple[list[Moved], dict[str, int]]:
        """Pods that had to move, and pods that a new version replaced.

        Args:
            gone_nodes: Nodes that went since the beginning.
            wanted: How many pods a workload is to have; 0 where it is gone.
        """
        moved: dict[str, Counter[str]] = defaultdict(Counter)
        rolled: Counter[str] = Counter()
        for pod in self.gone():
            if not pod.moves or not pod.node or not wanted(pod.workload):
                continue
            cause = self.cause(pod, gone_nodes)
            if cause == ROLLED:
                rolled[pod.workload] += 1
            elif cause != DELETED or self._replaced(pod):
                moved[pod.workload][cause] += 1
        lines = [
            Moved(workload=workload, pods=causes.total(), causes=dict(sorted(causes.items())))
            for workload, causes in sorted(moved.items())
        ]
        return lines, dict(sorted(rolled.items()))

    def waiting(self, seconds: float, patience_seconds: float) -> list[Waiting]:
        """Who waited longer than `patience_seconds` since the beginning, by workload and reason."""
        found: dict[tuple[str, str, bool], list[tuple[float, bool]]] = defaultdict(list)
        for pod in self.all.values():
            spans = [(end - start, why, False) for start, end, why in pod.waited]
            if pod.waits_since is not None and pod.gone is None:
                spans.append((seconds - pod.waits_since, pod.why, True))
            long = [span for span in spans if span[0] > patience_seconds]
            if long:
                longest, why, still = max(long, key=lambda span: (span[2], span[0]))
                found[pod.workload, why, pod.placeholder].append((longest, still))
        return [
            Waiting(
                workload=workload,
                pods=len(spans),
                longest_seconds=round(max(length for length, _ in spans), 1),
                at_the_end=sum(still for _, still in spans),
                why=why,
                placeholder=placeholder,
            )
            for (workload, why, placeholder), spans in sorted(found.items())
        ]

    def _replaced(self, pod: Pod) -> bool:
        return any(
            one.workload == pod.workload and one.gone is None and one.seen >= (pod.gone or 0)
            for one in self.all.values()
        )

    def _all_restarts(self) -> int:
        return sum(pod.restarts for pod in self.all.values())


def _pod(seconds: float, one: Object) -> Pod:
    metadata = one["metadata"]
    labels = metadata.get("labels") or {}
    name = f"{metadata['namespace']}/{metadata['name']}"
    return Pod(
        name=name,
        workload=workload_of(one) or f"Pod {name}",
        template=labels.get("pod-template-hash") or labels.get("controller-revision-hash", ""),
        labels=labels,
        placeholder=(one["spec"].get("priority") or 0) < 0,
        seen=seconds,
        waits_since=seconds,
    )


def workload_of(one: Object) -> str:
    """What controls a pod: "Deployment shop/checkout"; "" where nothing does."""
    metadata = one["metadata"]
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("controller"):
            kind, name = owner["kind"], owner["name"]
            template = (metadata.get("labels") or {}).get("pod-template-hash")
            if kind == "ReplicaSet" and template and name.endswith(f"-{template}"):
                kind, name = "Deployment", name.removesuffix(f"-{template}")
            return f"{kind} {metadata['namespace']}/{name}"
    return ""


def _update(pod: Pod, seconds: float, one: Object) -> None:
    status = one.get("status") or {}
    conditions = {condition["type"]: condition for condition in status.get("conditions") or ()}
    pod.node = one["spec"].get("nodeName") or pod.node
    pod.restarts = max(pod.restarts, sum(each.get("restartCount", 0) for each in status.get("containerStatuses") or ()))
    if conditions.get("DisruptionTarget", {}).get("status") == "True":
        pod.disruption = conditions["DisruptionTarget"].get("reason", "")
    ended = status.get("phase") in ("Succeeded", "Failed")
    pod.ready = conditions.get("Ready", {}).get("status") == "True"
    if pod.ready or ended or one["metadata"].get("deletionTimestamp"):
        _stop_waiting(pod, seconds)
    else:
        pod.waits_since = seconds if pod.waits_since is None else pod.waits_since
        pod.why = _why(conditions, status) or pod.why
    if one["metadata"].get("deletionTimestamp") and pod.gone is None:
        pod.gone = seconds


def _stop_waiting(pod: Pod, seconds: float) -> None:
    if pod.waits_since is not None:
        pod.waited.append((pod.waits_since, seconds, pod.why))
        pod.waits_since = None


def _why(conditions: Mapping[str, Object], status: Object) -> str:
    scheduled = conditions.get("PodScheduled", {})
    if scheduled.get("status") == "False":
        return scheduled.get("message") or scheduled.get("reason", "")
    return "; ".join(_container_reasons(status)) or conditions.get("Ready", {}).get("message", "")


def _container_reasons(status: Object) -> Iterator[str]:
    for each in [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]:
        waits = (each.get("state") or {}).get("waiting")
        if waits:
            yield f"{each['name']}: {waits.get('message') or waits.get('reason', 'waiting')}"
