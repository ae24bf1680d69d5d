"""Machines go away, taken by the cloud or by ourselves: what must run goes on running, and our own changes break no budget."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kuber.rehearsal import workloads
from kuber.rehearsal.chaos import Chaos, Interruption
from kuber.rehearsal.judgement import broken_in_change, broken_in_chaos
from kuber.rehearsal.observation import Observer
from tests.engine.staging import StagedCluster, staged
from tests.engine.trees import charts_of, with_parts
from tests.support import EKS

CLUSTER = with_parts(EKS, "metrics_api", "certificates").set("pools.workers.min", 2)
SETTLED_SECONDS = 60.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, engine_tools: Path) -> Iterator[StagedCluster]:
    with charts_of(CLUSTER), staged(CLUSTER, tmp_path_factory.mktemp("capacity")) as made:
        made.engine.up(made.stack)
        workloads.deploy(made.stage.control_plane.api)
        yield made


@pytest.fixture
def observer(cluster: StagedCluster) -> Iterator[Observer]:
    with Observer(cluster.stage.control_plane.api) as watching:
        assert watching.settle(SETTLED_SECONDS)
        watching.begin()
        yield watching


def chaos_in(cluster: StagedCluster) -> Chaos:
    stage = cluster.stage
    return Chaos(stage.control_plane.api, stage.control_plane.nodes, stage.capacity)


def test_when_a_whole_spot_pool_is_interrupted_its_work_goes_elsewhere(
    cluster: StagedCluster, observer: Observer
) -> None:
    chaos = chaos_in(cluster)
    chaos.interrupt(Interruption("workers-spot"))
    observer.settle(SETTLED_SECONDS)
    seen = observer.end()
    assert seen.moved
    assert broken_in_chaos("interruption", seen) == []
    chaos.restore()


def test_when_a_zone_is_lost_what_must_run_still_runs(cluster: StagedCluster, observer: Observer) -> None:
    chaos = chaos_in(cluster)
    chaos.lose_zone("eu-west-1a")
    assert cluster.stage.control_plane.nodes.names(zone="eu-west-1a") == []
    observer.settle(SETTLED_SECONDS)
    seen = observer.end()
    assert seen.moved
    assert broken_in_chaos("loss of a zone", seen) == []
    chaos.restore()


def test_a_pool_that_is_replaced_is_drained_within_budgets(cluster: StagedCluster, observer: Observer) -> None:
    nodes = cluster.stage.control_plane.nodes
    before = set(nodes.names())
    cluster.set(CLUSTER.set("pools.workers.machine_types", ["m7a.2xlarge"]))
    run = cluster.engine.up(cluster.stack)
    observer.settle(SETTLED_SECONDS)
    seen = observer.end()
    assert [step.operation for step in run.changes if step.type == "aws:eks/nodeGroup:NodeGroup"] == [
        "create",
        "delete",
    ]
    assert len(before - set(nodes.names())) >= 2
    assert seen.budgets
    assert broken_in_change("replacement", seen) == []
