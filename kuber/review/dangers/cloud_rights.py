"""Rights in a cloud that become more: statements of IAM, and roles that are given to somebody."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from kuber.plan.registration import UNKNOWN
from kuber.review.model import Change, Danger
from kuber.review.renames import Resource

from .case import Case, at, danger, listed, mapping, mappings

_ROLE_POLICY = "aws:iam/rolePolicy:RolePolicy"
_DOCUMENTS: Mapping[str, str] = {
    _ROLE_POLICY: "policy",
    "aws:iam/role:Role": "assumeRolePolicy",
    "aws:kms/key:Key": "policy",
    "aws:ec2/vpcEndpoint:VpcEndpoint": "policy",
}
_GRANTS: Mapping[str, tuple[str, str]] = {
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": ("policyArn", "role"),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": ("policyArn", "principalArn"),
    "gcp:projects/iAMMember:IAMMember": ("role", "member"),
    "gcp:dns/dnsManagedZoneIamMember:DnsManagedZoneIamMember": ("role", "member"),
    "gcp:kms/cryptoKeyIAMMember:CryptoKeyIAMMember": ("role", "member"),
    "gcp:serviceaccount/iAMMember:IAMMember": ("role", "member"),
    "gcp:storage/bucketIAMMember:BucketIAMMember": ("role", "member"),
}
_TO_OTHER_RIGHTS = ("iam:passrole", "iam:put", "iam:attach", "iam:create", "iam:update", "sts:assumerole")


@dataclass(frozen=True)
class _Right:
    """One thing that a statement allows or denies.

    Attributes:
        action: `s3:GetObject`; with a star for several; `anything but …`.
        subject: `on arn:…`, or `by …` who may take a role.
        condition: Operators, keys and values that must hold.
    """

    action: str
    subject: str
    condition: frozenset[tuple[str, str, frozenset[str]]]

    @property
    def shown(self) -> str:
        told = " and ".join(
            f"{key} {operator} {', '.join(sorted(values))}" for operator, key, values in sorted(self.condition, key=str)
        )
        return f"{self.action} {self.subject}" + (f" if {told}" if told else "")

    @property
    def is_high(self) -> bool:
        """Whether it is nearly everything, or leads to all other rights."""
        if self.subject.startswith("by "):
            return self.subject in ("by *", 'by {"AWS": "*"}') and not self.condition
        everywhere = self.subject == "on *" and not self.condition
        whole_service = self.action == "*" or self.action.endswith(":*") or self.action.startswith("anything but")
        return self.action == "*" or (
            everywhere and (whole_service or self.action.lower().startswith(_TO_OTHER_RIGHTS))
        )

    def lies_within(self, others: Iterable[_Right]) -> bool:
        """Whether one of others says the same, or more."""
        return any(
            (one.action == self.action or fnmatchcase(self.action.lower(), one.action.lower()))
            and (
                one.subject == self.subject
                or (self.subject.startswith("on ") and fnmatchcase(self.subject, one.subject))
            )
            and all(any(_is_no_looser(mine, condition) for mine in self.condition) for condition in one.condition)
            for one in others
        )


def _is_no_looser(mine: tuple[str, str, frozenset[str]], other: tuple[str, str, frozenset[str]]) -> bool:
    """Whether a condition holds only where another does: fewer values for something that has to be among them."""
    if mine == other:
        return True
    narrows = "Not" not in mine[0] and mine[0] in ("StringEquals", "StringLike", "ArnEquals", "ArnLike")
    return narrows and mine[:2] == other[:2] and mine[2] <= other[2]


def cloud_rights(case: Case) -> Iterator[Danger]:
    """Statements that allow more or deny less, and grants that are new, in what is there already."""
    for change in case.changes:
        if change.after is None:
            continue
        if change.type in _DOCUMENTS and change.before:
            key = _DOCUMENTS[change.type]
            yield from _widened(change, change.inputs("before").get(key), change.inputs("after").get(key))
        elif change.type == _ROLE_POLICY and not case.is_new(change.after["parent"]):
            nothing = {"Statement": []}
            yield from _widened(change, nothing, change.inputs("after").get("policy"))
        elif change.type in _GRANTS and not case.is_new(change.after["parent"]):
            yield from _granted(change, change.after)


def _widened(change: Change, before: Any, after: Any) -> Iterator[Danger]:
    olds, news = _statements(before), _statements(after)
    if olds is None or news is None:
        return
    allowed, denied = ([_rights(one, effect) for one in (olds, news)] for effect in ("Allow", "Deny"))
    added = [one for one in allowed[1] if not one.lies_within(allowed[0])]
    freed = [one for one in denied[0] if not one.lies_within(denied[1])] if allowed[1] else []
    if added or freed:
        told = ([f"may now {listed([one.shown for one in added])}"] if added else []) + (
            [f"no longer denied: {listed([one.shown for one in freed])}"] if freed else []
        )
        yield danger(
            "rights-widened",
            "high" if any(one.is_high for one in added) else "medium",
            change,
            f"{change.label} allows more",
            "; ".join(told),
            "See that each right is needed, and limited to what it is needed for.",
        )


def _granted(change: Change, after: Resource) -> Iterator[Danger]:
    keys = _GRANTS[change.type]
    right, whom = (str(after["inputs"].get(key, "")) for key in keys)
    before, scope = change.before, _scope(after)
    if (
        before
        and all(before["inputs"].get(key) == after["inputs"].get(key) for key in keys)
        and not _is_wider(before, after)
    ):
        return
    given_to = _named(after, keys[1]) if whom == UNKNOWN else whom
    name = right.rpartition("/")[2]
    formerly = f", instead of {str(before['inputs'].get(keys[0], '')).rpartition('/')[2]}" if before else ""
    where = f", {scope}" if scope else ""
    admin = "admin" in name.lower() and "view" not in name.lower()
    yield danger(
        "rights-given",
        "high" if (admin and scope != _SOME) or name in ("owner", "editor") else "medium",
        change,
        f"{name} is given to {_last(given_to)}",
        f"{right} for {given_to}{where}{formerly}",
        "See that they need it, and no less would do.",
    )


_SOME = "in some namespaces"


def _scope(grant: Resource) -> str:
    """Where an access policy of EKS holds; empty of other grants."""
    match at(grant["inputs"], "accessScope", "type"):
        case "cluster":
            return "in the whole cluster"
        case "namespace":
            return _SOME
        case _:
            return ""


def _is_wider(before: Resource, after: Resource) -> bool:
    old, new = (mapping(one["inputs"].get("accessScope")) for one in (before, after))
    if new.get("type") == "namespace" == old.get("type"):
        return not {*map(str, new.get("namespaces") or ())} <= {*map(str, old.get("namespaces") or ())}
    return new.get("type") == "cluster" != old.get("type")


def _named(grant: Resource, key: str) -> str:
    """Who it is that only an apply tells: by the resource that will tell it."""
    tellers = mapping(grant.get("unknownFrom")).get(key) or ()
    return ", ".join(urn.rpartition("::")[2] for urn in tellers) or "a role of the cluster"


def _last(principal: str) -> str:
    return principal.rpartition("/")[2] if principal.startswith("arn:") else principal


def _statements(document: Any) -> list[Mapping[str, Any]] | None:
    """The statements of a policy; None of what is none, or isn't known."""
    try:
        statements = json.loads(document)["Statement"] if isinstance(document, str) else document["Statement"]
    except (ValueError, KeyError, TypeError):
        return None
    return mappings(statements if isinstance(statements, list) else [statements])


