"""Rights that become more, and guards that go: IAM, RBAC, Vault, Pod Security, policies, and what pods may do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kuber.plan.registration import UNKNOWN
from kuber.review.model import Change, Danger

from .case import WORKLOADS, Case, at, danger, name_of, texts

_LEVELS = ("privileged", "baseline", "restricted")
_ENFORCE = "pod-security.kubernetes.io/enforce"
_GUARDS = {
    "NetworkPolicy": "nothing else keeps its pods from talking with all others",
    "ValidatingAdmissionPolicy": "what it refused is let in",
    "ValidatingAdmissionPolicyBinding": "its policy no longer holds",
    "ValidatingWebhookConfiguration": "what it refused is let in",
    "LimitRange": "pods without limits may take all of a node",
    "ResourceQuota": "a namespace may take all of the cluster",
    "PodDisruptionBudget": "a drain may take all of its pods at once",
    "Policy": "requests that it refused are let in",
}
_IAM_DOCUMENTS = (
    "aws:iam/rolePolicy:RolePolicy",
    "aws:iam/policy:Policy",
    "aws:iam/role:Role",
    "aws:kms/key:Key",
    "aws:ec2/vpcEndpoint:VpcEndpoint",
)
_GRANTS = {
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": ("policyArn", "role"),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": ("policyArn", "principalArn"),
    "gcp:projects/iAMMember:IAMMember": ("role", "member"),
    "gcp:dns/dnsManagedZoneIamMember:DnsManagedZoneIamMember": ("role", "member"),
    "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember": ("role", "member"),
    "gcp:serviceaccount/iAMMember:IAMMember": ("role", "member"),
    "gcp:storage/bucketIAMMember:BucketIAMMember": ("role", "member"),
}
_BINDINGS = ("ClusterRoleBinding", "RoleBinding")


def guards(case: Case) -> Iterator[Danger]:
    """Policies that go, and Pod Security that asks for less."""
    for change in case.changes:
        kind = change.kind
        if (
            change.operation == "delete"
            and kind in _GUARDS
            and change.type.startswith("kubernetes:")
            and not case.goes_with_its_namespace(change)
        ):
            yield danger(
                "guard-removed",
                "medium" if kind in ("PodDisruptionBudget", "LimitRange", "ResourceQuota") else "high",
                change,
                f"{change.label} is removed",
                _GUARDS[kind],
                "Say in the change why it is no longer needed, or keep it.",
            )
        if kind in ("Namespace", "NamespacePatch") and change.before and change.after:
            before, after = (at(change.inputs(when), "metadata", "labels", _ENFORCE) for when in ("before", "after"))
            if _rank(after) < _rank(before):
                yield danger(
                    "pod-security-lowered",
                    "high",
                    change,
                    f"Pod Security of {name_of(change.after)} goes from {before or 'none'} to {after or 'none'}",
                    "pods in it may do what was refused until now, up to taking over their node",
                    "Keep the level, and give the one pod that needs more a namespace of its own.",
                )
        if kind == "NetworkPolicy" and change.before and change.after:
            yield from _loosened(change)


def cloud_rights(case: Case) -> Iterator[Danger]:
    """Statements that allow more, and grants that are new, of clusters that are there already."""
    if not case.before:
        return
    for change in case.changes:
        if change.type in _IAM_DOCUMENTS and change.operation in ("update", "replace"):
            for key in ("policy", "assumeRolePolicy"):
                if added := _more(change.inputs("before").get(key), change.inputs("after").get(key)):
                    yield _widened(change, f"may now {_listed(added)}")
        elif change.type in _GRANTS and change.operation == "create" and not _with_its_component(case, change):
            right, whom = (str(change.inputs("after").get(name, "")) for name in _GRANTS[change.type])
            given_to = "a role of the cluster" if whom == UNKNOWN else whom.rpartition("/")[2]
            admin = "admin" in right.lower() or right.endswith("/owner") or right.endswith("/editor")
            yield danger(
                "rights-given",
                "high" if admin else "medium",
                change,
                f"{right.rpartition('/')[2]} is given to {given_to}",
                f"{right} for {given_to if whom == UNKNOWN else whom}",
                "See that they need it, and no less would do.",
            )


def vault_rights(case: Case) -> Iterator[Danger]:
    """Vault policies that allow more on a path."""
    for change in case.changes:
        if change.type != "vault:index/policy:Policy" or not change.before or not change.after:
            continue
        before, after = (_vault_paths(change.inputs(when).get("policy")) for when in ("before", "after"))
        added = [
            f"{', '.join(sorted(verbs - before.get(path, set())))} {path}"
            for path, verbs in sorted(after.items())
            if verbs - before.get(path, set()) - {"deny"}
        ]
        added += [
            f"what was denied at {path}"
            for path, verbs in sorted(before.items())
            if "deny" in verbs and "deny" not in after.get(path, set())
        ]
        if added:
            yield _widened(change, f"may now {_listed(added)}")


def cluster_rights(case: Case) -> Iterator[Danger]:
    """RBAC rules that allow more, and bindings to all rights."""
    for change in case.changes:
        if change.kind in ("ClusterRole", "Role") and change.before and change.after:
            before, after = (_rules(change.inputs(when).get("rules")) for when in ("before", "after"))
            if added := sorted(after - before):
                yield _widened(change, f"may now {_listed([' '.join(one).strip() for one in added])}")
        elif change.kind in _BINDINGS and change.after and case.before:
            role, subjects = at(change.inputs("after"), "roleRef", "name"), change.inputs("after").get("subjects") or []
            added = [one for one in subjects if one not in (change.inputs("before").get("subjects") or [])]
            if role == "cluster-admin" and added:
                yield danger(
                    "rights-given",
                    "high",
                    change,
                    f"{', '.join(str(one.get('name')) for one in added)} gets all rights in the cluster",
                    f"{change.label} binds cluster-admin",
                    "Give the rights that are needed, by a role of its own.",
                )


def pods(case: Case) -> Iterator[Danger]:
    """Pods that may do more on their node than before."""
    for change in case.changes:
        if change.kind in WORKLOADS and change.before and change.after:
            before, after = (
                _powers(at(change.inputs(when), "spec", "template", "spec") or {}) for when in ("before", "after")
            )
            if added := sorted(after - before):
                yield danger(
                    "pods-may-more",
                    "high" if any(one.startswith(("privileged", "host", "capability")) for one in added) else "medium",
                    change,
                    f"Pods of {change.label} may do more",
                    ", ".join(added),
                    "See that upstream asks for it, and why.",
                )


def _rank(level: Any) -> int:
    return _LEVELS.index(level) if level in _LEVELS else -1


def _loosened(change: Change) -> Iterator[Danger]:
    for direction in ("ingress", "egress"):
        before, after = (at(change.inputs(when), "spec", direction) or [] for when in ("before", "after"))
        governed = [
            direction.title() in texts(at(change.inputs(when), "spec", "policyTypes")) for when in ("before", "after")
        ]
        new = [one for one in after if one not in before]
        if governed == [True, False] or (governed == [True, True] and new and len(after) >= len(before)):
            told = (
                f"{direction} is no longer governed"
                if governed[1] is False
                else f"{direction} allows {len(new)} rule{'s' if len(new) > 1 else ''} more or another: {_shown(new[0])}"
            )
            yield danger(
                "network-policy-loosened",
                "high" if governed[1] is False or {} in new else "low",
                change,
                f"{change.label} lets more through",
                told,
                "See that each rule names the pods and ports that it must.",
            )


def _shown(rule: Any) -> str:
    text = json.dumps(rule, sort_keys=True)
    return text if len(text) <= 160 else f"{text[:157]}…"


def _widened(change: Change, told: str) -> Danger:
    everything = "*" in told.split()
    return danger(
        "rights-widened",
        "high" if everything else "medium",
        change,
        f"{change.label} allows more",
        told,
        "See that each right is needed, and limited to what it is needed for.",
    )


def _listed(added: Sequence[str], limit: int = 6) -> str:
    return "; ".join(added[:limit]) + (f"; and {len(added) - limit} more" if len(added) > limit else "")


def _more(before: Any, after: Any) -> list[str]:
    """What a policy document allows that it didn't: `s3:GetObject on arn:…`; conditions that go count too."""
    old, new = _allowed(before), _allowed(after)
    if old is None or new is None:
        return []
    return [" ".join(one).strip() for one in sorted(new - old) if not _covered(one, old)]


