"""A part of the standard stack, as a value: what it is made of, before anything is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from components.charts.manifests import Manifest
from components.charts.rendering import Chart
from components.identity.rights import Rights

if TYPE_CHECKING:
    import pulumi

PodSecurity = Literal["restricted", "baseline", "privileged"]
"""Levels of Kubernetes' Pod Security Standards."""


@dataclass(frozen=True, kw_only=True)
class Around:
    """What a part's resources outside Kubernetes are told, all of it outputs.

    Attributes:
        kubeconfig: The cluster's, JSON.
        object: A core object as a resource, by kind, namespace and name.
    """

    kubeconfig: pulumi.Output[str]
    object: Callable[[str, str, str], pulumi.CustomResource]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part.

    Attributes:
        name: As in the stack file: "monitoring".
        namespace: Its own, `system-*`; removing it removes the part. None where a part has no objects with a namespace of its own.
        pod_security: The level that its namespace enforces.
        pod_security_reason: Why it isn't "restricted"; said in an annotation of the namespace.
        charts: Charts from the release, with values.
        objects: Own objects, manifests as for kubectl; those without a namespace get the part's.
        crds: Bundles of CRDs of the release that come from no chart of this part, but that it brings.
        rights: What its service accounts may do in the cloud, by the account's name.
        ignored: Properties that the cluster fills in, by `Kind/name`; paths as in `ignoreChanges`.
        elsewhere: Makes the part's resources outside Kubernetes, as children of the part; called after its objects.
    """

    name: str
    namespace: str | None
    pod_security: PodSecurity = "restricted"
    pod_security_reason: str = ""
    charts: Sequence[Chart] = ()
    objects: Sequence[Manifest] = ()
    crds: Sequence[str] = ()
    rights: Mapping[str, Rights] = field(default_factory=dict)
    ignored: Mapping[str, Sequence[str]] = field(default_factory=dict)
    elsewhere: Callable[[Around, pulumi.ResourceOptions], object] | None = None

    def __post_init__(self) -> None:
        if (self.pod_security == "restricted") == bool(self.pod_security_reason):
            raise ValueError(f"{self.name}: what isn't restricted says why, and what is needs no reason")
