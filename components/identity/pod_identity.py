"""AWS rights of a service account, by EKS Pod Identity."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from .names import bounded
from .rights import Rights, policy_document

_ROLE_NAME_LENGTH = 64 - 8
"""Characters of IAM's 64 that remain with the suffix that the engine adds."""


@dataclass(frozen=True, kw_only=True)
class PodIdentityArgs:
    """Which service account of which cluster gets which rights.

    Attributes:
        cluster_name: The cluster's name, an output so that the association waits for the cluster.
        cluster_arn: The cluster's ARN, known beforehand, for the trust policy.
        namespace: Namespace of the service account.
        service_account: Its name.
        rights: What it may do; the AWS part counts.
    """

    cluster_name: pulumi.Input[str]
    cluster_arn: str
    namespace: str
    service_account: str
    rights: Rights


class PodIdentity(pulumi.ComponentResource):
    """An IAM role that one service account of one cluster can take, and no other.

    The trust policy names cluster, namespace and service account by the session tags that EKS sets (EKS user guide, "Grant Pods
    access to AWS resources based on tags"), so that a role taken over by another association gives nothing.
    """

    def __init__(self, name: str, args: PodIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("kuber:identity:PodIdentity", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        role = aws.iam.Role(
            bounded(name, _ROLE_NAME_LENGTH),
            assume_role_policy=_trust_policy(args),
            description=f"{args.namespace}/{args.service_account}",
            opts=child,
        )
        for arn in args.rights.aws_managed_policies:
            policy = arn.rpartition("/")[2]
            aws.iam.RolePolicyAttachment(f"{name}-{policy}", role=role.name, policy_arn=arn, opts=child)
        if args.rights.aws_statements:
            aws.iam.RolePolicy(name, role=role.name, policy=policy_document(args.rights.aws_statements), opts=child)
        aws.eks.PodIdentityAssociation(
            name,
            cluster_name=args.cluster_name,
            namespace=args.namespace,
            service_account=args.service_account,
            role_arn=role.arn,
            opts=child,
        )
        self.register_outputs({"roleArn": role.arn})


def _trust_policy(args: PodIdentityArgs) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "pods.eks.amazonaws.com"},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {
            "StringEquals": {
                "aws:RequestTag/eks-cluster-arn": args.cluster_arn,
                "aws:RequestTag/kubernetes-namespace": args.namespace,
                "aws:RequestTag/kubernetes-service-account": args.service_account,
            }
        },
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
