"""What stands in for pods that would answer, for drivers of volumes and for controllers of load balancers."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest

from kuber.rehearsal.api import Api, ApiError
from kuber.rehearsal.control_plane import ControlPlane
from kuber.rehearsal.control_plane.certificates import Authority
from tests.rehearsal.cluster import DEPLOYMENT, POD, condition, namespace, node_spec, until, when, workload

VALIDATING = ("admissionregistration.k8s.io/v1", "ValidatingWebhookConfiguration")
API_SERVICE = ("apiregistration.k8s.io/v1", "APIService")
DEFINITION = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
CLAIM = ("v1", "PersistentVolumeClaim")
VOLUME = ("v1", "PersistentVolume")
NO_ENDPOINT = "no endpoint of the service is ready"


@pytest.fixture(scope="module")
def api(control_plane: ControlPlane) -> Api:
    """The API of a cluster with a node in each of two zones."""
    control_plane.nodes.add([node_spec(f"node-{zone}", zone=f"eu-west-1{zone}") for zone in ("a", "b")])
    until(lambda: all(condition(node, "Ready") == "True" for node in control_plane.api.list(("v1", "Node"))))
    return control_plane.api


def service(name: str, space: str, **spec: Any) -> dict[str, Any]:
    fields = {"selector": {"app": name}, "ports": [{"name": "https", "port": 443, "targetPort": 8443}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": space}, "spec": fields}


def webhook(space: str, *, annotations: dict[str, str] | None = None, **client: Any) -> dict[str, Any]:
    """A webhook that must answer before a ConfigMap with the label of the namespace is let in."""
    return {
        "apiVersion": VALIDATING[0],
        "kind": VALIDATING[1],
        "metadata": {"name": space, "annotations": annotations or {}},
        "webhooks": [
            {
                "name": "maps.example.com",
                "clientConfig": {"service": {"name": "hook", "namespace": space, "path": "/validate"}, **client},
                "rules": [
                    {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
                ],
                "objectSelector": {"matchLabels": {"checked": space}},
                "failurePolicy": "Fail",
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
                "timeoutSeconds": 5,
            }
        ],
    }


def config_map(space: str, name: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": space, "labels": {"checked": space}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def admitted(api: Api, space: str, name: str) -> str:
    """Whether a ConfigMap is let in: "yes", or why not."""
    try:
        api.create(config_map(space, name))
    except ApiError as error:
        return str(error)
    return "yes"


def test_a_webhook_answers_only_while_its_pods_are_ready(api: Api, space: str) -> None:
    api.create(webhook(space))
    until(lambda: 'service "hook" not found' in admitted(api, space, "before"))
    api.create(service("hook", space))
    until(lambda: NO_ENDPOINT in admitted(api, space, "without-pods"))
    api.create(workload("Deployment", "hook", space, replicas=1))
    until(lambda: admitted(api, space, "with-pods") == "yes")
    api.merge(DEPLOYMENT, space, "hook", {"spec": {"replicas": 0}})
    until(lambda: not api.list(POD, space))
    until(lambda: admitted(api, space, "pods-gone").startswith("Internal error occurred: failed calling webhook"))
    assert api.get(("v1", "ConfigMap"), space, "pods-gone") is None
    api.delete(VALIDATING, None, space)


def test_a_webhook_isnt_answered_at_a_port_that_its_service_doesnt_have(api: Api, space: str) -> None:
    api.create(service("hook", space, ports=[{"name": "other", "port": 9443}]))
    api.create(workload("Deployment", "hook", space, replicas=1))
    when(api, DEPLOYMENT, space, "hook", "Available")
    api.create(webhook(space))
    until(lambda: admitted(api, space, "wrong-port") != "yes")
    assert re.search("no service port 443 found|no endpoint of the service", admitted(api, space, "wrong-port-again"))
    api.delete(VALIDATING, None, space)


def certificates(api: Api) -> None:
    """Serve a kind of the name of cert-manager's."""
    names = {"kind": "Certificate", "listKind": "CertificateList", "plural": "certificates", "singular": "certificate"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    versions = [{"name": "v1", "served": True, "storage": True, "schema": schema}]
    definition = {
        "apiVersion": DEFINITION[0],
        "kind": DEFINITION[1],
        "metadata": {"name": "certificates.cert-manager.io"},
    }
    api.create(
        definition | {"spec": {"group": "cert-manager.io", "names": names, "scope": "Namespaced", "versions": versions}}
    )
    when(api, DEFINITION, None, "certificates.cert-manager.io", "Established")


def test_a_bundle_is_filled_in_where_a_certificate_is_asked_for(
    api: Api, space: str, control_plane: ControlPlane
) -> None:
    annotations = {"cert-manager.io/inject-ca-from": f"{space}/serving"}
    api.create(service("hook", space))
    api.create(workload("Deployment", "hook", space, replicas=1))
    when(api, DEPLOYMENT, space, "hook", "Available")
    api.create(webhook(space, annotations=annotations))
    certificates(api)

    def bundle() -> str | None:
        return (api.get(VALIDATING, None, space) or {})["webhooks"][0]["clientConfig"].get("caBundle")

    assert bundle() is None
    metadata = {"name": "serving", "namespace": space}
    api.create({"apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": metadata})
    filled = until(bundle)
    assert filled and base64.b64decode(filled) == control_plane.certificate_authority.read_bytes()
    until(lambda: admitted(api, space, "admitted") == "yes")

    # As in a cluster: what takes the bundle away gets it back.
    api.apply(webhook(space, annotations=annotations, caBundle=""), field_manager="test", force=True)
    until(bundle)
    assert control_plane.notes == []
    api.delete(VALIDATING, None, space)


def test_a_bundle_of_another_authority_is_noted_and_refused(api: Api, space: str, control_plane: ControlPlane) -> None:
    api.create(service("hook", space))
    api.create(workload("Deployment", "hook", space, replicas=1))
    when(api, DEPLOYMENT, space, "hook", "Available")
    api.create(webhook(space, caBundle=base64.b64encode(Authority("another").certificate).decode()))
    until(lambda: "certificate signed by unknown authority" in admitted(api, space, "untrusted"))
    note = f"ValidatingWebhookConfiguration {space} has a CA bundle of its own: the stand-in for its service can't answer for it"
    until(lambda: note in control_plane.notes)
    api.delete(VALIDATING, None, space)


def test_an_aggregated_api_is_available_once_its_pods_are_ready(api: Api, space: str) -> None:
    name = "v1beta1.metrics.k8s.io"
    spec = {
        "group": "metrics.k8s.io",
        "version": "v1beta1",
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "insecureSkipTLSVerify": True,
        "service": {"name": "metrics", "namespace": space, "port": 443},
    }
    api.create({"apiVersion": API_SERVICE[0], "kind": API_SERVICE[1], "metadata": {"name": name}, "spec": spec})
    api.create(service("metrics", space))
    when(api, API_SERVICE, None, name, "Available", status="False")
    api.create(workload("Deployment", "metrics", space, replicas=1))
    when(api, API_SERVICE, None, name, "Available")
    assert api.request("GET", "/apis/metrics.k8s.io/v1beta1")["resources"] == []
    with pytest.raises(ApiError) as missing:
        api.request("GET", "/apis/metrics.k8s.io/v1beta1/nodes")
    assert missing.value.status == 404
    api.create(namespace("short-lived"))
    api.delete(("v1", "Namespace"), None, "short-lived")
    until(lambda: api.get(("v1", "Namespace"), None, "short-lived") is None)
    api.delete(API_SERVICE, None, name)


def test_objects_are_converted_by_the_service_that_a_definition_names(api: Api, space: str) -> None:
    names = {"kind": "Peer", "listKind": "PeerList", "plural": "peers", "singular": "peer"}
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    client = {"service": {"name": "hook", "namespace": space, "path": "/convert"}}
    definition = {
        "apiVersion": DEFINITION[0],
        "kind": DEFINITION[1],
        "metadata": {"name": "peers.example.com"},
        "spec": {
            "group": "example.com",
            "names": names,
            "scope": "Namespaced",
            "conversion": {
                "strategy": "Webhook",
                "webhook": {"clientConfig": client, "conversionReviewVersions": ["v1"]},
            },
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": schema},
                {"name": "v2", "served": True, "storage": False, "schema": schema},
            ],
        },
    }
    api.create(definition)
    when(api, DEFINITION, None, "peers.example.com", "Established")
    peer = {
        "apiVersion": "example.com/v1",
        "kind": "Peer",
        "metadata": {"name": "peer", "namespace": space},
        "spec": {"a": 1},
    }
    api.create(peer)
    with pytest.raises(ApiError, match='service "hook" not found'):
        api.get(("example.com/v2", "Peer"), space, "peer")
    api.create(service("hook", space))
    api.create(workload("Deployment", "hook", space, replicas=1))
    when(api, DEPLOYMENT, space, "hook", "Available")

    def converted() -> dict[str, Any] | None:
        try:
            return api.get(("example.com/v2", "Peer"), space, "peer")
        except ApiError:
            return None

    found = until(converted)
    assert found and (found["apiVersion"], found["spec"]) == ("example.com/v2", {"a": 1})
    api.delete(DEFINITION, None, "peers.example.com")


