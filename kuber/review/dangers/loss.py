"""What goes or is replaced although it holds data or serves traffic, and what protects it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from kuber.review.model import LEVELS, Change, Danger, Level
from kuber.review.shared_names import pool_names

from .case import Case, at, changed_paths, danger, name_of, namespace_of

_BACK_UP = "Make sure that a backup exists and restores, or keep it: `retainOnDelete`, or take the change apart."
_TRAFFIC = "Announce an interruption, or bring the new one up beside the old one first."
_DATA: Mapping[str, tuple[Level, str]] = {
    "aws:eks/cluster:Cluster": ("high", "the whole cluster with everything that runs in it"),
    "gcp:container/cluster:Cluster": ("high", "the whole cluster with everything that runs in it"),
    "aws:kms/key:Key": ("high", "the key that the cluster's secrets are encrypted with"),
    "gcp:kms/cryptoKey:CryptoKey": (
        "high",
        "the key that the cluster's secrets are encrypted with; its name can't be used again",
    ),
    "gcp:kms/keyRing:KeyRing": ("high", "a key ring, which can't be made again by the same name"),
    "aws:cloudwatch/logGroup:LogGroup": ("medium", "the logs that it has kept"),
    "vault:index/mount:Mount": ("high", "every secret that is kept in it"),
    "kubernetes:core/v1:PersistentVolumeClaim": ("high", "the claim's volume, if its class reclaims it"),
    "kubernetes:apps/v1:StatefulSet": (
        "high",
        "its pods; their volumes are left behind, unless it says that they go too",
    ),
    "kubernetes:monitoring.coreos.com/v1:Prometheus": (
        "high",
        "its pods, so that nothing is measured; volumes with the metrics that it has kept are left behind",
    ),
    "kubernetes:monitoring.coreos.com/v1:Alertmanager": ("medium", "its pods, and silences with them"),
    "kubernetes:core/v1:Secret": ("medium", "a secret that pods may mount"),
}
"""What is lost with a resource, by type."""

_SERVES: Mapping[str, tuple[Level, str]] = {
    "aws:ec2/vpc:Vpc": ("high", "the network that all nodes are in"),
    "gcp:compute/network:Network": ("high", "the network that all nodes are in"),
    "gcp:compute/subnetwork:Subnetwork": ("high", "the subnet that all nodes are in"),
    "aws:ec2/subnet:Subnet": ("high", "a subnet that nodes or load balancers are in"),
    "aws:ec2/internetGateway:InternetGateway": ("high", "the way to and from the internet"),
    "aws:ec2/route:Route": ("high", "the way that packets take out of a subnet"),
    "aws:ec2/routeTable:RouteTable": ("high", "the ways that packets take out of a subnet"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": ("high", "the way that packets take out of a subnet"),
    "aws:ec2/securityGroup:SecurityGroup": ("high", "what lets in to the API server or an endpoint"),
    "aws:ec2/natGateway:NatGateway": (
        "high",
        "the way to the internet, and the address that others know the cluster by",
    ),
    "gcp:compute/router:Router": ("high", "the way to the internet"),
    "gcp:compute/routerNat:RouterNat": ("high", "the way to the internet"),
    "aws:ec2/eip:Eip": ("high", "an address that others may have allowed"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": ("medium", "the private way to a service of the cloud"),
    "aws:ec2transitgateway/vpcAttachment:VpcAttachment": ("high", "the connection to the other networks"),
    "aws:eks/addon:Addon": (
        "high",
        "an add-on that nodes or all pods need, such as their network, their DNS or their disks",
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": (
        "medium",
        "rights in the cloud of the control plane, of nodes or of a workload",
    ),
    "aws:iam/rolePolicy:RolePolicy": ("medium", "rights in the cloud of the control plane or of a workload"),
    "gcp:projects/iAMMember:IAMMember": (
        "medium",
        "somebody's access to the cluster, or rights of nodes or of a workload",
    ),
    "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember": (
        "high",
        "the control plane's right to its key: it can't read its secrets then",
    ),
    "gcp:serviceaccount/iAMMember:IAMMember": ("medium", "a workload's rights in the cloud"),
    "gcp:dns/dnsManagedZoneIamMember:DnsManagedZoneIamMember": ("medium", "a workload's rights on a zone"),
    "gcp:storage/bucketIAMMember:BucketIAMMember": ("medium", "a workload's rights on a bucket"),
    "aws:eks/accessEntry:AccessEntry": ("medium", "somebody's access to the cluster"),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": ("medium", "somebody's rights in the cluster"),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": ("medium", "a workload's rights in the cloud"),
    "vault:index/authBackend:AuthBackend": ("high", "the way in which workloads log in to Vault"),
    "vault:kubernetes/authBackendConfig:AuthBackendConfig": ("high", "the way in which workloads log in to Vault"),
    "vault:kubernetes/authBackendRole:AuthBackendRole": ("medium", "a role by which workloads log in to Vault"),
    "vault:index/policy:Policy": ("medium", "what people or workloads may read and write in Vault"),
    "kubernetes:core/v1:Service": ("medium", "an address that others in the cluster call"),
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding": (
        "medium",
        "rights in the cluster, of somebody or of pods",
    ),
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding": ("medium", "rights in a namespace, of somebody or of pods"),
    "kubernetes:core/v1:ServiceAccount": ("medium", "the account of pods, without which no new ones start"),
    "kubernetes:apps/v1:Deployment": ("medium", "pods that may serve requests"),
    "kubernetes:apps/v1:DaemonSet": ("medium", "a pod on each node"),
    "kubernetes:networking.k8s.io/v1:Ingress": ("medium", "a way in for requests"),
    "kubernetes:k8s.nginx.org/v1:VirtualServer": ("medium", "a way in for requests"),
    "kubernetes:networking.k8s.io/v1:IngressClass": ("high", "the class that applications' ingresses name"),
    "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute": ("medium", "a route that requests take"),
    "kubernetes:storage.k8s.io/v1:StorageClass": ("medium", "the class that claims name"),
    "kubernetes:apiregistration.k8s.io/v1:APIService": ("medium", "an API that others ask, such as autoscalers"),
    "kubernetes:traefik.io/v1alpha1:IngressRoute": ("medium", "a way in for requests"),
    "kubernetes:metallb.io/v1beta1:IPAddressPool": ("high", "the addresses of load balancers"),
    "kubernetes:metallb.io/v1beta1:L2Advertisement": ("high", "what makes the addresses of load balancers reachable"),
    "kubernetes:metallb.io/v1beta1:BGPAdvertisement": ("high", "what makes the addresses of load balancers reachable"),
    "kubernetes:metallb.io/v1beta2:BGPPeer": ("high", "what makes the addresses of load balancers reachable"),
    "kubernetes:trust.cert-manager.io/v1alpha1:Bundle": (
        "high",
        "what tells pods which authorities to trust, those of the mesh among them",
    ),
    "kubernetes:scheduling.k8s.io/v1:PriorityClass": (
        "medium",
        "the class that pods name, without which no new ones start",
    ),
    "kubernetes:cert-manager.io/v1:Issuer": ("medium", "the issuer that certificates name"),
    "kubernetes:cert-manager.io/v1:ClusterIssuer": ("medium", "the issuer that certificates name"),
    "kubernetes:cert-manager.io/v1:Certificate": ("medium", "a certificate that is in use"),
}
"""What stops with a resource, by type."""
_LOAD_BALANCER: tuple[Level, str] = ("high", "a load balancer, whose address becomes another")

GRAVITY: Mapping[str, tuple[Level, str]] = {**_SERVES, **_DATA}
"""How bad it is that a resource goes, and what goes with it, by type."""
_OF_AN_IDENTITY = ("aws:iam/", "gcp:dns/", "gcp:projects/", "gcp:storage/")
"""Rights that go with all of a workload's identity, of which the one that ties it to its account tells."""


