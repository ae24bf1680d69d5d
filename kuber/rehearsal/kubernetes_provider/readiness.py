"""When an object counts as ready, kind by kind.

What is looked at is what pulumi-kubernetes looks at (provider/pkg/await: deployment.go, statefulset.go, daemonset.go, job.go, pod.go,
service.go, ingress.go, awaiters.go); the reasons are in words of our own. A kind that isn't in the table is ready once the API
server has it, as are CRDs, namespaces and all custom resources.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from kuber.rehearsal.api import Api, Kind

from . import pods
from .pods import conditions_of

Object = dict[str, Any]

_REVISION = "deployment.kubernetes.io/revision"
_PODLESS_INGRESS_SECONDS = 60.0


@dataclass(frozen=True)
class Verdict:
    """How it stands with an object.

    Attributes:
        ready: It does what it is for.
        failed: It won't be ready any more, so that waiting is of no use.
        reasons: What it lacks.
    """

    ready: bool
    failed: bool = False
    reasons: tuple[str, ...] = ()


_READY = Verdict(True)


@dataclass
class Surroundings:
    """What a verdict may need beside the object.

    Attributes:
        api: Where it is.
        updated: The object was there before, so that a volume claim may be bound already.
        settle_seconds: How long a Service's endpoints must not change.
        at_once: The verdict is on what is there now; nothing is given time to settle.
    """

    api: Api
    updated: bool
    settle_seconds: float
    at_once: bool = False
    _started: float = field(default_factory=time.monotonic)
    _endpoints: str = ""
    _endpoints_since: float = 0.0

    def list(self, kind: Kind, one: Mapping[str, Any]) -> list[Object]:
        """Objects of a kind in the namespace of another."""
        return self.api.list(kind, one["metadata"].get("namespace") or "default")

    def pods_of(self, one: Mapping[str, Any], *uids: str) -> list[Object]:
        """The pods that an object owns, or those whom `uids` are."""
        return pods.owned_by(self.list(("v1", "Pod"), one), uids or (one["metadata"]["uid"],))

    def settled(self, endpoints: str, seconds: float) -> bool:
        """Whether endpoints, by their version, have been as they are for so long."""
        if endpoints != self._endpoints:
            self._endpoints, self._endpoints_since = endpoints, time.monotonic()
        return self.at_once or time.monotonic() - self._endpoints_since >= seconds

    def waited(self) -> float:
        """Seconds since the waiting began."""
        return time.monotonic() - self._started


@dataclass(frozen=True)
class Rule:
    """How a kind is judged.

    Attributes:
        judge: The verdict on a live object. Its reasons may cost a look at other objects, so they are only there when it is asked
            for them by `explain`.
        on_read: Whether a refresh judges too.
        most_seconds: An upper bound of the wait, whatever timeout was asked for.
    """

    judge: Callable[[Object, Surroundings, bool], Verdict]
    on_read: bool = False
    most_seconds: float | None = None


def rule_of(one: Mapping[str, Any]) -> Rule | None:
    """The rule for an object's kind; None where it is ready at once."""
    return _RULES.get((one["apiVersion"], one["kind"]))


def _deployment(one: Object, around: Surroundings, explain: bool) -> Verdict:
    """The controller has seen it, it is available, and its newest ReplicaSet has all its pods ready."""
    status, conditions = one.get("status") or {}, conditions_of(one)
    revision = (one["metadata"].get("annotations") or {}).get(_REVISION, "")
    seen = status.get("observedGeneration") == one["metadata"].get("generation") and bool(revision)
    available = conditions.get("Available", {}).get("status") == "True"
    progressing = conditions.get("Progressing", {})
    complete = progressing.get("status") == "True" and progressing.get("reason") == "NewReplicaSetAvailable"
    wanted = (one.get("spec") or {}).get("replicas", 1)
    lacking: list[str] = []
    if not available:
        lacking.append("fewer pods are available than the Deployment must have at least")
    elif revision != "1" and not complete:
        lacking.append("the new ReplicaSet isn't available yet")
    all_new = status.get("replicas", 0) == status.get("updatedReplicas", 0) == status.get("readyReplicas", 0) == wanted
    if seen and not lacking and not all_new and not _newest_set_is_ready(one, around, revision):
        lacking.append("not all pods of the new ReplicaSet are ready")
    lacking += _unbound_claims(one, around)
    if seen and not lacking:
        return _READY
    if not explain:
        return Verdict(False)
    if not seen:
        lacking.insert(0, "the Deployment controller hasn't acted on it yet")
    lacking += [
        f"[{condition.get('reason')}] {condition.get('message')}"
        for condition in (conditions.get("Available"), conditions.get("Progressing"), conditions.get("ReplicaFailure"))
        if condition and (condition["status"] == "True") == (condition["type"] == "ReplicaFailure")
    ]
    sets = pods.owned_by(around.list(("apps/v1", "ReplicaSet"), one), [one["metadata"]["uid"]])
    lacking += pods.complaints(around.pods_of(one, *(set_["metadata"]["uid"] for set_ in sets)))
    return Verdict(False, reasons=tuple(lacking))


