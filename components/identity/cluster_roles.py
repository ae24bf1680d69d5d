"""Rights of people within a cluster, by the cluster's own roles."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as kubernetes

_RBAC = "rbac.authorization.k8s.io"


def bind_cluster_role(
    name: str, role: str, members: Sequence[str], provider: kubernetes.Provider, parent: pulumi.Resource
) -> None:
    """Bind people to a cluster role; nothing where there are none.

    Args:
        name: Name of the resource and of the binding.
        role: A cluster role such as cluster-admin or view.
        members: `group:platform@example.com` or `user:jane@example.com`.
        provider: Of the cluster.
        parent: The cluster.
    """
    if not members:
        return
    kubernetes.rbac.v1.ClusterRoleBinding(
        name,
        metadata={"name": f"kuber-{role}", "labels": {"app.kubernetes.io/managed-by": "kuber"}},
        role_ref={"api_group": _RBAC, "kind": "ClusterRole", "name": role},
        subjects=[
            {"api_group": _RBAC, "kind": kind.capitalize(), "name": who}
            for kind, _, who in (member.partition(":") for member in sorted(members))
        ],
        opts=pulumi.ResourceOptions(parent=parent, provider=provider),
    )
