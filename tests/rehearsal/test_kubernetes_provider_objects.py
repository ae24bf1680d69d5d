"""What the stand-in for the Kubernetes provider does with single objects, asked as an engine asks it, on a real control plane."""

from __future__ import annotations

import base64
import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from google.protobuf import empty_pb2

from kuber.rehearsal.control_plane import ControlPlane
from kuber.rehearsal.kubernetes_provider import KubernetesStandIn, values
from kuber.rehearsal.kubernetes_provider.normal_form import normalized
from kuber.rehearsal.kubernetes_provider.shape import restricted
from kuber.rehearsal.kubernetes_provider.values import UNKNOWN, Secret
from tests.rehearsal.cluster import namespace, node_spec, pod_spec, until, workload
from tests.rehearsal.kubernetes_objects import Asked, Object, RefusedError, config_map, kubeconfig

CONFIG_MAP, DEPLOYMENT = ("v1", "ConfigMap"), ("apps/v1", "Deployment")


@pytest.fixture
def asked(control_plane: ControlPlane) -> Iterator[Asked]:
    with Asked(
        KubernetesStandIn(settle_seconds=0.2), kubeconfig(control_plane), enableConfigMapMutable="true"
    ) as asked:
        yield asked


@pytest.fixture
def space(control_plane: ControlPlane, request: pytest.FixtureRequest) -> str:
    """A namespace of a test's own."""
    name = request.node.name.replace("_", "-")[:60].rstrip("-")
    control_plane.api.create(namespace(name))
    return name


def merge(control_plane: ControlPlane, space: str, name: str, change: Object, manager: str) -> None:
    """Edit a ConfigMap as a manager."""
    path = control_plane.api.path(CONFIG_MAP, space, name)
    kind = "application/merge-patch+json"
    control_plane.api.request("PATCH", path, {"fieldManager": manager}, body=change, content_type=kind)


def test_an_object_with_a_name_and_a_namespace_gets_nothing_added(asked: Asked) -> None:
    web = workload("Deployment", "web", "shop", replicas=2)
    assert asked.check(web) == web


def test_one_without_gets_a_name_that_stays_and_the_contexts_namespace(asked: Asked) -> None:
    nameless: Object = {"apiVersion": "v1", "kind": "ConfigMap", "data": {}}
    first = asked.check(nameless)
    assert first["metadata"]["namespace"] == "default"
    assert first["metadata"]["name"].startswith("unnamed-")
    assert first["metadata"]["annotations"] == {"pulumi.com/autonamed": "true"}
    assert asked.check(nameless, olds=first) == first
    cluster_role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": "any"}}
    assert asked.check(cluster_role) == cluster_role


def test_what_kubernetes_types_would_not_write_is_not_in_the_inputs(asked: Asked) -> None:
    web = workload("Deployment", "web", "shop", pod={"hostNetwork": False, "tolerations": [], "misspelt": True})
    container = web["spec"]["template"]["spec"]["containers"][0]
    container["resources"] = {"limits": {"cpu": "1000m", "memory": 1024}}
    checked = asked.check(web)["spec"]["template"]["spec"]
    assert checked.keys() == {"containers"}
    assert checked["containers"][0]["resources"] == {"limits": {"cpu": "1", "memory": "1024"}}


