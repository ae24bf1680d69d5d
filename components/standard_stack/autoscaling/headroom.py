"""Headroom: placeholders that keep nodes in a pool until somebody needs them, more of them in windows of time.

What is always held ready is a Deployment with its number. What windows add is a second Deployment, whose number the program leaves
alone: a CronJob sets it every few minutes by the clock. So the same stack file gives the same objects on any day, a job that fails
once is made good by the next one, and an `up` in the middle of a window takes nothing back.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from components.charts.manifests import Manifest
from config.cluster import CloudClusterSettings
from config.node_pools import POOL_LABEL, CloudNodePool
from config.standard_stack.autoscaling import Headroom, pool_room

from ..alerts import Alert
from ..base import PRIORITY_HEADROOM
from ..network import allow_api_server
from ..site import Site

WINDOWS = "headroom-windows"
"""ConfigMap with a table of windows for each pool, account of the jobs that read it, and their label."""
_PLACEHOLDER = {"kuber.dev/headroom": "placeholder"}
_JOB = {"kuber.dev/headroom": WINDOWS}
_SCHEDULE = "*/5 * * * *"
_SCRATCH = "/run/prescale"
_PATCH = f"{_SCRATCH}/scale.json"
_SCRIPT = """\
set -eu
now=$(date -u +%s)
wanted=0
while read -r start end count name; do
  if [ "$now" -ge "$start" ] && [ "$now" -lt "$end" ]; then
    wanted=$count
    echo "in the window $name"
  fi
done < "$1"
echo "$wanted placeholders more than usual"
printf '{"spec":{"replicas":%d}}' "$wanted" > "$2"
"""
_SECURITY = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
_POD_SECURITY = {
    "runAsNonRoot": True,
    "runAsUser": 65534,
    "runAsGroup": 65534,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def headroom(site: Site, namespace: str) -> list[Manifest]:
    """All that holds nodes ready; nothing where no pool has headroom."""
    wanted = site.stack.autoscaling.headroom
    if not wanted or not isinstance(site.settings, CloudClusterSettings):
        return []
    objects = [_budget()]
    for pool_name, one in wanted.items():
        pool = site.settings.pools[pool_name]
        if one.count:
            objects.append(_placeholders(f"headroom-{pool_name}", site, pool, one, one.count))
        if one.windows:
            objects += [
                _placeholders(f"prescale-{pool_name}", site, pool, one, None),
                _clock(site, pool_name, namespace),
            ]
    if windows := {name: one for name, one in wanted.items() if one.windows}:
        objects += [_tables(windows), allow_api_server(site, _JOB, "windows-api-server"), *_rights(windows, namespace)]
    return objects


def _budget() -> Manifest:
    """Placeholders hold up nobody: neither a drain nor the autoscaler."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "headroom"},
        "spec": {
            "maxUnavailable": "100%",
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": dict(_PLACEHOLDER)},
        },
    }


def _placeholders(name: str, site: Site, pool: CloudNodePool, one: Headroom, replicas: int | None) -> Manifest:
    pool_name = name.partition("-")[2]
    labels = {"app.kubernetes.io/name": name, **_PLACEHOLDER}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        # Placeholders wait for nodes, or give way: whoever runs `up` waits for neither.
        "metadata": {"name": name, "labels": labels, "annotations": {"pulumi.com/skipAwait": "true"}},
        "spec": {
            **({"replicas": replicas} if replicas is not None else {}),
            "selector": {"matchLabels": labels},
            "strategy": {"type": "Recreate"},  # twice the room would mean twice the nodes
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "priorityClassName": PRIORITY_HEADROOM,
                    "nodeSelector": {POOL_LABEL: pool_name},
                    "tolerations": [
                        {"key": one.key, "operator": "Equal", "value": one.value, "effect": one.effect}
                        for one in pool.taints
                    ],
                    "topologySpreadConstraints": site.spread(labels),
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "terminationGracePeriodSeconds": 0,
                    "securityContext": dict(_POD_SECURITY),
                    "containers": [
                        {
                            "name": "placeholder",
                            "image": site.image("pause"),
                            "resources": _size(pool, one),
                            "securityContext": dict(_SECURITY),
                        }
                    ],
                },
            },
        },
    }


def _size(pool: CloudNodePool, one: Headroom) -> dict[str, Any]:
    room = pool_room(pool)
    if one.nodes is not None and room is not None:
        requests = {"cpu": f"{room.cpu_millis}m", "memory": f"{room.memory_mib}Mi"}
    else:
        requests = {"cpu": str(one.cpu), "memory": str(one.memory)}
    return {"requests": requests, "limits": {"memory": requests["memory"]}}


