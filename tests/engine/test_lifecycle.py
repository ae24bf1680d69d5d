"""The life of each of the three clusters: made by an engine that is killed again and again, changed, protected, destroyed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import pytest

from kuber.rehearsal.engine import EngineError
from kuber.rehearsal.events import Run
from kuber.rehearsal.leftovers import CRD
from tests.engine.staging import StagedCluster, staged
from tests.engine.trees import charts_of
from tests.support import EKS, GKE, METAL, StackFile

KILLS_MAKING, KILLS_DESTROYING = 7, 10
"""How often the engine is killed at each cluster: more than 50 times at all three."""

CHANGES = {
    "prod-eks": EKS.set("tags", {"owner": "platform", "cost-center": "web"}),
    "prod-gke": GKE.set("tags", {"owner": "platform", "cost-center": "web"}),
    "colo-london": METAL.set("machines.lon-storage-3.labels", {"disks": "nvme-small"}),
}

STAY_FOR_EVER = {"prod-gke": ["gcp:kms/cryptoKey:CryptoKey prod-gke-secrets", "gcp:kms/keyRing:KeyRing prod-gke-keys"]}
"""Google Cloud deletes neither (docs/getting-started.md)."""


@dataclass
class Life:
    """What happened to a cluster so far.

    Attributes:
        cluster: The cluster.
        kills: How often the engine was killed.
        wrong: Where state, clouds and API server said different things after a kill, a line each.
        first_preview: What the first preview would do, by name.
    """

    cluster: StagedCluster
    first_preview: dict[str, str] = field(default_factory=dict[str, str])
    kills: int = 0
    wrong: list[str] = field(default_factory=list[str])

    def killed(self, run: Run) -> bool:
        """Look at what a kill has left, and lift the lock; False if the engine was through before."""
        if run.killed:
            self.kills += 1
            self.wrong += [f"kill {self.kills}, {run.command}: {line}" for line in self.cluster.out_of_line()]
            self.cluster.engine.recover(self.cluster.stack)
        return run.killed

    def bring_up(self) -> None:
        cluster = self.cluster
        preview = cluster.engine.preview(cluster.stack)
        self.first_preview = dict(preview.operations)
        made = [one for one in preview.resources if one["type"].split(":")[0] in preview.stand_ins]
        for _ in range(KILLS_MAKING):
            self.killed(cluster.engine.up(cluster.stack, kill_at=len(made) // (KILLS_MAKING + 1)))
        cluster.engine.up(cluster.stack)
        cluster.engine.refresh(cluster.stack, "--clear-pending-creates")


class OfACluster:
    """What holds of any cluster; its tests are one life, in their order."""

    file: ClassVar[StackFile]

    @pytest.fixture(scope="class")
    @classmethod
    def life(cls, tmp_path_factory: pytest.TempPathFactory, engine_tools: Path) -> Iterator[Life]:
        folder = tmp_path_factory.mktemp(cls.file.stack)
        with charts_of(cls.file, CHANGES[cls.file.stack]), staged(cls.file, folder) as cluster:
            made = Life(cluster)
            made.bring_up()
            yield made

    def test_made_by_an_engine_that_is_killed_again_and_again_it_is_all_there_once(self, life: Life) -> None:
        assert life.kills == KILLS_MAKING
        assert life.wrong == []
        assert life.cluster.out_of_line() == []
        assert set(life.first_preview.values()) == {"create"}

    def test_afterwards_a_preview_shows_no_change(self, life: Life) -> None:
        assert life.cluster.changes() == {}

    def test_every_custom_resource_is_served_by_its_crd(self, life: Life) -> None:
        """The API server has checked each by its schema; fields that a schema doesn't know it would have told of."""
        made = {one["type"].split(":")[1] for one in life.cluster.resources() if one["type"].startswith("kubernetes:")}
        api = life.cluster.stage.control_plane.api
        crds = {one["spec"]["group"] for one in api.list(("apiextensions.k8s.io/v1", CRD))}
        custom = {version for version in made if version.partition("/")[0] in crds}
        assert len(custom) >= 3
        assert life.cluster.unknown_fields() == []

    def test_a_change_touches_what_it_names_and_then_nothing_is_left_to_do(self, life: Life) -> None:
        cluster = life.cluster
        cluster.set(CHANGES[cluster.stack])
        changed = cluster.engine.up(cluster.stack)
        others = [step for step in changed.changes if step.operation != "update"]
        assert {step.type for step in others} <= {
            "kubernetes:storage.k8s.io/v1:StorageClass"
        }  # none can be changed in place
        assert cluster.engine.refresh(cluster.stack).changes == []
        assert cluster.changes() == {}

    def test_a_protected_cluster_is_not_destroyed_and_the_engine_says_how_it_would_be(self, life: Life) -> None:
        cluster = life.cluster
        if cluster.file.stack == METAL.stack:
            return
        before = cluster.resources()
        with pytest.raises(EngineError, match="cannot be deleted") as caught:
            cluster.engine.destroy(cluster.stack, preview_first=True)
        assert "remove the `protect` flag from the resource in your Pulumi program and run `pulumi up`" in str(
            caught.value
        )
        assert cluster.resources() == before
        assert cluster.out_of_line() == []

    def test_destroyed_by_an_engine_that_is_killed_again_and_again_it_leaves_nothing(self, life: Life) -> None:
        cluster = life.cluster
        if cluster.file.stack != METAL.stack:
            cluster.set(cluster.file.set("protect", False))
            cluster.engine.up(cluster.stack)
        life.kills = 0
        there = len(cluster.resources())
        runs = [cluster.engine.destroy(cluster.stack, kill_at=there // (KILLS_DESTROYING + 1))]
        while life.killed(runs[-1]):
            last = len(runs) >= KILLS_DESTROYING
            steps = None if last else there // (KILLS_DESTROYING + 1)
            runs.append(cluster.engine.destroy(cluster.stack, kill_at=steps))
        assert life.kills == KILLS_DESTROYING
        assert life.wrong == []
        assert cluster.left() == STAY_FOR_EVER.get(cluster.stack, [])
        order = [step.type for run in runs for step in run.changes if step.status == "done"]
        assert_after_all(order, "kubernetes:", ("aws:eks/nodeGroup:NodeGroup", "gcp:container/nodePool:NodePool"))
        assert_after_all(order, "aws:eks/nodeGroup:NodeGroup", ("aws:ec2/subnet:Subnet", "aws:eks/cluster:Cluster"))
        assert_after_all(order, "gcp:container/nodePool:NodePool", ("gcp:compute/subnetwork:Subnetwork",))


class TestProdEks(OfACluster):
    file = EKS


class TestProdGke(OfACluster):
    file = GKE


class TestColoLondon(OfACluster):
    file = METAL


def assert_after_all(order: list[str], first: str, then: tuple[str, ...]) -> None:
    """All of one type have gone before any of others."""
    of_first = [place for place, one in enumerate(order) if one.startswith(first)]
    of_then = [place for place, one in enumerate(order) if one in then]
    assert not of_first or not of_then or max(of_first) < min(of_then)
