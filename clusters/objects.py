"""The provider of a cluster's Kubernetes objects, the same on every platform."""

from __future__ import annotations

import pulumi
import pulumi_kubernetes as kubernetes


def kubernetes_provider(
    cluster: str, *, kubeconfig: pulumi.Input[str], identifier: pulumi.Input[str], opts: pulumi.ResourceOptions
) -> kubernetes.Provider:
    """Makes Kubernetes objects in a cluster, by server-side apply.

    Args:
        cluster: Name of the cluster.
        kubeconfig: JSON.
        identifier: What tells this cluster from any other for good: a new endpoint or authority then replaces nothing.
        opts: The provider's.
    """
    return kubernetes.Provider(
        f"{cluster}-kubernetes",
        kubeconfig=kubeconfig,
        cluster_identifier=identifier,
        enable_server_side_apply=True,
        enable_patch_force=True,  # docs/decisions/0010: what the stack says of an object holds
        enable_config_map_mutable=True,  # names are fixed: replacing would take a ConfigMap away before the new one is there
        enable_secret_mutable=True,
        opts=opts,
    )
