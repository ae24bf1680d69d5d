"""The cluster autoscaler, and room held ready."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.advice import advice
from tests.standard_stack.alone import alone
from tests.standard_stack.firing import case
from tests.standard_stack.promtool import assert_rules
from tests.standard_stack.rendered import Objects, stack_of
from tests.support import EKS, GKE, METAL, TODAY

MONITORED = {"alertmanager": {"existing_secret": "alertmanager-routes"}}
SPIKE = {"start": "2026-11-27T06:00:00Z", "end": "2026-11-30T06:00:00Z", "nodes": 20}
SALE = {"start": "2026-12-24T06:00:00Z", "end": "2026-12-26T06:00:00Z", "nodes": 9}
HEADROOM = {
    "workers-spot": {"nodes": 2, "windows": {"black-friday": SPIKE, "sale": SALE}},
    "workers-spot-memory": {"replicas": 4, "cpu": "500m", "memory": "2Gi"},
    "workers": {"nodes": 0, "windows": {"sale": SALE}},
}
READY = alone(EKS, autoscaling={"headroom": HEADROOM})


def arguments(objects: Objects) -> dict[str, str]:
    """Flags of the autoscaler, the last of each."""
    command = objects.container("Deployment", "cluster-autoscaler", "aws-cluster-autoscaler")["command"]
    return dict(re.findall(r"--([a-z-]+)=(\S+)", "\n".join(command)))


def groups(objects: Objects) -> dict[int, list[str]]:
    """Expressions for names of groups, by priority."""
    return yaml.safe_load(objects.one("ConfigMap", "cluster-autoscaler-priority-expander")["data"]["priorities"])


def test_spot_pools_are_tried_first_and_on_demand_ones_when_there_is_no_spot_capacity() -> None:
    by_priority = groups(stack_of(alone(EKS, autoscaling={})))
    name = "eks-{}-0a1b2c-3cc8a5b1-0d5e-4c8d-9d3f-0123456789ab"

    def priority(pool: str) -> list[int]:
        return [one for one, names in by_priority.items() if any(re.search(each, name.format(pool)) for each in names)]

    assert [priority(pool) for pool in ("workers-spot", "workers-spot-memory", "workers", "system")] == [
        [50],
        [50],
        [10],
        [10],
    ]
    given = arguments(stack_of(alone(EKS, autoscaling={})))
    assert given["expander"] == "priority,least-waste"
    assert given["balance-similar-node-groups"] == "true"


def test_settings_reach_the_autoscaler() -> None:
    given = {
        "replicas": 3,
        "resources": {"cpu": "1", "memory": "1Gi"},
        "priorities": {"workers": 70},
        "scale_down": {"utilization_percent": 65, "unneeded_time": "20m", "delay_after_add": "5m"},
        "max_node_provision_time": "7m",
    }
    objects = stack_of(alone(EKS, autoscaling=given))
    flags = arguments(objects)
    assert (flags["scale-down-utilization-threshold"], flags["scale-down-unneeded-time"]) == ("0.65", "20m")
    assert (flags["scale-down-delay-after-add"], flags["max-node-provision-time"]) == ("5m", "7m")
    assert list(groups(objects)) == [70, 50, 10]
    assert objects.one("Deployment", "cluster-autoscaler")["spec"]["replicas"] == 3
    container = objects.container("Deployment", "cluster-autoscaler", "aws-cluster-autoscaler")
    assert container["resources"] == {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}
    kept = stack_of(alone(EKS, autoscaling={"scale_down": {"enabled": False}}))
    assert arguments(kept)["scale-down-enabled"] == "false"


def test_it_may_change_groups_of_its_own_cluster_alone() -> None:
    rights = stack_of(alone(EKS, autoscaling={})).rights("autoscaling")
    assert list(rights) == ["cluster-autoscaler"]
    changing = [
        one
        for one in rights["cluster-autoscaler"].aws_statements
        if not all(":Describe" in a or ":Get" in a for a in one.actions)
    ]
    assert [sorted(one.actions) for one in changing] == [
        ["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"]
    ]
    assert changing[0].conditions == {"StringEquals": {"aws:ResourceTag/k8s.io/cluster-autoscaler/prod-eks": "owned"}}


def test_spot_and_on_demand_pools_of_the_same_machines_are_not_evened_out() -> None:
    command = stack_of(alone(EKS, autoscaling={})).container(
        "Deployment", "cluster-autoscaler", "aws-cluster-autoscaler"
    )["command"]
    ignored = {one.partition("=")[2] for one in command if one.startswith("--balancing-ignore-label=")}
    assert "kuber.dev/pool" in ignored
    assert "kuber.dev/capacity" not in ignored


def test_the_autoscaler_is_of_the_clusters_minor() -> None:
    assert (
        ":v1.35."
        in stack_of(alone(EKS, autoscaling={})).container("Deployment", "cluster-autoscaler", "aws-cluster-autoscaler")[
            "image"
        ]
    )
    newer = EKS.set("release", "2026.08").set("kubernetes", {"version": "1.36"})
    assert "the cluster autoscaler is of 1.35: release 2026.08 has none of 1.36" in list(advice(newer.read(), TODAY))
    assert (
        "release 2026.08 has no cluster autoscaler for Kubernetes 1.37"
        in newer.set("kubernetes", {"version": "1.37"}).error()
    )


def test_gke_keeps_its_own_autoscaler_and_gets_headroom() -> None:
    given = {"headroom": {"workers-spot-n2d": {"nodes": 3}}}
    objects = stack_of(alone(GKE, autoscaling=given))
    assert objects.one("Deployment", "headroom-workers-spot-n2d")["spec"]["replicas"] == 3
    assert not objects.has("Deployment", "cluster-autoscaler")
    assert stack_of(alone(GKE, autoscaling={})).part("autoscaling") == []
    assert (
        "autoscaling.replicas: the platform has its own autoscaler"
        in GKE.set("standard_stack.autoscaling", {"replicas": 1}).error()
    )


def test_own_machines_have_neither_and_asking_for_them_is_an_error() -> None:
    assert stack_of(alone(METAL, autoscaling={})).part("autoscaling") == []
    error = METAL.set("standard_stack.autoscaling", {"headroom": {"general": {"nodes": 1}}}).error()
    assert "autoscaling.headroom: own machines can't be made when they are needed" in error


def placeholder(name: str) -> dict[str, Any]:
    """The pod template of a Deployment of placeholders."""
    return stack_of(READY).one("Deployment", name)["spec"]["template"]["spec"]


def test_placeholders_take_whole_nodes_of_their_pool_and_give_way_to_anything() -> None:
    pod = placeholder("headroom-workers-spot")
    assert stack_of(READY).one("Deployment", "headroom-workers-spot")["spec"]["replicas"] == 2
    assert pod["nodeSelector"] == {"kuber.dev/pool": "workers-spot"}
    assert pod["terminationGracePeriodSeconds"] == 0
    priority = stack_of(READY).one("PriorityClass", pod["priorityClassName"])["value"]
    assert -10 <= priority < 0, "the autoscaler leaves pods below -10 out of account; pods without a class have 0"
    requests = pod["containers"][0]["resources"]["requests"]
    cpu, memory = int(requests["cpu"].removesuffix("m")), int(requests["memory"].removesuffix("Mi"))
    assert 4000 < cpu < 7910 - 500, (
        "more than half of eight processors, less than what is left of them beside DaemonSets"
    )
    assert memory < 32 * 1024 * 0.94 - 1024 - 893


def test_placeholders_of_a_size_stand_the_taints_of_their_pool() -> None:
    pod = placeholder("headroom-workers-spot-memory")
    assert pod["containers"][0]["resources"]["requests"] == {"cpu": "500m", "memory": "2Gi"}
    assert {"key": "workload", "operator": "Equal", "value": "memory", "effect": "NoSchedule"} in pod["tolerations"]


def test_placeholders_hold_up_neither_drains_nor_whoever_runs_up() -> None:
    budgets = [one for one in stack_of(READY).all("PodDisruptionBudget") if "headroom" in one["metadata"]["name"]]
    assert [one["spec"]["maxUnavailable"] for one in budgets] == ["100%"]
    deployment = stack_of(READY).one("Deployment", "headroom-workers-spot")
    assert deployment["metadata"]["annotations"]["pulumi.com/skipAwait"] == "true"


def test_the_program_leaves_the_number_to_the_clock_where_windows_own_it() -> None:
    assert "replicas" not in stack_of(READY).one("Deployment", "prescale-workers-spot")["spec"]
    assert not stack_of(READY).has("Deployment", "headroom-workers"), "none are held ready outside windows"
    assert not stack_of(READY).has("CronJob", "prescale-workers-spot-memory"), "it has no windows"


def wanted(tmp_path: Path, pool: str, moment: str) -> int:
    """What the job would patch at a moment: its script, run with a clock that stands."""
    data = stack_of(READY).one("ConfigMap", "headroom-windows")["data"]
    (tmp_path / "bin").mkdir(exist_ok=True)
    clock = tmp_path / "bin" / "date"
    clock.write_text(f'#!/bin/sh\n[ "$*" = "-u +%s" ] && echo {int(datetime.fromisoformat(moment).timestamp())}\n')
    clock.chmod(0o755)
    for name, text in data.items():
        (tmp_path / name).write_text(text)
    patch = tmp_path / "scale.json"
    init = stack_of(READY).one("CronJob", f"prescale-{pool}")["spec"]["jobTemplate"]["spec"]["template"]["spec"][
        "initContainers"
    ][0]
    command = [
        part.replace("/windows/", f"{tmp_path}/").replace("/run/prescale/scale.json", str(patch))
        for part in init["command"]
    ]
    subprocess.run(command, check=True, env={"PATH": f"{tmp_path}/bin:/usr/bin:/bin"}, capture_output=True)
    return json.loads(patch.read_text())["spec"]["replicas"]


@pytest.mark.parametrize(
    ("moment", "added"),
    [
        ("2026-11-27T05:59:59Z", 0),
        ("2026-11-27T06:00:00Z", 18),
        ("2026-11-30T05:59:59Z", 18),
        ("2026-11-30T06:00:00Z", 0),
        ("2026-12-25T00:00:00Z", 7),
        ("2027-11-28T00:00:00Z", 0),
    ],
)
def test_in_a_window_what_is_missing_to_its_number_is_added(tmp_path: Path, moment: str, added: int) -> None:
    assert wanted(tmp_path, "workers-spot", moment) == added


def test_each_pool_has_its_own_windows(tmp_path: Path) -> None:
    assert [wanted(tmp_path, "workers", at) for at in ("2026-11-28T00:00:00Z", "2026-12-25T00:00:00Z")] == [0, 9]


def test_the_job_may_scale_the_added_placeholders_and_nothing_else() -> None:
    rules = stack_of(READY).one("Role", "headroom-windows")["rules"]
    assert rules == [
        {
            "apiGroups": ["apps"],
            "resources": ["deployments/scale"],
            "resourceNames": ["prescale-workers-spot", "prescale-workers"],
            "verbs": ["get", "patch"],
        }
    ]
    pod = stack_of(READY).one("CronJob", "prescale-workers-spot")["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    assert pod["serviceAccountName"] == "headroom-windows"
    assert pod["containers"][0]["command"][1:4] == ["patch", "deployment", "prescale-workers-spot"]


@pytest.mark.parametrize(
    ("headroom", "message"),
    [
        ({"workers-spot": {"nodes": 61}}, "headroom.workers-spot: more than the pool may have"),
        (
            {"workers-spot": {"nodes": 1, "windows": {"w": {**SPIKE, "nodes": 61}}}},
            "windows.w: more than the pool may have",
        ),
        (
            {"workers-spot": {"replicas": 900, "cpu": "1", "memory": "1Gi"}},
            "headroom.workers-spot: more than the pool may have",
        ),
        (
            {"workers-spot": {"nodes": 1, "windows": {"w": {**SPIKE, "end": SPIKE["start"]}}}},
            "windows.w.end: the window ends before",
        ),
        ({"workers-spot": {"nodes": 1, "windows": {"a": SPIKE, "b": SPIKE}}}, "windows.b: overlaps with a"),
        (
            {"workers-spot": {"nodes": 20, "windows": {"w": SPIKE}}},
            "windows.w.nodes: no more than is held ready anyway",
        ),
        (
            {"workers-spot": {"nodes": 1, "cpu": "1"}},
            "headroom.workers-spot: held ready are whole nodes or placeholders of a size",
        ),
        ({"workers-spot": {"replicas": 1, "cpu": "1"}}, "headroom.workers-spot: a placeholder's size isn't whole"),
        (
            {"workers-spot": {"replicas": 1, "cpu": "1", "memory": "1Gi", "windows": {"w": SPIKE}}},
            "windows.w: counts in another unit",
        ),
        ({"workers-spot": {"nodes": 0}}, "headroom.workers-spot: nothing is held ready"),
        ({"elsewhere": {"nodes": 1}}, "headroom.elsewhere: no pool of this cluster"),
    ],
)
def test_headroom_that_can_not_be_is_told_once(headroom: dict[str, Any], message: str) -> None:
    error = EKS.set("standard_stack.autoscaling", {"headroom": headroom}).error()
    assert message in error
    assert len(re.findall(r"(?m)^Pulumi\.", error)) == 1


def test_whole_nodes_of_machines_of_unknown_size_are_refused() -> None:
    file = EKS.set("pools.workers.machine_types", ["i4i.2xlarge"])
    error = file.set("standard_stack.autoscaling", {"headroom": {"workers": {"nodes": 1}}}).error()
    assert "headroom.workers.nodes: the size of i4i.2xlarge isn't known here" in error


def test_a_window_that_is_over_is_told_from_the_next_day_on() -> None:
    settings = READY.read()

    def over(day: date) -> list[str]:
        return [one for one in advice(settings, day) if "is over" in one]

    assert over(TODAY) == over(date(2026, 11, 30)) == []
    assert over(date(2026, 12, 1)) == [
        "headroom of workers-spot: the window black-friday is over since 2026-11-30T06:00:00Z; it may be removed"
    ]


def test_alerts_fire_when_nodes_do_not_come() -> None:
    objects = stack_of(alone(EKS, autoscaling={"headroom": HEADROOM}, monitoring=MONITORED))
    safe = {"cluster_autoscaler_cluster_safe_to_autoscale": "1x120"}
    group = 'node_group="eks-workers"'
    kept = '{namespace="system-autoscaling",%s}'
    well = {
        **safe,
        'cluster_autoscaler_unschedulable_pods_count{type="unschedulable"}': "0x120",
        'cluster_autoscaler_failed_scale_ups_total{reason="timeout"}': "3x120",
        f"cluster_autoscaler_node_group_target_count{{{group}}}": "19x120",
        f"cluster_autoscaler_node_group_max_count{{{group}}}": "20x120",
        "kube_deployment_spec_replicas" + kept % 'deployment="headroom-workers-spot"': "2x120",
        "kube_deployment_status_replicas_ready" + kept % 'deployment="headroom-workers-spot"': "2x120",
        "kube_cronjob_status_last_successful_time" + kept % 'cronjob="prescale-workers-spot"': "0+60x120",
    }
    ill = {
        "cluster_autoscaler_cluster_safe_to_autoscale": "0x120",
        'cluster_autoscaler_unschedulable_pods_count{type="unschedulable"}': "4x120",
        'cluster_autoscaler_failed_scale_ups_total{reason="timeout"}': "0+1x120",
        f"cluster_autoscaler_node_group_target_count{{{group}}}": "20x120",
        f"cluster_autoscaler_node_group_max_count{{{group}}}": "20x120",
        "kube_deployment_spec_replicas" + kept % 'deployment="prescale-workers-spot"': "18x120",
        "kube_deployment_status_replicas_ready" + kept % 'deployment="prescale-workers-spot"': "7x120",
        "kube_cronjob_status_last_successful_time" + kept % 'cronjob="prescale-workers-spot"': "0x120",
    }
    alerts = (
        "ClusterAutoscalerHasStopped",
        "PodsWaitForNodes",
        "NodesDoNotCome",
        "NodePoolAtItsMaximum",
        "HeadroomIsNotThere",
        "HeadroomWindowsAreNotKept",
    )
    looked = [
        case(well, 100, {**dict.fromkeys(alerts, 0), "ClusterAutoscalerAbsent": 0}),
        case(ill, 100, dict.fromkeys(alerts, 1)),
        case({"up": "1x120"}, 30, {"ClusterAutoscalerAbsent": 1}),
    ]
    assert_rules(objects, "autoscaling", looked)


def test_turned_off_nothing_of_it_is_left() -> None:
    objects = stack_of(alone(EKS, metrics_api={}))
    assert not [at for at in objects.identities if at[1] == "system-autoscaling" or "autoscaler" in at[2]]
