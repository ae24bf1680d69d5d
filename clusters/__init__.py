"""Clusters, one module a platform. A platform's SDK is imported only for a stack of that platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.cluster import ClusterSettings

if TYPE_CHECKING:
    from .contract import Cluster


def create(name: str, settings: ClusterSettings) -> Cluster:
    """Declare the cluster of a stack file.

    Args:
        name: The stack's name, which is the cluster's.
        settings: What the stack file says.
    """
    from config.bare_metal import BareMetalCluster as BareMetalSettings
    from config.eks import EksCluster as EksSettings
    from config.gke import GkeCluster as GkeSettings

    match settings:
        case EksSettings():
            from .eks import EksCluster

            return EksCluster(name, settings)
        case GkeSettings():
            from .gke import GkeCluster

            return GkeCluster(name, settings)
        case BareMetalSettings():
            from .bare_metal import BareMetalCluster

            return BareMetalCluster(name, settings)
        case _:
            raise TypeError(f"no cluster can be made of {type(settings).__name__}")
