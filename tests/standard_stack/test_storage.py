"""Storage classes."""

from __future__ import annotations

import json

import pytest

from components.standard_stack.site import Site
from components.standard_stack.storage import default_storage_class
from config.advice import advice
from config.release import read_release
from tests.standard_stack.alone import alone
from tests.standard_stack.firing import case
from tests.standard_stack.promtool import assert_rules
from tests.standard_stack.rendered import Objects, stack_of
from tests.support import EKS, GKE, METAL, TODAY, StackFile

MONITORED = {"alertmanager": {"existing_secret": "alertmanager-routes"}}
DEFAULT = "storageclass.kubernetes.io/is-default-class"


def classes(objects: Objects) -> dict[str, dict[str, str]]:
    """Parameters of the classes, by name."""
    return {one["metadata"]["name"]: one.get("parameters", {}) for one in objects.all("StorageClass")}


def defaults(objects: Objects) -> list[str]:
    """Classes of claims that name none."""
    return [
        one["metadata"]["name"]
        for one in objects.all("StorageClass")
        if one["metadata"]["annotations"][DEFAULT] == "true"
    ]


def default_of(file: StackFile) -> str:
    settings = file.read()
    return default_storage_class(Site(name=file.stack, settings=settings, release=read_release(settings.release)))


def test_disks_on_aws_are_encrypted_made_in_the_pods_zone_and_carry_the_clusters_tags() -> None:
    objects = stack_of(alone(EKS, storage={}))
    for one in objects.all("StorageClass"):
        assert one["provisioner"] == "ebs.csi.aws.com"
        assert one["parameters"]["encrypted"] == "true"
        assert one["volumeBindingMode"] == "WaitForFirstConsumer"
        tags = [value for key, value in one["parameters"].items() if key.startswith("tagSpecification_")]
        assert {"kuber:cluster=prod-eks", "owner=platform"} <= set(tags)
    assert classes(objects)["kuber-fast"]["iops"] == "6000"
    assert "iops" not in classes(objects)["kuber-standard"]


def test_type_speed_key_and_reclaim_policy_reach_the_classes() -> None:
    key = "arn:aws:kms:eu-west-1:210987654321:key/0a1b"
    given = {
        "standard": {"iops": 4000, "throughput_mib": 250},
        "fast": {"type": "io2", "iops": 20000},
        "encryption_key": key,
        "reclaim_policy": "Retain",
    }
    objects = stack_of(alone(EKS, storage=given))
    standard, fast = classes(objects)["kuber-standard"], classes(objects)["kuber-fast"]
    assert (standard["type"], standard["iops"], standard["throughput"]) == ("gp3", "4000", "250")
    assert (fast["type"], fast["iops"], fast["kmsKeyId"]) == ("io2", "20000", key)
    assert {one["reclaimPolicy"] for one in objects.all("StorageClass")} == {"Retain"}


def test_on_google_cloud_the_disk_is_one_that_all_machines_take() -> None:
    classic = classes(stack_of(alone(GKE, storage={})))
    assert (classic["kuber-standard"]["type"], classic["kuber-fast"]["type"]) == ("pd-balanced", "pd-ssd")
    newer = {"machine_types": ["c4-standard-8"], "min": 3, "max": 6, "disk_type": "hyperdisk-balanced"}
    hyperdisk = classes(stack_of(alone(GKE.set("pools", {"system": newer}), storage={})))
    assert hyperdisk["kuber-standard"]["type"] == "hyperdisk-balanced"
    assert hyperdisk["kuber-fast"]["provisioned-throughput-on-create"] == "500Mi"


def test_pools_whose_machines_do_not_take_the_disk_are_told() -> None:
    newer = {"machine_types": ["c4-standard-8"], "min": 0, "max": 6, "disk_type": "hyperdisk-balanced"}
    told = list(advice(alone(GKE.set("pools.workers", newer), storage={}).read(), TODAY))
    assert "machines of workers take no pd-balanced: volumes of kuber-standard can't be used there" in told
    assert not any("take no" in one for one in advice(GKE.read(), TODAY))


def test_one_class_is_the_default_and_another_can_be() -> None:
    assert defaults(stack_of(alone(EKS, storage={}))) == ["kuber-standard"]
    fast = alone(EKS, storage={"default_class": "kuber-fast"})
    assert defaults(stack_of(fast)) == ["kuber-fast"]
    assert defaults(stack_of(alone(EKS, storage={"default_class": "ceph"}))) == []


