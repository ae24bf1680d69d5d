"""The mesh: Linkerd, who vouches for its proxies, and routes of services."""

from __future__ import annotations

from typing import Any

import yaml

from components.charts.manifests import containers
from tests.standard_stack.promtool import assert_rules
from tests.standard_stack.rendered import Objects, stack_of
from tests.support import EKS, GKE, METAL, StackFile

AUTHORITY = METAL.value()["provisioner"]["certificate_authority"]
STAGE = EKS.set("environment", "stage")
CONTROL_PLANE = ("linkerd-destination", "linkerd-identity", "linkerd-proxy-injector")


def meshed(file: StackFile, **settings: Any) -> StackFile:
    return file.set("standard_stack.mesh", {"enabled": True, **settings})


def route(objects: Objects, name: str) -> dict[str, Any]:
    return objects.one("HTTPRoute", name, "default")


def backends(rule: dict[str, Any]) -> list[tuple[str | None, str]]:
    return [(one.get("namespace"), one["name"]) for one in rule["backendRefs"]]


def test_it_is_there_only_where_it_is_asked_for() -> None:
    objects = stack_of(METAL)
    assert objects.part("mesh") == []
    assert not [one for one in objects.stack.bundles if one.name in ("linkerd", "gateway-api")]


def test_replicas_and_resources_reach_the_control_plane() -> None:
    large, proxy = {"cpu": "1", "memory": "1Gi"}, {"cpu": "200m", "memory": "64Mi", "memory_limit": "512Mi"}
    objects = stack_of(meshed(EKS, replicas=2, controller=large, proxy=proxy))
    for name in CONTROL_PLANE:
        assert objects.one("Deployment", name)["spec"]["replicas"] == 2
        for container in containers(objects.one("Deployment", name)):
            own = container["name"] not in ("linkerd-proxy", "linkerd-network-validator")
            assert container["resources"]["limits"] == {"memory": "1Gi" if own else "512Mi"}, container["name"]
            assert container["resources"]["requests"]["cpu"] == ("1" if own else "200m")


def test_the_cluster_makes_its_own_root_and_linkerd_an_issuer_under_it_that_is_renewed_daily() -> None:
    objects = stack_of(EKS)
    root = objects.one("Certificate", "mesh-trust-anchor", "system-certificates")["spec"]
    issuer = objects.one("Certificate", "linkerd-identity-issuer", "system-mesh")["spec"]
    signing = objects.one("ClusterIssuer", issuer["issuerRef"]["name"])["spec"]
    assert signing == {"ca": {"secretName": root["secretName"]}}
    assert issuer["isCA"] and root["isCA"]
    assert (issuer["duration"], issuer["renewBefore"]) == ("48h", "25h")
    assert root["privateKey"]["rotationPolicy"] == "Never", "proxies would no longer trust what a new key signs"


def test_proxies_trust_the_root_and_others_that_are_named() -> None:
    bundle = stack_of(meshed(EKS, further_trust_anchors=AUTHORITY)).one("Bundle", "linkerd-identity-trust-roots")[
        "spec"
    ]
    root = stack_of(EKS).one("Certificate", "mesh-trust-anchor")["spec"]["secretName"]
    assert bundle["sources"] == [{"secret": {"name": root, "key": "tls.crt"}}, {"inLine": AUTHORITY}]
    assert bundle["target"] == {
        "configMap": {"key": "ca-bundle.crt"},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "system-mesh"}},
    }


def test_no_other_namespace_gets_a_certificate_of_the_root() -> None:
    objects = stack_of(EKS)
    policy = objects.one("ValidatingAdmissionPolicy", "mesh-trust-anchor")["spec"]
    (validation,) = policy["validations"]
    assert "request.namespace == 'system-mesh'" in validation["expression"]
    (rule,) = policy["matchConstraints"]["resourceRules"]
    assert "certificaterequests" in rule["resources"]
    assert objects.one("ValidatingAdmissionPolicyBinding", "mesh-trust-anchor")["spec"]["validationActions"] == ["Deny"]


