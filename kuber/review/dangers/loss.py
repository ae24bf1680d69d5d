"""What goes or is replaced although it holds data or serves traffic, and what protects it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

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
    "aws:s3/bucket:Bucket": ("high", "the bucket's objects"),
    "gcp:storage/bucket:Bucket": ("high", "the bucket's objects"),
    "aws:cloudwatch/logGroup:LogGroup": ("medium", "the logs that it has kept"),
    "vault:index/mount:Mount": ("high", "every secret that is kept in it"),
    "kubernetes:core/v1:PersistentVolumeClaim": ("high", "the claim's volume, if its class reclaims it"),
    "kubernetes:core/v1:PersistentVolume": ("high", "the volume"),
    "kubernetes:apps/v1:StatefulSet": ("high", "pods that have volumes of their own"),
    "kubernetes:monitoring.coreos.com/v1:Prometheus": ("high", "the metrics that it has kept, with its pods"),
    "kubernetes:monitoring.coreos.com/v1:Alertmanager": ("medium", "silences and the state of alerts, with its pods"),
    "kubernetes:core/v1:Secret": ("medium", "a secret that pods may mount"),
}
"""What is lost with a resource, by type."""

_SERVES: Mapping[str, tuple[Level, str]] = {
    "aws:ec2/vpc:Vpc": ("high", "the network that all nodes are in"),
    "gcp:compute/network:Network": ("high", "the network that all nodes are in"),
    "gcp:compute/subnetwork:Subnetwork": ("high", "the subnet that all nodes are in"),
    "aws:ec2/subnet:Subnet": ("high", "a subnet that nodes or load balancers are in"),
    "aws:ec2/natGateway:NatGateway": (
        "high",
        "the way to the internet, and the address that others know the cluster by",
    ),
    "gcp:compute/routerNat:RouterNat": ("high", "the way to the internet"),
    "aws:ec2/eip:Eip": ("high", "an address that others may have allowed"),
    "gcp:compute/address:Address": ("high", "an address that others may have allowed"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": ("medium", "the private way to a service of the cloud"),
    "aws:ec2transitgateway/vpcAttachment:VpcAttachment": ("high", "the connection to the other networks"),
    "aws:eks/accessEntry:AccessEntry": ("medium", "somebody's access to the cluster"),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": ("medium", "somebody's rights in the cluster"),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": ("medium", "a workload's rights in the cloud"),
    "vault:index/authBackend:AuthBackend": ("high", "the way in which workloads log in to Vault"),
    "kubernetes:apps/v1:Deployment": ("medium", "pods that may serve requests"),
    "kubernetes:apps/v1:DaemonSet": ("medium", "a pod on each node"),
    "kubernetes:networking.k8s.io/v1:Ingress": ("medium", "a way in for requests"),
    "kubernetes:k8s.nginx.org/v1:VirtualServer": ("medium", "a way in for requests"),
    "kubernetes:networking.k8s.io/v1:IngressClass": ("high", "the class that applications' ingresses name"),
    "kubernetes:gateway.networking.k8s.io/v1:HTTPRoute": ("medium", "a route that requests take"),
    "kubernetes:storage.k8s.io/v1:StorageClass": ("medium", "the class that claims name"),
    "kubernetes:apiregistration.k8s.io/v1:APIService": ("medium", "an API that others ask, such as autoscalers"),
    "kubernetes:cert-manager.io/v1:ClusterIssuer": ("medium", "the issuer that certificates name"),
    "kubernetes:cert-manager.io/v1:Certificate": ("medium", "a certificate that is in use"),
}
"""What stops with a resource, by type."""

_GRAVITY = {**_SERVES, **_DATA}


def namespaces(case: Case) -> Iterator[Danger]:
    """A namespace takes along all that is in it, also what the stack knows nothing of."""
    for change in case.changes:
        if change.kind == "Namespace" and change.operation in ("delete", "replace"):
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
        if change.urn in renamed:
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
        elif change.type in _SERVES or _is_load_balancer(change):
            level, stops = _SERVES.get(change.type, ("high", "a load balancer, whose address becomes another"))
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
        levels: list[Level] = [_GRAVITY[one.type][0] if one.type in _GRAVITY else "medium" for one, _ in twins]
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
    gone = [one for one in case.changes if one.operation == "delete" and not case.goes_with_its_namespace(one)]
    come = [one for one in case.changes if one.operation == "create"]
    found: dict[str, Change] = {}
    for old in gone:
        if pool_names(old.component):
            continue
        twin = next((one for one in come if one.type == old.type and _alike(old, one)), None)
        if twin:
            come.remove(twin)
            found[old.urn] = twin
    return found


def _alike(old: Change, new: Change) -> bool:
    return dict(old.inputs("before")) == dict(new.inputs("after")) and bool(old.inputs("before"))


def _is_load_balancer(change: Change) -> bool:
    return change.type == "kubernetes:core/v1:Service" and at(change.inputs("before"), "spec", "type") == "LoadBalancer"


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
