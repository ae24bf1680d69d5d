"""A GKE cluster, top to bottom: network, key, node account, control plane, nodes, who may use it."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from components.identity.cluster_roles import bind_cluster_role
from components.identity.names import bounded
from components.identity.rights import Rights, WorkloadIdentity
from components.identity.workload_identity import ACCOUNT_ID_LENGTH, GcpWorkloadIdentity, GcpWorkloadIdentityArgs
from components.network.gcp_network import PODS_RANGE, SERVICES_RANGE, GcpNetwork, GcpNetworkArgs
from components.node_pools.gke_node_pool import SHIELDED, GkeNodePool, GkeNodePoolArgs
from config.gke import MAX_PODS_PER_NODE
from config.gke import GkeCluster as GkeSettings

from .contract import Cluster
from .kubeconfig import as_json, kubeconfig_document
from .objects import kubernetes_provider

_NODE_ROLE = "roles/container.defaultNodeServiceAccount"
"""The least that a node needs: to write its logs and metrics (GKE documentation, "Use least privilege service accounts")."""
_KEY_ROLE = "roles/cloudkms.cryptoKeyEncrypterDecrypter"
_ROTATION_SECONDS = 90 * 24 * 3600
_LOG_COMPONENTS = ("SYSTEM_COMPONENTS", "APISERVER", "CONTROLLER_MANAGER", "SCHEDULER")
_EXCLUSION_START = "2026-01-01T00:00:00Z"
"""Any day before the cluster was made; fixed, so that the program says the same each day."""


class GkeCluster(Cluster):
    """A cluster on Google Cloud: private nodes and endpoint, secrets under a key of its own, rights by Workload Identity."""

    def __init__(self, name: str, settings: GkeSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        self.name = name
        self.zones = settings.zones
        self.kubernetes_version = settings.kubernetes.version
        self.capabilities, self.brings = settings.capabilities, settings.brings
        self._settings = settings
        self._labels = {"kuber-cluster": name, "kuber-environment": settings.environment, **settings.tags}

        provider = gcp.Provider(
            f"{name}-gcp", project=settings.project.id, region=settings.region, default_labels=self._labels
        )
        providers = pulumi.ResourceOptions(providers=[provider])
        super().__init__("kuber:clusters:GkeCluster", name, None, pulumi.ResourceOptions.merge(opts, providers))
        self._child = pulumi.ResourceOptions(parent=self)

        network = GcpNetwork(
            f"{name}-network",
            GcpNetworkArgs(
                cluster_name=name, region=settings.region, network=settings.network, protect=settings.protect
            ),
            self._child,
        )
        nodes, node_role = self._node_account()
        self._cluster = self._control_plane(network, nodes, node_role)
        pools = self._node_pools(nodes, [network.nat, node_role])

        self.kubeconfig = as_json(
            kubeconfig_document(
                cluster=name,
                server=self._cluster.endpoint.apply("https://{}".format),
                # Public, but beside it in one property stands a client key, which makes a secret of the whole.
                certificate_authority_data=pulumi.Output.unsecret(self._cluster.master_auth.cluster_ca_certificate),
                command="gke-gcloud-auth-plugin",
                install_hint="kubectl needs gke-gcloud-auth-plugin to get a token",
            )
        )
        self.provider = kubernetes_provider(
            name,
            kubeconfig=self.kubeconfig,
            identifier=self._self_link(),
            # Objects go before the nodes do: load balancers and disks left behind would hold up the network's removal.
            opts=pulumi.ResourceOptions(parent=self, depends_on=pools),
        )
        self._access()
        self.register_outputs(dict(self.outputs))

    def _self_link(self) -> str:
        project, region = self._settings.project.id, self._settings.region
        return f"projects/{project}/locations/{region}/clusters/{self.name}"

    def _encryption_key(self) -> tuple[gcp.kms.CryptoKey, gcp.kms.CryptoKeyIAMMember]:
        """The key that etcd is encrypted with, rotated every 90 days, and leave for GKE's own account to use it.

        A key ring stays for ever, so its name is the engine's, with a suffix: a cluster of the same name can be made again.
        """
        settings = self._settings
        protected = pulumi.ResourceOptions(parent=self, protect=settings.protect)
        ring = gcp.kms.KeyRing(f"{self.name}-keys", location=settings.region, opts=protected)
        key = gcp.kms.CryptoKey(
            f"{self.name}-secrets",
            name="secrets",
            key_ring=ring.id,
            rotation_period=f"{_ROTATION_SECONDS}s",
            opts=protected,
        )
        service_agent = f"service-{settings.project.number}@container-engine-robot.iam.gserviceaccount.com"
        use_key = gcp.kms.CryptoKeyIAMMember(
            f"{self.name}-secrets-gke",
            crypto_key_id=key.id,
            role=_KEY_ROLE,
            member=f"serviceAccount:{service_agent}",
            opts=self._child,
        )
        return key, use_key

    def _control_plane(
        self, network: GcpNetwork, nodes: gcp.serviceaccount.Account, node_role: pulumi.Resource
    ) -> gcp.container.Cluster:
        settings = self._settings
        key, use_key = self._encryption_key()
        sources = {**settings.endpoint.private_cidrs, **settings.endpoint.public_cidrs}
        return gcp.container.Cluster(
            self.name,
            name=self.name,
            location=settings.region,
            node_locations=list(settings.zones),
            min_master_version=settings.kubernetes.version,
            release_channel={"channel": settings.release_channel},
            maintenance_policy={
                "recurring_window": {
                    "start_time": settings.maintenance.start,
                    "end_time": settings.maintenance.end,
                    "recurrence": settings.maintenance.recurrence,
                },
                # Within a channel Google upgrades minors and nodes by itself; here the stack file does.
                "maintenance_exclusions": [
                    {
                        "exclusion_name": "versions-by-stack-file",
                        "start_time": _EXCLUSION_START,
                        "exclusion_options": {
                            "scope": "NO_MINOR_OR_NODE_UPGRADES",
                            "end_time_behavior": "UNTIL_END_OF_SUPPORT",
                        },
                    }
                ],
            },
            # Pools are resources of their own: inline ones can't be changed without replacing the cluster.
            remove_default_node_pool=True,
            initial_node_count=1,
            default_max_pods_per_node=MAX_PODS_PER_NODE,
            node_config={"service_account": nodes.email, "shielded_instance_config": SHIELDED},
            network=network.network.id,
            subnetwork=network.subnetwork.id,
            networking_mode="VPC_NATIVE",
            ip_allocation_policy={
                "cluster_secondary_range_name": PODS_RANGE,
                "services_secondary_range_name": SERVICES_RANGE,
            },
            private_cluster_config={
                "enable_private_nodes": True,
                "enable_private_endpoint": not settings.endpoint.public_cidrs,
                "master_ipv4_cidr_block": str(settings.network.control_plane_cidr),
                "master_global_access_config": {"enabled": True},  # offices and build machines in other regions
            },
            master_authorized_networks_config={
                "cidr_blocks": [
                    {"cidr_block": str(cidr), "display_name": source} for source, cidr in sorted(sources.items())
                ],
                "gcp_public_cidrs_access_enabled": False,
            },
            master_auth={"client_certificate_config": {"issue_client_certificate": False}},
            datapath_provider="ADVANCED_DATAPATH",  # Dataplane V2: network policies without an agent to run
            enable_intranode_visibility=True,
            enable_shielded_nodes=True,
            enable_legacy_abac=False,
            workload_identity_config={"workload_pool": f"{settings.project.id}.svc.id.goog"},
            database_encryption={"state": "ENCRYPTED", "key_name": key.id},
            authenticator_groups_config=(
                {"security_group": settings.access.security_group} if settings.access.security_group else None
            ),
            addons_config={
                "gce_persistent_disk_csi_driver_config": {"enabled": True},
                "dns_cache_config": {"enabled": True},
            },
            logging_config={"enable_components": list(_LOG_COMPONENTS)},  # workloads' logs go by filebeat
            monitoring_config={
                "enable_components": ["SYSTEM_COMPONENTS"],
                "managed_prometheus": {"enabled": False},  # the standard stack has its own
            },
            security_posture_config={"mode": "BASIC"},
            cost_management_config={"enabled": True},
            resource_labels=self._labels,
            deletion_protection=settings.protect,
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=settings.protect,
                depends_on=[use_key, network.nat, node_role],
                # What GKE reports of pools that are resources of their own.
                ignore_changes=["nodePools", "nodeConfig", "initialNodeCount"],
            ),
        )

    def _node_account(self) -> tuple[gcp.serviceaccount.Account, gcp.projects.IAMMember]:
        """The nodes' own service account, and its role: the project's default account may edit everything."""
        account = gcp.serviceaccount.Account(
            f"{self.name}-nodes",
            account_id=bounded(f"{self.name}-nodes", ACCOUNT_ID_LENGTH),
            display_name=f"Nodes of {self.name}",
            opts=self._child,
        )
        role = gcp.projects.IAMMember(
            f"{self.name}-nodes",
            project=self._settings.project.id,
            role=_NODE_ROLE,
            member=account.member,
            opts=self._child,
        )
        return account, role

    def _node_pools(self, nodes: gcp.serviceaccount.Account, after: list[pulumi.Resource]) -> list[GkeNodePool]:
        opts = pulumi.ResourceOptions(parent=self, depends_on=after)
        pools: list[GkeNodePool] = []
        for pool_name, pool in self._settings.pools.items():
            args = GkeNodePoolArgs(
                pool_name=pool_name,
                pool=pool,
                cluster=self._cluster,
                location=self._settings.region,
                version=pool.version or self.kubernetes_version,
                zones=pool.zones or self.zones,
                service_account=nodes.email,
                labels=self._labels,
            )
            pools.append(GkeNodePool(f"{self.name}-{pool_name}", args, opts))
        return pools

    def _access(self) -> None:
        """Leave to find the cluster, by a role on the project, and rights within it, by the cluster's own roles."""
        for people, role in ((self._settings.access.admins, "cluster-admin"), (self._settings.access.viewers, "view")):
            for member in people.values():
                gcp.projects.IAMMember(
                    f"{self.name}-access-{member}",  # Google knows one binding of a member, whatever it is called
                    project=self._settings.project.id,
                    role="roles/container.clusterViewer",
                    member=member,
                    opts=self._child,
                )
            bind_cluster_role(f"{self.name}-{role}", role, list(people.values()), self.provider, self)

    def grant(self, rights: Rights, namespace: str, service_account: str) -> WorkloadIdentity:
        """Give a service account Google Cloud rights, by Workload Identity and an annotation that is known beforehand."""
        identity = GcpWorkloadIdentity(
            f"{self.name}-{namespace}-{service_account}",
            GcpWorkloadIdentityArgs(
                cluster_name=self.name,
                project=self._settings.project.id,
                namespace=namespace,
                service_account=service_account,
                rights=rights,
                cluster=self._cluster,
            ),
            self._child,
        )
        return WorkloadIdentity(
            annotations={"iam.gke.io/gcp-service-account": identity.email},
            resources=[identity],
        )
