"""What changed between two configurations of a resource, and what of it replaces the resource."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from kuber.replacement.conditions import holds
from kuber.wire import is_secret, is_unknown, revealed

TABLE = Path(__file__).with_name("force_new.json")
"""What `python -m tools.cloud_tables` writes."""

_OF_THE_ENGINE = frozenset({"__defaults", "__internal"})
_EVERY_ITEM = "*"

Path_ = tuple[str | int, ...]
Pattern = tuple[str, ...]

_SETS: Mapping[str, frozenset[Pattern]] = {
    "aws:ec2/vpcEndpoint:VpcEndpoint": frozenset({("subnetIds",), ("routeTableIds",), ("securityGroupIds",)}),
    "aws:ec2transitgateway/vpcAttachment:VpcAttachment": frozenset({("subnetIds",)}),
    "aws:eks/accessEntry:AccessEntry": frozenset({("kubernetesGroups",)}),
    "aws:eks/cluster:Cluster": frozenset(
        {
            ("vpcConfig", "subnetIds"),
            ("vpcConfig", "securityGroupIds"),
            ("vpcConfig", "publicAccessCidrs"),
            ("enabledClusterLogTypes",),
            ("encryptionConfig", "resources"),
        }
    ),
    "aws:eks/nodeGroup:NodeGroup": frozenset({("subnetIds",), ("taints",)}),
    "gcp:container/cluster:Cluster": frozenset({("nodeLocations",), ("masterAuthorizedNetworksConfig", "cidrBlocks")}),
    "gcp:container/nodePool:NodePool": frozenset({("nodeLocations",), ("nodeConfig", "oauthScopes")}),
    "vault:kubernetes/authBackendRole:AuthBackendRole": frozenset(
        {("boundServiceAccountNames",), ("boundServiceAccountNamespaces",), ("tokenPolicies",)}
    ),
}
"""Lists whose order doesn't count: what the providers declare as sets."""

DOCUMENTS = frozenset({"assumeRolePolicy", "configurationValues", "policy"})
"""Texts that hold JSON, of which the meaning counts."""


@dataclass(frozen=True)
class Change:
    """One difference, as deep as it goes.

    Attributes:
        path: Of the property: ("vpcConfig", "subnetIds", 0).
        kind: What happens to it.
        replaces: Whether it replaces the resource.
    """

    path: Path_
    kind: Literal["add", "delete", "update"]
    replaces: bool = False

    @property
    def text(self) -> str:
        """The path as the engine writes it: "vpcConfig.subnetIds[0]", and in brackets what has dots of its own."""
        parts: list[str] = []
        for key in self.path:
            plain = isinstance(key, str) and key.replace("_", "a").isalnum()
            parts.append(f".{key}" if plain else f"[{key if isinstance(key, int) else json.dumps(key)}]")
        return "".join(parts).removeprefix(".")


@dataclass(frozen=True)
class Rules:
    """What replaces a resource of one type.

    Attributes:
        below: Paths which, with all beneath them, do.
        presence: Blocks, or lists' items, that do when they come or go.
        conditional: Paths that do in some cases.
        fixed_by: Properties that fix the physical identity.
        deletes_first: Whether the provider deletes the old one first: "when_named" the program names it, "always", or "no".
    """

    below: Sequence[Pattern] = ()
    presence: Sequence[Pattern] = ()
    conditional: Sequence[Pattern] = ()
    fixed_by: Sequence[str] = ()
    deletes_first: str = "no"


def changes(resource_type: str, olds: Mapping[str, Any], news: Mapping[str, Any]) -> list[Change]:
    """All differences between the inputs of before and of now, each with whether it replaces.

    An unknown value counts as changed, and a missing one is the same as null.
    """
    rules = rules_of(resource_type)
    sets = _SETS.get(resource_type, frozenset())
    found = [one for one in _walk(olds, news, (), sets) if one.path[0] not in _OF_THE_ENGINE]
    return [
        Change(one.path, one.kind, _replaces(resource_type, rules, one, revealed(olds), revealed(news)))
        for one in found
    ]


def deletes_first(resource_type: str, news: Mapping[str, Any]) -> bool:
    """Whether the provider takes the old resource away before it makes the new one.

    A name that the provider chose itself is no hindrance; one that the program gives is, changed or not.
    """
    rules = rules_of(resource_type)
    if rules.deletes_first != "when_named":
        return rules.deletes_first == "always"
    chosen = news.get("__defaults") or ()
    naming = [name for name in rules.fixed_by if news.get(name) is not None]
    return any(name not in chosen for name in naming)


