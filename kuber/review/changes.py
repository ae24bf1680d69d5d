"""What the engine will do to each resource, from the plans before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kuber.plan.registration import SECRET, UNKNOWN
from kuber.replacement import differences as clouds
from kuber.replacement import kubernetes
from kuber.wire import UNKNOWN as WIRE_UNKNOWN

from .model import Change, Operation, Property
from .noise import is_noise
from .properties import (
    Difference,
    Place,
    concealed,
    concealed_beside,
    differences,
    is_secret,
    is_within,
    steps_of_path,
)
from .renames import Resource, renamed

_KUBERNETES = "kubernetes:"
_PROVIDERS = "pulumi:providers:"
_STACK_TYPE = "pulumi:pulumi:Stack"
FOLLOWS = "follows the replacement of "
"""Begins why a resource changes whose own inputs are the same; the label of what it follows comes after it."""
_FOLLOWS_NEW = "takes a value from the new "

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
    judged = _Judgement(stack, before, after, found)
    for urn in _in_order(after):
        if _is_grouping(after[urn]):
            continue
        old_urn = old_urns.get(urn, urn)
        if change := judged.change(before.get(old_urn), after[urn]):
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


@dataclass(frozen=True)
class _Judgement:
    """What becomes of resources of afterwards, each after those that it depends on.

    Attributes:
        stack: The cluster's stack.
        before, after: Its plans.
        found: What changes, as far as it is known by now.
    """

    stack: str
    before: Plan
    after: Plan
    found: Mapping[str, Change]

    def change(self, old: Resource | None, new: Resource) -> Change | None:
        """What happens to one resource; None where it is left as it is."""
        common: dict[str, Any] = {
            "stack": self.stack,
            "urn": new["urn"],
            "type": new["type"],
            "name": new["name"],
            "component": component_of(new, self.after),
            "after": new,
        }
        if old is None:
            return Change(operation="create", **common)
        told = [*_properties(old, new, _mutability(new, self.after)), *_options(old, new)]
        because, by_dependency = self._following(old, new)
        renamed_from = old["urn"] if old["urn"] != new["urn"] else None
        if not told and not because and not renamed_from:
            return None
        replaced = by_dependency or any(one.replaces for one in told)
        return Change(
            operation="replace" if replaced else "update",
            before=old,
            properties=told,
            renamed_from=renamed_from,
            because=because,
            deletes_first=replaced and old_one_goes_first(old, new),
            **common,
        )

    def _following(self, old: Resource, new: Resource) -> tuple[str, bool]:
        """What a resource follows whose own inputs are the same as far as anyone knows, and whether it is replaced by that.

        Where what tells an unknown property is replaced or new, the property is another afterwards; an engine sees it so in a
        preview. Of a property of which a part is ignored nobody knows which part a resource tells: it follows for the sake of the
        other. Another provider replaces where the same one would be replaced by what differs between the two (pulumi,
        resource/deploy/step_generator.go, providerChanged).
        """
        provider = self.found.get(new["provider"] or "")
        if provider and (provider.operation == "replace" or self._is_for_another_cluster(old, new)):
            return _followed(provider), True
        followed, replaced = "", False
        ignored = _paths(new, "ignoreChanges")
        for name, urns in (new.get("unknownFrom") or {}).items():
            causes = (self.found[urn] for urn in urns if urn in self.found)
            cause = next((one for one in causes if one.operation in ("replace", "create")), None)
            if cause is None or not _is_open(name, new["unknown"], ignored):
                continue
            followed = followed or _followed(cause)
            unlike = {**_wire(old["inputs"]), name: _told_otherwise(old["inputs"].get(name))}
            differing = clouds.changes(new["type"], unlike, _wire(new["inputs"]))
            own = [one for one in differing if one.path[0] == name and not _is_within_any(one.path, ignored)]
            replaced = replaced or any(one.replaces for one in own)
        return followed, replaced

    def _is_for_another_cluster(self, old: Resource, new: Resource) -> bool:
        """Whether a resource's provider is another one than before, and not for the same cluster."""
        provider, other = self.before.get(old["provider"] or ""), self.after.get(new["provider"] or "")
        if not provider or not other or provider["urn"] == other["urn"]:
            return False
        return any(one.replaces for one in _properties(provider, other, {}))


