"""Rights in a cluster that become more: roles of RBAC, and who has them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kuber.review.model import Change, Danger
from kuber.review.renames import Resource

from .case import Case, at, danger, listed, mappings, texts

_ROLES = ("ClusterRole", "Role")
_BINDINGS = ("ClusterRoleBinding", "RoleBinding")
_WHOEVER = ("system:authenticated", "system:unauthenticated", "system:anonymous", "system:serviceaccounts")
_TO_ALL_RIGHTS = frozenset({"*", "escalate", "bind", "impersonate"})
_READING = frozenset({"get", "list", "watch", "*"})
_KEYS_TO_ALL = frozenset({"secrets", "pods/exec", "pods/attach", "nodes/proxy", "serviceaccounts/token", "*"})


@dataclass(frozen=True)
class _Right:
    """One verb on one kind of thing."""

    verb: str
    resource: str
    group: str
    name: str

    @property
    def shown(self) -> str:
        named = f" named {self.name}" if self.name else ""
        return f"{self.verb} {f'{self.resource}.{self.group}' if self.group else self.resource}{named}"

    @property
    def is_high(self) -> bool:
        """Whether it leads to all other rights, where it holds for the whole cluster."""
        if self.verb in _TO_ALL_RIGHTS and (self.verb != "*" or self.resource in _KEYS_TO_ALL):
            return True
        reads = self.verb in _READING and self.resource in ("secrets", "*")
        return not self.name and (reads or (self.verb in ("create", "get") and self.resource in _KEYS_TO_ALL))

    def lies_within(self, others: Iterable[_Right]) -> bool:
        """Whether one of others is the same right, or more."""
        return any(
            one.verb in ("*", self.verb)
            and one.group in ("*", self.group)
            and one.resource in ("*", self.resource)
            and one.name in ("", self.name)
            for one in others
        )


def cluster_rights(case: Case) -> Iterator[Danger]:
    """Roles that allow more, new ones that allow nearly everything, and bindings that hold for others."""
    for change in case.changes:
        if change.after is None:
            continue
        if change.kind in _ROLES:
            yield from _widened(case, change, change.after)
        elif change.kind in _BINDINGS:
            yield from _bound(change, change.after)


def _widened(case: Case, change: Change, after: Resource) -> Iterator[Danger]:
    known = _rights(change.before) if change.before else []
    added = [one for one in _rights(after) if not one.lies_within(known)]
    everywhere = change.kind == "ClusterRole"
    high = everywhere and any(one.is_high for one in added)
    if not added or (change.before is None and (not high or case.is_new(after["parent"]))):
        return
    told = sorted({one.shown: one.is_high for one in added}.items(), key=lambda one: (not one[1], one[0]))
    yield danger(
        "rights-widened" if change.before else "rights-given",
        "high" if high else "medium",
        change,
        f"{change.label} allows more" if change.before else f"{change.label} is new, and allows nearly everything",
        f"may now {listed([one for one, _ in told])}",
        "See that each right is needed, and limited to what it is needed for.",
    )


def _bound(change: Change, after: Resource) -> Iterator[Danger]:
    role, subjects = at(after["inputs"], "roleRef", "name"), mappings(after["inputs"].get("subjects"))
    before = change.before["inputs"] if change.before else {}
    known = mappings(before.get("subjects"))
    same_role = at(before, "roleRef") == at(after["inputs"], "roleRef")
    added = [one for one in subjects if one not in known or not same_role]
    everything, whole = role == "cluster-admin", change.kind == "ClusterRoleBinding"
    if added and (everything or change.before or _is_for_whoever(added)):
        yield danger(
            "rights-given",
            "high" if (everything and whole) or _is_for_whoever(added) else "medium",
            change,
            f"{_names(added)} gets all rights in the cluster"
            if everything and whole
            else f"{_names(added)} gets the rights of {role}",
            f"{change.label} binds {role}",
            "Give the rights that are needed, by a role of its own."
            if everything
            else "See that they need it, and no less would do.",
        )
    if lost := [one for one in known if one not in subjects]:
        yield danger(
            "rights-withdrawn",
            "low",
            change,
            f"{_names(lost)} loses the rights of {at(before, 'roleRef', 'name')}",
            f"{change.label} no longer binds it",
            "See that they don't need it, and that somebody is left who can mend the cluster.",
        )


def _names(subjects: Iterable[Mapping[str, Any]]) -> str:
    return ", ".join(str(one.get("name")) for one in subjects)


def _is_for_whoever(subjects: Iterable[Any]) -> bool:
    return any(str(one.get("name")) in _WHOEVER for one in subjects)


def _rights(role: Resource) -> list[_Right]:
    found = []
    for rule in mappings(role["inputs"].get("rules")):
        names = texts(rule.get("resourceNames")) or [""]
        groups = texts(rule.get("apiGroups")) or [""]
        things = [(one, group) for group in groups for one in texts(rule.get("resources"))]
        things += [(one, "") for one in texts(rule.get("nonResourceURLs"))]
        found += [
            _Right(verb, one, group, name)
            for verb in texts(rule.get("verbs"))
            for one, group in things
            for name in names
        ]
    return found