@cache
def rules_of(resource_type: str) -> Rules:
    """What replaces a resource of a type; nothing of one that isn't known."""
    table = _table()
    risk = table["delete_before_replace_risk"].get(resource_type, {})
    return Rules(
        below=[pattern(path) for path in table["types"].get(resource_type, ())],
        presence=[pattern(path) for path in table["presence"].get(resource_type, ())],
        conditional=[pattern(path) for path in table["conditional"].get(resource_type, {})],
        fixed_by=risk.get("fixed_by", ()),
        deletes_first=risk.get("provider_deletes_first", "no"),
    )


def pattern(path: str) -> Pattern:
    """A path of the table: "nodePools[*].name" → ("nodePools", "*", "name")."""
    return tuple(path.replace("[*]", f".{_EVERY_ITEM}").split("."))


@cache
def _table() -> Mapping[str, Mapping[str, Any]]:
    return json.loads(TABLE.read_text(encoding="utf-8"))


def _walk(old: Any, new: Any, path: Path_, sets: frozenset[Pattern]) -> Iterator[Change]:
    if old == new or (_is_nothing(old) and _is_nothing(new)) or _same_document(path, old, new):
        return
    if is_unknown(new) or is_secret(old) or is_secret(new):
        if is_unknown(new) or revealed(old) != revealed(new):
            yield Change(path, _kind(old, new))
    elif isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from _walk(old.get(key), new.get(key), (*path, key), sets)
    elif isinstance(old, list) and isinstance(new, list):
        yield from _walk_list(old, new, path, sets)
    else:
        yield Change(path, _kind(old, new))


def _is_nothing(value: Any) -> bool:
    """Missing, or as good as that."""
    return value is None or value in ([], {})


def _kind(old: Any, new: Any) -> Literal["add", "delete", "update"]:
    if _is_nothing(old):
        return "add"
    return "delete" if _is_nothing(new) else "update"


def _walk_list(old: list[Any], new: list[Any], path: Path_, sets: frozenset[Pattern]) -> Iterator[Change]:
    if tuple(map(str, path)) in sets:
        if _sorted(old) != _sorted(new):
            yield Change(path, "update")
        return
    for index in range(max(len(old), len(new))):
        before, after = (one[index] if index < len(one) else None for one in (old, new))
        yield from _walk(before, after, (*path, index), sets)


def _sorted(values: list[Any]) -> list[str]:
    return sorted(json.dumps(revealed(one), sort_keys=True) for one in values)


def _same_document(path: Path_, old: Any, new: Any) -> bool:
    if not (path and path[-1] in DOCUMENTS and isinstance(old, str) and isinstance(new, str)):
        return False
    try:
        return json.loads(old) == json.loads(new)
    except ValueError:
        return False


def _replaces(resource_type: str, rules: Rules, change: Change, olds: Any, news: Any) -> bool:
    at = change.path
    whole_block = change.kind != "update" or is_unknown(_at(news, at))
    if whole_block and any(_matches(one, at) and len(one) == len(at) for one in rules.presence):
        return True
    touched = [
        one
        for one in (*rules.below, *rules.conditional)
        if _matches(one, at) or (whole_block and _within(one, at) and _said(one, olds, news))
    ]
    return any(one not in rules.conditional or holds(resource_type, one, olds, news) for one in touched)


def _matches(rule: Pattern, at: Path_) -> bool:
    """Whether a place is where a rule says, or beneath."""
    return len(at) >= len(rule) and _agree(rule, at)


def _within(rule: Pattern, at: Path_) -> bool:
    """Whether what a rule speaks of lies beneath a place."""
    return len(at) < len(rule) and _agree(rule, at)


def _agree(rule: Pattern, at: Path_) -> bool:
    return all(
        step == key or (step == _EVERY_ITEM and isinstance(key, int)) for step, key in zip(rule, at, strict=False)
    )


def _said(rule: Pattern, olds: Any, news: Any) -> bool:
    """Whether one of two configurations says something at the place of a rule, or leaves it unknown."""
    return any(_says(rule, one) for one in (olds, news))


def _says(rule: Pattern, value: Any) -> bool:
    if is_unknown(value):
        return True
    if not rule:
        return value is not None
    step, *rest = rule
    if isinstance(value, list):
        return any(_says(tuple(rest), one) for one in value)
    return isinstance(value, Mapping) and _says(tuple(rest), value.get(step))


def _at(value: Any, path: Path_) -> Any:
    for key in path:
        if isinstance(value, Mapping):
            value = value.get(str(key))
        elif isinstance(value, list) and isinstance(key, int) and key < len(value):
            value = value[key]
        else:
            return None
    return value
