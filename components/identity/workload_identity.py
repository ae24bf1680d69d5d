"""Google Cloud rights of a Kubernetes service account, by Workload Identity."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from .names import bounded
from .rights import Rights

ACCOUNT_ID_LENGTH = 30
"""Characters that a service account's id may have."""


@dataclass(frozen=True, kw_only=True)
class GcpWorkloadIdentityArgs:
    """Which service account of which cluster gets which rights.

    Attributes:
        cluster_name: The cluster's name.
        project: Project id.
        namespace: Namespace of the Kubernetes service account.
        service_account: Its name.
        rights: What it may do; the Google part counts.
        cluster: Makes the identity pool that the binding names, so the binding waits for it.
    """

    cluster_name: str
    project: str
    namespace: str
    service_account: str
    rights: Rights
    cluster: pulumi.Resource


class GcpWorkloadIdentity(pulumi.ComponentResource):
    """A Google service account that one Kubernetes service account may act as.

    Attributes:
        email: Its address, known before it exists: it follows from the name.
    """

    email: str

    def __init__(self, name: str, args: GcpWorkloadIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kuber:identity:GcpWorkloadIdentity", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        identifier = bounded(f"{args.cluster_name}-{args.namespace}-{args.service_account}", ACCOUNT_ID_LENGTH)
        self.email = f"{identifier}@{args.project}.iam.gserviceaccount.com"
        account = gcp.serviceaccount.Account(
            name,
            account_id=identifier,
            display_name=f"{args.namespace}/{args.service_account} of {args.cluster_name}",
            opts=child,
        )
        for role in args.rights.gcp_project_roles:
            gcp.projects.IAMMember(
                f"{name}-{role.rpartition('/')[2]}",
                project=args.project,
                role=role,
                member=account.member,
                opts=child,
            )
        for zone in args.rights.gcp_dns_zones:
            gcp.dns.DnsManagedZoneIamMember(
                f"{name}-{zone.project}-{zone.name}",
                project=zone.project,
                managed_zone=zone.name,
                role="roles/dns.admin",
                member=account.member,
                opts=child,
            )
        for bucket in args.rights.gcp_readable_buckets:
            gcp.storage.BucketIAMMember(
                f"{name}-{bucket}",
                bucket=bucket,
                role="roles/storage.legacyObjectReader",  # reads objects, and lists none
                member=account.member,
                opts=child,
            )
        gcp.serviceaccount.IAMMember(
            name,
            service_account_id=account.name,
            role="roles/iam.workloadIdentityUser",
            member=f"serviceAccount:{args.project}.svc.id.goog[{args.namespace}/{args.service_account}]",
            opts=pulumi.ResourceOptions(parent=self, depends_on=[args.cluster]),
        )
        self.register_outputs({"email": self.email})