def _newest_set_is_ready(one: Object, around: Surroundings, revision: str) -> bool:
    for set_ in pods.owned_by(around.list(("apps/v1", "ReplicaSet"), one), [one["metadata"]["uid"]]):
        if (set_["metadata"].get("annotations") or {}).get(_REVISION) == revision:
            wanted = set_["spec"].get("replicas", 1)
            return (set_.get("status") or {}).get("readyReplicas", 0) >= wanted
    return False


def _unbound_claims(one: Object, around: Surroundings) -> list[str]:
    volumes = one["spec"]["template"]["spec"].get("volumes") or []
    named = {volume["persistentVolumeClaim"]["claimName"] for volume in volumes if "persistentVolumeClaim" in volume}
    if not named:
        return []
    return [
        f"volume claim {claim['metadata']['name']} isn't bound: it is {(claim.get('status') or {}).get('phase', 'new')}"
        for claim in around.list(("v1", "PersistentVolumeClaim"), one)
        if claim["metadata"]["name"] in named and (claim.get("status") or {}).get("phase") != "Bound"
    ]


def _stateful_set(one: Object, around: Surroundings, explain: bool) -> Verdict:
    """All replicas are there, ready and of the current revision; with OnDelete after the first time, of any revision."""
    status, generation = one.get("status") or {}, one["metadata"].get("generation", 0)
    wanted = (one.get("spec") or {}).get("replicas", 0)
    seen = status.get("observedGeneration", 0) >= generation
    on_delete = generation > 1 and ((one["spec"].get("updateStrategy") or {}).get("type") == "OnDelete")
    ready = wanted == status.get("replicas", 0) == status.get("readyReplicas", 0)
    current, target = status.get("currentRevision", ""), status.get("updateRevision", "")
    revised = on_delete or (bool(current) and current == target)
    if seen and revised and ready and (on_delete or wanted == status.get("currentReplicas", 0)):
        return _READY
    if not explain:
        return Verdict(False)
    lacking = [f"{status.get('readyReplicas', 0)} of {wanted} replicas are ready"]
    if not revised:
        lacking.append(f"it didn't get from revision {current!r} to {target!r}")
    return Verdict(False, reasons=(*lacking, *pods.complaints(around.pods_of(one))))


def _daemon_set(one: Object, around: Surroundings, explain: bool) -> Verdict:
    """Each node that wants a pod has the new one, and it is available (sigs.k8s.io/cli-utils: pkg/kstatus/status/core.go)."""
    status = one.get("status") or {}
    seen = status.get("observedGeneration") == one["metadata"].get("generation")
    desired = status.get("desiredNumberScheduled", -1)
    counted = {
        "scheduled": status.get("currentNumberScheduled", 0),
        "updated": status.get("updatedNumberScheduled", 0),
        "available": status.get("numberAvailable", 0),
        "ready": status.get("numberReady", 0),
    }
    if seen and desired >= 0 and all(number >= desired for number in counted.values()):
        return _READY
    if not explain:
        return Verdict(False)
    told = ", ".join(f"{number} {name}" for name, number in counted.items())
    return Verdict(
        False, reasons=(f"of {max(desired, 0)} pods there are {told}", *pods.complaints(around.pods_of(one)))
    )


def _job(one: Object, around: Surroundings, explain: bool) -> Verdict:
    """It is complete; it has failed where its backoff limit or its deadline is reached."""
    status, conditions = one.get("status") or {}, conditions_of(one)
    if status.get("startTime") and conditions.get("Complete", {}).get("status") == "True":
        return _READY
    failure = conditions.get("Failed", {})
    failed = failure.get("status") == "True" and failure.get("reason") in ("BackoffLimitExceeded", "DeadlineExceeded")
    if not (failed or explain):
        return Verdict(False)
    lacking = [f"[{failure['reason']}] {failure.get('message', '')}"] if failed else []
    counted = ", ".join(f"{status.get(name, 0)} {name}" for name in ("active", "succeeded", "failed"))
    return Verdict(False, failed, (*lacking, f"pods of the Job: {counted}", *pods.complaints(around.pods_of(one))))


def _pod(one: Object, around: Surroundings, explain: bool) -> Verdict:
    return _READY if pods.is_ready(one) else Verdict(False, reasons=tuple(pods.complaints([one])) if explain else ())


