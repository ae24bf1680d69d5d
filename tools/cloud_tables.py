"""Derives what reviews and simulated clouds know of resource types: `python -m tools.cloud_tables [replace_on_changes.json]`.

Writes kuber/rehearsal/cloud/properties.json from the installed SDKs and, where the file of facts about the providers is given,
kuber/replacement/force_new.json from it. Tests hold both against their sources.
"""

from __future__ import annotations

import importlib
import inspect
import json
import sys
from collections.abc import Collection, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from components.lean_sdk import make_lean

_PACKAGE = Path(__file__).parents[1] / "kuber"
PROPERTIES = _PACKAGE / "rehearsal" / "cloud" / "properties.json"
FORCE_NEW = _PACKAGE / "replacement" / "force_new.json"

TYPES = (
    "aws:autoscaling/tag:Tag",
    "aws:cloudwatch/logGroup:LogGroup",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
    "aws:ec2/eip:Eip",
    "aws:ec2/flowLog:FlowLog",
    "aws:ec2/internetGateway:InternetGateway",
    "aws:ec2/launchTemplate:LaunchTemplate",
    "aws:ec2/natGateway:NatGateway",
    "aws:ec2/route:Route",
    "aws:ec2/routeTable:RouteTable",
    "aws:ec2/routeTableAssociation:RouteTableAssociation",
    "aws:ec2/securityGroup:SecurityGroup",
    "aws:ec2/subnet:Subnet",
    "aws:ec2/vpc:Vpc",
    "aws:ec2/vpcEndpoint:VpcEndpoint",
    "aws:ec2transitgateway/vpcAttachment:VpcAttachment",
    "aws:eks/accessEntry:AccessEntry",
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation",
    "aws:eks/addon:Addon",
    "aws:eks/cluster:Cluster",
    "aws:eks/nodeGroup:NodeGroup",
    "aws:eks/podIdentityAssociation:PodIdentityAssociation",
    "aws:iam/role:Role",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:kms/alias:Alias",
    "aws:kms/key:Key",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
    "gcp:compute/network:Network",
    "gcp:compute/router:Router",
    "gcp:compute/routerNat:RouterNat",
    "gcp:compute/subnetwork:Subnetwork",
    "gcp:container/cluster:Cluster",
    "gcp:container/nodePool:NodePool",
    "gcp:dns/dnsManagedZoneIamMember:DnsManagedZoneIamMember",
    "gcp:kms/cryptoKey:CryptoKey",
    "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember",
    "gcp:kms/keyRing:KeyRing",
    "gcp:projects/iAMMember:IAMMember",
    "gcp:serviceaccount/account:Account",
    "gcp:serviceaccount/iAMMember:IAMMember",
    "gcp:storage/bucketIAMMember:BucketIAMMember",
    "vault:index/authBackend:AuthBackend",
    "vault:index/mount:Mount",
    "vault:index/policy:Policy",
    "vault:kubernetes/authBackendConfig:AuthBackendConfig",
    "vault:kubernetes/authBackendRole:AuthBackendRole",
)
"""All types of aws, gcp and vault that the program can make."""

_FORCE_NEW = ("types", "presence", "conditional", "delete_before_replace_risk")
_BESIDE_THE_FACTS: Mapping[str, Sequence[str]] = {
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": ["region", "vpcId"],
    "aws:ec2transitgateway/vpcAttachment:VpcAttachment": ["region", "transitGatewayId", "vpcId"],
    "gcp:dns/dnsManagedZoneIamMember:DnsManagedZoneIamMember": [
        "condition",
        "managedZone",
        "member",
        "project",
        "role",
    ],
}
"""What replaces the types that the facts don't know. Sources: terraform-provider-aws, internal/service/ec2 (ForceNew in
vpc_default_security_group.go and transitgateway_vpc_attachment.go; `region` as of every type) and terraform-provider-google-beta,
services/dns/iam_dns_managed_zone.go (of a binding, all)."""
_LEFT_OUT = {"gcp:container/cluster:Cluster": ["nodePools"]}
"""Taken as they are: pools inline in a cluster, which hold all of a pool's properties once more, and which the program never has."""