def storage_class(api: Api, name: str, **fields: Any) -> None:
    kind = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}}
    api.create(kind | {"provisioner": "ebs.csi.aws.com", **fields})


def claim(name: str, storage_class: str) -> dict[str, Any]:
    requests = {"requests": {"storage": "20Gi"}}
    spec = {"accessModes": ["ReadWriteOnce"], "resources": requests, "storageClassName": storage_class}
    return {"metadata": {"name": name}, "spec": spec}


def test_a_stateful_set_gets_volumes_where_its_pods_are(api: Api, space: str) -> None:
    storage_class(api, "late", volumeBindingMode="WaitForFirstConsumer")
    pinned = {"nodeSelector": {"topology.kubernetes.io/zone": "eu-west-1b"}}
    api.create(
        workload(
            "StatefulSet",
            "db",
            space,
            pod=pinned,
            replicas=2,
            serviceName="db",
            volumeClaimTemplates=[claim("data", "late")],
        )
    )
    until(lambda: (api.get(("apps/v1", "StatefulSet"), space, "db") or {})["status"].get("readyReplicas") == 2)
    volumes = {one["spec"]["claimRef"]["name"]: one for one in api.list(VOLUME)}
    assert set(volumes) == {"data-db-0", "data-db-1"}
    spec = volumes["data-db-0"]["spec"]
    assert (spec["capacity"], spec["csi"]["driver"]) == ({"storage": "20Gi"}, "ebs.csi.aws.com")
    terms = spec["nodeAffinity"]["required"]["nodeSelectorTerms"]
    in_zone = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["eu-west-1b"]}
    assert terms == [{"matchExpressions": [in_zone]}]