def test_each_webhook_has_a_certificate_that_the_api_server_is_told_of() -> None:
    objects = stack_of(EKS)
    webhooks = [
        one
        for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
        for one in objects.all(kind)
        if one["metadata"]["name"].startswith("linkerd-")
    ]
    assert len(webhooks) == 3
    for one in webhooks:
        (webhook,) = one["webhooks"]
        namespace, _, name = one["metadata"]["annotations"]["cert-manager.io/inject-ca-from"].partition("/")
        certificate = objects.one("Certificate", name, namespace)["spec"]
        service = webhook["clientConfig"]["service"]
        assert certificate["dnsNames"] == [f"{service['name']}.{service['namespace']}.svc"]
        assert "caBundle" not in webhook["clientConfig"]


def test_nothing_of_it_is_drawn_at_random_or_from_the_clock() -> None:
    objects = stack_of(EKS)
    assert not [one for one in objects.part("mesh") if one["kind"] in ("Secret", "CronJob")]


def test_no_failure_of_the_injector_keeps_a_part_of_the_system_from_starting() -> None:
    objects = stack_of(EKS)
    (webhook,) = objects.one("MutatingWebhookConfiguration", "linkerd-proxy-injector-webhook-config")["webhooks"]
    left_out = {
        one["key"] for one in webhook["namespaceSelector"]["matchExpressions"] if one["operator"] == "DoesNotExist"
    }
    namespaces = [one["metadata"] for one in objects.all("Namespace") if one["metadata"]["name"].startswith("system-")]
    assert all(left_out & one["labels"].keys() for one in namespaces)
    assert webhook["failurePolicy"] == "Ignore"
    strict = stack_of(meshed(EKS, webhook_failure_policy="fail"))
    (webhook,) = strict.one("MutatingWebhookConfiguration", "linkerd-proxy-injector-webhook-config")["webhooks"]
    assert webhook["failurePolicy"] == "Fail"


def test_a_plugin_on_the_nodes_leads_traffic_so_that_pods_need_no_capability() -> None:
    objects = stack_of(EKS)
    assert objects.has("DaemonSet", "linkerd-cni")
    assert not [name for name in CONTROL_PLANE if _with_net_admin(objects, name)]
    assert objects.container("DaemonSet", "linkerd-cni", "repair-controller")


def test_without_the_plugin_a_container_of_each_pod_does_it() -> None:
    lax = EKS.set("standard_stack.base", {"default_namespace": {"pod_security": "privileged"}})
    objects = stack_of(meshed(lax, injection="init"))
    assert not objects.has("DaemonSet", "linkerd-cni")
    assert [name for name in CONTROL_PLANE if _with_net_admin(objects, name)] == list(CONTROL_PLANE)
    reason = objects.one("Namespace", "system-mesh")["metadata"]["annotations"]["kuber.dev/pod-security-reason"]
    assert "NET_ADMIN" in reason


def test_that_container_isnt_asked_for_where_no_pod_may_have_it() -> None:
    assert (
        "standard_stack.mesh.injection: pods of `default` may not have NET_ADMIN"
        in meshed(EKS, injection="init").error()
    )


def _with_net_admin(objects: Objects, deployment: str) -> bool:
    found = containers(objects.one("Deployment", deployment))
    return any("NET_ADMIN" in one["securityContext"].get("capabilities", {}).get("add", []) for one in found)


def test_the_plugin_goes_where_the_nodes_look_for_it() -> None:
    def folder(file: StackFile) -> str:
        return stack_of(file).one("ConfigMap", "linkerd-cni-config")["data"]["dest_cni_bin_dir"]

    assert folder(EKS) == "/opt/cni/bin"
    assert folder(meshed(GKE)) == "/home/kubernetes/bin"
    assert folder(meshed(EKS, cni_bin_folder="/usr/libexec/cni")) == "/usr/libexec/cni"


def test_injected_proxies_come_from_the_mirror_too() -> None:
    objects = stack_of(EKS.set("standard_stack.image_mirror", "registry.shop.example/mirror"))
    values = yaml.safe_load(objects.one("ConfigMap", "linkerd-config")["data"]["values"])
    assert values["proxy"]["image"]["name"] == "registry.shop.example/mirror/cr.l5d.io/linkerd/proxy"
    proxy = objects.container("Deployment", "linkerd-identity", "linkerd-proxy")["image"]
    assert proxy == f"{values['proxy']['image']['name']}:{values['proxy']['image']['version']}"