def properties() -> dict[str, Any]:
    """The table of properties.

    `types[token].inputs` is a shape, and `outputs` names what is an output only. A shape is {property: shape} with "!" behind a
    required name, [shape] for a list, {"*": shape} for a map with keys of any kind, and "" for anything else.
    """
    packages = sorted({token.partition(":")[0] for token in TYPES})
    return {
        "sources": [f"pulumi_{package} {version(f'pulumi_{package}')}" for package in packages],
        "types": {token: _type(token) for token in TYPES},
    }


def force_new(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The table of what replaces a resource: the part of the facts that is about our types (see their REPLACE.md for the reading),
    and what we know beside them.
    """
    facts = {**facts, "types": {**_BESIDE_THE_FACTS, **facts["types"]}}
    return {
        "sources": [f"{one['package']} {one['version']}: {one['from']}" for one in facts["sources"] if _ours(one)],
        "reading": {part: facts["reading"][part] for part in _FORCE_NEW},
        **{part: {token: facts[part][token] for token in TYPES if token in facts[part]} for part in _FORCE_NEW},
    }


def written(table: Mapping[str, Any]) -> str:
    """A table as its file has it: a type a line."""
    parts: list[str] = []
    for name, part in table.items():
        if isinstance(part, dict):
            rows = [f"  {json.dumps(key)}: {json.dumps(value, sort_keys=True)}" for key, value in part.items()]
            parts.append(f" {json.dumps(name)}: {{\n" + ",\n".join(rows) + "\n }")
        else:
            parts.append(f" {json.dumps(name)}: {json.dumps(part)}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def _ours(source: Mapping[str, str]) -> bool:
    return any(token.startswith(f"{source['package']}:") for token in TYPES)


def _type(token: str) -> dict[str, Any]:
    resource = _resource(token)
    module = sys.modules[resource.__module__]
    inputs = _shape_of_object(getattr(module, f"{resource.__name__}Args"), _LEFT_OUT.get(token, ()))
    known = {name.rstrip("!") for name in inputs}
    outputs = [_pulumi_name(one) for one in vars(resource).values() if isinstance(one, property)]
    return {"inputs": inputs, "outputs": sorted(set(outputs) - known)}


def _resource(token: str) -> type:
    package, module, name = token.split(":")
    place = ".".join(part for part in (f"pulumi_{package}", module.partition("/")[0]) if part != "index")
    make_lean(f"pulumi_{package}")
    make_lean(place)
    return getattr(importlib.import_module(place), name)


def _pulumi_name(of: property) -> str:
    return getattr(of.fget, "_pulumi_name", None) or of.fget.__name__  # type: ignore[union-attr]


def _shape_of_object(args: type, left_out: Collection[str] = ()) -> dict[str, Any]:
    from pulumi._types import input_type_py_to_pulumi_names, input_type_types

    required = {
        name
        for name, parameter in inspect.signature(args.__init__).parameters.items()
        if parameter.default is inspect.Parameter.empty
    }
    types = input_type_types(args)
    return {
        f"{pulumi}{'!' if python in required else ''}": "" if pulumi in left_out else _shape(types[pulumi])
        for python, pulumi in sorted(input_type_py_to_pulumi_names(args).items(), key=lambda pair: pair[1])
    }


def _shape(of: Any) -> Any:
    from pulumi._types import is_input_type

    if get_origin(of) in (Union, UnionType):
        if str in get_args(of):  # a policy document, which may be text
            return ""
        return next((shape for shape in map(_shape, get_args(of)) if shape), "")
    origin = get_origin(of)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"*": _shape(get_args(of)[1])}
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return [_shape(get_args(of)[0])]
    return _shape_of_object(of) if isinstance(of, type) and is_input_type(of) else ""


def main() -> None:
    """Write the tables."""
    PROPERTIES.write_text(written(properties()), encoding="utf-8")
    if len(sys.argv) > 1:
        facts = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
        FORCE_NEW.write_text(written(force_new(facts)), encoding="utf-8")


if __name__ == "__main__":
    main()
