"""The descheduler."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from tests.standard_stack.alone import alone
from tests.standard_stack.firing import case
from tests.standard_stack.promtool import assert_rules
from tests.standard_stack.rendered import stack_of
from tests.support import EKS


def policy(**given: Any) -> dict[str, Any]:
    """What the descheduler is told."""
    objects = stack_of(alone(EKS, descheduler={"enabled": True, **given}))
    return yaml.safe_load(objects.one("ConfigMap", "descheduler")["data"]["policy.yaml"])


def reasons(**given: Any) -> dict[str, dict[str, Any]]:
    """What makes it move a pod, with the details."""
    profile = policy(**given)["profiles"][0]
    enabled = {name for kind in profile["plugins"].values() for name in kind["enabled"]}
    told = {one["name"]: one["args"] for one in profile["pluginConfig"] if one["name"] != "DefaultEvictor"}
    assert enabled == told.keys()
    return told


def test_unless_told_otherwise_it_undoes_what_the_scheduler_would_not_do_again() -> None:
    assert sorted(reasons()) == ["RemoveDuplicates", "RemovePodsViolatingTopologySpreadConstraint"]


def test_each_reason_can_be_chosen() -> None:
    chosen = reasons(
        duplicates=False,
        topology_spread=False,
        low_utilization={"nearly_empty_percent": 25, "full_percent": 60},
        lifetime_days=30,
    )
    assert sorted(chosen) == ["LowNodeUtilization", "PodLifeTime"]
    assert chosen["LowNodeUtilization"]["thresholds"]["cpu"] == 25
    assert chosen["LowNodeUtilization"]["targetThresholds"]["memory"] == 60
    assert chosen["PodLifeTime"]["maxPodLifeTimeSeconds"] == 30 * 86_400


def test_pods_of_the_system_of_volumes_and_placeholders_stay() -> None:
    evictor = next(one["args"] for one in policy()["profiles"][0]["pluginConfig"] if one["name"] == "DefaultEvictor")
    priority = stack_of(alone(EKS, descheduler={"enabled": True})).one(
        "PriorityClass", evictor["priorityThreshold"]["name"]
    )
    assert priority["metadata"]["name"] == "cluster-service"
    assert "PodsWithPVC" in evictor["podProtections"]["extraEnabled"]
    assert evictor["labelSelector"]["matchExpressions"] == [{"key": "kuber.dev/headroom", "operator": "DoesNotExist"}]


def test_limits_interval_and_resources_reach_it() -> None:
    told = policy(most_from_node=2, most_in_namespace=3)
    assert (told["maxNoOfPodsToEvictPerNode"], told["maxNoOfPodsToEvictPerNamespace"]) == (2, 3)
    given = {"enabled": True, "interval": "30m", "resources": {"cpu": "1", "memory": "1Gi"}}
    container = stack_of(alone(EKS, descheduler=given)).container("Deployment", "descheduler", "descheduler")
    assert "--descheduling-interval=30m" in container["args"]
    limits = {key: value for key, value in container["resources"]["limits"].items() if value is not None}
    assert limits == {"memory": "1Gi"}


def test_it_can_say_what_it_would_do_and_do_nothing() -> None:
    def arguments(**given: Any) -> list[str]:
        return stack_of(alone(EKS, descheduler={"enabled": True, **given})).container(
            "Deployment", "descheduler", "descheduler"
        )["args"]

    assert "--dry-run=true" in arguments(dry_run=True)
    assert not any("dry-run" in one for one in arguments())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"duplicates": False, "topology_spread": False}, "descheduler: every reason to move a pod is off"),
        (
            {"low_utilization": {"nearly_empty_percent": 70, "full_percent": 60}},
            "descheduler.low_utilization.nearly_empty_percent: not below full_percent",
        ),
    ],
)
def test_what_can_not_be_is_told(given: dict[str, Any], message: str) -> None:
    assert message in EKS.set("standard_stack.descheduler", {"enabled": True, **given}).error()


def test_alerts_fire_when_it_moves_pods_without_end_or_none_at_all() -> None:
    monitored = {"alertmanager": {"existing_secret": "alertmanager-routes"}}
    objects = stack_of(alone(EKS, descheduler={"enabled": True}, monitoring=monitored))
    moved = 'descheduler_pods_evicted_total{result="%s",namespace="default",node="n1"}'
    names = ("DeschedulerMovesWithoutEnd", "DeschedulerCannotMovePods")
    looked = [
        case({moved % "success": "0+1x200", moved % "error": "7x200"}, 180, dict.fromkeys(names, 0)),
        case({moved % "success": "0+3x200", moved % "error": "0+1x200"}, 180, dict.fromkeys(names, 1)),
    ]
    assert_rules(objects, "descheduler", looked)


def test_it_is_off_unless_asked_for() -> None:
    assert not [at for at in stack_of(alone(EKS, metrics_api={})).identities if "descheduler" in at[1]]