def test_reads_are_retried_and_what_changes_something_is_not() -> None:
    retries = {"on": ["5xx", "429"], "limit": 3, "timeout": "300ms", "methods": ["GET"]}
    given = {"request": "5s", "response": "4s", "idle": "1m"}
    services = {"checkout": {"port": 8080, "retries": retries, "timeouts": given}}
    objects = stack_of(meshed(EKS, services=services))
    retried, all_requests = route(objects, "checkout-retried"), route(objects, "checkout")
    timeouts = {
        "timeout.linkerd.io/request": "5s",
        "timeout.linkerd.io/response": "4s",
        "timeout.linkerd.io/idle": "1m",
    }
    assert retried["metadata"]["annotations"] == timeouts | {
        "retry.linkerd.io/http": "5xx,429",
        "retry.linkerd.io/limit": "3",
        "retry.linkerd.io/timeout": "300ms",
    }
    (rule,) = retried["spec"]["rules"]
    assert rule["matches"] == [{"method": "GET"}]
    assert all_requests["metadata"]["annotations"] == timeouts
    (rule,) = all_requests["spec"]["rules"]
    assert "matches" not in rule, "Linkerd answers 404 to what no route matches"
    for one in (retried, all_requests):
        parent = {"group": "", "kind": "Service", "name": "checkout", "port": 8080}
        assert one["spec"]["parentRefs"] == [parent]


TEST_BUILDS = {
    "checkout": {
        "port": 8080,
        "retries": {},
        "test_builds": {"header": "x-build", "builds": {"pr-123": {"namespace": "test-pr-123"}}},
    },
    "cart": {
        "port": 80,
        "test_builds": {"header": "x-build", "builds": {"pr-123": {"namespace": "test-pr-123", "service": "cart-new"}}},
    },
}


def test_requests_with_a_builds_header_go_to_the_build_and_all_others_as_ever() -> None:
    objects = stack_of(meshed(STAGE, services=TEST_BUILDS))
    to_build, usual = route(objects, "cart")["spec"]["rules"]
    assert to_build["matches"] == [{"headers": [{"type": "Exact", "name": "x-build", "value": "pr-123"}]}]
    assert backends(to_build) == [("test-pr-123", "cart-new")]
    assert "matches" not in usual and backends(usual) == [(None, "cart")]


def test_a_retried_request_goes_to_the_build_as_well() -> None:
    to_build, usual = route(stack_of(meshed(STAGE, services=TEST_BUILDS)), "checkout-retried")["spec"]["rules"]
    assert (
        {one["method"] for one in to_build["matches"]} == {one["method"] for one in usual["matches"]} == {"GET", "HEAD"}
    )
    assert all(one["headers"][0]["value"] == "pr-123" for one in to_build["matches"])
    assert backends(to_build) == [("test-pr-123", "checkout")]


def test_a_builds_namespace_takes_part_in_the_mesh_and_lets_routes_lead_into_it() -> None:
    objects = stack_of(meshed(STAGE, services=TEST_BUILDS))
    namespace = objects.one("Namespace", "test-pr-123")["metadata"]
    assert namespace["annotations"] == {"linkerd.io/inject": "enabled"}
    enforced = objects.one("Namespace", "default")
    level = "pod-security.kubernetes.io/enforce"
    assert namespace["labels"][level] == enforced["metadata"]["labels"][level]
    grant = objects.one("ReferenceGrant", "mesh-routes", "test-pr-123")["spec"]
    assert [(one["kind"], one["namespace"]) for one in grant["from"]] == [("HTTPRoute", "default")]


def test_a_production_cluster_sends_nothing_to_test_builds() -> None:
    error = meshed(EKS, services={"cart": TEST_BUILDS["cart"]}).error()
    assert "standard_stack.mesh.services.cart.test_builds: requests of a production cluster" in error


