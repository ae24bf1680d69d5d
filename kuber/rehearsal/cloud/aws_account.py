"""Simulated IAM, KMS, CloudWatch Logs, S3 and Auto Scaling tags."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kuber.rehearsal.cloud.aws_network import arn
from kuber.rehearsal.cloud.kinds import Autoname, CloudError, Kind, Needs, Resource, Rule, Unique
from kuber.wire import UNKNOWN, Properties

ROLE = "aws:iam/role:Role"
_KEY = "aws:kms/key:Key"
_NO_ROLE = "NoSuchEntity: The role with name {value} cannot be found."


def role_is_there(path: str) -> Rule:
    """A role of our own account that is named by its ARN must be there; of other accounts' nothing is known."""

    def rule(resource: Resource, _: Mapping[str, Any] | None) -> None:
        role = resource.get(path)
        of_account = f"arn:aws:iam::{resource.place.owner}:role/"
        if isinstance(role, str) and role.startswith(of_account) and resource.find(ROLE, arn=role) is None:
            raise CloudError(f"InvalidParameterException: The role with ARN {role} cannot be found.")

    return rule


def _role(resource: Resource) -> Properties:
    path = resource.get("path", "/")
    return {
        "arn": f"arn:aws:iam::{resource.place.owner}:role{path}{resource.record.id}",
        "createDate": resource.record.created_at.isoformat(),
        "uniqueId": f"AROA{resource.hex(17).upper()}",
        "path": path,
        "maxSessionDuration": resource.get("maxSessionDuration", 3600),
    }


def _log_group(resource: Resource) -> Properties:
    return {"arn": arn(resource, "log-group:", resource.record.id, "logs")}


def _key(resource: Resource) -> Properties:
    return {
        "arn": arn(resource, "key/", resource.record.id, "kms"),
        "keyId": resource.record.id,
        "isEnabled": resource.get("isEnabled", True),
        "keyUsage": resource.get("keyUsage", "ENCRYPT_DECRYPT"),
        "customerMasterKeySpec": resource.get("customerMasterKeySpec", "SYMMETRIC_DEFAULT"),
        "multiRegion": resource.get("multiRegion", False),
    }


def _alias(resource: Resource) -> Properties:
    return {
        "arn": arn(resource, "", resource.record.id, "kms"),
        "targetKeyArn": arn(resource, "key/", str(resource.get("targetKeyId")), "kms"),
    }


def _policies_are_json(resource: Resource, _: Mapping[str, Any] | None) -> None:
    for name in ("assumeRolePolicy", "policy"):
        document = resource.get(name)
        if isinstance(document, str) and document != UNKNOWN:
            try:
                json.loads(document)
            except ValueError:
                raise CloudError("MalformedPolicyDocument: This policy contains invalid Json") from None


KINDS: Mapping[str, Kind] = {
    ROLE: Kind(
        id=lambda resource: resource.get("name"),
        outputs=_role,
        autoname=Autoname(property="name", length=64),
        global_=True,
        unique=[Unique(["name"], "EntityAlreadyExists: Role with name {name} already exists.")],
        rules=[_policies_are_json],
    ),
    "aws:iam/rolePolicy:RolePolicy": Kind(
        id=lambda resource: f"{resource.get('role')}:{resource.get('name')}",
        autoname=Autoname(property="name", length=128),
        global_=True,
        overwrites=True,  # PutRolePolicy
        unique=[Unique(["role", "name"], "")],
        needs=[
            Needs("role", ROLE, "name", _NO_ROLE, "DeleteConflict: Cannot delete entity, must delete policies first.")
        ],
        rules=[_policies_are_json],
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Kind(
        id=lambda resource: f"{resource.get('role')}/{resource.get('policyArn')}",
        global_=True,
        overwrites=True,  # AttachRolePolicy
        unique=[Unique(["role", "policyArn"], "")],
        needs=[
            Needs(
                "role", ROLE, "name", _NO_ROLE, "DeleteConflict: Cannot delete entity, must detach all policies first."
            )
        ],
    ),
    _KEY: Kind(id=lambda resource: resource.uuid(), outputs=_key),
    "aws:kms/alias:Alias": Kind(
        id=lambda resource: resource.get("name"),
        outputs=_alias,
        autoname=Autoname(property="name", length=256),
        unique=[
            Unique(
                ["name"],
                "AlreadyExistsException: An alias with the name arn:aws:kms:{region}:{owner}:{name} already exists",
            )
        ],
        needs=[Needs("targetKeyId", _KEY, "keyId", "NotFoundException: Key '{value}' does not exist", goes_too=True)],
    ),
    "aws:cloudwatch/logGroup:LogGroup": Kind(
        id=lambda resource: resource.get("name"),
        outputs=_log_group,
        autoname=Autoname(property="name", length=512),
        unique=[Unique(["name"], "ResourceAlreadyExistsException: The specified log group already exists: {name}")],
    ),
    "aws:s3/bucket:Bucket": Kind(
        id=lambda resource: resource.get("bucket"),
        outputs=lambda resource: {"arn": f"arn:aws:s3:::{resource.record.id}"},
        autoname=Autoname(property="bucket", length=63, lower=True),
        unique=[
            Unique(
                ["bucket"],
                "BucketAlreadyOwnedByYou: Your previous request to create the named bucket succeeded and you already own it.",
            )
        ],
    ),
    "aws:autoscaling/tag:Tag": Kind(
        id=lambda resource: f"{resource.get('autoscalingGroupName')},{resource.get('tag.key')}",
        overwrites=True,  # CreateOrUpdateTags
        unique=[Unique(["autoscalingGroupName", "tag.key"], "")],
        needs=[
            Needs(
                "autoscalingGroupName",
                "aws:eks/nodeGroup:NodeGroup",
                "resources[*].autoscalingGroups[*].name",
                "ValidationError: AutoScalingGroup '{value}' not found",
                goes_too=True,
            )
        ],
    ),
}
