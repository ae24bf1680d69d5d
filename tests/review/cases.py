"""Clusters before and after a change, for tests of what is dangerous in it: real plans, with some of it edited."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from typing import Any

from kuber.review.changes import changes
from kuber.review.dangers import Case, dangers
from kuber.review.model import Danger
from kuber.review.properties import steps_of_path
from tests.plans import Plan, plan, plan_with_charts
from tests.support import TODAY, StackFile

Resource = Mapping[str, Any]


@dataclass(frozen=True)
class Cluster:
    """A cluster's plan; edits give another one.

    Attributes:
        stack: Its stack.
        resources: By URN, as `kuber plan --json` has them.
        outputs: Outputs of its stack.
    """

    stack: str
    resources: Mapping[str, Resource] = field(repr=False)
    outputs: Mapping[str, Any] = field(repr=False)

    def one(self, type_: str, name: str = "") -> Resource:
        """The one resource of a type, given without its package: "Cluster"; of a name, or the one that begins so."""
        found = [one for one in self.resources.values() if one["type"].rpartition(":")[2] == type_]
        named = [one for one in found if one["name"] == name] or [one for one in found if one["name"].startswith(name)]
        assert len(named) == 1, f"{len(named)} of {type_} {name}: {sorted(one['name'] for one in found)}"
        return named[0]

    def inputs(self, type_: str, name: str = "") -> Mapping[str, Any]:
        """Its inputs."""
        return self.one(type_, name)["inputs"]

    def set(self, type_: str, name: str, path: str, value: Any) -> Cluster:
        """With another value at a path of a resource's inputs, which is there but for its last step."""
        return self.edited(self.one(type_, name), "inputs", path, value)

    def unset(self, type_: str, name: str, path: str) -> Cluster:
        """With a property less; it is there."""
        return self.edited(self.one(type_, name), "inputs", path, None, remove=True)

    def option(self, type_: str, name: str, option: str, value: Any) -> Cluster:
        """With another option of a resource."""
        return self.edited(self.one(type_, name), "options", option, value)

    def without(self, type_: str, name: str = "") -> Cluster:
        """With a resource less."""
        gone = self.one(type_, name)["urn"]
        return replace(self, resources={urn: one for urn, one in self.resources.items() if urn != gone})

    def without_all(self, *types: str) -> Cluster:
        """With no resource of some types."""
        kept = {urn: one for urn, one in self.resources.items() if one["type"].rpartition(":")[2] not in types}
        return replace(self, resources=kept)

    def plus(self, *resources: Resource) -> Cluster:
        """With resources more, or others in the place of those of the same URN."""
        return replace(self, resources={**self.resources, **{one["urn"]: one for one in resources}})

    def renamed(self, type_: str, name: str, to: str, **options: Any) -> Cluster:
        """With a resource by another name in the program; all else of it is the same."""
        old = self.one(type_, name)
        urn = old["urn"].removesuffix(old["name"]) + to
        new = {**old, "urn": urn, "name": to, "options": {**old["options"], **options}}
        return self.without(type_, name).plus(new)

    def edited(self, old: Resource, part: str, path: str, value: Any, *, remove: bool = False) -> Cluster:
        """With another value in a part of a resource, `inputs` or `options`; without one where it is to be removed."""
        new = deepcopy(dict(old))
        *above, last = steps_of_path(path)
        parent = new[part]
        for step in above:
            parent = parent[step]
        if remove:
            del parent[last]
        else:
            parent[last] = value
        return self.plus(new)


def another(like: Resource, name: str, **inputs: Any) -> Resource:
    """A resource beside one that it is like: of its type and component, with some inputs otherwise."""
    urn = like["urn"].removesuffix(like["name"]) + name
    return {**deepcopy(dict(like)), "urn": urn, "name": name, "inputs": {**deepcopy(like["inputs"]), **inputs}}


@cache
def cluster(file: StackFile) -> Cluster:
    """A stack file's cluster, without the objects of charts."""
    return _cluster(file, plan(file))


@cache
def whole(file: StackFile) -> Cluster:
    """A stack file's cluster with its whole standard stack. Needs helm, or all of it rendered before."""
    return _cluster(file, plan_with_charts(file))


def case(before: Cluster | None, after: Cluster | None, day: date = TODAY) -> Case:
    """What the rules look at."""
    present = after or before
    assert present
    olds, news = (one.resources if one else {} for one in (before, after))
    return Case(
        stack=present.stack,
        before=olds,
        after=news,
        changes=changes(present.stack, olds, news) if after else [],
        outputs_before=before.outputs if before else {},
        outputs_after=after.outputs if after else {},
        day=day,
    )


def found(before: Cluster | None, after: Cluster | None, day: date = TODAY) -> list[Danger]:
    """All dangers of a change."""
    return dangers(case(before, after, day))


def only(rule: str, before: Cluster, after: Cluster, day: date = TODAY) -> Danger:
    """The one danger that a rule tells of."""
    told = of_rule(rule, before, after, day)
    assert len(told) == 1, [one.what for one in told]
    return told[0]


def of_rule(rule: str, before: Cluster, after: Cluster, day: date = TODAY) -> Sequence[Danger]:
    """What a rule tells of."""
    return [one for one in found(before, after, day) if one.rule == rule]


def rules(before: Cluster, after: Cluster) -> list[str]:
    """Level and rule of each danger, each once: "high endpoint-public"."""
    return sorted({f"{one.level} {one.rule}" for one in found(before, after)})


def _cluster(file: StackFile, made: Plan) -> Cluster:
    return Cluster(file.stack, {urn: vars(one) for urn, one in made.resources.items()}, made.outputs)
