"""What a review says, whoever reads it: the terminal, a comment, the page and the JSON document are made of this alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

Operation = Literal["create", "update", "replace", "delete"]

Level = Literal["high", "medium", "low"]
LEVELS: tuple[Level, ...] = ("high", "medium", "low")
"""From an outage or a loss that can't be undone, over what disturbs what runs, to what a reviewer should have seen."""

Status = Literal["new", "removed", "changed", "same", "broken"]

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Property:
    """One property that differs.

    Attributes:
        path: As people write it: `spec.containers[name=nginx].image`.
        kind: What happens to it.
        before, after: Its values, JSON; None where there is none. Secrets are `[secret]`, what only an apply tells `<unknown>`.
        replaces: Whether it is why the resource is replaced.
        noise: Whether it says nothing by itself, as a label that holds a chart's version.
    """

    path: str
    kind: Literal["add", "delete", "update"]
    before: Any
    after: Any
    replaces: bool = False
    noise: bool = False


@dataclass(frozen=True, kw_only=True)
class Change:
    """What happens to one resource of one cluster.

    Attributes:
        stack: The cluster's stack.
        urn: As it is called afterwards, or was called before.
        type: Its type token.
        name: Its name.
        component: Names of the components that it is in, outermost first.
        operation: What the engine will do.
        properties: What differs; empty for what is created or deleted.
        before, after: The resource as the plans have it; None where it isn't there.
        renamed_from: Its URN before, where an alias covers a new one.
        because: Why it is replaced or follows, where no property of its own tells.
        deletes_first: Whether the old one goes before the new one is there.
        retained: Whether the engine forgets it and leaves the thing itself alone.
        engine: The engine's own verdict with ours beside it, where that is known and they differ; or what else it says of it.
    """

    stack: str
    urn: str
    type: str
    name: str
    component: Sequence[str]
    operation: Operation
    properties: Sequence[Property] = ()
    before: Mapping[str, Any] | None = None
    after: Mapping[str, Any] | None = None
    renamed_from: str | None = None
    because: str = ""
    deletes_first: bool = False
    retained: bool = False
    engine: str | None = None

    @property
    def kind(self) -> str:
        """The type without its package: `NodeGroup`."""
        return self.type.rpartition(":")[2]

    @property
    def label(self) -> str:
        """How people call it: `NodeGroup prod-eks-system-ac8691`."""
        return f"{self.kind} {self.name}"

    @property
    def noise(self) -> bool:
        """Whether nothing changes but what says nothing by itself."""
        return (
            self.operation == "update"
            and not self.renamed_from
            and not self.because
            and bool(self.properties)
            and all(one.noise for one in self.properties)
        )

    def inputs(self, when: Literal["before", "after"]) -> Mapping[str, Any]:
        """Its inputs before or after; none where it isn't there."""
        resource = self.before if when == "before" else self.after
        return resource["inputs"] if resource else {}


