"""A cluster on one's own machines, as its plan shows it."""

from __future__ import annotations

from tests.plans import Resource, plan
from tests.support import METAL, METAL_OTHERWISE

PATCH = "kubernetes:core/v1:NodePatch"


def nodes() -> dict[str, Resource]:
    return {patch.inputs["metadata"]["name"]: patch for patch in plan(METAL).all(PATCH)}


def test_each_machine_of_the_inventory_is_one_patch_of_its_node() -> None:
    assert len(nodes()) == 12
    assert {"lon-cp-1", "lon-worker-6", "lon-storage-3"} <= set(nodes())


def test_a_node_is_labelled_with_its_place_and_pool() -> None:
    assert nodes()["lon-worker-2"].inputs["metadata"]["labels"] == {
        "topology.kubernetes.io/region": "london",
        "topology.kubernetes.io/zone": "rack-b",
        "kuber.dev/pool": "general",
        "kuber.dev/capacity": "on_demand",
        "workload": "general",
    }


def test_a_machine_s_own_label_counts_more_than_its_pool_s() -> None:
    assert nodes()["lon-storage-2"].inputs["metadata"]["labels"]["disks"] == "nvme"
    assert nodes()["lon-storage-3"].inputs["metadata"]["labels"]["disks"] == "nvme-large"


def test_a_node_has_the_taints_of_its_pool_and_its_own() -> None:
    patch = next(p for p in plan(METAL_OTHERWISE).all(PATCH) if p.inputs["metadata"]["name"] == "lon-storage-1")
    assert patch.inputs["spec"]["taints"] == [
        {"key": "workload", "value": "storage", "effect": "NoSchedule"},
        {"key": "burn-in", "effect": "NoExecute"},
    ]


def test_a_node_without_taints_in_the_inventory_keeps_those_it_has() -> None:
    """Taints are one list to the API server: an empty one would remove those of others, the control plane's first."""
    assert "spec" not in nodes()["lon-worker-1"].inputs
    assert "spec" not in nodes()["lon-cp-1"].inputs


def test_a_control_plane_machine_is_in_no_pool() -> None:
    assert set(nodes()["lon-cp-1"].inputs["metadata"]["labels"]) == {
        "topology.kubernetes.io/region",
        "topology.kubernetes.io/zone",
    }


def test_labels_are_applied_under_a_field_manager_of_our_own() -> None:
    for patch in nodes().values():
        assert patch.inputs["metadata"]["annotations"] == {"pulumi.com/patchFieldManager": "kuber-inventory"}


def test_nothing_is_unknown_since_the_cluster_is_there_already() -> None:
    planned = plan(METAL)
    unknown = [one for one in planned.resources.values() if one.unknown]
    assert [one.urn for one in unknown if not one.type.startswith("vault:")] == []
    assert "<unknown>" not in str(planned.outputs)