def _service(one: Object, around: Surroundings, explain: bool) -> Verdict:
    """A load balancer has its address; what selects pods has endpoints that have settled, none of them waiting to be ready.

    A Service without any pod settles as well: no ready address is needed.
    """
    spec = one["spec"]
    balanced = spec.get("type") != "LoadBalancer" or bool(
        ((one.get("status") or {}).get("loadBalancer") or {}).get("ingress")
    )
    lacking = [] if balanced else ["it was given no address by a load balancer"]
    selects = bool(spec.get("selector")) and spec.get("clusterIP") != "None" and spec.get("type") != "ExternalName"
    if selects:
        meta = one["metadata"]
        endpoints = around.api.get(("v1", "Endpoints"), meta.get("namespace"), meta["name"])
        version = endpoints["metadata"]["resourceVersion"] if endpoints else ""
        settled = around.settled(version, around.settle_seconds) and (bool(version) or around.at_once)
        subsets = (endpoints or {}).get("subsets") or []
        if any(subset.get("notReadyAddresses") for subset in subsets):
            lacking.append("pods that it selects aren't ready")
        elif not settled:
            lacking.append("its endpoints haven't settled")
    return Verdict(False, reasons=tuple(lacking)) if lacking else _READY


def _ingress(one: Object, around: Surroundings, explain: bool) -> Verdict:
    """It has an address, and each Service of its rules has endpoints; one that has none is let pass after a while."""
    addressed = bool(((one.get("status") or {}).get("loadBalancer") or {}).get("ingress"))
    lacking = [] if addressed else ["no ingress controller gave it an address"]
    if addressed:
        named = {
            path["backend"]["service"]["name"]
            for rule in one["spec"].get("rules") or []
            for path in (rule.get("http") or {}).get("paths") or []
            if "service" in path.get("backend", {})
        }
        known = {found["metadata"]["name"] for found in around.list(("v1", "Endpoints"), one)}
        patience = around.settle_seconds if known else _PODLESS_INGRESS_SECONDS
        if named - known and not around.at_once and around.waited() < patience:
            services = around.list(("v1", "Service"), one)
            outside = {found["metadata"]["name"] for found in services if found["spec"].get("type") == "ExternalName"}
            lacking += [f"Service {name} of its rules has no endpoints" for name in sorted(named - known - outside)]
    return Verdict(False, reasons=tuple(lacking)) if lacking else _READY


def _claim(one: Object, around: Surroundings, explain: bool) -> Verdict:
    """It is bound; one whose storage class waits for a consumer is only looked at for being pending."""
    phase = (one.get("status") or {}).get("phase")
    if phase == "Bound" and around.updated:
        return _READY
    name = one["spec"].get("storageClassName")
    storage = around.api.get(("storage.k8s.io/v1", "StorageClass"), None, name) if name else None
    wanted = "Pending" if storage and storage.get("volumeBindingMode") == "WaitForFirstConsumer" else "Bound"
    if phase == wanted:
        return _READY
    why = f"no storage class {name!r}" if name and storage is None else f"storage class {name!r}"
    return Verdict(False, reasons=(f"it is {phase or 'new'}, not {wanted} ({why})",) if explain else ())


def _phase(wanted: tuple[str, ...], one: Object, around: Surroundings, explain: bool) -> Verdict:
    phase = (one.get("status") or {}).get("phase")
    return _READY if phase in wanted else Verdict(False, reasons=(f"it is {phase or 'new'}",))


def _token_secret(one: Object, around: Surroundings, explain: bool) -> Verdict:
    """The token controller has filled in the Secret of a service account; any other Secret is ready."""
    if one.get("type") != "kubernetes.io/service-account-token" or one.get("data"):
        return _READY
    return Verdict(False, reasons=("the token controller put no token into it",))


def _quota(one: Object, around: Surroundings, explain: bool) -> Verdict:
    ready = (one.get("spec") or {}).get("hard") == (one.get("status") or {}).get("hard")
    return _READY if ready else Verdict(False, reasons=("the quota controller hasn't taken it up",))


def _replication_controller(one: Object, around: Surroundings, explain: bool) -> Verdict:
    available, wanted = (one.get("status") or {}).get("availableReplicas", 0), one["spec"].get("replicas", 1)
    return _READY if available == wanted else Verdict(False, reasons=(f"{available} of {wanted} pods are available",))


_RULES: dict[Kind, Rule] = {
    ("apps/v1", "Deployment"): Rule(_deployment, on_read=True),
    ("apps/v1", "StatefulSet"): Rule(_stateful_set, on_read=True),
    ("apps/v1", "DaemonSet"): Rule(_daemon_set, on_read=True),
    ("batch/v1", "Job"): Rule(_job, on_read=True),
    ("v1", "Pod"): Rule(_pod, on_read=True),
    ("v1", "Service"): Rule(_service, on_read=True),
    ("networking.k8s.io/v1", "Ingress"): Rule(_ingress, on_read=True),
    ("v1", "PersistentVolumeClaim"): Rule(_claim, most_seconds=300),
    ("v1", "PersistentVolume"): Rule(partial(_phase, ("Available", "Bound")), most_seconds=300),
    ("v1", "Secret"): Rule(_token_secret, most_seconds=5),
    ("v1", "ResourceQuota"): Rule(_quota, most_seconds=60),
    ("v1", "ReplicationController"): Rule(_replication_controller),
}
