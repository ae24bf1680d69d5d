"""Stacks on a stage, and what must hold of them at any time."""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from config.cluster import ClusterSettings
from kuber.rehearsal import leftovers
from kuber.rehearsal.cloud import Endpoint, Faults
from kuber.rehearsal.engine import Engine
from kuber.rehearsal.kubernetes_provider import KubernetesStandIn
from kuber.rehearsal.stage import Stage
from kuber.rehearsal.versions import throw_away, tree_with
from tests import requirements
from tests.engine.proxy import Proxy
from tests.support import PROJECT, StackFile

SMALL = Path(__file__).parent / "small_program"
SIMULATED = ("aws", "gcp", "vault")
VERSIONS = {"ConfigMap": "v1", "PriorityClass": "scheduling.k8s.io/v1"}
"""Of the kinds of objects that the small program makes."""


class Staged:
    """One stack on a stage of its own.

    Attributes:
        stage: The stage; nothing else is on it.
        stack: Name of the stack.
        engine: The engine on the tree that is used now.
        faults: What goes wrong in the simulated clouds; its script may be changed at any time.
    """

    def __init__(self, stage: Stage, stack: str, faults: Faults) -> None:
        self.stage = stage
        self.stack = stack
        self.faults = faults
        self.engine: Engine = stage.engine
        self._original = ""
        self._before = leftovers.objects_there(stage.control_plane.api)

    def changes(self) -> dict[str, str]:
        """What a preview would do, by the resource's name."""
        return {urn.rpartition("::")[2]: what for urn, what in self.engine.preview(self.stack).operations.items()}

    def configure(self, text: str) -> None:
        """Have another stack file until `wipe`; of the small program alone."""
        file = self.engine.project / f"Pulumi.{self.stack}.yaml"
        self._original = self._original or file.read_text(encoding="utf-8")
        file.write_text(text, encoding="utf-8")

    def resources(self) -> list[dict[str, Any]]:
        """What of the engine's state is there in the world: no components, no providers."""
        state = self.engine.state_file(self.stack).resources()
        return [one for one in state if one.get("custom") and not one["type"].startswith("pulumi:")]

    def begun(self) -> dict[str, str]:
        """URNs of the operations that the state holds as begun, by the resource's name."""
        return {one.urn.rpartition("::")[2]: one.urn for one in self.engine.state_file(self.stack).pending()}

    def objects(self) -> set[leftovers.ObjectName]:
        """Kind, namespace and name of the objects in the API server that weren't there at first."""
        return leftovers.objects_there(self.stage.control_plane.api) - self._before

    def out_of_line(self) -> list[str]:
        """Where the state, the clouds and the API server say different things, a line each.

        What is there and isn't in the state (nor among the operations that the state holds as begun) is an orphan; what is in
        the state and isn't there is lost; and nothing is there twice.
        """
        state = self.engine.state_file(self.stack)
        begun = {pending.urn for pending in state.pending()}
        return [*self._in_clouds(state.resources(), begun), *self._in_api_server(state.resources(), begun)]

    def left(self) -> list[str]:
        """All that is there beyond what was there at first, CRDs left out."""
        made = [f"{one.type} {one.name}" for one in self.stage.store.resources()]
        return sorted(made) + sorted(" ".join(one) for one in self.objects() if one[0] != leftovers.CRD)

    def unknown_fields(self) -> list[str]:
        """What the API server dropped of our objects, in its words; the stand-in for the Kubernetes provider notes them."""
        warnings = [one.warnings for one in self.engine.providers if isinstance(one, KubernetesStandIn)]
        return sorted({f"{path}: {said}" for one in warnings for path, said in one if "unknown field" in said})

    def wipe(self) -> None:
        """Take away all that is there, without the engine, and let it see that; of the small program alone."""
        self.faults.script = ()
        if self._original:
            self.configure(self._original)
        for record in reversed(self.stage.store.resources()):
            self.stage.store.delete(record)
        for kind, namespace, name in self.objects():
            self.stage.control_plane.api.delete((VERSIONS[kind], kind), namespace or None, name)
        self.engine.recover(self.stack)
        self.engine.refresh(self.stack, "--clear-pending-creates")
        assert self.resources() == []

    def _in_clouds(self, state: list[dict[str, Any]], begun: set[str]) -> Iterator[str]:
        known = Counter((one["urn"], one["id"]) for one in state if one["type"].split(":")[0] in SIMULATED)
        there = Counter((one.urn, one.id) for one in self.stage.store.resources())
        for urn, id in there - known:
            if urn not in begun:
                yield f"{urn} {id} is in the cloud and not in the state"
        for urn, id in known - there:
            if urn not in begun:
                yield f"{urn} {id} is in the state and not in the cloud"
        for urn, number in Counter(one.urn for one in self.stage.store.resources()).items():
            if number > 1:
                yield f"{urn} is {number} times in the cloud"

    def _in_api_server(self, state: list[dict[str, Any]], begun: set[str]) -> Iterator[str]:
        known = {_name_of(one): one["urn"] for one in state if _is_object(one)}
        versions = {_name_of(one): one["outputs"]["apiVersion"] for one in state if _is_object(one)}
        begun_names = {urn.rpartition("::")[2] for urn in begun}
        there = self.objects()
        for kind, namespace, name in there - set(known):
            if kind != leftovers.CRD and not {f"{namespace}/{name}", name} & begun_names:
                yield f"{kind} {namespace}/{name} is in the API server and not in the state"
        for one in set(known) - there:
            kind, namespace, name = one
            if kind == "Endpoints":  # its Service's controller takes it away with the Service
                continue
            if known[one] not in begun and not self.stage.control_plane.api.get(
                (versions[one], kind), namespace or None, name
            ):
                yield f"{kind} {namespace}/{name} is in the state and not in the API server"