def test_without_the_fast_class_there_is_one() -> None:
    assert list(classes(stack_of(alone(EKS, storage={"fast": None})))) == ["kuber-standard"]


def test_other_parts_are_told_the_default_class_of_each_platform() -> None:
    assert [default_of(file) for file in (EKS, GKE, METAL)] == ["kuber-standard", "kuber-standard", "local-path"]
    off = {"enabled": False}
    assert [default_of(alone(file, storage=off)) for file in (EKS, GKE, METAL)] == ["gp2", "standard-rwo", "local-path"]
    assert default_of(METAL.set("standard_stack.storage", {"default_class": "ceph-block"})) == "ceph-block"


def test_volumes_of_own_machines_are_where_the_stack_file_says() -> None:
    given = {
        "local_path": "/data",
        "machine_paths": {"lon-storage-1": ["/nvme0"], "lon-worker-1": []},
        "reclaim_policy": "Retain",
    }
    objects = stack_of(alone(METAL, storage=given))
    paths = json.loads(objects.one("ConfigMap", "local-path-config")["data"]["config.json"])["nodePathMap"]
    assert {one["node"]: one["paths"] for one in paths} == {
        "DEFAULT_PATH_FOR_NON_LISTED_NODES": ["/data"],
        "lon-storage-1": ["/nvme0"],
        "lon-worker-1": [],
    }
    assert objects.one("StorageClass", "local-path")["reclaimPolicy"] == "Retain"
    assert defaults(objects) == ["local-path"]


def test_pods_that_make_folders_run_the_pinned_image() -> None:
    objects = stack_of(alone(METAL, storage={}))
    helper = objects.one("ConfigMap", "local-path-config")["data"]["helperPod.yaml"]
    busybox = read_release("2026.11").images["busybox"].reference()
    assert busybox in helper
    assert any(
        busybox in argument
        for argument in objects.container("Deployment", "local-path-provisioner", "local-path-provisioner")["command"]
    )


@pytest.mark.parametrize(
    ("file", "given", "message"),
    [
        (EKS, {"local_path": "/data"}, "storage.local_path: the cloud's disks carry volumes here"),
        (METAL, {"fast": None}, "storage.fast: own machines have no disks of a cloud"),
        (METAL, {"machine_paths": {"lon-9": ["/x"]}}, "storage.machine_paths.lon-9: no machine of the inventory"),
        (EKS, {"standard": {"type": "pd-ssd"}}, "storage.standard.type: another cloud's type of disk"),
        (GKE, {"standard": {"iops": 5000}}, "storage.standard.iops: pd-balanced has no such setting"),
        (EKS, {"fast": {"type": "io2"}}, "storage.fast.iops: io2 needs it"),
        (GKE, {"encryption_key": "arn:aws:kms:eu-west-1:1:key/0"}, "storage.encryption_key: another cloud's key"),
    ],
)
def test_what_a_platform_has_not_is_told(file: StackFile, given: dict[str, object], message: str) -> None:
    error = file.set("standard_stack.storage", given).error()
    assert message in error
    assert error.count("\nPulumi.") + error.startswith("Pulumi.") <= 2


def test_a_claim_without_a_volume_is_told_only_where_a_pod_waits_for_it() -> None:
    claim = 'kube_persistentvolumeclaim_status_phase{namespace="default",persistentvolumeclaim="%s",phase="Pending"}'
    waiting = (
        'kube_pod_spec_volumes_persistentvolumeclaims_info{namespace="default",persistentvolumeclaim="%s",pod="db-0"}'
    )
    series = {claim % "waited-for": "1x60", waiting % "waited-for": "1x60", claim % "not-yet-used": "1x60"}
    objects = stack_of(alone(EKS, storage={}, monitoring=MONITORED))
    looked = [case(series, minutes, {"VolumeNotProvided": count}) for minutes, count in ((10, 0), (20, 1))]
    assert_rules(objects, "storage", looked)


def test_turned_off_nothing_of_it_is_left() -> None:
    objects = stack_of(alone(METAL, metrics_api={}))
    assert not [at for at in objects.identities if at[1] == "system-storage" or at[0].endswith("StorageClass")]
