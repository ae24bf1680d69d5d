"""Entries by component, as reports list them; what comes or goes in great number is only counted, by kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .folding import GRAVITY
from .model import Entry, Operation, Review

NEW = "New clusters"
"""Stands for all components of clusters that weren't there before."""

_LISTED = 10
"""Resources created in one component that are named; of more, a reader wants to know how many of what."""


@dataclass(frozen=True, kw_only=True)
class Counted:
    """Resources that are told by number alone.

    Attributes:
        operation: What happens to them.
        retained: Whether the things themselves are left alone.
        stacks: The clusters.
        kinds: How many of each kind; the most first.
    """

    operation: Operation
    retained: bool
    stacks: Sequence[str]
    kinds: Mapping[str, int]

    @property
    def number(self) -> int:
        """How many there are."""
        return sum(self.kinds.values())


@dataclass(frozen=True, kw_only=True)
class Group:
    """What changes in one component.

    Attributes:
        component: Its name for people.
        entries: What is told one by one; the gravest first.
        counted: The rest; the gravest first.
    """

    component: str
    entries: Sequence[Entry]
    counted: Sequence[Counted] = ()

    @property
    def counts(self) -> dict[Operation, int]:
        """How many entries there are by operation."""
        numbers: Counter[Operation] = Counter(one.change.operation for one in self.entries)
        for one in self.counted:
            numbers[one.operation] += one.number
        return dict(numbers)


def groups(review: Review) -> list[Group]:
    """The review's entries by component.

    All that new clusters consist of is counted in a group of its own, and what is created in great number elsewhere in its own.
    """
    new = {one.stack for one in review.clusters if one.status == "new"}
    of_new = [one for one in review.entries if new.issuperset(one.stacks)]
    by_component: dict[str, list[Entry]] = {}
    for one in review.entries:
        if not new.issuperset(one.stacks):
            by_component.setdefault(one.component, []).append(one)
    found = [_group(component, entries) for component, entries in by_component.items()]
    return [*found, *([_counted(NEW, of_new)] if of_new else ())]


def _group(component: str, entries: Sequence[Entry]) -> Group:
    created = [one for one in entries if one.change.operation == "create"]
    if len(created) <= _LISTED:
        return Group(component=component, entries=entries)
    return _counted(component, created, [one for one in entries if one.change.operation != "create"])


def _counted(component: str, entries: Sequence[Entry], listed: Sequence[Entry] = ()) -> Group:
    """A group with some entries told by number alone."""
    numbers: dict[tuple[Operation, bool, tuple[str, ...]], Counter[str]] = {}
    for one in entries:
        change = one.change
        numbers.setdefault((change.operation, change.retained, tuple(one.stacks)), Counter())[change.kind] += 1
    counted = [
        Counted(
            operation=operation,
            retained=retained,
            stacks=stacks,
            kinds=dict(sorted(kinds.items(), key=lambda one: (-one[1], one[0]))),
        )
        for (operation, retained, stacks), kinds in sorted(numbers.items(), key=lambda one: GRAVITY.index(one[0][0]))
    ]
    return Group(component=component, entries=listed, counted=counted)
