"""Which resource of before a resource of afterwards is, by its aliases and those of the components that it is in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Resource = Mapping[str, Any]
_STACK_TYPE = "pulumi:pulumi:Stack"


def renamed(before: Mapping[str, Resource], after: Mapping[str, Resource]) -> dict[str, str]:
    """The URN of before, by that of afterwards, of each resource that an alias covers.

    As the engine has it: an alias replaces what it names of a URN; a child has its parent's aliases too, and where its name begins
    with its parent's, that part follows.
    """
    known: dict[str, list[str]] = {}
    found, taken = {}, {*before} & {*after}
    for urn, resource in after.items():
        if urn in before:
            continue
        old = next((one for one in _aliases(resource, after, known) if one in before and one not in taken), None)
        if old:
            found[urn] = old
            taken.add(old)
    return found


def _aliases(resource: Resource, after: Mapping[str, Resource], known: dict[str, list[str]]) -> list[str]:
    """The URNs that a resource may have had, nearest first."""
    urn = resource["urn"]
    if urn not in known:
        parent = after.get(resource["parent"] or "")
        inherited = [
            _urn(
                urn,
                type_=resource["type"],
                name=_following(resource["name"], parent["name"], _name(alias)),
                parent=alias,
            )
            for alias in (_aliases(parent, after, known) if parent else ())
            if parent
        ]
        own: list[str] = []
        for alias in resource["options"].get("aliases", ()):
            own += _named_by(alias, resource, [resource["parent"], *(_aliases(parent, after, known) if parent else ())])
        known[urn] = [*own, *inherited]
    return known[urn]


def _named_by(alias: Mapping[str, Any] | str, resource: Resource, parents: Sequence[str | None]) -> list[str]:
    if isinstance(alias, str):
        return [alias]
    if "urn" in alias:
        return [alias["urn"]]
    spec = alias.get("spec", alias)
    above = [spec["parentUrn"]] if spec.get("parentUrn") else [None] if spec.get("noParent") else parents
    return [
        _urn(
            resource["urn"],
            type_=spec.get("type") or resource["type"],
            name=spec.get("name") or resource["name"],
            parent=parent,
            stack=spec.get("stack"),
            project=spec.get("project"),
        )
        for parent in above
    ]


def _urn(
    like: str, *, type_: str, name: str, parent: str | None, stack: str | None = None, project: str | None = None
) -> str:
    head, of_project, _, _ = like.split("::", 3)
    stack = f"urn:pulumi:{stack}" if stack else head
    above = "" if not parent or _type(parent) == _STACK_TYPE else parent.split("::", 3)[2] + "$"
    return f"{stack}::{project or of_project}::{above}{type_}::{name}"


def _following(name: str, parent: str, parent_before: str) -> str:
    return parent_before + name.removeprefix(parent) if parent and name.startswith(parent) else name


def _name(urn: str) -> str:
    return urn.split("::", 3)[3]


def _type(urn: str) -> str:
    return urn.split("::", 3)[2].rpartition("$")[2]
