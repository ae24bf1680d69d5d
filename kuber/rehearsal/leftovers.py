"""What is still there when all is destroyed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .api import Api, ApiError, Object
from .result import Leftover

ObjectName = tuple[str, str, str]
"""Kind, namespace ("" for none) and name."""

CRD = "CustomResourceDefinition"
_NEVER_DELETED = {
    "gcp:kms/keyRing:KeyRing": "Google deletes no key ring",
    "gcp:kms/cryptoKey:CryptoKey": "Google deletes no key, only its versions",
}
"""Cloud KMS documentation, "Cloud KMS resources": key rings and keys stay, so that their names are never given to others."""
_UNTOLD_KINDS = frozenset(
    {"Event", "Lease", "Endpoints", "EndpointSlice", "ComponentStatus", "Node", "CSINode", "Pod", "ControllerRevision"}
    | {"IPAddress", "VolumeAttachment", "APIService", "NodeMetrics", "PodMetrics", "ClusterTrustBundle"}
)
"""What a cluster makes by itself, or what goes with its nodes."""
_MADE_WITH_NAMESPACES = frozenset({("ConfigMap", "kube-root-ca.crt"), ("ServiceAccount", "default")})


def objects_there(api: Api) -> set[ObjectName]:
    """All objects of an API server that somebody made: none that belongs to another, or that the cluster makes by itself."""
    return {name for path in _lists(api) for name in _names(api, *path)}


def in_api_server(before: set[ObjectName], after: set[ObjectName]) -> list[Leftover]:
    """Objects that weren't there before. CRDs stay by design: to delete one would delete all objects of its kind."""
    kept = "a CRD is never deleted with its bundle: all objects of its kind would go with it"
    return [
        Leftover(where="API server", what=_told(one), why=kept if one[0] == CRD else "")
        for one in sorted(after - before)
    ]


def in_cloud(records: Sequence[Any], retained: Mapping[str, str]) -> list[Leftover]:
    """Resources of the simulated cloud.

    Args:
        records: Of its store, what is there.
        retained: By URN why a resource is kept by design.
    """
    return [
        Leftover(
            where="simulated cloud",
            what=f"{one.type} {one.name}",
            why=retained.get(one.urn) or _NEVER_DELETED.get(one.type, ""),
        )
        for one in sorted(records, key=lambda one: (one.type, one.name))
    ]


def in_state(resources: Sequence[Mapping[str, Any]]) -> list[Leftover]:
    """Resources that the engine still has in its state, the stack itself left out."""
    return [
        Leftover(where="state of the engine", what=f"{one['type']} {one['urn'].rpartition('::')[2]}")
        for one in resources
        if one["type"] != "pulumi:pulumi:Stack"
    ]


def retained_by_design(resources: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Which resources of a state the program itself says to keep, by URN with the reason."""
    return {one["urn"]: "the program keeps it (retainOnDelete)" for one in resources if one.get("retainOnDelete")}


def _lists(api: Api) -> Iterator[tuple[str, str]]:
    """The paths of all collections that can be listed, in one version a group, with the kind."""
    groups = api.request("GET", "/apis")["groups"]
    for root in ["/api/v1", *(f"/apis/{group['preferredVersion']['groupVersion']}" for group in groups)]:
        try:
            served = api.request("GET", root)["resources"]
        except ApiError:
            continue  # an aggregated API that nobody answers for has no objects of its own
        for one in served:
            if "/" not in one["name"] and "list" in one["verbs"] and one["kind"] not in _UNTOLD_KINDS:
                yield f"{root}/{one['name']}", one["kind"]


def _names(api: Api, path: str, kind: str) -> Iterator[ObjectName]:
    try:
        items: list[Object] = api.request("GET", path).get("items") or []
    except ApiError:
        return
    for one in items:
        metadata = one["metadata"]
        if not metadata.get("ownerReferences") and (kind, metadata["name"]) not in _MADE_WITH_NAMESPACES:
            yield kind, metadata.get("namespace", ""), metadata["name"]


def _told(name: ObjectName) -> str:
    kind, namespace, own = name
    return f"{kind} {namespace}/{own}" if namespace else f"{kind} {own}"
