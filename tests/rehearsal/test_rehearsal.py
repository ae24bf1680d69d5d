"""Whole rehearsals of a small stack: the real engine and a real control plane, with good changes and broken ones."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kuber.progress import NoProgress
from kuber.rehearsal import stage
from kuber.rehearsal.chaos import Interruption
from kuber.rehearsal.rehearsal import Request, rehearse
from kuber.rehearsal.result import Result, Step
from tests.engine.trees import charts_of
from tests.rehearsal.running import processes_in
from tests.support import EKS, PROJECT, StackFile

OFF = {"enabled": False}
SMALL = (
    EKS.set(
        "standard_stack", dict.fromkeys(("logging", "monitoring", "ingress", "certificates", "load_balancers"), OFF)
    )
    .set("zones", ["eu-west-1a", "eu-west-1b"])
    .set("network.nat", "single")
    .set("network.vpc_endpoints", [])
)
"""A cluster with little in it but an autoscaler; its name is prod-eks's."""

SERVICE = """
from pulumi import CustomResource, ResourceOptions

def service(name, replicas, unavailable, **spec):
    labels = {"app": name}
    container = {"name": "service", "image": "registry.k8s.io/pause:3.10.1", "resources": {"requests": {"cpu": "100m"}}}
    metadata = {"name": name, "namespace": "default", "annotations": {"pulumi.com/skipAwait": "true"}}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container], **spec}}
    made("apps/v1", "Deployment", metadata, {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template})
    made("policy/v1", "PodDisruptionBudget", metadata, {"maxUnavailable": unavailable, "selector": {"matchLabels": labels}})

def made(version, kind, metadata, spec):
    opts = ResourceOptions(provider=cluster.provider)
    manifest = {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}
    CustomResource(f"kubernetes:{version}:{kind}", metadata["name"], manifest, opts)
"""


class Project:
    """A project of its own in a repository of its own: the program of this one with a small stack."""

    def __init__(self, folder: Path, temporary: Path) -> None:
        self.folder = folder
        self.temporary = temporary
        folder.mkdir()
        for name in ("clusters", "components", "config", "releases"):
            shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(PROJECT / "Pulumi.yaml", folder)
        self.program = (PROJECT / "__main__.py").read_text(encoding="utf-8")
        self.write(SMALL)
        (folder / ".gitignore").write_text(".venv\n")
        (folder / ".venv").symlink_to(sys.prefix, target_is_directory=True)
        self._git("init", "-q")

    def write(self, stack_file: StackFile, *more: str) -> None:
        """The stack file, and what the program has at its end."""
        (self.folder / f"Pulumi.{stack_file.stack}.yaml").write_text(stack_file.text, encoding="utf-8")
        (self.folder / "__main__.py").write_text("\n".join([self.program, *more]), encoding="utf-8")

    def commit(self) -> None:
        self._git("add", "-A")
        self._git("-c", "user.name=Test", "-c", "user.email=test@shop.example", "commit", "-qm", "base")

    def rehearse(self, **wanted: object) -> Result:
        request = Request(project=self.folder, stack=SMALL.stack, settings=SMALL.read(), **wanted)  # type: ignore[arg-type]
        return rehearse(request, NoProgress())

    def _git(self, *arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=self.folder, check=True, capture_output=True)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    with (
        charts_of(SMALL),
        tempfile.TemporaryDirectory(prefix="k-") as temporary,
    ):  # sockets' paths may have 107 characters
        monkeypatch.setenv("TMPDIR", temporary)
        monkeypatch.setattr("tempfile.tempdir", temporary)
        yield Project(tmp_path / "project", Path(temporary))


def _step(result: Result, name: str) -> Step:
    (found,) = [step for step in result.steps if step.name == name]
    return found


def _problems(result: Result) -> list[tuple[str, str, str]]:
    return [(one.step, one.what, one.where) for one in result.problems]


