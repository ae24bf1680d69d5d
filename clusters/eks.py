"""An EKS cluster, top to bottom: key, network, roles, control plane, who may use it, add-ons, nodes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from components.identity.pod_identity import PodIdentity, PodIdentityArgs
from components.identity.rights import AwsStatement, Rights, WorkloadIdentity, policy_document
from components.network.vpc import Vpc, VpcArgs
from components.node_pools.managed_node_group import ManagedNodeGroup, ManagedNodeGroupArgs
from config.eks import EksCluster as EksSettings
from config.eks_addons import AddonName, addon_versions

from .contract import Cluster
from .kubeconfig import as_json, kubeconfig_document
from .objects import kubernetes_provider

LOG_TYPES = ("api", "audit", "authenticator", "controllerManager", "scheduler")
_POLICY = "arn:aws:iam::aws:policy"
_ACCESS_POLICY = "arn:aws:eks::aws:cluster-access-policy"
_ADMIN_POLICY, _VIEWER_POLICY = "AmazonEKSClusterAdminPolicy", "AmazonEKSViewPolicy"

_NODE_POLICIES = ("AmazonEKSWorkerNodePolicy", "AmazonEC2ContainerRegistryPullOnly")
"""The least that nodes join with (EKS user guide, "Amazon EKS node IAM role"); the network add-on has a role of its own."""
_VPC_CNI_RIGHTS = Rights(aws_managed_policies=[f"{_POLICY}/AmazonEKS_CNI_Policy"])
_EBS_CSI_RIGHTS = Rights(aws_managed_policies=[f"{_POLICY}/AmazonEBSCSIDriverPolicyV2"])  # its own volumes alone

_BEFORE_NODES: tuple[AddonName, ...] = ("vpc-cni", "kube-proxy", "eks-pod-identity-agent")
"""Nodes are not ready without these."""
_AFTER_NODES: tuple[AddonName, ...] = ("coredns", "aws-ebs-csi-driver")
"""Run on nodes, and are degraded until there are some."""
_ADDON_SETTINGS: Mapping[AddonName, object] = {
    # Network policies need the add-on's own agent; prefixes give a node as many pods as it can carry.
    "vpc-cni": {"enableNetworkPolicy": "true", "env": {"ENABLE_PREFIX_DELEGATION": "true", "WARM_PREFIX_TARGET": "1"}},
    "coredns": {"podDisruptionBudget": {"enabled": True, "maxUnavailable": 1}},
}


class EksCluster(Cluster):
    """A cluster on AWS: private endpoint, secrets under a key of its own, nodes in private subnets, rights by Pod Identity."""

    def __init__(self, name: str, settings: EksSettings, opts: pulumi.ResourceOptions | None = None) -> None:
        self.name = name
        self.zones = settings.zones
        self.kubernetes_version = settings.kubernetes.version
        self.capabilities, self.brings = settings.capabilities, settings.brings
        self._settings = settings
        self._tags = {"kuber:cluster": name, "kuber:environment": settings.environment, **settings.tags}
        self._arn = f"arn:aws:eks:{settings.region}:{settings.account_id}:cluster/{name}"

        provider = aws.Provider(
            f"{name}-aws",
            region=settings.region,
            allowed_account_ids=[settings.account_id],
            default_tags={"tags": self._tags},
        )
        providers = pulumi.ResourceOptions(providers=[provider])
        super().__init__("kuber:clusters:EksCluster", name, None, pulumi.ResourceOptions.merge(opts, providers))
        self._child = pulumi.ResourceOptions(parent=self)

        key = self._encryption_key()
        network = Vpc(
            f"{name}-network",
            VpcArgs(
                cluster_name=name,
                region=settings.region,
                account_id=settings.account_id,
                zones=settings.zones,
                network=settings.network,
                private_cidrs=list(settings.endpoint.private_cidrs.values()),
                protect=settings.protect,
            ),
            self._child,
        )
        self._cluster = self._control_plane(key, network)
        access = self._access_entries()

        network_addons = self._network_addons()
        pools = self._node_pools(network, network_addons)
        addons = self._workload_addons(pools)

        self.kubeconfig = as_json(
            kubeconfig_document(
                cluster=name,
                server=self._cluster.endpoint,
                certificate_authority_data=self._cluster.certificate_authority.data,
                command="aws",
                args=["eks", "get-token", "--region", settings.region, "--cluster-name", name],
                install_hint="kubectl needs the AWS command line (version 2) to get a token",
            )
        )
        self.provider = kubernetes_provider(
            name,
            kubeconfig=self.kubeconfig,
            identifier=self._arn,
            # Objects go before the nodes do: load balancers and volumes left behind would hold up the network's removal.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*pools, *addons, *access]),
        )
        self.register_outputs(dict(self.outputs))

    def _encryption_key(self) -> aws.kms.Key:
        """The key that Kubernetes secrets are encrypted with, rotated every year."""
        key = aws.kms.Key(
            f"{self.name}-secrets",
            description=f"Kubernetes secrets of {self.name}",
            enable_key_rotation=True,
            deletion_window_in_days=self._settings.encryption.deletion_window_days,
            opts=pulumi.ResourceOptions(parent=self, protect=self._settings.protect),
        )
        aws.kms.Alias(
            f"{self.name}-secrets", name=f"alias/kuber/{self.name}-secrets", target_key_id=key.key_id, opts=self._child
        )
        return key

    def _control_plane(self, key: aws.kms.Key, network: Vpc) -> aws.eks.Cluster:
        settings = self._settings
        role, policies = self._role("control-plane", "eks.amazonaws.com", ["AmazonEKSClusterPolicy"])
        use_key = aws.iam.RolePolicy(
            f"{self.name}-control-plane-key",
            role=role.name,
            policy=key.arn.apply(_use_of_key),
            opts=self._child,
        )
        # Made before the cluster, which would otherwise make it itself and keep the logs for ever.
        logs = aws.cloudwatch.LogGroup(
            f"{self.name}-control-plane",
            name=f"/aws/eks/{self.name}/cluster",
            retention_in_days=settings.logs.retention_days,
            opts=self._child,
        )
        public_cidrs = sorted(str(cidr) for cidr in settings.endpoint.public_cidrs.values())
        reach: aws.eks.ClusterVpcConfigArgsDict = {
            "subnet_ids": list(network.private_subnet_ids.values()),
            "security_group_ids": [self._api_security_group(network).id],
            "endpoint_private_access": True,
            "endpoint_public_access": bool(public_cidrs),
        }
        if public_cidrs:
            reach["public_access_cidrs"] = public_cidrs
        return aws.eks.Cluster(
            self.name,
            name=self.name,
            version=settings.kubernetes.version,
            role_arn=role.arn,
            vpc_config=reach,
            kubernetes_network_config={"service_ipv4_cidr": str(settings.network.service_cidr)},
            encryption_config={"provider": {"key_arn": key.arn}, "resources": ["secrets"]},
            enabled_cluster_log_types=list(LOG_TYPES),
            # Both can be said only when the cluster is made: no hidden admin, no add-ons that nobody manages.
            access_config={"authentication_mode": "API", "bootstrap_cluster_creator_admin_permissions": False},
            bootstrap_self_managed_addons=False,
            upgrade_policy={"support_type": "EXTENDED" if settings.extended_support else "STANDARD"},
            zonal_shift_config={"enabled": True},
            deletion_protection=settings.protect,
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=settings.protect,
                depends_on=[*policies, use_key, logs],
                # The control plane stays in the zones that it was made in; pools may use others (EKS user guide, "VPC requirements").
                ignore_changes=["vpcConfig.subnetIds"],
            ),
        )

    def _api_security_group(self, network: Vpc) -> aws.ec2.SecurityGroup:
        """Lets the named private ranges reach the private endpoint; nodes reach it by the cluster's own group."""
        group = aws.ec2.SecurityGroup(
            f"{self.name}-api",
            vpc_id=network.vpc.id,
            description=f"Who reaches the API server of {self.name}",
            tags={"Name": f"{self.name}-api"},
            opts=self._child,
        )
        for source, cidr in self._settings.endpoint.private_cidrs.items():
            aws.vpc.SecurityGroupIngressRule(
                f"{self.name}-api-{cidr}",  # AWS knows one rule for a range, whatever it is called
                security_group_id=group.id,
                description=source,
                cidr_ipv4=str(cidr),
                ip_protocol="tcp",
                from_port=443,
                to_port=443,
                opts=self._child,
            )
        return group

    def _access_entries(self) -> list[pulumi.Resource]:
        """Admins and viewers, each named for the principal, of which AWS knows one entry; there is no aws-auth ConfigMap to lose."""
        associations: list[pulumi.Resource] = []
        for people, policy in (
            (self._settings.access.admins, _ADMIN_POLICY),
            (self._settings.access.viewers, _VIEWER_POLICY),
        ):
            for principal in people.values():
                name = f"{self.name}-access-{principal.split(':', 4)[4]}"
                entry = aws.eks.AccessEntry(
                    name,
                    cluster_name=self._cluster.name,
                    principal_arn=principal,
                    type="STANDARD",
                    opts=self._child,
                )
                association = aws.eks.AccessPolicyAssociation(
                    name,
                    cluster_name=self._cluster.name,
                    principal_arn=entry.principal_arn,
                    policy_arn=f"{_ACCESS_POLICY}/{policy}",
                    access_scope={"type": "cluster"},
                    opts=self._child,
                )
                associations.append(association)
        return associations

    def _network_addons(self) -> list[pulumi.Resource]:
        """What makes a node ready. Rights come first: the network add-on asks for addresses as soon as it starts."""
        rights = self.grant(_VPC_CNI_RIGHTS, "kube-system", "aws-node")
        return [self._addon(addon, rights.resources) for addon in _BEFORE_NODES]

    def _node_pools(self, network: Vpc, addons: list[pulumi.Resource]) -> list[ManagedNodeGroup]:
        role, policies = self._role("nodes", "ec2.amazonaws.com", _NODE_POLICIES)
        opts = pulumi.ResourceOptions(parent=self, depends_on=[*policies, *addons, *network.egress])
        pools: list[ManagedNodeGroup] = []
        for pool_name, pool in self._settings.pools.items():
            zones = pool.zones or self._settings.zones
            args = ManagedNodeGroupArgs(
                pool_name=pool_name,
                pool=pool,
                cluster_name=self.name,
                cluster=self._cluster,
                version=pool.version or self.kubernetes_version,
                zones=zones,
                subnet_ids=[network.private_subnet_ids[zone] for zone in zones],
                node_role_arn=role.arn,
                tags=self._tags,
            )
            pools.append(ManagedNodeGroup(f"{self.name}-{pool_name}", args, opts))
        return pools

    def _workload_addons(self, pools: list[ManagedNodeGroup]) -> list[pulumi.Resource]:
        rights = self.grant(_EBS_CSI_RIGHTS, "kube-system", "ebs-csi-controller-sa")
        lasting = [
            pool for pool in pools if pool.capacity == "on_demand"
        ]  # where there is no spot capacity, DNS still comes up
        return [self._addon(addon, [*lasting, *rights.resources]) for addon in _AFTER_NODES]

    def _addon(self, addon: AddonName, after: Sequence[pulumi.Resource]) -> aws.eks.Addon:
        settings = _ADDON_SETTINGS.get(addon)
        return aws.eks.Addon(
            f"{self.name}-{addon}",
            cluster_name=self._cluster.name,
            addon_name=addon,
            addon_version=addon_versions(self.kubernetes_version, self._settings.addons)[addon],
            configuration_values=json.dumps(settings, sort_keys=True) if settings else None,
            resolve_conflicts_on_create="OVERWRITE",
            resolve_conflicts_on_update="OVERWRITE",
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(after)),
        )

    def _role(
        self, purpose: str, service: str, policies: Sequence[str]
    ) -> tuple[aws.iam.Role, list[aws.iam.RolePolicyAttachment]]:
        """A role for an AWS service, and its policies: what uses the role waits for them, and goes before them."""
        trust = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
        }
        role = aws.iam.Role(f"{self.name}-{purpose}", assume_role_policy=json.dumps(trust), opts=self._child)
        attachments = [
            aws.iam.RolePolicyAttachment(
                f"{self.name}-{purpose}-{policy}", role=role.name, policy_arn=f"{_POLICY}/{policy}", opts=self._child
            )
            for policy in policies
        ]
        return role, attachments

    def grant(self, rights: Rights, namespace: str, service_account: str) -> WorkloadIdentity:
        """Give a service account AWS rights, by Pod Identity; its manifests need nothing for it."""
        identity = PodIdentity(
            f"{self.name}-{namespace}-{service_account}",
            PodIdentityArgs(
                cluster_name=self._cluster.name,
                cluster_arn=self._arn,
                namespace=namespace,
                service_account=service_account,
                rights=rights,
            ),
            self._child,
        )
        return WorkloadIdentity(resources=[identity])


def _use_of_key(key_arn: str) -> str:
    actions = ["kms:Encrypt", "kms:Decrypt", "kms:ListGrants", "kms:DescribeKey"]
    return policy_document([AwsStatement(actions=actions, resources=[key_arn])])
