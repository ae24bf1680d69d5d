"""What clusters have alike but for their own names: by these, a change of several clusters is found to be one."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

CLUSTER = "{cluster}"
"""Stands for a cluster's own name in what is told once of several."""

_POOL_COMPONENTS = ("ManagedNodeGroup ", "GkeNodePool ")
_FINGERPRINT = re.compile(r"-[0-9a-f]{6}$")

Thing = TypeVar("Thing")


def without_cluster(text: str, stack: str) -> str:
    """A text with a cluster's own name replaced, where it stands as a word of its own."""
    return _pattern(stack).sub(CLUSTER, text) if stack and stack in text else text


def value_without_cluster(value: Any, stack: str) -> Any:
    """A JSON value with the cluster's own name replaced in all its texts, keys too."""
    match value:
        case str():
            return without_cluster(value, stack)
        case Mapping():
            return {without_cluster(key, stack): value_without_cluster(item, stack) for key, item in value.items()}
        case list() | tuple():
            return [value_without_cluster(item, stack) for item in value]
        case _:
            return value


def pool_names(component: Iterable[str]) -> dict[str, str]:
    """The names of the node pools among components, with those without the fingerprint that ends them."""
    names = [one.partition(" ")[2] for one in component if one.startswith(_POOL_COMPONENTS)]
    return {name: _FINGERPRINT.sub("", name) for name in names}


def common_name(text: str, stack: str, pools: Mapping[str, str]) -> str:
    """A name, or a text with names in it, as every cluster has it: without pools' fingerprints and the cluster's own name."""
    for name, short in pools.items():
        text = text.replace(name, short)
    return without_cluster(text, stack)


def readable_component(component: Sequence[str], stack: str) -> str:
    """Where something is, without the cluster's name: `EksCluster › ManagedNodeGroup system`; `Stack` for what is in no component."""
    return " › ".join(_readable(one, stack) for one in component) or "Stack"


def _readable(component: str, stack: str) -> str:
    kind, _, name = component.partition(" ")
    name = pool_names([component]).get(name, name)
    name = without_cluster(name, stack).replace(f"{CLUSTER}-", "").replace(f"-{CLUSTER}", "").replace(CLUSTER, "")
    return kind if not name or name == _in_kebab_case(kind) else f"{kind} {name}"


def _in_kebab_case(kind: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", kind).lower()


@lru_cache(maxsize=256)
def _pattern(stack: str) -> re.Pattern[str]:
    """A name between other characters than letters and digits; the n of an escaped line break is neither."""
    return re.compile(rf"(?:(?<![A-Za-z0-9])|(?<=\\[nrt])){re.escape(stack)}(?![A-Za-z0-9])")


@dataclass
class Shared(Generic[Thing]):
    """What is alike on several clusters.

    Attributes:
        first: As the first of them has it.
        stacks: The clusters.
        told: What all of them say to the letter; None where they don't.
        common: What all of them say but for their own names; None where they don't.
    """

    first: Thing
    stacks: list[str]
    told: Hashable | None
    common: Hashable | None

    @property
    def literally(self) -> bool:
        """Whether it is the same to the letter, not only but for names."""
        return self.told is not None


class Sharing(Generic[Thing]):
    """Finds what is alike: all that is found as one is the same to the letter, or the same but for each cluster's own name.

    Of things alike on one cluster, each stays.
    """

    def __init__(self) -> None:
        self.found: list[Shared[Thing]] = []
        self._by_told: dict[tuple[int, Hashable], Shared[Thing]] = {}
        self._by_common: dict[tuple[int, Hashable], Shared[Thing]] = {}
        self._met: dict[tuple[str, Hashable], int] = {}

    def add(self, thing: Thing, *, stack: str, told: Hashable, common: Hashable) -> None:
        """Take in a thing.

        Args:
            thing: It.
            stack: Its cluster.
            told: What it says.
            common: What it says without the names that are its cluster's own.
        """
        number = self._met.get((stack, common), 0)
        self._met[stack, common] = number + 1
        literally, alike = self._by_told.get((number, told)), self._by_common.get((number, common))
        if literally and literally.told == told and stack not in literally.stacks:
            known = literally
        elif alike and alike.common == common and stack not in alike.stacks:
            known = alike
        else:
            known = Shared(first=thing, stacks=[], told=told, common=common)
            self.found.append(known)
        known.stacks.append(stack)
        known.told = told if known.told == told else None
        known.common = common if known.common == common else None
        if known.told == told:
            self._by_told[number, told] = known
        if known.common == common:
            self._by_common[number, common] = known
