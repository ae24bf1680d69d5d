"""Pods that may do more on their node than before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kuber.review.model import Danger

from .case import Case, at, danger, mapping, mappings, texts
from .workload_pods import template_of

_GRAVE = ("privileged", "host", "capability", "unconfined")


def pods(case: Case) -> Iterator[Danger]:
    """Workloads, jobs too, whose pods get more of their node."""
    for change in case.changes:
        if not change.before or not change.after:
            continue
        before, after = (mapping(template_of(one).get("spec")) for one in (change.before, change.after))
        if not before or not after:
            continue
        if added := sorted({*_of_the_pod(after)} - {*_of_the_pod(before)}) + _of_containers_besides(before, after):
            yield danger(
                "pods-may-more",
                "high" if any(one.startswith(_GRAVE) for one in added) else "medium",
                change,
                f"Pods of {change.label} may do more",
                ", ".join(added),
                "See that upstream asks for it, and why.",
            )


def _of_the_pod(pod: Mapping[str, Any]) -> Iterator[str]:
    yield from (name for name in ("hostNetwork", "hostPID", "hostIPC") if pod.get(name) is True)
    for one in mappings(pod.get("volumes")):
        if path := at(one, "hostPath", "path"):
            yield f"hostPath {path}"


def _of_containers_besides(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What containers may do that they couldn't; a new one counts against what any could."""
    olds, news = ({str(one.get("name")): _powers(pod, one) for one in _containers(pod)} for pod in (before, after))
    anybody = {power for powers in olds.values() for power in powers}
    return [
        f"{power} ({name})"
        for name, powers in sorted(news.items())
        for power in sorted(powers - olds.get(name, anybody))
    ]


def _containers(pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [*mappings(pod.get("containers")), *mappings(pod.get("initContainers"))]


def _powers(pod: Mapping[str, Any], container: Mapping[str, Any]) -> set[str]:
    context = {**mapping(pod.get("securityContext")), **mapping(container.get("securityContext"))}
    user = context.get("runAsUser")
    found = {f"capability {one}" for one in texts(at(context, "capabilities", "add"))}
    found |= {"privileged"} if context.get("privileged") is True else set()
    found |= (
        {"keeps a container's usual capabilities"} if "ALL" not in texts(at(context, "capabilities", "drop")) else set()
    )
    found |= {"may run as root"} if user == 0 or (context.get("runAsNonRoot") is not True and not user) else set()
    found |= {"may gain privileges"} if context.get("allowPrivilegeEscalation") is not False else set()
    found |= {"writes to its own file system"} if context.get("readOnlyRootFilesystem") is not True else set()
    found |= (
        {"unconfined by seccomp"}
        if at(context, "seccompProfile", "type") not in ("RuntimeDefault", "Localhost")
        else set()
    )
    found |= {f"host port {one['hostPort']}" for one in mappings(container.get("ports")) if one.get("hostPort")}
    return found
