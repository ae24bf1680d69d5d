"""A cluster on machines of one's own: how to reach it, and what its nodes are for."""

from __future__ import annotations

import pulumi

from components.identity.rights import Rights, WorkloadIdentity
from components.node_pools.machine_nodes import MachineNodes, MachineNodesArgs
from config.bare_metal import BareMetalCluster as BareMetalSettings
from config.bare_metal import KubeconfigProvisioner

from .contract import Cluster
from .errors import UnsupportedError
from .kubeconfig import as_json, machines_kubeconfig
from .objects import kubernetes_provider


class BareMetalCluster(Cluster):
    """A cluster in a data centre. Its machines are there already: the inventory says what they are for.

    A provisioner tells how the cluster comes to be reached; the one there is takes a cluster that exists. Another, that installs
    machines, would be one more `type` in the stack file and one more function beside `_reached_by_kubeconfig`.
    """

    def __init__(self, name: str, settings: BareMetalSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        self.name = name
        self.zones = sorted({machine.zone for machine in settings.machines.values()})
        self.kubernetes_version = settings.kubernetes.version
        self.capabilities, self.brings = settings.capabilities, settings.brings
        super().__init__("kuber:clusters:BareMetalCluster", name, None, opts)

        self.kubeconfig = _reached_by_kubeconfig(name, settings.provisioner)
        self.provider = kubernetes_provider(
            name,
            kubeconfig=self.kubeconfig,
            identifier=f"{settings.site}/{name}",
            opts=pulumi.ResourceOptions(parent=self),
        )
        MachineNodes(
            f"{name}-nodes",
            MachineNodesArgs(settings=settings),
            pulumi.ResourceOptions(parent=self, providers=[self.provider]),
        )
        self.register_outputs(dict(self.outputs))

    def grant(self, rights: Rights, namespace: str, service_account: str) -> WorkloadIdentity:
        """There is no cloud here to have rights in.

        Raises:
            UnsupportedError: always.
        """
        raise UnsupportedError(
            f"{namespace}/{service_account} asks for cloud rights, and {self.name} is on bare metal: "
            "leave the part out, or give it a secret of its own from Vault"
        )


def _reached_by_kubeconfig(name: str, provisioner: KubeconfigProvisioner) -> pulumi.Output[str]:
    return as_json(machines_kubeconfig(name, provisioner))