def _rights(statements: list[Mapping[str, Any]], effect: str) -> list[_Right]:
    return [right for one in statements if one.get("Effect") == effect for right in _of_statement(one)]


def _of_statement(statement: Mapping[str, Any]) -> Iterator[_Right]:
    condition = frozenset(
        (operator, key, frozenset(_texts(values)))
        for operator, keys in mapping(statement.get("Condition")).items()
        for key, values in mapping(keys).items()
    )
    excepted = _texts(statement.get("NotAction"))
    actions = [f"anything but {', '.join(sorted(excepted))}"] if excepted else _texts(statement.get("Action"))
    for action in actions:
        for subject in _subjects(statement):
            yield _Right(action, subject, condition)


def _subjects(statement: Mapping[str, Any]) -> list[str]:
    if excepted := _texts(statement.get("NotResource")):
        return [f"on anything but {', '.join(sorted(excepted))}"]
    if "Principal" in statement and "Resource" not in statement:
        principal = statement["Principal"]
        if not isinstance(principal, Mapping):
            return [f"by {one}" for one in _texts(principal)]
        return [f"by {json.dumps({kind: one})}" for kind, names in principal.items() for one in _texts(names)]
    return [f"on {one}" for one in _texts(statement.get("Resource", "*"))]


def _texts(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]