@pytest.mark.parametrize(
    "quantity", ["1000m", "0.5", "1.5Gi", "1024Mi", "1000Mi", "100e3", "0.5Ki", "1000k", "128974848000m", "1024", "0m"]
)
def test_quantities_are_written_as_the_api_server_writes_them(control_plane: ControlPlane, quantity: str) -> None:
    quota = {
        **{"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "any", "namespace": "default"}},
        "spec": {"hard": {"requests.memory": quantity}},
    }
    live = control_plane.api.apply(quota, field_manager="test", dry_run=True)
    assert normalized(quota)["spec"] == restricted(live["spec"], quota["spec"])


def test_a_secrets_text_becomes_data_and_stays_secret(asked: Asked, space: str) -> None:
    inputs = {**config_map("password", space), "kind": "Secret", "stringData": {"password": Secret("correct horse")}}
    del inputs["data"]
    checked = asked.check(inputs)
    assert checked["data"] == Secret({"password": "Y29ycmVjdCBob3JzZQ=="})
    assert "stringData" not in checked
    state = asked.create(checked)
    assert state["data"] == Secret({"password": "Y29ycmVjdCBob3JzZQ=="})
    assert state["__inputs"]["data"] == Secret({"password": "Y29ycmVjdCBob3JzZQ=="})


def test_a_secret_value_elsewhere_is_secret_in_the_outputs_too(asked: Asked, space: str) -> None:
    state = asked.create(config_map("mixed", space, open="yes", hidden=Secret("no")))  # pyright: ignore[reportArgumentType]
    assert state["data"] == {"open": "yes", "hidden": Secret("no")}


def test_a_preview_makes_nothing_and_shows_what_the_server_fills_in(
    asked: Asked, control_plane: ControlPlane, space: str
) -> None:
    service = {
        **{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": space}},
        "spec": {"ports": [{"port": 80}]},
    }
    shown = asked.create(service, preview=True)
    assert shown["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    assert "status" not in shown
    assert control_plane.api.get(("v1", "Service"), space, "web") is None
    elsewhere = config_map("any", "not-yet-there")
    assert asked.create(elsewhere, preview=True) == elsewhere
    unknown = config_map("any", space, from_the_cloud=UNKNOWN)  # pyright: ignore[reportArgumentType]
    assert asked.create(unknown, preview=True) == unknown


def test_the_server_refuses_in_its_own_words_with_the_name_of_the_object(asked: Asked, space: str) -> None:
    wrong = {
        **{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "wrong", "namespace": space}},
        "spec": {"ports": [{"port": 80, "protocol": "IPX"}], "type": "Open"},
    }
    for preview in (True, False):
        with pytest.raises(RefusedError) as refused:
            asked.create(wrong, preview=preview)
        told = str(refused.value)
        assert f"Service {space}/wrong" in told
        assert "spec.ports[0].protocol: Unsupported value" in told
        assert "spec.type: Unsupported value" in told


def test_what_is_there_already_is_only_taken_over_by_a_provider_that_upserts(
    asked: Asked, control_plane: ControlPlane, space: str
) -> None:
    there = config_map("there", space, level="info")
    control_plane.api.create(there)
    with pytest.raises(RefusedError, match="already exists"):
        asked.create(there)
    assert asked.create(there, preview=True) == there
    with Asked(KubernetesStandIn(), kubeconfig(control_plane), upsertExistingObjects="true") as upserting:
        state = upserting.create(there | {"data": {"more": "of it"}})
    assert state["data"] == {"level": "info", "more": "of it"}


def test_an_update_takes_over_what_the_create_set_and_gives_up_what_is_left_out(asked: Asked, space: str) -> None:
    state = asked.create(config_map("one", space, a="1", b="2"))
    manager = state["__fieldManager"]
    assert [entry["manager"] for entry in state["metadata"]["managedFields"]] == ["pulumi-kubernetes"]
    updated = asked.update(state, config_map("one", space, a="1", c="3"))
    assert updated["data"] == {"a": "1", "c": "3"}
    assert updated["__fieldManager"] == manager
    assert [(entry["manager"], entry["operation"]) for entry in updated["metadata"]["managedFields"]] == [
        (manager, "Apply")
    ]


def test_a_field_of_another_manager_conflicts_unless_it_is_forced(
    asked: Asked, control_plane: ControlPlane, space: str
) -> None:
    created = asked.create(config_map("shared", space, level="info"))
    state = asked.update(created, config_map("shared", space, level="info", other="1"))
    merge(control_plane, space, "shared", {"data": {"level": "debug"}}, "some-operator")
    again = config_map("shared", space, level="warning", other="1")
    for preview in (True, False):
        with pytest.raises(RefusedError, match=r'conflict with "some-operator" using v1: \.data\.level') as refused:
            asked.update(state, again, preview=preview)
        assert refused.value.partly and refused.value.partly.id == f"{space}/shared"
    again["metadata"]["annotations"] = {"pulumi.com/patchForce": "true"}
    assert asked.update(state, again)["data"]["level"] == "warning"


def test_what_another_manager_added_stays(asked: Asked, control_plane: ControlPlane, space: str) -> None:
    webhooks: Object = {
        **{"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration"},
        "metadata": {"name": space},
        "webhooks": [
            {
                **{"name": "any.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"]},
                **{"failurePolicy": "Ignore", "clientConfig": {"url": "https://127.0.0.1:1/"}},
            }
        ],
    }
    state = asked.create(webhooks)
    kind = ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration")
    injected = control_plane.api.get(kind, None, space)
    assert injected
    pem = control_plane.certificate_authority.read_bytes()
    injected["webhooks"][0]["clientConfig"]["caBundle"] = base64.b64encode(pem).decode()
    control_plane.api.request("PUT", control_plane.api.path_of(injected), {"fieldManager": "cainjector"}, body=injected)
    read = asked.read(state, webhooks)
    assert asked.diff(values.read(read.properties), webhooks).changes == 1, "no change: it isn't in the inputs"
    webhooks["webhooks"][0]["timeoutSeconds"] = 7
    updated = asked.update(values.read(read.properties), webhooks)
    assert updated["webhooks"][0]["clientConfig"]["caBundle"]
    assert updated["webhooks"][0]["timeoutSeconds"] == 7
    asked.delete(updated)


def test_a_patch_changes_its_fields_and_takes_only_them_away_again(
    asked: Asked, control_plane: ControlPlane, space: str
) -> None:
    control_plane.api.create(config_map("theirs", space, theirs="yes"))
    patch = config_map("theirs", space, ours="yes")
    patch["metadata"]["annotations"] = {"pulumi.com/patchFieldManager": "kuber"}
    state = asked.create(patch, patch=True)
    assert state["data"] == {"theirs": "yes", "ours": "yes"}
    assert state["__fieldManager"] == "kuber"
    changed = {**patch, "data": {"ours": "no"}}
    state = asked.update(state, changed, patch=True)
    assert state["data"] == {"theirs": "yes", "ours": "no"}
    asked.delete(state, patch=True)
    left = control_plane.api.get(CONFIG_MAP, space, "theirs")
    assert left and left["data"] == {"theirs": "yes"}
    assert "annotations" not in left["metadata"]


def test_a_read_keeps_the_shape_of_the_inputs_and_finds_what_is_gone(
    asked: Asked, control_plane: ControlPlane, space: str
) -> None:
    inputs = config_map("one", space, level="info")
    state = asked.create(inputs)
    merge(control_plane, space, "one", {"data": {"level": "debug", "more": "of it"}}, "kubectl")
    read = asked.read(state, inputs)
    assert values.read(read.inputs)["data"] == {"level": "debug"}
    assert values.read(read.properties)["data"] == {"level": "debug", "more": "of it"}
    control_plane.api.delete(CONFIG_MAP, space, "one")
    assert asked.read(state, inputs).id == ""


def test_an_import_has_all_but_what_the_server_makes(asked: Asked, control_plane: ControlPlane, space: str) -> None:
    there = config_map("there", space, level="info")
    there["metadata"]["labels"] = {"app": "any"}
    control_plane.api.create(there)
    read = asked.imported("core/v1:ConfigMap", f"{space}/there")
    assert read.id == f"{space}/there"
    assert values.read(read.inputs) == there


def test_changes_name_their_paths_and_those_that_replace(asked: Asked, space: str) -> None:
    web = workload("Deployment", "web", space)
    state = {**web, "__inputs": web}
    changed = json.loads(json.dumps(web))
    changed["spec"]["selector"]["matchLabels"]["app"] = "web2"
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = UNKNOWN
    changed["metadata"]["labels"] = {"a.b/c": "d"}
    found = asked.diff(state, changed)
    assert {path: one.Kind.Name(one.kind) for path, one in found.detailedDiff.items()} == {
        "spec.selector.matchLabels.app": "UPDATE_REPLACE",
        "spec.template.spec.containers[0].image": "UPDATE",
        "metadata.labels": "ADD",
    }
    assert found.deleteBeforeReplace and list(found.replaces) == ["spec.selector.matchLabels.app"]
    assert (
        asked.diff(state, changed, "spec.selector", "metadata", "spec.template.spec.containers[*].image").changes == 1
    )


def test_a_service_waits_for_its_load_balancer_a_claim_not_for_its_first_consumer(
    asked: Asked, control_plane: ControlPlane, space: str
) -> None:
    service = {
        **{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "public", "namespace": space}},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 80}], "selector": {"app": "none"}},
    }
    assert asked.create(service)["status"]["loadBalancer"]["ingress"]
    control_plane.api.create(
        {
            **{"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": f"{space}-later"}},
            **{"provisioner": "example.com/disk", "volumeBindingMode": "WaitForFirstConsumer"},
        }
    )
    claim = {
        **{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "disk", "namespace": space}},
        "spec": {
            **{"accessModes": ["ReadWriteOnce"], "storageClassName": f"{space}-later"},
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    assert asked.create(claim)["status"]["phase"] == "Pending"


def test_a_job_is_waited_for_and_the_token_of_an_account_too(
    asked: Asked, control_plane: ControlPlane, space: str
) -> None:
    control_plane.nodes.add([node_spec(f"{space}-worker"[:40])])
    pod = {"spec": pod_spec(restartPolicy="Never"), "metadata": {"annotations": {"kuber.dev/run-seconds": "0"}}}
    job = {
        **{"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once", "namespace": space}},
        "spec": {"template": pod},
    }
    assert asked.create(job, timeout=60)["status"]["succeeded"] == 1
    token = {
        **{"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token"},
        "metadata": {
            **{"name": "token", "namespace": space},
            "annotations": {"kubernetes.io/service-account.name": "default"},
        },
    }
    until(lambda: control_plane.api.get(("v1", "ServiceAccount"), space, "default"))
    assert asked.create(token)["data"].value["token"]