def _tables(windows: Mapping[str, Headroom]) -> Manifest:
    """Windows as lines of start, end (seconds since 1970), how many placeholders are to be added, and name."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": WINDOWS},
        "data": {"wanted.sh": _SCRIPT} | {pool_name: "".join(_lines(one)) for pool_name, one in windows.items()},
    }


def _lines(one: Headroom) -> Iterator[str]:
    for name, window in sorted(one.windows.items(), key=lambda item: item[1].seconds):
        start, end = window.seconds
        yield f"{start} {end} {window.count - one.count} {name}\n"


def _clock(site: Site, pool_name: str, namespace: str) -> Manifest:
    """Sets the number of a pool's added placeholders: a shell tells it by the clock; kubectl, whose image has no shell, says it."""
    name = f"prescale-{pool_name}"
    target = [f"--namespace={namespace}", f"--cache-dir={_SCRATCH}/cache"]
    patch = ["patch", "deployment", name, "--subresource=scale", "--type=merge", f"--patch-file={_PATCH}"]
    resources = {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}}
    work = {"name": "work", "mountPath": _SCRATCH}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name},
        "spec": {
            "schedule": _SCHEDULE,
            "timeZone": "Etc/UTC",
            "concurrencyPolicy": "Forbid",
            "startingDeadlineSeconds": 240,
            "successfulJobsHistoryLimit": 1,
            "failedJobsHistoryLimit": 1,
            "jobTemplate": {
                "spec": {
                    "backoffLimit": 2,
                    "activeDeadlineSeconds": 240,
                    "template": {
                        "metadata": {"labels": dict(_JOB)},
                        "spec": {
                            "serviceAccountName": WINDOWS,
                            "restartPolicy": "Never",
                            "enableServiceLinks": False,
                            "securityContext": dict(_POD_SECURITY),
                            "initContainers": [
                                {
                                    "name": "wanted",
                                    "image": site.image("busybox"),
                                    "command": ["sh", "/windows/wanted.sh", f"/windows/{pool_name}", _PATCH],
                                    "resources": resources,
                                    "securityContext": dict(_SECURITY),
                                    "volumeMounts": [
                                        work,
                                        {"name": "windows", "mountPath": "/windows", "readOnly": True},
                                    ],
                                }
                            ],
                            "containers": [
                                {
                                    "name": "scale",
                                    "image": site.image("kubectl"),
                                    "command": ["/bin/kubectl", *patch, *target],
                                    "resources": resources,
                                    "securityContext": dict(_SECURITY),
                                    "volumeMounts": [work],
                                }
                            ],
                            "volumes": [
                                {"name": "work", "emptyDir": {}},
                                {"name": "windows", "configMap": {"name": WINDOWS}},
                            ],
                        },
                    },
                }
            },
        },
    }


def _rights(windows: Mapping[str, Headroom], namespace: str) -> list[Manifest]:
    """The jobs may scale the added placeholders, and nothing else."""
    account = {"kind": "ServiceAccount", "name": WINDOWS, "namespace": namespace}
    rbac = "rbac.authorization.k8s.io"
    rule = {
        "apiGroups": ["apps"],
        "resources": ["deployments/scale"],
        "resourceNames": [f"prescale-{pool_name}" for pool_name in windows],
        "verbs": ["get", "patch"],
    }
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": WINDOWS}},
        {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": {"name": WINDOWS}, "rules": [rule]},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": {"name": WINDOWS},
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": WINDOWS},
            "subjects": [account],
        },
    ]


def headroom_alerts(namespace: str) -> list[Alert]:
    """What tells that room isn't held ready, or that windows don't come."""
    of = f'namespace="{namespace}"'
    return [
        Alert(
            name="HeadroomIsNotThere",
            expression=(
                f'kube_deployment_spec_replicas{{{of},deployment=~"(headroom|prescale)-.*"}}'
                f' - kube_deployment_status_replicas_ready{{{of},deployment=~"(headroom|prescale)-.*"}} > 0'
            ),
            pending="30m",
            severity="warning",
            summary="{{ $labels.deployment }}: {{ $value }} placeholders have had no room for half an hour",
            action="The pool is at its maximum, or the cloud has no machines: see the placeholders' events.",
        ),
        Alert(
            name="HeadroomWindowsAreNotKept",
            expression=f'time() - kube_cronjob_status_last_successful_time{{{of},cronjob=~"prescale-.*"}} > 1800',
            pending="5m",
            severity="critical",
            summary="{{ $labels.cronjob }} hasn't set the number of placeholders for half an hour: a window may be missed",
            action="Scale the Deployment of the same name by hand, then read the last job's log.",
        ),
    ]