def namespaces(case: Case) -> Iterator[Danger]:
    """A namespace takes along all that is in it, also what the stack knows nothing of."""
    for change in case.changes:
        if change.kind == "Namespace" and change.operation in ("delete", "replace") and not change.retained:
            inside = sum(namespace_of(one) == name_of(change.before) for one in case.before.values())
            yield danger(
                "namespace-goes",
                "high",
                change,
                f"Namespace {name_of(change.before)} is {_word(change)}",
                f"everything in it goes: {inside} objects of the stack, and whatever else is there, with its volumes",
                "Look what is in it (`kubectl get all,pvc,secrets -n …`), and that nobody needs it.",
            )


def losses(case: Case) -> Iterator[Danger]:
    """Deletes and replacements of what holds data or serves traffic; what seems to be renamed is told of by that."""
    renamed = _twins(case)
    for change in case.changes:
        if change.operation not in ("delete", "replace") or case.goes_with_its_namespace(change):
            continue
        if change.urn in renamed or _goes_with_its_identity(case, change):
            continue
        if change.retained:
            yield danger(
                "left-behind",
                "low",
                change,
                f"{change.label} is forgotten, not deleted",
                "the engine lets go of it; the thing itself stays, and nobody manages it",
                "Adopt it elsewhere, or delete it by hand when it is no longer needed.",
            )
        elif change.type in _DATA:
            level, lost = _DATA[change.type]
            yield danger("data-lost", level, change, _what(change), f"with it goes {lost}{_why(change)}", _BACK_UP)
        elif change.type in _SERVES and not _is_headless(change):
            level, stops = _SERVES[change.type] if not _is_load_balancer(change) else _LOAD_BALANCER
            if change.operation == "replace" and not change.deletes_first:
                yield danger(
                    "traffic-moves",
                    _lower(level),
                    change,
                    _what(change),
                    f"the new one comes first; then goes {stops}{_why(change)}",
                    _TRAFFIC,
                )
            else:
                yield danger(
                    "traffic-stops", level, change, _what(change), f"with it goes {stops}{_why(change)}", _TRAFFIC
                )