def test_what_skips_the_wait_is_done_at_once_and_a_timeout_annotation_ends_one(asked: Asked, space: str) -> None:
    never = workload("Deployment", "never", space, pod={"nodeSelector": {"nowhere": "at-all"}})
    never["metadata"]["annotations"] = {"pulumi.com/timeoutSeconds": "1"}
    with pytest.raises(RefusedError, match="wasn't ready within 1 s") as refused:
        asked.create(never)
    assert refused.value.partly and any("node" in reason for reason in refused.value.partly.reasons[1:])
    skipping = workload("Deployment", "skipping", space, pod={"nodeSelector": {"nowhere": "at-all"}})
    skipping["metadata"]["annotations"] = {"pulumi.com/skipAwait": "true"}
    assert asked.create(skipping)["metadata"]["name"] == "skipping"


def test_a_cancel_ends_a_wait(asked: Asked, space: str) -> None:
    never = workload("Deployment", "never", space, pod={"nodeSelector": {"nowhere": "at-all"}})
    told: list[str] = []

    def create() -> None:
        try:
            asked.create(never)
        except RefusedError as refused:
            told.append(str(refused))

    waiting = threading.Thread(target=create)
    waiting.start()
    time.sleep(1)
    asked.stub.Cancel(empty_pb2.Empty())
    waiting.join(timeout=10)
    assert told and "cancelled" in told[0]


