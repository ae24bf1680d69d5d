"""Which changes replace a Kubernetes object, as the provider has it.

Source of the table: pulumi-kubernetes 4.32.0 (94977969d641), provider/pkg/provider/diff.go. It differs from what the API server
calls immutable: a Service's `spec.type` updates, a StatefulSet's template too, and a CRD or a custom resource is only replaced
when its name or namespace changes. What the table doesn't know and the server refuses to change is an error of the update.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Path = tuple[str | int, ...]

EVERY_KIND = ("metadata.name", "metadata.namespace")

_WORKLOAD = ("spec.selector",)
_STATEFUL_SET = (
    "spec.podManagementPolicy",
    "spec.revisionHistoryLimit",
    "spec.selector",
    "spec.serviceName",
    "spec.volumeClaimTemplates",
)
_JOB = ("spec.completions", "spec.parallelism", "spec.selector", "spec.template")
_VOLUME_SOURCES = (
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "csi",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "glusterfs",
    "hostPath",
    "iscsi",
    "local",
    "nfs",
    "photonPersistentDisk",
    "portworxVolume",
    "quobyte",
    "rbd",
    "scaleIO",
    "storageos",
    "vsphereVolume",
)
_POD_FIELDS = (
    "affinity",
    "automountServiceAccountToken",
    "dnsConfig",
    "dnsPolicy",
    "enableServiceLinks",
    "hostAliases",
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "hostname",
    "imagePullSecrets",
    "nodeName",
    "nodeSelector",
    "overhead",
    "preemptionPolicy",
    "priority",
    "priorityClassName",
    "readinessGates",
    "restartPolicy",
    "runtimeClassName",
    "schedulerName",
    "securityContext",
    "serviceAccount",
    "serviceAccountName",
    "shareProcessNamespace",
    "subdomain",
    "terminationGracePeriodSeconds",
    "volumes",
)
_CONTAINER_FIELDS = (
    "args",
    "command",
    "env",
    "image",
    "imagePullPolicy",
    "lifecycle",
    "livenessProbe",
    "ports",
    "readinessProbe",
    "resources",
    "securityContext",
    "stdin",
    "stdinOnce",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "tty",
    "volumeDevices",
    "volumeMounts",
    "workingDir",
)
_ROLE_BINDING = ("roleRef",)
_RBAC = "rbac.authorization.k8s.io"

_BY_KIND: Mapping[tuple[str, str], Iterable[str]] = {
    ("apps/v1", "DaemonSet"): _WORKLOAD,
    ("apps/v1", "Deployment"): _WORKLOAD,
    ("apps/v1", "StatefulSet"): _STATEFUL_SET,
    ("apps/v1beta1", "StatefulSet"): _STATEFUL_SET,
    ("apps/v1beta2", "DaemonSet"): _WORKLOAD,
    ("apps/v1beta2", "Deployment"): _WORKLOAD,
    ("apps/v1beta2", "StatefulSet"): _STATEFUL_SET,
    ("batch/v1", "Job"): _JOB,
    ("batch/v1beta1", "Job"): _JOB,
    ("batch/v2alpha1", "Job"): _JOB,
    ("v1", "PersistentVolume"): tuple(f"spec.{source}" for source in _VOLUME_SOURCES),
    ("v1", "PersistentVolumeClaim"): ("spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"),
    ("v1", "Pod"): (
        *(f"spec.{field}" for field in _POD_FIELDS),
        *(f"spec.{list_}[*].{field}" for list_ in ("containers", "initContainers") for field in _CONTAINER_FIELDS),
    ),
    ("v1", "ResourceQuota"): ("spec.scopes",),
    ("v1", "Service"): ("spec.clusterIP",),
    ("policy/v1beta1", "PodDisruptionBudget"): ("spec",),
    **{
        (f"{_RBAC}/{version}", kind): _ROLE_BINDING
        for version in ("v1", "v1alpha1", "v1beta1")
        for kind in ("ClusterRoleBinding", "RoleBinding")
    },
    ("storage.k8s.io/v1", "StorageClass"): ("parameters", "provisioner"),
}


def replacing_paths(one: Mapping[str, Any], *, config_map_mutable: bool, secret_mutable: bool) -> tuple[str, ...]:
    """The paths whose change replaces an object: "spec.containers[*].image".

    Args:
        one: The new object. `immutable: true` of a ConfigMap or a Secret counts as the provider being told that they aren't mutable.
        config_map_mutable: The provider's enableConfigMapMutable.
        secret_mutable: The provider's enableSecretMutable. Where it is set, a Secret's type still replaces it.
    """
    version, kind = str(one.get("apiVersion", "")).removeprefix("core/"), one.get("kind")
    immutable = one.get("immutable") is True
    if (version, kind) == ("v1", "Secret"):
        return (*EVERY_KIND, "type", *(() if secret_mutable and not immutable else ("stringData", "data")))
    if (version, kind) == ("v1", "ConfigMap"):
        return (*EVERY_KIND, *(() if config_map_mutable and not immutable else ("binaryData", "data")))
    return (*EVERY_KIND, *_BY_KIND.get((version, str(kind)), ()))


def table() -> dict[str, list[str]]:
    """All of it, by type token, with ConfigMaps and Secrets as they are by default (not mutable)."""
    kinds = [*_BY_KIND, ("v1", "ConfigMap"), ("v1", "Secret")]
    return {
        f"kubernetes:{version if '/' in version else f'core/{version}'}:{kind}": sorted(
            replacing_paths({"apiVersion": version, "kind": kind}, config_map_mutable=False, secret_mutable=False)
        )
        for version, kind in kinds
    }


def replaces(path: Path, value: Any, patterns: Iterable[str]) -> bool:
    """Whether a change at a path is one that replaces: at a pattern, below it, or above it with the new value reaching down to it.

    Args:
        path: ("spec", "containers", 0, "image").
        value: The new value there; None where it goes away.
        patterns: As `replacing_paths` gives them.
    """
    return any(_meets(path, value, pattern.replace("[*]", ".*").split(".")) for pattern in patterns)


def _meets(path: Path, value: Any, pattern: list[str]) -> bool:
    for part, wanted in zip(path, pattern, strict=False):
        if wanted not in ("*", part):
            return False
    return _reaches(value, pattern[len(path) :])


def _reaches(value: Any, pattern: list[str]) -> bool:
    if not pattern:
        return True
    first, *rest = pattern
    if first == "*":
        return isinstance(value, list) and any(_reaches(one, rest) for one in value)
    return isinstance(value, dict) and first in value and _reaches(value[first], rest)