def test_a_service_that_says_nothing_needs_no_entry() -> None:
    error = meshed(EKS, services={"cart": {"port": 80}}).error()
    assert "standard_stack.mesh.services.cart: nothing is said of the service" in error


def test_what_changes_something_twice_cant_be_retried() -> None:
    error = meshed(EKS, services={"cart": {"port": 80, "retries": {"methods": ["POST"]}}}).error()
    assert "standard_stack.mesh.services.cart.retries.methods[0]" in error


def test_it_needs_certificates() -> None:
    error = METAL.set("standard_stack", {"mesh": {"enabled": True}, "certificates": {"enabled": False}}).error()
    assert "standard_stack.certificates.enabled: mesh needs certificates" in error


def test_without_monitoring_nothing_measures_it() -> None:
    assert stack_of(EKS).has("PodMonitor", "linkerd-proxy")
    without = stack_of(EKS.set("standard_stack.monitoring", {"enabled": False}))
    assert not without.has("PodMonitor", "linkerd-proxy")


def test_alerts_fire_for_what_is_broken_and_for_nothing_else() -> None:
    issuer = 'issuer_cert_ttl_seconds{namespace="system-mesh", pod="linkerd-identity-1"}'
    proxies = 'identity_cert_expiration_timestamp_seconds{{namespace="{}", pod="checkout-1"}}'
    available = 'kube_deployment_status_replicas_available{{namespace="system-mesh", deployment="{}"}}'
    unanswered = 'apiserver_admission_webhook_fail_open_count{{name="{}"}}'
    injector = 'name="linkerd-proxy-injector.linkerd.io"'
    refused = f'apiserver_admission_webhook_rejection_count{{{injector}, error_type="calling_webhook_error"}}'
    series = [
        {"series": issuer, "values": "90000-60x600"},
        {"series": proxies.format("default"), "values": "36000x600"},
        {"series": proxies.format("other"), "values": "86400x600"},
        {"series": available.format("linkerd-identity"), "values": "3x60 0x540"},
        {"series": available.format("linkerd-destination"), "values": "3x600"},
        {"series": unanswered.format("linkerd-proxy-injector.linkerd.io"), "values": "0x590 0+1x10"},
        {"series": unanswered.format("other.example"), "values": "0+1x600"},
    ]
    rules = {
        rule["alert"]: rule["annotations"]
        for one in stack_of(EKS).part("mesh")
        if one["kind"] == "PrometheusRule"
        for group in one["spec"]["groups"]
        for rule in group["rules"]
    }

    def expected(name: str, severity: str, labels: dict[str, str], **annotations: str) -> dict[str, Any]:
        labels = {"severity": severity, "part": "mesh", **labels}
        alert = {"exp_labels": labels, "exp_annotations": rules[name] | annotations}
        return {"eval_time": "10h", "alertname": name, "exp_alerts": [alert]}

    identity = "linkerd-identity"
    fired = [
        expected(
            "MeshIssuerExpiresSoon",
            "critical",
            {},
            summary="The mesh's issuer expires in 15h 0m 0s: then no proxy gets a certificate",
        ),
        expected(
            "MeshProxyCertificatesExpireSoon",
            "critical",
            {"namespace": "default"},
            summary="1 proxies of default haven't renewed their certificates",
        ),
        expected(
            "MeshControlPlaneDown",
            "critical",
            {"namespace": "system-mesh", "deployment": identity},
            summary="linkerd-identity has no pod that is ready",
            description=f"Look at its pods: `kubectl -n system-mesh describe deployment {identity}`.",
        ),
        expected("MeshInjectionFails", "warning", {}),
    ]
    silent = [{"eval_time": "55m", "alertname": name, "exp_alerts": []} for name in rules]
    # Where the policy is `fail`, the API server counts refusals instead.
    strict = {
        "interval": "1m",
        "input_series": [{"series": refused, "values": "0x30 0+1x10"}],
        "alert_rule_test": [{**expected("MeshInjectionFails", "warning", {}), "eval_time": "40m"}],
    }
    tests = [{"interval": "1m", "input_series": series, "alert_rule_test": [*fired, *silent]}, strict]
    assert_rules(stack_of(EKS), "mesh", tests)
