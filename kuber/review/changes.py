"""What the engine will do to each resource, from the plans before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from kuber.replacement import differences as clouds
from kuber.replacement import kubernetes
from kuber.wire import UNKNOWN as WIRE_UNKNOWN

from .model import Change, Operation, Property
from .noise import is_noise
from .properties import UNKNOWN, Difference, concealed, differences, is_within
from .renames import Resource, renamed

_KUBERNETES = "kubernetes:"
_PROVIDERS = "pulumi:providers:"
_STACK_TYPE = "pulumi:pulumi:Stack"
FOLLOWS = "follows the replacement of "
"""Begins why a resource changes whose own inputs are the same; the label of what it follows comes after it."""

_OPTIONS_SHOWN = (
    "protect",
    "retainOnDelete",
    "deleteBeforeReplace",
    "ignoreChanges",
    "replaceOnChanges",
    "customTimeouts",
)
"""Options that a reviewer should see; of the others, order and aliases, the engine makes no step."""

Plan = Mapping[str, Resource]
"""Resources by URN."""


def by_urn(document: Mapping[str, Any] | None) -> Plan:
    """The resources of a plan's document; none of a cluster that isn't there."""
    return {one["urn"]: one for one in document["resources"]} if document else {}


def changes(stack: str, before: Plan, after: Plan) -> list[Change]:
    """What happens to each resource that isn't left as it is, sorted by component, type and name.

    Components aren't resources of a cloud, so they are none of these. What is replaced is told by the providers' own facts; what
    depends on an id that thereby becomes another follows.
    """
    old_urns = renamed(before, after)
    found: dict[str, Change] = {}
    for urn in _in_order(after):
        if _is_grouping(after[urn]):
            continue
        old_urn = old_urns.get(urn, urn)
        if change := _change(stack, before.get(old_urn), after[urn], after, found):
            found[urn] = change
    gone = [
        urn for urn in before if urn not in after and urn not in old_urns.values() and not _is_grouping(before[urn])
    ]
    for urn in gone:
        found[urn] = Change(
            stack=stack,
            urn=urn,
            type=before[urn]["type"],
            name=before[urn]["name"],
            component=component_of(before[urn], before),
            operation="delete",
            before=before[urn],
            retained=bool(before[urn]["options"].get("retainOnDelete")),
        )
    return sorted(found.values(), key=lambda one: (tuple(one.component), one.type, one.name))


def counts(changed: Iterable[Change]) -> dict[Operation, int]:
    """How many resources meet with what."""
    numbers: dict[Operation, int] = {}
    for one in changed:
        numbers[one.operation] = numbers.get(one.operation, 0) + 1
    return numbers


def _change(
    stack: str, before: Resource | None, after: Resource, plan: Plan, found: Mapping[str, Change]
) -> Change | None:
    common: dict[str, Any] = {
        "stack": stack,
        "urn": after["urn"],
        "type": after["type"],
        "name": after["name"],
        "component": component_of(after, plan),
        "after": after,
    }
    if before is None:
        return Change(operation="create", **common)
    told = [*_properties(before, after, _mutability(after, plan)), *_options(before, after)]
    because, by_dependency = _following(before, after, found)
    renamed_from = before["urn"] if before["urn"] != after["urn"] else None
    if not told and not because and not renamed_from:
        return None
    replaced = by_dependency or any(one.replaces for one in told)
    return Change(
        operation="replace" if replaced else "update",
        before=before,
        properties=told,
        renamed_from=renamed_from,
        because=because,
        deletes_first=replaced and old_one_goes_first(before, after),
        **common,
    )


def _properties(before: Resource, after: Resource, mutable: Mapping[str, bool]) -> Iterator[Property]:
    """The properties that differ, with the verdict of the provider's facts; what the program ignores is left out."""
    olds, news, type_ = before["inputs"], after["inputs"], after["type"]
    ignored = [_steps(path) for path in after["options"].get("ignoreChanges", ())]
    found = [one for one in differences(olds, news) if not any(is_within(one.place, path) for path in ignored)]
    if not found:
        return
    replacing = _replacing(type_, olds, news, mutable)
    forced = [_steps(path) for path in after["options"].get("replaceOnChanges", ())]
    for one in found:
        yield Property(
            path=one.shown,
            kind=one.kind,
            before=concealed(one.before),
            after=concealed(one.after),
            replaces=replacing(one) or any(is_within(one.place, path) for path in forced),
            noise=is_noise(type_, one),
        )


def _replacing(
    type_: str, olds: Mapping[str, Any], news: Mapping[str, Any], mutable: Mapping[str, bool]
) -> Callable[[Difference], bool]:
    """Whether a difference replaces a resource of a type."""
    if type_.startswith(_KUBERNETES):
        if type_.endswith("Patch"):
            paths: Sequence[str] = kubernetes.EVERY_KIND
        else:
            paths = kubernetes.replacing_paths(news, **mutable)
        return lambda one: kubernetes.replaces(one.place, one.after, paths)
    if type_ == f"{_PROVIDERS}kubernetes":
        return lambda one: one.place == ("clusterIdentifier",)
    places = [one.path for one in clouds.changes(type_, _wire(olds), _wire(news)) if one.replaces]
    return lambda one: any(_meet(one.place, place) for place in places)


