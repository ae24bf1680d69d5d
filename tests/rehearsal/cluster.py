"""Objects and waiting for tests on a control plane."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from kuber.rehearsal.api import Api, Kind
from kuber.rehearsal.control_plane import NodeSpec

T = TypeVar("T")

DEPLOYMENT = ("apps/v1", "Deployment")
POD = ("v1", "Pod")


def until(what: Callable[[], T], *, seconds: float = 30) -> T:
    """Wait for something to be true, and give it."""
    end = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < end, f"it took longer than {seconds} s"
        time.sleep(0.05)
    return found


def node_spec(name: str, **changes: Any) -> NodeSpec:
    """A machine of the pool "workers" in the zone "eu-west-1a", if not told otherwise."""
    usual = {
        **{"pool": "workers", "zone": "eu-west-1a", "region": "eu-west-1", "instance_type": "m7i.xlarge"},
        **{"cpu": "4", "memory": "16Gi", "pods": 58},
    }
    return NodeSpec(name=name, **usual | changes)


def namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def pod_spec(**fields: Any) -> dict[str, Any]:
    """A small container and what else is asked for."""
    requests = {"cpu": "100m", "memory": "64Mi"}
    return {"containers": [{"name": "main", "image": "example.com/app", "resources": {"requests": requests}}], **fields}


def template(name: str, **fields: Any) -> dict[str, Any]:
    return {"metadata": {"labels": {"app": name}}, "spec": pod_spec(**fields)}


def workload(kind: str, name: str, space: str, *, pod: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """A Deployment, StatefulSet or DaemonSet."""
    spec = {"selector": {"matchLabels": {"app": name}}, "template": template(name, **pod or {}), **fields}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": space}, "spec": spec}


def budget(name: str, space: str, **spec: Any) -> dict[str, Any]:
    """A disruption budget for the workload of the same name."""
    return {
        **{"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name, "namespace": space}},
        "spec": {"selector": {"matchLabels": {"app": name}}, **spec},
    }


def condition(one: dict[str, Any] | None, kind: str) -> str | None:
    """The status of a condition of an object: "True", "False", "Unknown"; None where it isn't there."""
    conditions = (one or {}).get("status", {}).get("conditions") or []
    return next((each["status"] for each in conditions if each["type"] == kind), None)


def when(
    api: Api, kind: Kind, space: str | None, name: str, its_condition: str, *, status: str = "True"
) -> dict[str, Any]:
    """An object once a condition of it has this status."""
    until(lambda: condition(api.get(kind, space, name), its_condition) == status)
    found = api.get(kind, space, name)
    assert found
    return found
