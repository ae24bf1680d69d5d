"""The standard stack of a stack file, as data: no cluster, no engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from components.charts.manifests import Manifest, containers, identity
from components.standard_stack.absence import going_without
from components.standard_stack.merging import PURPOSES
from components.standard_stack.rendered import RenderedStack, rendered_stack
from components.standard_stack.site import Site
from config.release import read_release
from tests.chart_cache import chart_cache
from tests.requirements import helm
from tests.support import StackFile


@dataclass(frozen=True)
class Objects:
    """The objects of a stack, to be asked for."""

    stack: RenderedStack

    def part(self, name: str) -> list[Manifest]:
        """The objects of a part; none where the cluster hasn't the part."""
        return [manifest for one in self.stack.parts if one.part.name == name for manifest in one.objects]

    def all(self, kind: str, namespace: str | None = None) -> list[Manifest]:
        """Objects of a kind, at least one: a test about none would say nothing."""
        found = [
            one
            for one in self.stack.objects
            if one["kind"] == kind and namespace in (None, one["metadata"].get("namespace"))
        ]
        assert found, f"there is no {kind}"
        return found

    def one(self, kind: str, name: str, namespace: str | None = None) -> Manifest:
        """The one object of a kind and name."""
        found = [one for one in self.all(kind, namespace) if one["metadata"]["name"] == name]
        assert len(found) == 1, (
            f"{len(found)} of {kind} {name}: {sorted(one['metadata']['name'] for one in self.all(kind, namespace))}"
        )
        return found[0]

    def has(self, kind: str, name: str) -> bool:
        """Whether there is such an object."""
        return any(one["kind"] == kind and one["metadata"]["name"] == name for one in self.stack.objects)

    def allowed(self, purpose: str, namespace: str) -> Manifest:
        """What a NetworkPolicy of a namespace allows for one purpose: its pods, and that rule alone."""
        found = [
            {"podSelector": one["spec"]["podSelector"], direction: [rule]}
            for one in self.all("NetworkPolicy", namespace)
            for direction, name, rule in allowances(one)
            if name == purpose
        ]
        assert len(found) == 1, f"{len(found)} rules for {purpose}; there are {self.purposes(namespace)}"
        return found[0]

    def purposes(self, namespace: str) -> list[str]:
        """What the NetworkPolicies of a namespace allow, beside looking up names."""
        return sorted(name for one in self.all("NetworkPolicy", namespace) for _, name, _ in allowances(one))

    def rights(self, part: str) -> dict[str, Any]:
        """Cloud rights of a part's service accounts."""
        return next(dict(one.part.rights) for one in self.stack.parts if one.part.name == part)

    def container(self, kind: str, name: str, container: str) -> dict[str, Any]:
        """One container of a workload."""
        found = [one for one in containers(self.one(kind, name)) if one["name"] == container]
        assert len(found) == 1, f"{kind} {name} has {sorted(one['name'] for one in containers(self.one(kind, name)))}"
        return found[0]

    @property
    def identities(self) -> Sequence[tuple[str, str, str]]:
        """What tells each object from others."""
        return [identity(one) for one in self.stack.objects]


def allowances(policy: Manifest) -> Iterator[tuple[str, str, Manifest]]:
    """Each rule of a policy with its direction and purpose; none of one that is there to deny."""
    annotations = policy["metadata"].get("annotations", {})
    for direction, annotation in PURPOSES.items():
        if annotation in annotations:
            for name, rule in zip(annotations[annotation].split(", "), policy["spec"][direction], strict=True):
                yield direction, name, rule


def rendered(file: StackFile) -> RenderedStack:
    """The standard stack of a stack file, and all of it in the cache then. Needs helm."""
    helm()
    settings = file.read()
    with going_without():
        made = rendered_stack(
            Site(name=file.stack, settings=settings, release=read_release(settings.release)), chart_cache()
        )
    assert not made.not_rendered, f"not all of {file.stack} could be rendered: {made.warnings}"
    return made


@cache
def stack_of(file: StackFile) -> Objects:
    """The rendered stack of a stack file. Needs helm."""
    return Objects(rendered(file))