def _covered(one: tuple[str, str, str], known: set[tuple[str, str, str]]) -> bool:
    """Whether the same was allowed under no condition, or by a star."""
    action, resource, _ = one
    return any(
        condition == ""
        and (known_action in (action, "*") or _starred(known_action, action))
        and (known_resource in (resource, "on *"))
        for known_action, known_resource, condition in known
    )


def _starred(pattern: str, text: str) -> bool:
    return pattern.endswith("*") and text.startswith(pattern[:-1])


def _allowed(document: Any) -> set[tuple[str, str, str]] | None:
    try:
        statements = json.loads(document)["Statement"] if isinstance(document, str) else document["Statement"]
    except (ValueError, KeyError, TypeError):
        return None
    found = set()
    for one in statements if isinstance(statements, list) else [statements]:
        if one.get("Effect") != "Allow":
            continue
        condition = json.dumps(one["Condition"], sort_keys=True) if one.get("Condition") else ""
        told = f"if {condition}" if condition else ""
        subject = one.get("Resource", one.get("Principal", "*"))
        for action in _list(one.get("Action", ())):
            for resource in _list(subject if isinstance(subject, (str, list)) else json.dumps(subject, sort_keys=True)):
                found.add((action, f"on {resource}", told))
    return found


def _list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else [str(one) for one in value]