def _followed(cause: Change) -> str:
    return (FOLLOWS if cause.operation == "replace" else _FOLLOWS_NEW) + cause.label


def _properties(before: Resource, after: Resource, mutable: Mapping[str, bool]) -> Iterator[Property]:
    """The properties that differ, with the verdict of the provider's facts; what the program ignores is left out."""
    olds, news, type_ = before["inputs"], after["inputs"], after["type"]
    ignored = _paths(after, "ignoreChanges")
    found = [
        one
        for one in differences(olds, news)
        if not _is_within_any(one.place, ignored) and not _is_the_same_to_the_cloud(type_, one)
    ]
    if not found:
        return
    replacing = _replacing(type_, olds, news, mutable)
    forced = _paths(after, "replaceOnChanges")
    for one in found:
        yield Property(
            path=one.shown,
            kind=one.kind,
            before=concealed(one.before),
            after=SECRET if is_secret(one.after) else concealed_beside(one.before, one.after),
            replaces=replacing(one) or _is_within_any(one.place, forced),
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
        return lambda one: one.place == ("clusterIdentifier",) and one.kind == "update"
    places = [one.path for one in clouds.changes(type_, _wire(olds), _wire(news)) if one.replaces]
    return lambda one: any(_meet(one.place, place) for place in places)


def _is_the_same_to_the_cloud(type_: str, one: Difference) -> bool:
    """Whether a document is only written otherwise, and the provider looks at what it means."""
    return one.same_meaning and not type_.startswith(_KUBERNETES) and one.place[-1] in clouds.DOCUMENTS


def _is_within_any(place: Place, paths: Sequence[Place]) -> bool:
    return any(is_within(place, path) for path in paths)


def _is_open(name: str, unknown: Sequence[str], ignored: Sequence[Place]) -> bool:
    """Whether anything unknown in a property isn't ignored."""
    places = map(steps_of_path, unknown)
    return any(place[0] == name and not _is_within_any(place, ignored) for place in places)


def _meet(one: tuple[str | int, ...], other: tuple[str | int, ...]) -> bool:
    """Whether one of two places is at the other or below it."""
    return all(left == right for left, right in zip(one, other, strict=False))


def _options(before: Resource, after: Resource) -> Iterator[Property]:
    for name in _OPTIONS_SHOWN:
        old, new = before["options"].get(name), after["options"].get(name)
        if old != new:
            kind = "add" if old is None else "delete" if new is None else "update"
            yield Property(path=f"(option) {name}", kind=kind, before=old, after=new, noise=name == "customTimeouts")


def _told_otherwise(value: Any) -> Any:
    """A value with something known, and another, in place of all that isn't known."""
    if value == UNKNOWN:
        return "another"
    if isinstance(value, Mapping):
        return {key: _told_otherwise(item) for key, item in value.items()}
    return [_told_otherwise(item) for item in value] if isinstance(value, list) else value


def old_one_goes_first(before: Resource, after: Resource) -> bool:
    """Whether the old one of a resource that is replaced goes before the new one is there.

    Of Kubernetes objects it does where both would have one name (pulumi-kubernetes, provider/pkg/provider/provider.go, Diff).
    """
    if "deleteBeforeReplace" in after["options"]:
        return bool(after["options"]["deleteBeforeReplace"])
    if after["type"].startswith(_KUBERNETES):
        old, new = (
            named if isinstance(named := one["inputs"].get("metadata"), Mapping) else {} for one in (before, after)
        )
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


def _paths(resource: Resource, option: str) -> list[Place]:
    """The properties that an option names."""
    return [steps_of_path(path) for path in resource["options"].get(option, ())]


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
