"""Clusters, one module a platform. A platform's SDK is imported only for a stack of that platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.lean_sdk import make_lean, spare_the_engine
from config.cluster import ClusterSettings

if TYPE_CHECKING:
    from .contract import Cluster


def create(name: str, settings: ClusterSettings) -> Cluster:
    """Declare the cluster of a stack file.

    Args:
        name: The stack's name, which is the cluster's.
        settings: What the stack file says.
    """
    spare_the_engine()
    make_lean("pulumi_kubernetes")
    match settings.platform:
        case "eks":
            make_lean("pulumi_aws")
            from .eks import EksCluster as PlatformCluster
        case "gke":
            make_lean("pulumi_gcp")
            from .gke import GkeCluster as PlatformCluster
        case "bare_metal":
            from .bare_metal import BareMetalCluster as PlatformCluster
        case _:
            raise TypeError(f"no cluster can be made of {type(settings).__name__}")
    return PlatformCluster(name, settings)  # pyright: ignore[reportArgumentType] - the platform names both classes