def protection(case: Case) -> Iterator[Danger]:
    """Protected resources that the engine will refuse to touch, and protection that is taken away."""
    for change in case.changes:
        guarded = bool(at(change.before, "options", "protect"))
        if guarded and change.operation in ("delete", "replace"):
            yield danger(
                "protected",
                "high",
                change,
                f"{change.label} is protected",
                f"it would be {_word(change)}{_why(change)}, so the engine refuses and `up` stops there",
                "If it is meant: set `protect: false` in a change of its own first. If not: the change does more than it should.",
            )
        lifted = [one for one in change.properties if one.path == "(option) protect" and not one.after]
        lifted += [
            one for one in change.properties if one.path == "deletionProtection" and one.before and not one.after
        ]
        if lifted:
            yield danger(
                "protection-lifted",
                "medium",
                change,
                f"{change.label} is no longer protected",
                "nothing keeps it from being destroyed by the next change, or by hand",
                "Merge this only if the next change is to destroy it.",
            )


def renames(case: Case) -> Iterator[Danger]:
    """What is deleted under one name and made under another, told once for each component: likely a rename that no alias covers."""
    changed = {one.urn: one for one in case.changes}
    pairs: dict[tuple[tuple[str, ...], tuple[str, ...]], list[tuple[Change, Change]]] = {}
    for urn, new in _twins(case).items():
        old = changed[urn]
        pairs.setdefault((tuple(old.component), tuple(new.component)), []).append((old, new))
    for (before, after), twins in pairs.items():
        old, new = twins[0]
        levels: list[Level] = [GRAVITY[one.type][0] if one.type in GRAVITY else "medium" for one, _ in twins]
        is_component = len(twins) > 1 and before != after
        kinds = sorted(Counter(one.kind for one, _ in twins).items())
        told = ", ".join(f"{number} {kind}" for kind, number in kinds) if len(twins) > 1 else new.label
        yield danger(
            "renamed-without-alias",
            min(levels, key=LEVELS.index),
            old,
            f"{before[-1] if is_component else old.label} seems to be renamed",
            f"{told}: made{f' in {after[-1]}' if is_component else ''} with the same inputs as what is deleted, and no alias says "
            "that they are one",
            "Give the new one `aliases` with the old name or parent, so that the engine keeps the resource.",
        )


def _twins(case: Case) -> dict[str, Change]:
    """What is made with the same inputs as what is deleted, by the URN of that. Of pools their own rule tells."""
    come: dict[tuple[str, str], list[Change]] = {}
    for one in case.changes:
        if one.operation == "create" and one.inputs("after"):
            come.setdefault(_told(one, one.inputs("after")), []).append(one)
    found: dict[str, Change] = {}
    for old in case.changes:
        if old.operation != "delete" or old.retained or case.goes_with_its_namespace(old) or pool_names(old.component):
            continue
        if alike := come.get(_told(old, old.inputs("before"))):
            found[old.urn] = alike.pop(0)
    return found


def _told(change: Change, inputs: Mapping[str, Any]) -> tuple[str, str]:
    return change.type, json.dumps(inputs, sort_keys=True)


def _goes_with_its_identity(case: Case, change: Change) -> bool:
    parent = change.before["parent"] if change.before else None
    return (
        change.operation == "delete"
        and change.type.startswith(_OF_AN_IDENTITY)
        and bool(parent)
        and parent not in case.after
    )


def _is_load_balancer(change: Change) -> bool:
    return change.type == "kubernetes:core/v1:Service" and at(change.inputs("before"), "spec", "type") == "LoadBalancer"


def _is_headless(change: Change) -> bool:
    """Whether a Service has no address, and only tells those of pods, as to what measures them."""
    return change.type == "kubernetes:core/v1:Service" and at(change.inputs("before"), "spec", "clusterIP") == "None"


def _what(change: Change) -> str:
    return f"{change.label} is {_word(change)}"


def _word(change: Change) -> str:
    return "deleted" if change.operation == "delete" else "replaced"


def _why(change: Change) -> str:
    told = change.because or (changed_paths(change) if change.operation == "replace" else "")
    first = ", the old one first" if change.operation == "replace" and change.deletes_first else ""
    return f"{first} ({told})" if told else first


def _lower(level: Level) -> Level:
    return "medium" if level == "high" else "low"