def _is_object(resource: dict[str, Any]) -> bool:
    return resource["type"].startswith("kubernetes:") and not resource["type"].endswith("Patch")


def _name_of(resource: dict[str, Any]) -> leftovers.ObjectName:
    live = resource["outputs"]
    return live["kind"], live["metadata"].get("namespace", ""), live["metadata"]["name"]


class ProxiedStage(Stage):
    """A stage whose clusters are reached through a proxy."""

    proxy: Proxy

    def _endpoint(self) -> Endpoint:
        behind = super()._endpoint()
        if not hasattr(self, "proxy"):
            folder = self.control_plane.folder / "proxy"
            folder.mkdir()
            self.proxy = Proxy(behind.url, behind.certificate_authority, folder).__enter__()
        return replace(behind, url=self.proxy.url, certificate_authority=self.proxy.certificate_authority)

    def __exit__(self, *_: object) -> None:
        super().__exit__(*_)
        self.proxy.__exit__()


@contextmanager
def staged_small(folder: Path, kind: type[Stage] = Stage) -> Iterator[Staged]:
    """The small program on a stage; its stack file is `Pulumi.dev.yaml` in the project's folder."""
    requirements.control_plane()
    project = folder / "small"
    shutil.copytree(SMALL, project)
    (project / ".venv").symlink_to(sys.prefix, target_is_directory=True)
    faults = Faults()
    with kind(project, faults=faults) as stage:
        yield Staged(stage, "dev", faults)


class StagedCluster(Staged):
    """A cluster of this project."""

    def __init__(self, stage: Stage, file: StackFile, faults: Faults, scratch: Path) -> None:
        super().__init__(stage, file.stack, faults)
        self._scratch = scratch
        self._trees = 0
        self.file = file
        self.set(file)

    def set(self, file: StackFile) -> None:
        """Have another stack file from now on; its charts are rendered already (`charts_of`)."""
        self.file = file
        self._trees += 1
        text = throw_away(file.text, reached=self.stage.reached).text
        self.engine = self.stage.engine.at(tree_with(PROJECT, self._scratch / f"tree-{self._trees}", self.stack, text))


@contextmanager
def staged(file: StackFile, scratch: Path, *, timeout_seconds: float = 600) -> Iterator[StagedCluster]:
    """A stack file of this project on a stage."""
    requirements.control_plane()
    faults = Faults()
    settings: ClusterSettings = file.read()
    with Stage(PROJECT, settings=settings, faults=faults, timeout_seconds=timeout_seconds) as stage:
        yield StagedCluster(stage, file, faults, scratch)