def test_a_deletion_that_a_finalizer_holds_fails_with_its_name(
    asked: Asked, control_plane: ControlPlane, space: str
) -> None:
    held = config_map("held", space)
    held["metadata"]["finalizers"] = ["example.com/held"]
    state = asked.create(held)
    with pytest.raises(RefusedError, match="wasn't gone within 1 s") as refused:
        asked.delete(state, timeout=1)
    assert refused.value.partly and "example.com/held" in refused.value.partly.reasons[1]
    control_plane.api.merge(CONFIG_MAP, space, "held", {"metadata": {"finalizers": None}})
    asked.delete(state)


def test_the_credential_plugin_of_the_environment_is_asked_and_asked_again_when_its_token_ends(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    plugin = tmp_path / "get-token"
    plugin.write_text(
        f"""#!{sys.executable}
import json, os, pathlib
calls = pathlib.Path({str(tmp_path / "calls")!r})
known = len(calls.read_text().split()) if calls.exists() else 0
calls.open("a").write(os.environ["WHO"] + "\\n")
print(json.dumps({{"status": {{"token": "stale" if known == 0 else {control_plane.token!r}}}}}))
""",
        encoding="utf-8",
    )
    plugin.chmod(0o755)
    user = {
        "exec": {
            **{"apiVersion": "client.authentication.k8s.io/v1", "command": "get-token"},
            "env": [{"name": "WHO", "value": "me"}],
        }
    }
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    with Asked(KubernetesStandIn(environment=environment), kubeconfig(control_plane, user)) as asked:
        for name in ("a", "b"):
            asked.delete(asked.create(config_map(name, "default")))
    assert (tmp_path / "calls").read_text().split() == ["me", "me"]


def test_a_missing_credential_plugin_is_named(control_plane: ControlPlane) -> None:
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "aws", "installHint": "get aws"}}
    provider = KubernetesStandIn(environment={"PATH": "/nowhere"})
    with Asked(provider, kubeconfig(control_plane, user)) as asked, pytest.raises(RefusedError, match="aws not found"):
        asked.create(config_map("any", "default"))


def test_what_the_server_warns_of_is_kept(control_plane: ControlPlane, space: str) -> None:
    provider = KubernetesStandIn()
    with Asked(provider, kubeconfig(control_plane)) as asked:
        endpoints = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": "old", "namespace": space}}
        asked.create(endpoints)
    ((path, words),) = provider.warnings
    assert path == f"/api/v1/namespaces/{space}/endpoints"
    assert "v1 Endpoints is deprecated" in words