@dataclass(frozen=True, kw_only=True)
class Danger:
    """What a reviewer must know before saying yes.

    Attributes:
        rule: What was looked for: `pool-replaced`.
        level: How bad it can get.
        what: In a few words: `Node pool workers is replaced`.
        where: The resource, as people call it.
        reason: Why it is dangerous, with what changes.
        advice: What to do about it.
        urn: Of the resource; empty where it isn't one.
        stacks: The clusters that it is the same on.
    """

    rule: str
    level: Level
    what: str
    where: str
    reason: str
    advice: str
    urn: str = ""
    stacks: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Range:
    """From the least to the most that autoscaling allows."""

    least: float
    most: float

    def __add__(self, other: Range) -> Range:
        return Range(least=self.least + other.least, most=self.most + other.most)


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A node pool, as far as it says what a cluster costs and what moves.

    Attributes:
        name: As the stack file calls it.
        nodes: How many.
        machine_types: The first is what it is mostly made of.
        capacity: `on_demand`, `spot` or `machines`.
    """

    name: str
    nodes: Range
    machine_types: Sequence[str]
    capacity: str


@dataclass(frozen=True, kw_only=True)
class Unknown:
    """What isn't known of a resource before an apply, so that nobody has checked it.

    Attributes:
        kind: Kind of resource.
        properties: Their names.
        resources: How many resources.
    """

    kind: str
    properties: Sequence[str]
    resources: int


@dataclass(frozen=True, kw_only=True)
class ClusterReview:
    """What happens to one cluster.

    Attributes:
        stack: Its stack.
        status: Whether it is new, goes, changes, or can't be told of.
        counts: Resources by operation.
        changes: What happens to each resource that isn't left as it is.
        dangers: The worst first.
        unknown: What isn't known, of resources that change.
        pools_before, pools_after: Its node pools.
        money_before, money_after: A month, where there is a price list.
        problem: Why nothing can be told, where nothing can.
        notes: What else is to be known: charts that aren't here, a renamed stack.
    """

    stack: str
    status: Status
    counts: Mapping[Operation, int] = field(default_factory=dict)
    changes: Sequence[Change] = ()
    dangers: Sequence[Danger] = ()
    unknown: Sequence[Unknown] = ()
    pools_before: Sequence[Pool] = ()
    pools_after: Sequence[Pool] = ()
    money_before: Range | None = None
    money_after: Range | None = None
    problem: str = ""
    notes: Sequence[str] = ()

    @property
    def highest(self) -> Level | None:
        """The worst danger."""
        return next((level for level in LEVELS if any(one.level == level for one in self.dangers)), None)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One change, alike on every cluster that it names.

    Attributes:
        component: Where it is, with a cluster's own name left out.
        stacks: The clusters.
        change: As the first of them has it.
    """

    component: str
    stacks: Sequence[str]
    change: Change


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What happens to a Kubernetes object's manifest, alike on every cluster that it names.

    Attributes:
        what: `Deployment system-ingress/nginx-ingress`.
        operation: Whether it comes, goes or changes.
        stacks: The clusters.
        diff: Unified.
    """

    what: str
    operation: Operation
    stacks: Sequence[str]
    diff: str


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """What a rehearsal saw.

    Attributes:
        stack: The cluster's stack.
        fine: Whether nothing broke.
        summary: In a line.
        problems: What broke.
        stand_ins: What wasn't the real thing.
    """

    stack: str
    fine: bool
    summary: str
    problems: Sequence[str] = ()
    stand_ins: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Review:
    """What a change does.

    Attributes:
        base, head: What was compared: revisions, or what stands for one.
        clusters: Each cluster that was looked at.
        dangers: Those of all clusters, each once; the worst first.
        entries: The changes, each once, by component; noise is left out.
        noise: Changes that say nothing by themselves, each once.
        manifests: The Kubernetes objects' differences, each once.
        rehearsals: What rehearsals saw, where they were asked for.
        currency: Of the money; empty without a price list.
        source: Where the verdicts come from: `plan`, or `engine` for a real preview.
    """

    base: str
    head: str
    clusters: Sequence[ClusterReview]
    dangers: Sequence[Danger] = ()
    entries: Sequence[Entry] = ()
    noise: Sequence[Entry] = ()
    manifests: Sequence[Manifest] = ()
    rehearsals: Sequence[Rehearsed] = ()
    currency: str = ""
    source: Literal["plan", "engine"] = "plan"

    @property
    def highest(self) -> Level | None:
        """The worst danger of all."""
        return self.dangers[0].level if self.dangers else None

    @property
    def broken(self) -> bool:
        """Whether a cluster can't be told of."""
        return any(one.status == "broken" for one in self.clusters)

    @property
    def changes_something(self) -> bool:
        """Whether any cluster is changed, or may be."""
        return any(one.status != "same" for one in self.clusters)

    def document(self) -> dict[str, Any]:
        """The review as `kuber review --json` writes it."""
        return {"format": FORMAT, "highest": self.highest, **_as_data(self)}


def _as_data(value: Any) -> Any:
    """JSON of a review, or of a part of one. An entry names its change; whole resources are left out (`kuber plan` has them)."""
    match value:
        case Change():
            named = (one.name for one in fields(value) if one.name not in ("before", "after"))
            return {name: _as_data(getattr(value, name)) for name in named}
        case Entry():
            return {"component": value.component, "stacks": list(value.stacks), "change": value.change.urn}
        case str() | int() | float() | None:
            return value
        case Mapping():
            return {key: _as_data(item) for key, item in value.items()}
        case list() | tuple():
            return [_as_data(item) for item in value]
        case _:
            return {one.name: _as_data(getattr(value, one.name)) for one in fields(value)}
