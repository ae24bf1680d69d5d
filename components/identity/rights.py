"""What a workload may do in a cloud, said once for all platforms."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi


@dataclass(frozen=True, kw_only=True)
class AwsStatement:
    """One allowing statement of an IAM policy.

    Attributes:
        actions: `service:Action`.
        resources: ARNs; "*" where the service knows no narrower.
        conditions: As in IAM, `{"StringEquals": {"aws:ResourceTag/…": "…"}}`.
    """

    actions: Sequence[str]
    resources: Sequence[str]
    conditions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def document(self) -> dict[str, object]:
        """The statement as IAM reads it."""
        statement: dict[str, object] = {
            "Effect": "Allow",
            "Action": list(self.actions),
            "Resource": list(self.resources),
        }
        return statement | ({"Condition": dict(self.conditions)} if self.conditions else {})


@dataclass(frozen=True, kw_only=True)
class GcpDnsZone:
    """A managed zone of Cloud DNS.

    Attributes:
        project: Its project's id.
        name: Of the zone, not of the domain.
    """

    project: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Rights:
    """Cloud rights that a workload needs, for each cloud that it runs on.

    Attributes:
        aws_statements: Statements of a policy of its own.
        aws_managed_policies: ARNs of policies that AWS keeps up to date.
        gcp_project_roles: Roles on the project, `roles/dns.admin`.
        gcp_dns_zones: Zones whose records it may read and change.
        gcp_readable_buckets: Buckets of Cloud Storage whose objects it may read.
    """

    aws_statements: Sequence[AwsStatement] = ()
    aws_managed_policies: Sequence[str] = ()
    gcp_project_roles: Sequence[str] = ()
    gcp_dns_zones: Sequence[GcpDnsZone] = ()
    gcp_readable_buckets: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class WorkloadIdentity:
    """What a workload's manifests need so that its service account has the rights.

    Attributes:
        annotations: Annotations of the service account; empty on EKS, where Pod Identity needs none.
        resources: What must exist before the workload's pods start, and go after them.
    """

    annotations: Mapping[str, str] = field(default_factory=dict)
    resources: Sequence[pulumi.Resource] = ()


def policy_document(statements: Sequence[AwsStatement]) -> str:
    """An IAM policy of the statements, as JSON."""
    return json.dumps({"Version": "2012-10-17", "Statement": [one.document() for one in statements]})
