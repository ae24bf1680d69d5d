"""Plans for tests: the real program run for a stack file, once for each text, in a process of its own."""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.chart_cache import chart_cache
from tests.standard_stack.rendered import rendered
from tests.support import PROJECT, StackFile

RUNNER = Path(__file__).with_name("run_program.py")


@dataclass(frozen=True)
class Resource:
    """One resource of a plan, as `kuber plan --json` has it."""

    urn: str
    type: str
    name: str
    parent: str | None
    provider: str | None
    inputs: Mapping[str, Any] = field(hash=False)
    unknown: Sequence[str] = field(hash=False)
    unknownFrom: Mapping[str, Sequence[str]] = field(hash=False)  # noqa: N815 - as the plan calls it
    options: Mapping[str, Any] = field(hash=False)

    @property
    def protected(self) -> bool:
        return bool(self.options.get("protect"))


@dataclass(frozen=True)
class Plan:
    """A plan, and how it came about.

    Attributes:
        resources: By URN.
        outputs: Outputs of the stack.
        warnings: What the program warned of.
        packages: The clouds' SDKs that were loaded.
        connections: Attempts to reach something over the network.
    """

    resources: Mapping[str, Resource]
    outputs: Mapping[str, Any]
    warnings: Sequence[str]
    packages: Sequence[str]
    connections: Sequence[str]

    def all(self, type_name: str) -> list[Resource]:
        """The resources of a type, at least one: a test about none would say nothing."""
        found = [resource for resource in self.resources.values() if resource.type == type_name]
        assert found, f"the plan has no {type_name}"
        return found

    def none(self, type_name: str) -> bool:
        return not any(resource.type == type_name for resource in self.resources.values())

    def one(self, type_name: str, name: str | None = None) -> Resource:
        """The one resource of a type; of the one name, or that starts so where a fingerprint follows."""
        found = [r for r in self.all(type_name) if name is None or r.name == name or _unmarked(r.name) == name]
        assert len(found) == 1, f"{len(found)} of {type_name} {name}: {sorted(r.name for r in self.all(type_name))}"
        return found[0]

    def below(self, component: Resource) -> list[Resource]:
        """All that a component is made of."""
        children = [resource for resource in self.resources.values() if resource.parent == component.urn]
        return [*children, *(one for child in children for one in self.below(child))]

    def before(self, resource: Resource) -> set[Resource]:
        """All that is made before a resource: what it depends on, what its parents do, and what those do."""
        found: set[Resource] = set()
        waiting = [resource]
        while waiting:
            one = waiting.pop()
            urns = {*one.options.get("dependsOn", ()), one.parent} & set(self.resources)
            new = {self.resources[urn] for urn in urns} - found
            found |= new
            waiting += new
        return found

    def names_before(self, resource: Resource) -> set[str]:
        """Their names: where a name is one resource's alone, that says enough."""
        return {one.name for one in self.before(resource)}


def plan(file: StackFile) -> Plan:
    """The first preview of a stack file's cluster, without the objects of charts."""
    return _run(file, None, None)


def plan_with_charts(file: StackFile) -> Plan:
    """The first preview of a stack file's cluster and its whole standard stack. Needs helm, or all of it rendered before."""
    rendered(file)
    return _run(file, None, str(chart_cache().folder.parent))


def plan_program(file: StackFile, source: str) -> Plan:
    """A preview of another program for the stack file, of a cluster that is there: what the cloud answers is known."""
    return _run(file, source, None)


@cache
def _run(file: StackFile, source: str | None, charts: str | None) -> Plan:
    told = _shared(repr((file, source, charts)), lambda: _told_by_a_process(file, source, charts))
    document = told.pop("document")
    return Plan(
        resources={resource["urn"]: Resource(**resource) for resource in document["resources"]},
        outputs=document["outputs"],
        **told,
    )


def _told_by_a_process(file: StackFile, source: str | None, charts: str | None) -> dict[str, Any]:
    with file.folder() as folder:
        # No home and no credentials; no charts either, unless they are asked for: rendering them takes its time.
        cache = charts or str(folder / "cache")
        environment = {"PATH": os.defpath, "PYTHONPATH": str(PROJECT), "XDG_CACHE_HOME": cache}
        (folder / "__main__.py").write_text(source or (PROJECT / "__main__.py").read_text())
        command = [sys.executable, str(RUNNER), str(folder), file.stack, "answering" if source else "-"]
        done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, f"the plan of {file.stack} failed:\n{done.stderr}"
    return json.loads(done.stdout)


def _shared(key: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What another worker of this test run has made already, or what is made now."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run is None:
        return make()
    folder = Path(tempfile.gettempdir(), f"kuber-plans-{run}")
    made = folder / hashlib.sha256(key.encode()).hexdigest()
    if made.exists():
        return json.loads(made.read_text())
    told = make()
    folder.mkdir(exist_ok=True)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with tempfile.NamedTemporaryFile("w", dir=folder, delete=False) as file:
        json.dump(told, file)
    os.replace(file.name, made)  # at once, so that nobody reads a half
    return told


def node_groups(of: Plan) -> dict[str, Resource]:
    """EKS node groups by pool."""
    return {group.inputs["labels"]["kuber.dev/pool"]: group for group in of.all("aws:eks/nodeGroup:NodeGroup")}


def gke_pools(of: Plan) -> dict[str, Resource]:
    """GKE node pools by pool."""
    pools = of.all("gcp:container/nodePool:NodePool")
    return {pool.inputs["nodeConfig"]["labels"]["kuber.dev/pool"]: pool for pool in pools}


def replacements(before: Plan, after: Plan, force_new: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Resources of one URN that a change replaces, each with the property that does it."""
    for urn in sorted(before.resources.keys() & after.resources.keys()):
        one, other = before.resources[urn], after.resources[urn]
        for path in force_new.get(one.type, ()):
            if path not in one.options.get("ignoreChanges", ()) and _at(one.inputs, path) != _at(other.inputs, path):
                yield f"{one.type} {one.name}: {path}"


def _at(value: Any, path: str) -> Any:
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _unmarked(name: str) -> str:
    """A pool's name without its fingerprint."""
    return name.rpartition("-")[0]
