"""What is made of the events of watches: first of recorded ones, then of those of a real control plane."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kuber.rehearsal.api import ApiError
from kuber.rehearsal.control_plane import ControlPlane, NodeSpec
from kuber.rehearsal.observation import Ledger, Observer, PoolNodes
from tests.rehearsal.events import Told
from tests.requirements import control_plane


def test_nodes_that_come_and_go_are_counted_by_pool() -> None:
    told = Told().node("old-1", "workers").node("old-2", "workers").node("other", "system").begin()
    told.node("new-1", "workers").node("old-1", "workers", "MODIFIED").node("old-2", "workers", "DELETED")
    workers = PoolNodes(pool="workers", before=2, added=["new-1"], removed=["old-2"], after=2)
    system = PoolNodes(pool="system", before=1, added=[], removed=[], after=1)
    assert told.ledger.end(1).pools == [system, workers]


def test_an_evicted_pod_has_moved_and_one_lost_with_its_node_too() -> None:
    told = Told().node("n1", "w").deployment("web", 3, 3)
    for name in ("a", "b", "c"):
        told.pod(name, "ADDED", node="n1", ready=True)
    told.begin().at(1)
    told.pod("a", node="n1", disruption="EvictionByEvictionAPI", deleting=True).pod("a", "DELETED", node="n1")
    told.node("n1", "w", "DELETED").pod("b", "DELETED", node="n1", ready=True)
    told.at(2).pod("a2", "ADDED", node="n2", ready=True)
    (moved,) = told.ledger.end(3).moved
    assert (moved.workload, moved.pods) == ("Deployment shop/web", 2)
    assert moved.causes == {"evicted": 1, "lost with their node": 1}


def test_pods_of_a_new_version_replace_and_do_not_move() -> None:
    told = Told().node("n1", "w").deployment("web", 1, 1).pod("a", "ADDED", node="n1", ready=True).begin().at(1)
    told.pod("b", "ADDED", node="n1", template="v2", ready=True).at(2).pod("a", "DELETED", node="n1")
    seen = told.ledger.end(3)
    assert seen.moved == []
    assert seen.rolled == {"Deployment shop/web": 1}


def test_pods_of_a_workload_that_is_removed_or_made_smaller_have_not_moved() -> None:
    told = Told().node("n1", "w").deployment("web", 2, 2)
    told.pod("a", "ADDED", node="n1", ready=True).pod("b", "ADDED", node="n1", ready=True).begin().at(1)
    told.deployment("web", 1, 1).pod("b", "DELETED", node="n1", ready=True)
    assert told.ledger.end(2).moved == []
    told.deployment("web", 0, 0, "DELETED").pod("a", "DELETED", node="n1", ready=True)
    assert told.ledger.end(2).moved == []


def test_a_pod_that_waits_longer_than_a_while_is_told_with_the_schedulers_words() -> None:
    told = Told().deployment("web", 2, 0).begin()
    told.pod("short", "ADDED", why="no room").pod("long", "ADDED", why="0/3 nodes are available: 3 Insufficient cpu.")
    told.at(2).pod("short", node="n1", ready=True)
    (waiting,) = told.ledger.end(10).waiting
    assert (waiting.pods, waiting.at_the_end, waiting.longest_seconds) == (1, 1, 10)
    assert waiting.why == "0/3 nodes are available: 3 Insufficient cpu."
    told.at(11).pod("long", node="n1", ready=True)
    (waited,) = told.ledger.end(20).waiting
    assert (waited.at_the_end, waited.longest_seconds) == (0, 11)


def test_waiting_is_counted_from_the_beginning_of_what_is_observed() -> None:
    told = Told().deployment("web", 1, 0).pod("a", "ADDED", why="no room").at(100).begin()
    assert told.ledger.end(103).waiting == []
    assert told.ledger.end(106).waiting[0].longest_seconds == 6


def test_a_placeholder_may_wait() -> None:
    told = Told().deployment("web", 1, 0).begin().pod("a", "ADDED", why="no room", priority=-1)
    seen = told.ledger.end(10)
    assert seen.waiting[0].placeholder
    assert seen.short[0].placeholder


def test_a_budget_is_shown_at_its_lowest_and_as_broken_below_what_it_asks_for() -> None:
    told = Told().node("n1", "w").deployment("web", 3, 3)
    for name in ("a", "b", "c"):
        told.pod(name, "ADDED", node="n1", ready=True)
    told.budget(3, 2, 3, allowed=1).begin().at(1).budget(2, 2, 3)
    (kept,) = told.ledger.end(2).budgets
    assert (kept.healthy, kept.desired, kept.expected, kept.allowed, kept.broken) == (2, 2, 3, 0, False)
    told.at(3).node("n1", "w", "DELETED").pod("a", "DELETED", node="n1").pod("b", "DELETED", node="n1")
    told.budget(1, 2, 3).at(5).budget(3, 2, 3, allowed=1)
    (broken,) = told.ledger.end(6).budgets
    assert (broken.healthy, broken.broken, broken.why) == (1, True, "2 lost with their node")


def test_pods_that_come_up_one_by_one_are_no_low() -> None:
    told = Told().deployment("web", 3, 0).begin().budget(2, 2, 3).budget(3, 2, 3, allowed=1)
    (budget,) = told.ledger.end(1).budgets
    assert (budget.healthy, budget.allowed) == (3, 1)
    told.budget(2, 2, 3)
    (budget,) = told.ledger.end(2).budgets
    assert (budget.healthy, budget.allowed) == (2, 0)


def test_a_budget_is_judged_anew_after_each_beginning() -> None:
    told = Told().deployment("web", 3, 3).budget(3, 2, 3, allowed=1).budget(1, 2, 3).budget(3, 2, 3, allowed=1).begin()
    (budget,) = told.ledger.end(1).budgets
    assert (budget.healthy, budget.broken) == (3, False)


def test_a_budget_that_was_broken_before_the_beginning_is_broken_again_only_by_what_goes_since() -> None:
    told = Told().deployment("web", 3, 3).budget(3, 2, 3, allowed=1).begin().at(1).budget(0, 2, 3)
    assert [one.broken for one in told.ledger.end(2).budgets] == [True]
    told.at(3).begin().at(4).budget(1, 2, 3)
    assert [(one.healthy, one.broken) for one in told.ledger.end(5).budgets] == [(0, False)]
    told.at(6).begin().at(7).budget(0, 2, 3)
    assert [(one.healthy, one.broken) for one in told.ledger.end(8).budgets] == [(0, True)]
    told.at(9).begin().at(10).budget(2, 2, 3).budget(1, 2, 3)
    assert [(one.healthy, one.broken) for one in told.ledger.end(11).budgets] == [(0, True)]


@pytest.mark.parametrize(
    ("statuses", "why"),
    [
        ([(0, 2, 3), (1, 2, 3)], "its pods come up for the first time"),
        ([(3, 2, 3), (3, 5, 6)], "it asks for more than before, since the workload is to be larger"),
    ],
)
def test_an_unmet_budget_is_not_broken(statuses: list[tuple[int, int, int]], why: str) -> None:
    told = Told().deployment("web", 3, 3).begin()
    for status in statuses:
        told.budget(*status)
    assert [one for one in told.ledger.end(1).budgets if one.broken] == [], why


def test_a_budget_is_not_broken_by_the_removal_of_its_workload() -> None:
    told = (
        Told().deployment("web", 2, 2).pod("a", "ADDED", node="n", ready=True).budget(2, 1, 2, allowed=1).begin().at(1)
    )
    told.deployment("web", 0, 0, "DELETED").pod("a", "DELETED", node="n", ready=True).budget(0, 1, 2)
    assert not told.ledger.end(2).budgets[0].broken


def test_a_status_of_an_older_generation_of_a_budget_tells_nothing() -> None:
    told = Told().begin()
    stale: dict[str, Any] = {
        "metadata": {"name": "web", "namespace": "shop", "uid": "p", "generation": 2},
        "spec": {"selector": {}},
        "status": {"observedGeneration": 1, "currentHealthy": 3, "desiredHealthy": 2, "expectedPods": 3},
    }
    assert told.tell("PodDisruptionBudget", "ADDED", stale).ledger.end(1).budgets == []


def test_a_workload_without_any_ready_pod_is_an_outage_only_once_it_ran() -> None:
    told = Told().deployment("web", 2, 0).begin()
    assert told.ledger.end(5).outages == []
    told.at(5).deployment("web", 2, 2).at(10).deployment("web", 2, 0).at(12.5).deployment("web", 2, 1)
    (outage,) = told.ledger.end(20).outages
    assert (outage.workload, outage.seconds, outage.at_the_end) == ("Deployment shop/web", 2.5, False)
    told.at(21).deployment("web", 2, 0)
    assert told.ledger.end(22).outages[0].at_the_end


def test_a_workload_that_is_short_of_pods_says_why_in_the_api_servers_words() -> None:
    refusal = 'pods "web-v1-abcde" is forbidden: violates PodSecurity "restricted:latest"'
    told = Told().begin().deployment("web", 2, 1)
    told.warning("FailedCreate", "ReplicaSet", "web-v0", "an old one").at(3)
    told.warning("FailedCreate", "ReplicaSet", "web-v1", refusal).warning("FailedCreate", "ReplicaSet", "else-v1", "no")
    (short,) = told.ledger.end(5).short
    assert (short.ready, short.wanted, short.why) == (1, 2, refusal)


def test_warnings_are_counted_since_the_beginning() -> None:
    told = Told().warning("FailedMount", "Pod", "web-v1-abcde", "no such volume", 3).begin()
    assert told.ledger.end(1).warnings == []
    told.warning("FailedMount", "Pod", "web-v1-abcde", "no such volume", 5)
    told.warning("FailedMount", "Pod", "web-v1-fghij", "no such volume", 1)
    (warned,) = told.ledger.end(1).warnings
    assert (warned.about, warned.times) == ("Pod shop/web-v1", 3)


def test_restarts_are_counted_since_the_beginning() -> None:
    told = Told().pod("a", "ADDED", node="n", ready=True, restarts=2).begin().pod("a", node="n", ready=True, restarts=3)
    assert told.ledger.end(1).restarts == 1


def test_telling_everything_again_changes_nothing() -> None:
    def tell(told: Told) -> None:
        told.node("n1", "w").deployment("web", 1, 1).pod("a", node="n1", ready=True).budget(1, 0, 1, allowed=1)

    once, twice = Told().begin(), Told().begin()
    tell(once)
    tell(twice)
    tell(twice)
    assert once.ledger.end(1) == twice.ledger.end(1)


# With a real control plane.


@pytest.fixture(scope="module")
def cluster() -> Iterator[ControlPlane]:
    control_plane()
    with ControlPlane() as started:
        yield started


def _nodes(pool: str, number: int) -> list[NodeSpec]:
    return [
        NodeSpec(
            name=f"{pool}-{index}",
            pool=pool,
            zone=f"zone-{index}",
            region="here",
            instance_type="large",
            cpu="4",
            memory="16Gi",
            pods=50,
            labels={"kuber.dev/pool": pool},
        )
        for index in range(number)
    ]


def _service(name: str, cpu: str, **budget: Any) -> list[dict[str, Any]]:
    labels = {"app": name}
    container = {"name": "service", "image": "registry.k8s.io/pause", "resources": {"requests": {"cpu": cpu}}}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {
                "replicas": 4,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        },
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {**budget, "selector": {"matchLabels": labels}},
        },
    ]


def test_a_drain_keeps_the_budget_a_forced_one_breaks_it_and_a_lost_pool_leaves_pods_waiting(
    cluster: ControlPlane,
) -> None:
    with Observer(cluster.api, Ledger(patience_seconds=5)) as observer:
        observer.begin()
        cluster.nodes.add(_nodes("old", 3))
        for one in [*_service("web", "500m", maxUnavailable=1), *_service("stubborn", "400m", maxUnavailable=0)]:
            cluster.api.create(one)
        assert observer.settle(30)
        assert [one.healthy for one in observer.end().budgets] == [4, 4]

        observer.begin()
        cluster.nodes.add(_nodes("new", 3))
        cluster.nodes.remove([spec.name for spec in _nodes("old", 3)], drain_seconds=3)
        assert observer.settle(30)
        seen = observer.end()
        stubborn, web = seen.budgets
        assert (web.name, web.healthy, web.broken) == ("default/web", 3, False)
        assert (stubborn.name, stubborn.broken) == ("default/stubborn", True)
        assert stubborn.why == "4 lost with their node"
        assert {one.workload: one.causes for one in seen.moved} == {
            "Deployment default/web": {"evicted": 4},
            "Deployment default/stubborn": {"lost with their node": 4},
        }
        assert [(one.pool, len(one.added), len(one.removed)) for one in seen.pools] == [("new", 3, 0), ("old", 0, 3)]

        observer.begin()
        cluster.nodes.interrupt([spec.name for spec in _nodes("new", 3)])
        assert not observer.settle(30)
        seen = observer.end()
        assert {one.workload for one in seen.outages if one.at_the_end} == {
            "Deployment default/stubborn",
            "Deployment default/web",
        }
        assert {(one.pods, one.at_the_end) for one in seen.waiting} == {(4, 4)}
        assert all("no nodes available" in one.why for one in seen.waiting)


def test_watches_that_are_broken_off_are_taken_up_again(cluster: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> None:
    api, watch = cluster.api, cluster.api.watch
    broken: list[str] = []

    def breaking(kind: tuple[str, str], *given: Any, **options: Any) -> Iterator[Any]:
        if kind[1] == "Node" and len(broken) < 2:
            broken.append(kind[1])
            raise ApiError("too old resource version", status=410)
        yield from watch(kind, *given, **options)

    monkeypatch.setattr(api, "watch", breaking)
    with Observer(api, Ledger()) as observer:
        observer.begin()
        cluster.nodes.add(_nodes("late", 1))
        pools: list[str] = []
        for _ in range(100):
            pools = [one.pool for one in observer.end().pools if one.after]
            if "late" in pools and len(broken) == 2:
                break
            observer.settle(0.2)
        assert broken == ["Node", "Node"]
        assert "late" in pools
