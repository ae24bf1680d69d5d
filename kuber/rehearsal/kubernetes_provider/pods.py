"""What keeps pods from being ready, in words.

The conditions and the states of containers that are looked at are those of pulumi-kubernetes, provider/pkg/await/checker/pod.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Object = dict[str, Any]


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether a pod is scheduled and initialized, and ready or done."""
    conditions = conditions_of(pod)
    done = (pod.get("status") or {}).get("phase") == "Succeeded"
    return (
        conditions.get("PodScheduled", {}).get("status") == "True"
        and conditions.get("Initialized", {}).get("status") == "True"
        and (done or conditions.get("Ready", {}).get("status") == "True")
    )


def complaints(pods: Iterable[Mapping[str, Any]]) -> list[str]:
    """What is wrong with each pod that isn't ready: where it can't be scheduled, and why its containers wait or ended."""
    told: dict[str, None] = {}
    for pod in pods:
        if is_ready(pod):
            continue
        meta = pod["metadata"]
        for complaint in _of_pod(pod):
            told[f"pod {meta.get('namespace', 'default')}/{meta['name']}: {complaint}"] = None
    return list(told)


def owned_by(objects: Iterable[Object], uids: Iterable[str]) -> list[Object]:
    """Those objects that one of the owners (by uid) owns directly."""
    wanted = set(uids)
    return [
        one for one in objects if any(owner["uid"] in wanted for owner in one["metadata"].get("ownerReferences") or [])
    ]


def conditions_of(one: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """An object's status conditions by type."""
    return {condition["type"]: condition for condition in (one.get("status") or {}).get("conditions") or []}


def _of_pod(pod: Mapping[str, Any]) -> Iterator[str]:
    conditions = conditions_of(pod)
    for type_ in ("PodScheduled", "Initialized", "Ready"):
        condition = conditions.get(type_, {})
        if condition.get("status") == "True":
            continue
        if condition.get("message"):
            yield condition["message"]
        if type_ == "PodScheduled" and condition:
            return
    status = pod.get("status") or {}
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        if not container.get("ready"):
            yield from _of_container(container)


def _of_container(container: Mapping[str, Any]) -> Iterator[str]:
    name = container["name"]
    state = container.get("state") or {}
    waiting, ended = state.get("waiting"), state.get("terminated")
    last = (container.get("lastState") or {}).get("terminated")
    if waiting and waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
        yield f"container {name} waits: [{waiting['reason']}] {waiting.get('message', '')}".rstrip()
    if ended and ended.get("exitCode"):
        why = f"[{ended.get('reason', '')}] {ended.get('message', '')}".rstrip()
        yield f"container {name} ended with exit code {ended['exitCode']}: {why}"
    if last:
        why = last.get("reason", "no reason given")
        yield f"container {name} ended before with exit code {last.get('exitCode')} ({why})"