def test_a_good_change_moves_a_pool_recovers_from_a_kill_and_survives_losses(project: Project) -> None:
    project.commit()
    project.write(SMALL.set("pools.workers-spot.machine_types", ["m7i.2xlarge", "m6i.2xlarge"]))
    result = project.rehearse(
        base="HEAD", kill_engine_at=3, interrupt=[Interruption("workers-spot")], lose_zone="eu-west-1b"
    )

    assert _problems(result) == []
    assert [step.outcome for step in result.steps] == ["done"] * len(result.steps)
    assert result.base.startswith("HEAD (")
    assert "stand-in" in result.kubernetes_provider or "real" in result.kubernetes_provider
    assert any("kwok" in one for one in result.stand_ins)

    killed, recovered = (
        _step(result, "apply the working tree"),
        _step(result, "recover from the kill: cancel, and up again"),
    )
    assert killed.operations["create"] >= 3
    for step in (killed, recovered):
        assert step.observed
        assert not any(one.broken for one in step.observed.budgets)
    pools = [pool for step in (killed, recovered) for pool in step.observed.pools if pool.pool == "workers-spot"]  # type: ignore[union-attr]
    assert sum(len(pool.added) for pool in pools) == sum(len(pool.removed) for pool in pools) == 3
    moved = {one.workload: one.causes for step in (killed, recovered) for one in step.observed.moved}  # type: ignore[union-attr]
    assert moved["Deployment rehearsal/service-workers-spot"].keys() == {"evicted"}

    lost = _step(result, "interrupt pool workers-spot")
    assert lost.observed
    gone = {one.workload: one.causes for one in lost.observed.moved}["Deployment rehearsal/service-workers-spot"]
    assert gone == {"lost with their node": 6}
    assert [len(pool.added) > 0 for pool in lost.observed.pools if pool.pool == "workers"] == [True]
    assert lost.observed.short == []
    dark = _step(result, "lose zone eu-west-1b")
    assert dark.observed
    assert any(one.causes.keys() == {"lost with their node"} for one in dark.observed.moved)
    assert {one.workload for one in dark.observed.short} <= {
        "StatefulSet rehearsal/database"
    }  # its volume is in that zone

    assert _step(result, "lift the protection").operations["update"] >= 1
    assert [one.what for one in result.leftovers if not one.why] == []
    assert list(project.temporary.iterdir()) == []
    assert processes_in(project.temporary) == []


def test_a_broken_change_is_told_with_what_it_broke(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pool is replaced on which pods may not be disrupted, and a pod fits nowhere."""
    monkeypatch.setattr(stage, "DRAIN_SECONDS", 3.0)
    stubborn = 'service("stubborn", 3, 0, nodeSelector={"kuber.dev/pool": "workers-spot"})'
    project.write(SMALL, SERVICE, stubborn)
    project.commit()
    changed = SMALL.set("pools.workers-spot.disk_gib", 200)
    project.write(changed, SERVICE, stubborn, 'service("homeless", 1, 1, nodeSelector={"disk": "none-has-it"})')
    result = project.rehearse(base="HEAD")

    assert _problems(result) == [
        ("apply the working tree", "disruption budget broken", "default/stubborn"),
        ("apply the working tree", "pods are missing at the end", "Deployment default/homeless: 0 of 1 ready"),
    ]
    broken, homeless = result.problems
    assert broken.told.endswith("3 lost with their node")
    assert "didn't match Pod's node affinity/selector" in homeless.told
    assert not result.fine


def test_what_the_api_server_rejects_is_told_in_its_own_words_and_what_is_there_is_destroyed(project: Project) -> None:
    project.write(SMALL, SERVICE, 'service("rejected", -1, 1)')
    result = project.rehearse()
    (problem,) = result.problems
    assert (problem.what, problem.where) == ("rejected by the API server", "kubernetes:apps/v1:Deployment rejected")
    assert "spec.replicas: Invalid value: -1" in problem.told
    outcomes = {step.name: step.outcome for step in result.steps}
    assert outcomes["bring up the working tree"] == "failed"
    assert outcomes["deploy stand-in workloads"] == "skipped"
    assert outcomes["destroy"] == "done"
    assert [one.what for one in result.leftovers if not one.why] == []
