"""The stand-in for the Kubernetes provider under the real engine, on a real control plane."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kuber.rehearsal.control_plane import ControlPlane
from kuber.rehearsal.engine import EngineError
from tests.rehearsal.cluster import namespace, node_spec, until, workload
from tests.rehearsal.kubernetes_objects import Objects, config_map, kubeconfig

CONFIG_MAP, DEPLOYMENT, DAEMON_SET = ("v1", "ConfigMap"), ("apps/v1", "Deployment"), ("apps/v1", "DaemonSet")


@pytest.fixture(scope="module")
def nodes(control_plane: ControlPlane) -> None:
    control_plane.nodes.add([node_spec("worker-1"), node_spec("worker-2")])


@pytest.fixture
def objects(tmp_path: Path, control_plane: ControlPlane, nodes: None) -> Iterator[Objects]:
    """A project of its own on the control plane."""
    found = Objects(tmp_path, control_plane)
    with found.engine:
        yield found


def space_of(test: Callable[..., object], control_plane: ControlPlane) -> str:
    """A namespace that is there already, named for a test."""
    name = test.__name__.replace("_", "-")[:60].rstrip("-")
    control_plane.api.create(namespace(name))
    return name


def test_a_stack_comes_up_stays_as_it_is_and_goes_again(objects: Objects, control_plane: ControlPlane) -> None:
    space = "shop"
    needs = {"needs": [space]}
    service = {
        **{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web-service", "namespace": space}},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}], "type": "LoadBalancer"},
    }
    web = workload("Deployment", "web", space, replicas=2, pod={"hostNetwork": False})
    web["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1000m", "memory": "1024Mi"}}
    store = workload("StatefulSet", "store", space, replicas=1, serviceName="store")
    agent = workload("DaemonSet", "agent", space)
    settings, password = config_map("settings", space, level="info"), config_map("password", space)
    password |= {"kind": "Secret", "data": {}, "stringData": {"password": "correct horse"}}
    objects.says(
        *(namespace(space), service, web, store, agent, settings, password),
        **dict.fromkeys(("web-service", "web", "store", "agent", "settings"), needs),
        password={**needs, "secret": ["stringData"]},
    )
    names = {space, "web-service", "web", "store", "agent", "settings", "password"}
    assert objects.foreseen() == dict.fromkeys(names, "create")
    assert objects.up() == {name: ["create"] for name in names}
    live = control_plane.api.get(DEPLOYMENT, space, "web")
    assert live and live["status"]["readyReplicas"] == 2, "up has waited for the rollout"
    assert objects.foreseen() == {}, "nothing that the server writes in another way, or fills in, counts as a change"
    assert objects.refreshed() == {}
    state = objects.resources()
    assert state["web"]["id"] == "shop/web"
    assert state["web"]["outputs"]["metadata"]["managedFields"], "as the real provider's state has them"
    assert "correct horse" not in json.dumps(state) and "Y29ycmVjdCBob3JzZQ==" not in json.dumps(state)
    assert objects.destroyed() == {name: ["delete"] for name in names}
    assert control_plane.api.get(("v1", "Namespace"), None, space) is None


def test_the_servers_own_words_tell_in_a_preview_what_it_will_refuse(
    objects: Objects, control_plane: ControlPlane
) -> None:
    space = space_of(test_the_servers_own_words_tell_in_a_preview_what_it_will_refuse, control_plane)
    wrong = workload("Deployment", "wrong", space)
    wrong["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    objects.says(wrong)
    with pytest.raises(EngineError, match=r"wrong(.|\n)*`selector` does not match template `labels`"):
        objects.engine.preview("dev")
    assert control_plane.api.get(DEPLOYMENT, space, "wrong") is None


def test_a_selector_replaces_in_place_and_data_of_a_config_map_updates(
    objects: Objects, control_plane: ControlPlane
) -> None:
    space = space_of(test_a_selector_replaces_in_place_and_data_of_a_config_map_updates, control_plane)
    agent, settings = workload("DaemonSet", "agent", space), config_map("settings", space, level="info")
    objects.says(agent, settings)
    objects.up()
    first = control_plane.api.get(DAEMON_SET, space, "agent")
    agent["spec"]["selector"]["matchLabels"] = agent["spec"]["template"]["metadata"]["labels"] = {"app": "agent2"}
    settings["data"] = {"level": "debug"}
    objects.says(agent, settings)
    assert objects.foreseen() == {"agent": "replace", "settings": "update"}
    assert objects.up() == {"agent": ["delete-replaced", "replace", "create-replacement"], "settings": ["update"]}
    second = control_plane.api.get(DAEMON_SET, space, "agent")
    assert first and second and first["metadata"]["uid"] != second["metadata"]["uid"]
    assert objects.foreseen() == {}


def test_what_somebody_edits_by_kubectl_is_seen_by_a_refresh_and_mended(
    objects: Objects, control_plane: ControlPlane
) -> None:
    space = space_of(test_what_somebody_edits_by_kubectl_is_seen_by_a_refresh_and_mended, control_plane)
    objects.says(config_map("edited", space, level="info"), config_map("deleted", space, level="info"))
    objects.up()
    path = control_plane.api.path(CONFIG_MAP, space, "edited")
    edit = {"data": {"level": "debug", "more": "of it"}, "metadata": {"labels": {"mine": "yes"}}}
    control_plane.api.request(
        "PATCH", path, {"fieldManager": "kubectl-edit"}, body=edit, content_type="application/merge-patch+json"
    )
    control_plane.api.delete(CONFIG_MAP, space, "deleted")
    assert objects.refreshed() == {"edited": ["update"], "deleted": ["delete"]}
    assert objects.foreseen() == {"edited": "update", "deleted": "create"}
    objects.up()
    mended = control_plane.api.get(CONFIG_MAP, space, "edited")
    assert mended and mended["data"]["level"] == "info"
    assert control_plane.api.get(CONFIG_MAP, space, "deleted")


def test_fields_that_a_controller_owns_are_left_alone_where_they_are_ignored(
    objects: Objects, control_plane: ControlPlane
) -> None:
    space = space_of(test_fields_that_a_controller_owns_are_left_alone_where_they_are_ignored, control_plane)
    web = workload("Deployment", "web", space, replicas=1)
    ignoring = {"ignore_changes": ["spec.replicas"]}
    objects.says(web, web=ignoring)
    objects.up()
    control_plane.api.merge(DEPLOYMENT, space, "web", {"spec": {"replicas": 3}}, subresource="scale")
    assert objects.refreshed() == {}, "the engine ignores it there too"
    assert objects.foreseen() == {}
    web["spec"]["template"]["spec"]["containers"][0]["image"] = "example.com/app:2"
    objects.says(web, web=ignoring)
    assert objects.up() == {"web": ["update"]}
    live = control_plane.api.get(DEPLOYMENT, space, "web")
    assert live and live["spec"]["replicas"] == 3
    assert live["spec"]["template"]["spec"]["containers"][0]["image"] == "example.com/app:2"


def test_a_rollout_that_does_not_come_up_fails_with_reasons_and_is_tried_again(
    objects: Objects, control_plane: ControlPlane
) -> None:
    space = space_of(test_a_rollout_that_does_not_come_up_fails_with_reasons_and_is_tried_again, control_plane)
    web = workload("Deployment", "web", space)
    resources = web["spec"]["template"]["spec"]["containers"][0]["resources"]
    resources["requests"] = {"cpu": "500"}
    objects.says(web, web={"custom_timeouts": {"create": "2s"}})
    with pytest.raises(EngineError, match=r"wasn't ready within 2 s(.|\n)*pod .*/web-.*Insufficient cpu"):
        objects.up()
    kept = objects.resources()["web"]
    assert any("Insufficient cpu" in reason for reason in kept["initErrors"])
    resources["requests"] = {"cpu": "100m"}
    objects.says(web, web={"custom_timeouts": {"create": "2s"}})
    assert objects.up() == {"web": ["update"]}
    assert "initErrors" not in objects.resources()["web"]


def test_an_object_that_is_there_already_is_imported_by_its_id(objects: Objects, control_plane: ControlPlane) -> None:
    space = space_of(test_an_object_that_is_there_already_is_imported_by_its_id, control_plane)
    there = config_map("there", space, level="info")
    control_plane.api.create(there)
    objects.says(there)
    with pytest.raises(EngineError, match=r"already exists(.|\n)*pulumi import"):
        objects.up()
    objects.says(there, there={"import_": f"{space}/there"})
    assert objects.up() == {"there": ["import"]}
    objects.says(there)
    assert objects.foreseen() == {}


def test_a_cluster_that_does_not_answer_is_named_and_may_be_forgotten(
    tmp_path: Path, objects: Objects, control_plane: ControlPlane
) -> None:
    space = space_of(test_a_cluster_that_does_not_answer_is_named_and_may_be_forgotten, control_plane)
    objects.inputs_of_provider["cluster_identifier"] = "the same"
    objects.says(config_map("one", space, level="info"))
    objects.up()
    objects.reaches(kubeconfig(control_plane, server="https://127.0.0.1:1"))
    objects.says(config_map("one", space, level="info"), config_map("two", space))
    assert objects.foreseen() == {"two": "create"}, "previewed from the inputs, and the provider isn't replaced"
    with pytest.raises(EngineError, match=r"can't be reached(.|\n)*https://127.0.0.1:1"):
        objects.up()
    objects.inputs_of_provider["delete_unreachable"] = True
    objects.says()
    objects.up()
    assert objects.resources().keys() & {"one", "two"} == set()
    assert control_plane.api.get(CONFIG_MAP, space, "one")


def test_objects_go_after_what_they_own(objects: Objects, control_plane: ControlPlane) -> None:
    space = space_of(test_objects_go_after_what_they_own, control_plane)
    objects.says(workload("Deployment", "web", space, replicas=2))
    objects.up()
    assert len(control_plane.api.list(("v1", "Pod"), space)) == 2
    objects.says()
    assert objects.up() == {"web": ["delete"]}
    assert control_plane.api.list(("v1", "Pod"), space) == [], "pods are gone when the deletion is through"


def test_a_crd_and_its_resource_come_in_one_update(objects: Objects, control_plane: ControlPlane) -> None:
    space = space_of(test_a_crd_and_its_resource_come_in_one_update, control_plane)
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}
    crd = {
        **{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"},
        "metadata": {"name": "boats.example.com"},
        "spec": {
            **{"group": "example.com", "scope": "Namespaced", "names": {"kind": "Boat", "plural": "boats"}},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }
    boat = {"apiVersion": "example.com/v1", "kind": "Boat", "metadata": {"name": "boat", "namespace": space}}
    boat["spec"] = {"size": 3}
    objects.says(crd, boat, boat={"needs": ["boats.example.com"]})
    assert objects.foreseen() == {"boats.example.com": "create", "boat": "create"}
    assert objects.up() == {"boats.example.com": ["create"], "boat": ["create"]}
    boat["spec"] = {"size": "large"}
    objects.says(crd, boat, boat={"needs": ["boats.example.com"]})
    with pytest.raises(EngineError, match=r"Boat .*/boat: .*\.spec\.size: expected numeric"):
        objects.engine.preview("dev")
    until(lambda: control_plane.api.get(("example.com/v1", "Boat"), space, "boat"))
    objects.destroyed()
