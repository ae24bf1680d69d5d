"""What keeps clusters, nodes, disks and traffic safe by a single property, and no longer does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kuber.review.model import Change, Danger, Level

from .case import Case, at, danger, mappings, short

_EKS, _GKE = "aws:eks/cluster:Cluster", "gcp:container/cluster:Cluster"
_POOL, _TEMPLATE = "gcp:container/nodePool:NodePool", "aws:ec2/launchTemplate:LaunchTemplate"
_ADDON = "aws:eks/addon:Addon"
_WAYS_IN = ("kubernetes:k8s.nginx.org/v1:VirtualServer", "kubernetes:networking.k8s.io/v1:Ingress")


@dataclass(frozen=True)
class Switch:
    """One property that protects.

    Attributes:
        type: Of the resource.
        path: To the property, for people too.
        safe: Its values that protect.
        without: What is so without it.
        read: How to read it, where it stands in a list.
    """

    type: str
    path: str
    safe: tuple[Any, ...]
    without: str
    level: Level = "high"
    read: Callable[[Mapping[str, Any]], Any] | None = None

    def value(self, inputs: Mapping[str, Any]) -> Any:
        """The property's value."""
        return self.read(inputs) if self.read else at(inputs, *self.path.split("."))


def _encrypted(inputs: Mapping[str, Any]) -> Any:
    disks = [at(one, "ebs", "encrypted") for one in mappings(inputs.get("blockDeviceMappings"))]
    return next((one for one in disks if one not in (True, "true")), disks[0] if disks else None)


_OF_NODES = "what runs on a node can take over the node's rights in the cloud"
SWITCHES = (
    Switch(_TEMPLATE, "metadataOptions.httpTokens", ("required",), f"old requests to the metadata server are answered: {_OF_NODES}"),
    Switch(_TEMPLATE, "metadataOptions.httpPutResponseHopLimit", (1,), f"pods reach the node's metadata server: {_OF_NODES}"),
    Switch(_TEMPLATE, "blockDeviceMappings[].ebs.encrypted", (True, "true"), "the nodes' disks aren't encrypted", read=_encrypted),
    Switch(_EKS, "accessConfig.authenticationMode", ("API",), "who may write the ConfigMap aws-auth may become an admin"),
    Switch(_EKS, "vpcConfig.endpointPrivateAccess", (True,), "nodes reach the API server by the internet", "medium"),
    Switch(_POOL, "nodeConfig.workloadMetadataConfig.mode", ("GKE_METADATA",), f"pods reach the metadata server: {_OF_NODES}"),
    Switch(
        _POOL,
        "nodeConfig.kubeletConfig.insecureKubeletReadonlyPortEnabled",
        ("FALSE",),
        "who reaches a node reads all of its pods without a credential",
    ),
    Switch(_POOL, "nodeConfig.shieldedInstanceConfig.enableSecureBoot", (True,), "a node may start what isn't signed", "medium"),
    Switch(_GKE, "enableShieldedNodes", (True,), "who takes over a machine may pass it off as a node"),
    Switch(_GKE, "enableLegacyAbac", (False,), "rights are given beside RBAC, to all service accounts"),
    Switch(_GKE, "privateClusterConfig.enablePrivateNodes", (True,), "nodes get addresses that the internet reaches"),
    Switch(_GKE, "workloadIdentityConfig.workloadPool", (), "pods have the rights of their node instead of their own"),
    Switch(_GKE, "enableIntranodeVisibility", (True,), "traffic within a node isn't seen by flow logs", "low"),
)  # fmt: skip


def hardening(case: Case) -> Iterator[Danger]:
    """Protection that is taken away from what stays; an empty list of safe values stands for any value at all."""
    for change in case.changes:
        if not change.before or not change.after:
            continue
        for one in SWITCHES:
            if one.type != change.type:
                continue
            before, after = one.value(change.inputs("before")), one.value(change.inputs("after"))
            if (before in one.safe and after not in one.safe) if one.safe else (before and not after):
                yield _off(change, one.level, f"{one.path}: {short(before)} becomes {short(after)}; {one.without}")


def traffic(case: Case) -> Iterator[Danger]:
    """Ways in that no longer have TLS, and a network plugin that no longer enforces policies."""
    for change in case.changes:
        if not change.before or not change.after:
            continue
        before, after = change.inputs("before"), change.inputs("after")
        if change.type == _ADDON and _enforces_policies(before) and not _enforces_policies(after):
            told = "enableNetworkPolicy is no longer set; no NetworkPolicy of the cluster is enforced any more"
            yield _off(change, "high", told)
        elif change.type in _WAYS_IN and at(before, "spec", "tls") and not at(after, "spec", "tls"):
            yield _off(change, "high", "it has TLS no longer; requests and answers are sent in the clear")


def _off(change: Change, level: Level, reason: str) -> Danger:
    return danger(
        "hardening-off",
        level,
        change,
        f"{change.label} is less well protected",
        reason,
        "Keep it as it is, or say in the change why not.",
    )


def _enforces_policies(addon: Mapping[str, Any]) -> bool:
    """Whether it is the network plugin of EKS, and enforces NetworkPolicies; so is one whose settings aren't known."""
    told = addon.get("configurationValues")
    try:
        told = json.loads(told) if isinstance(told, str) else {}
    except ValueError:
        return True
    return addon.get("addonName") == "vpc-cni" and str(at(told, "enableNetworkPolicy")).lower() == "true"
