"""What the provider knows of kinds without asking an API server, and what annotations ask of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]

CLUSTER_SCOPED = frozenset(
    {
        "APIService",
        "CertificateSigningRequest",
        "ClusterRole",
        "ClusterRoleBinding",
        "ClusterTrustBundle",
        "ComponentStatus",
        "CSIDriver",
        "CSINode",
        "CustomResourceDefinition",
        "DeviceClass",
        "FlowSchema",
        "IngressClass",
        "IPAddress",
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "ResourceSlice",
        "RuntimeClass",
        "SelfSubjectAccessReview",
        "SelfSubjectReview",
        "SelfSubjectRulesReview",
        "ServiceCIDR",
        "StorageClass",
        "StorageVersion",
        "StorageVersionMigration",
        "SubjectAccessReview",
        "TokenReview",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
        "VolumeAttributesClass",
    }
)
"""Built-in kinds without a namespace (`kubectl api-resources --namespaced=false` of Kubernetes 1.35)."""

_BUILT_IN_GROUPS = frozenset(
    {
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "flowcontrol.apiserver.k8s.io",
        "internal.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
        "storagemigration.k8s.io",
        "apps",
        "autoscaling",
        "batch",
        "core",
        "extensions",
        "policy",
    }
)

_SKIP_DELETE_AWAIT = frozenset(("v1", kind) for kind in ("Namespace", "Pod", "ReplicationController")) | frozenset(
    [*(("apps/v1", kind) for kind in ("DaemonSet", "Deployment", "StatefulSet")), ("batch/v1", "Job")]
)


def built_in(version: str) -> bool:
    """Whether an API version is of Kubernetes itself, not of a CRD."""
    group, slash, _ = version.partition("/")
    return not slash or group in _BUILT_IN_GROUPS


def is_crd(one: Mapping[str, Any]) -> bool:
    """Whether an object is a CustomResourceDefinition."""
    return one.get("kind") == "CustomResourceDefinition" and str(one.get("apiVersion")).startswith(
        "apiextensions.k8s.io/"
    )


def kind_of_type(token: str) -> tuple[str, str]:
    """API version and kind of a type token: "kubernetes:apps/v1:Deployment" is ("apps/v1", "Deployment")."""
    _, version, kind = token.split(":", 2)
    return version.removeprefix("core/"), kind


def is_patch(type_token: str, one: Mapping[str, Any]) -> bool:
    """Whether a resource is a patch of an object: its type is the kind with "Patch" behind it (pulumi-kubernetes: kinds/util.go)."""
    return kind_of_type(type_token)[1] == f"{one.get('kind')}Patch"


def type_of_urn(urn: str) -> str:
    """The type token in a URN, without those of its parents."""
    return urn.split("::")[2].rpartition("$")[2]


def metadata(one: Mapping[str, Any]) -> Object:
    """An object's metadata; empty where it has none, or nobody knows it yet."""
    found = one.get("metadata")
    return found if isinstance(found, dict) else {}


def annotation(one: Mapping[str, Any], name: str) -> str:
    """The value of `pulumi.com/<name>`; "" where there is none."""
    found = metadata(one).get("annotations")
    value = found.get(f"pulumi.com/{name}") if isinstance(found, dict) else None
    return value if isinstance(value, str) else ""


def timeout_seconds(asked: float, one: Mapping[str, Any]) -> float:
    """How long an operation may take: customTimeouts, else `pulumi.com/timeoutSeconds`, else ten minutes."""
    if asked:
        return asked
    told = annotation(one, "timeoutSeconds")
    return float(told) if told.isdigit() else 600.0


def propagation(one: Mapping[str, Any]) -> str:
    """How a deletion goes on to what an object owns: Foreground, if `pulumi.com/deletionPropagationPolicy` says nothing else."""
    told = annotation(one, "deletionPropagationPolicy").lower()
    return {"orphan": "Orphan", "background": "Background"}.get(told, "Foreground")


def skips_delete_await(one: Mapping[str, Any]) -> bool:
    """Whether `pulumi.com/skipAwait` holds for a deletion too: of some built-in kinds (pulumi-kubernetes: metadata/overrides.go)."""
    known = (str(one.get("apiVersion")), str(one.get("kind"))) in _SKIP_DELETE_AWAIT
    return known and annotation(one, "skipAwait") == "true"


def object_id(one: Mapping[str, Any]) -> str:
    """The engine's id of an object: "namespace/name", or the name alone."""
    found = metadata(one)
    return f"{found['namespace']}/{found['name']}" if found.get("namespace") else found["name"]


def parse_id(id_: str) -> tuple[str, str]:
    """Namespace ("" for none) and name of an id."""
    namespace, slash, name = id_.partition("/")
    return (namespace, name) if slash else ("", namespace)