def _meet(one: tuple[str | int, ...], other: tuple[str | int, ...]) -> bool:
    """Whether one of two places is at the other or below it."""
    return all(left == right for left, right in zip(one, other, strict=False))


def _options(before: Resource, after: Resource) -> Iterator[Property]:
    for name in _OPTIONS_SHOWN:
        old, new = before["options"].get(name), after["options"].get(name)
        if old != new:
            kind = "add" if old is None else "delete" if new is None else "update"
            yield Property(path=f"(option) {name}", kind=kind, before=old, after=new, noise=name == "customTimeouts")


def _following(before: Resource, after: Resource, found: Mapping[str, Change]) -> tuple[str, bool]:
    """What a resource follows whose own inputs are the same as far as anyone knows, and whether it is replaced by that.

    Where what tells an unknown property is replaced, the property is another afterwards. An engine sees it so in a preview.
    """
    provider = found.get(after["provider"] or "")
    if provider and provider.operation == "replace":
        return FOLLOWS + provider.label, True
    tellers = after.get("unknownFrom") or {}
    followed, replaced = "", False
    for name, urns in tellers.items():
        cause = next((found[urn] for urn in urns if urn in found and found[urn].operation == "replace"), None)
        if cause is None or any(name == _steps(path)[0] for path in after["options"].get("ignoreChanges", ())):
            continue
        followed = followed or FOLLOWS + cause.label
        unlike = {**_wire(before["inputs"]), name: "another"}
        replaced = replaced or any(
            one.replaces for one in clouds.changes(after["type"], unlike, _wire(after["inputs"])) if one.path[0] == name
        )
    return followed, replaced


def old_one_goes_first(before: Resource, after: Resource) -> bool:
    """Whether the old one of a resource that is replaced goes before the new one is there.

    Of Kubernetes objects it does where both would have one name (pulumi-kubernetes, provider/pkg/provider/provider.go, Diff).
    """
    if "deleteBeforeReplace" in after["options"]:
        return bool(after["options"]["deleteBeforeReplace"])
    if after["type"].startswith(_KUBERNETES):
        old, new = (one["inputs"].get("metadata", {}) for one in (before, after))
        return "name" in new and all(old.get(key) == new.get(key) for key in ("name", "namespace"))
    return clouds.deletes_first(after["type"], after["inputs"])


def _mutability(after: Resource, plan: Plan) -> dict[str, bool]:
    """What the provider of a Kubernetes object was told of ConfigMaps and Secrets."""
    provider = plan.get(after["provider"] or "")
    told = provider["inputs"] if provider else {}
    return {
        "config_map_mutable": told.get("enableConfigMapMutable") in ("true", True),
        "secret_mutable": told.get("enableSecretMutable") in ("true", True),
    }


def _wire(value: Any) -> Any:
    """A plan's values as the engine has them, as far as differences go."""
    if value == UNKNOWN:
        return WIRE_UNKNOWN
    if isinstance(value, Mapping):
        return {key: _wire(item) for key, item in value.items()}
    return [_wire(item) for item in value] if isinstance(value, list) else value


def _steps(path: str) -> list[str]:
    return path.replace("[", ".").replace("]", "").replace('"', "").split(".")


def component_of(resource: Resource, plan: Plan) -> tuple[str, ...]:
    """The components that a resource is in: `EksCluster`, `ManagedNodeGroup prod-eks-workers-0c1500`."""
    above: list[str] = []
    parent = plan.get(resource["parent"] or "")
    while parent and parent["type"] != _STACK_TYPE:
        above.append(f"{parent['type'].rpartition(':')[2]} {parent['name']}")
        parent = plan.get(parent["parent"] or "")
    return tuple(reversed(above))


def _is_grouping(resource: Resource) -> bool:
    return resource["type"] == _STACK_TYPE or resource["type"].startswith("kuber:")


def _in_order(plan: Plan) -> list[str]:
    """The resources so that each comes after those that it depends on."""
    ordered: dict[str, None] = {}
    waiting: list[tuple[str, bool]] = [(urn, False) for urn in sorted(plan, reverse=True)]
    entered: set[str] = set()
    while waiting:
        urn, done = waiting.pop()
        if done:
            ordered[urn] = None
        elif urn in plan and urn not in entered:
            entered.add(urn)
            waiting.append((urn, True))
            resource = plan[urn]
            first = [*resource["options"].get("dependsOn", ()), resource["provider"] or "", resource["parent"] or ""]
            waiting += [(one, False) for one in first]
    return list(ordered)