def test_volumes_go_or_stay_as_their_class_says(api: Api, space: str) -> None:
    storage_class(api, "gone", volumeBindingMode="Immediate", reclaimPolicy="Delete")
    storage_class(api, "kept", volumeBindingMode="Immediate", reclaimPolicy="Retain")
    for name in ("gone", "kept"):
        one = claim(name, name)
        one["metadata"]["namespace"] = space
        api.create({"apiVersion": "v1", "kind": "PersistentVolumeClaim", **one})
    until(lambda: {one["status"]["phase"] for one in api.list(CLAIM, space)} == {"Bound"})

    def volumes() -> dict[str, str]:
        ours = [one for one in api.list(VOLUME) if one["spec"]["claimRef"]["namespace"] == space]
        return {one["spec"]["claimRef"]["name"]: one["status"]["phase"] for one in ours}

    assert volumes() == {"gone": "Bound", "kept": "Bound"}
    for name in ("gone", "kept"):
        api.delete(CLAIM, space, name)
    until(lambda: volumes() == {"kept": "Released"})


def test_a_claim_waits_for_a_class_that_comes_later(api: Api, space: str) -> None:
    one = claim("early", "later")
    one["metadata"]["namespace"] = space
    api.create({"apiVersion": "v1", "kind": "PersistentVolumeClaim", **one})
    storage_class(api, "later", volumeBindingMode="Immediate")
    until(lambda: (api.get(CLAIM, space, "early") or {})["status"]["phase"] == "Bound")


def addresses(api: Api, kind: tuple[str, str], space: str, name: str) -> list[dict[str, Any]]:
    return (api.get(kind, space, name) or {})["status"]["loadBalancer"].get("ingress", [])


def test_services_and_ingresses_get_addresses(api: Api, space: str) -> None:
    rule = {"host": "example.com", "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": {}}]}}
    rule["http"]["paths"][0]["backend"] = {"service": {"name": "plain", "port": {"number": 443}}}
    ingress = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "web", "namespace": space}}
    api.create(ingress | {"spec": {"rules": [rule]}})
    api.create(service("inner", space))
    asking = service("metal", space, type="LoadBalancer")
    asking["metadata"]["annotations"] = {"metallb.io/loadBalancerIPs": "10.40.15.11"}
    api.create(asking)
    api.create(service("aws", space, type="LoadBalancer", loadBalancerClass="service.k8s.aws/nlb"))
    api.create(service("plain", space, type="LoadBalancer"))
    kind = ("v1", "Service")
    until(lambda: all(addresses(api, kind, space, name) for name in ("metal", "aws", "plain")))
    assert addresses(api, kind, space, "metal")[0]["ip"] == "10.40.15.11"
    assert addresses(api, kind, space, "aws")[0]["hostname"].endswith(".elb.example.com")
    assert addresses(api, kind, space, "plain")[0]["ip"].startswith("203.0.113.")
    assert addresses(api, kind, space, "inner") == []
    until(lambda: addresses(api, ("networking.k8s.io/v1", "Ingress"), space, "web"))
