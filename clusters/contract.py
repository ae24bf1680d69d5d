"""What any cluster offers to the standard stack, whatever platform it stands on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import pulumi
import pulumi_kubernetes as kubernetes

from components.identity.rights import Rights, WorkloadIdentity
from config.platforms import Capability, Feature


class Cluster(pulumi.ComponentResource, ABC):
    """A Kubernetes cluster, as the rest of the program sees it.

    Attributes:
        name: The cluster's name: the stack's.
        capabilities: What the platform can do.
        brings: What the platform brings itself.
        zones: Zones, or racks, over which work can be spread.
        kubernetes_version: The control plane's minor, "1.35".
        kubeconfig: JSON; gets its token by running a command, and holds no secret.
        provider: Makes Kubernetes objects in the cluster; waits until there are nodes to run them, and is gone before the nodes.
    """

    capabilities: frozenset[Capability]
    brings: frozenset[Feature]

    name: str
    zones: Sequence[str]
    kubernetes_version: str
    kubeconfig: pulumi.Output[str]
    provider: kubernetes.Provider

    @abstractmethod
    def grant(self, rights: Rights, namespace: str, service_account: str) -> WorkloadIdentity:
        """Give a service account rights in the platform's cloud.

        Raises:
            UnsupportedError: the platform has no cloud to have rights in.
        """

    @property
    def outputs(self) -> Mapping[str, pulumi.Input[object]]:
        """What the stack exports."""
        return {
            "cluster": self.name,
            "kubernetesVersion": self.kubernetes_version,
            "kubeconfig": self.kubeconfig,
            "capabilities": sorted(self.capabilities),
            "brings": sorted(self.brings),
            "zones": list(self.zones),
        }