def _vault_paths(document: Any) -> dict[str, set[str]]:
    """Verbs by path of a policy that is written as JSON."""
    try:
        paths = json.loads(document)["path"]
    except (ValueError, KeyError, TypeError):
        return {}
    return {path: set(texts(one.get("capabilities"))) for path, one in paths.items() if isinstance(one, Mapping)}


def _rules(rules: Any) -> set[tuple[str, str, str]]:
    found = set()
    for rule in rules or ():
        names = ",".join(rule.get("resourceNames") or ())
        for verb in rule.get("verbs") or ():
            targets = [
                f"{resource}.{group}".rstrip(".")
                for group in rule.get("apiGroups") or [""]
                for resource in rule.get("resources") or ()
            ]
            for target in [*targets, *(rule.get("nonResourceURLs") or ())]:
                found.add((verb, target, f"named {names}" if names else ""))
    return found


def _powers(pod: Mapping[str, Any]) -> set[str]:
    found = {name for name in ("hostNetwork", "hostPID", "hostIPC") if pod.get(name)}
    found |= {
        f"hostPath {at(one, 'hostPath', 'path')}" for one in pod.get("volumes") or () if at(one, "hostPath", "path")
    }
    for container in (*(pod.get("containers") or ()), *(pod.get("initContainers") or ())):
        context = {**(pod.get("securityContext") or {}), **(container.get("securityContext") or {})}
        name = container.get("name")
        found |= {f"privileged ({name})"} if context.get("privileged") else set()
        found |= {f"capability {one} ({name})" for one in at(context, "capabilities", "add") or ()}
        found |= {f"may run as root ({name})"} if not context.get("runAsNonRoot") else set()
        found |= {f"may gain privileges ({name})"} if context.get("allowPrivilegeEscalation", True) else set()
    return found


def _with_its_component(case: Case, change: Change) -> bool:
    """Whether a grant comes with a whole new component, such as a part's identity: the component is the change, not the grant."""
    parent = change.after["parent"] if change.after else None
    return parent is not None and parent not in case.before
