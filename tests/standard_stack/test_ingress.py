"""The ingress: what its settings become, on each platform and in either flavour."""

from __future__ import annotations

from typing import Any

import pytest

from components.charts.manifests import pod_labels
from components.standard_stack.ingress.classes import CONTROLLER_LABELS, controller_pods, controllers
from tests.standard_stack.promtool import assert_rules
from tests.standard_stack.rendered import Objects, stack_of
from tests.support import EKS, GKE, METAL, StackFile

_AWS = "service.beta.kubernetes.io/aws-load-balancer"
_EVERYTHING: dict[str, Any] = {
    "default_class": "internal",
    "internal": {
        "replicas": 5,
        "resources": {"cpu": "2", "memory": "2Gi"},
        "source_ranges": {"partner": "198.51.100.0/24", "cdn": "192.0.2.0/24"},
        "annotations": {"shop.example/owner": "platform"},
    },
    "public": {"enabled": False},
}


def _with(file: StackFile, settings: dict[str, Any]) -> StackFile:
    return file.set("standard_stack.ingress", settings)


def _traefik(**settings: Any) -> Objects:
    return stack_of(_with(EKS, {"flavour": "traefik", "hsts": {"max_age_seconds": 600}, **settings}))


def _service(objects: Objects, name: str) -> dict[str, Any]:
    return objects.one("Service", name, "system-ingress")


def _arguments(objects: Objects, deployment: str, container: str) -> list[str]:
    return objects.container("Deployment", deployment, container)["args"]


def test_each_class_has_controllers_of_its_own_and_nothing_clashes() -> None:
    objects = stack_of(_with(EKS, {}))
    for name in ("public", "internal"):
        controller = objects.one("Deployment", f"nginx-ingress-{name}-controller")
        assert controller["spec"]["replicas"] == 3
        assert f"-ingress-class={name}" in _arguments(objects, f"nginx-ingress-{name}-controller", "nginx-ingress")
        assert controller_pods(name).items() <= pod_labels(controller).items()  # type: ignore[arg-type]
        assert objects.has("IngressClass", name)
        assert objects.has("ClusterRole", f"nginx-ingress-{name}")
        assert objects.has("PodDisruptionBudget", f"nginx-ingress-{name}-controller")
        spread = controller["spec"]["template"]["spec"]["topologySpreadConstraints"]
        assert "topology.kubernetes.io/zone" in [one["topologyKey"] for one in spread]


def test_a_stage_cluster_has_two_of_each() -> None:
    objects = stack_of(_with(EKS.set("environment", "stage"), {}))
    assert objects.one("Deployment", "nginx-ingress-public-controller")["spec"]["replicas"] == 2


def test_what_is_said_of_a_class_reaches_it() -> None:
    objects = stack_of(_with(GKE, _EVERYTHING))
    assert objects.one("Deployment", "nginx-ingress-internal-controller")["spec"]["replicas"] == 5
    container = objects.container("Deployment", "nginx-ingress-internal-controller", "nginx-ingress")
    assert container["resources"]["limits"] == {"memory": "2Gi"}
    service = _service(objects, "nginx-ingress-internal-controller")
    ranges = set(service["spec"]["loadBalancerSourceRanges"])
    assert {"192.0.2.0/24", "198.51.100.0/24"} < ranges
    own = {"10.30.0.0/20", "10.32.0.0/16"}  # the nodes' and the pods': they call what the cluster serves
    assert own < ranges
    assert service["metadata"]["annotations"]["shop.example/owner"] == "platform"


def test_a_class_that_is_switched_off_leaves_nothing() -> None:
    objects = stack_of(_with(GKE, _EVERYTHING))
    assert not [one for one in objects.part("ingress") if "public" in one["metadata"]["name"]]


def test_the_default_class_is_the_one_that_is_named() -> None:
    marked = "ingressclass.kubernetes.io/is-default-class"
    default = stack_of(_with(GKE, {"default_class": "public"}))
    assert default.one("IngressClass", "public")["metadata"]["annotations"][marked] == "true"
    annotations = default.one("IngressClass", "internal")["metadata"].get("annotations", {})
    assert annotations.get(marked, "false") == "false"


def test_aws_sends_straight_to_pods_and_tells_the_clients_address() -> None:
    objects = stack_of(_with(EKS, {}))
    annotations = {
        name: _service(objects, f"nginx-ingress-{name}-controller")["metadata"]["annotations"]
        for name in ("public", "internal")
    }
    assert annotations["public"][f"{_AWS}-scheme"] == "internet-facing"
    assert annotations["internal"][f"{_AWS}-scheme"] == "internal"
    for one in annotations.values():
        assert (one[f"{_AWS}-type"], one[f"{_AWS}-nlb-target-type"]) == ("external", "ip")
        assert "proxy_protocol_v2.enabled=true" in one[f"{_AWS}-target-group-attributes"]
    entries = objects.one("ConfigMap", "nginx-ingress-public")["data"]
    assert (entries["proxy-protocol"], entries["real-ip-header"]) == ("true", "proxy_protocol")
    assert entries["set-real-ip-from"] == "10.20.0.0/16"
    assert _service(objects, "nginx-ingress-public-controller")["spec"]["allocateLoadBalancerNodePorts"] is False


def test_without_its_controller_aws_sends_by_way_of_nodes_that_keep_the_address() -> None:
    objects = stack_of(_with(EKS.set("standard_stack.load_balancers", {"aws_controller": False}), {}))
    service = _service(objects, "nginx-ingress-internal-controller")
    annotations = service["metadata"]["annotations"]
    assert (annotations[f"{_AWS}-type"], annotations[f"{_AWS}-internal"]) == ("nlb", "true")
    assert service["spec"]["externalTrafficPolicy"] == "Local"
    assert "proxy-protocol" not in objects.one("ConfigMap", "nginx-ingress-internal")["data"]


def test_google_passes_packets_on_as_they_are() -> None:
    objects = stack_of(_with(GKE, {}))
    public = _service(objects, "nginx-ingress-public-controller")
    internal = _service(objects, "nginx-ingress-internal-controller")
    assert public["spec"]["externalTrafficPolicy"] == internal["spec"]["externalTrafficPolicy"] == "Local"
    assert "networking.gke.io/load-balancer-type" not in public["metadata"]["annotations"]
    assert internal["metadata"]["annotations"]["networking.gke.io/load-balancer-type"] == "Internal"
    assert "proxy-protocol" not in objects.one("ConfigMap", "nginx-ingress-public")["data"]


def test_fixed_addresses_are_said_as_each_platform_takes_them() -> None:
    eips = ["eipalloc-0a1", "eipalloc-0a2", "eipalloc-0a3"]
    eks = stack_of(_with(EKS, {"public": {"addresses": eips}}))
    assert _service(eks, "nginx-ingress-public-controller")["metadata"]["annotations"][
        f"{_AWS}-eip-allocations"
    ] == ",".join(eips)
    gke = stack_of(_with(GKE, {"public": {"addresses": ["203.0.113.7"]}}))
    assert _service(gke, "nginx-ingress-public-controller")["spec"]["loadBalancerIP"] == "203.0.113.7"
    metal = stack_of(_with(METAL, {"internal": {"addresses": ["10.40.15.10"], "address_pool": "office"}}))
    annotations = _service(metal, "nginx-ingress-internal-controller")["metadata"]["annotations"]
    assert annotations == {"metallb.io/loadBalancerIPs": "10.40.15.10", "metallb.io/address-pool": "office"}


def test_the_controllers_start_with_a_certificate_where_one_is_wanted() -> None:
    file = _with(EKS, {"tls": {"default_certificate": {"issuer": "letsencrypt", "hosts": ["*.shop.example"]}}})
    objects = stack_of(file)
    certificate = objects.one("Certificate", "default-tls", "system-ingress")
    assert certificate["spec"]["dnsNames"] == ["*.shop.example"]
    assert certificate["spec"]["issuerRef"]["name"] == "letsencrypt"
    arguments = _arguments(objects, "nginx-ingress-public-controller", "nginx-ingress")
    assert "-default-server-tls-secret=system-ingress/default-tls" in arguments
    assert "-wildcard-tls-secret=system-ingress/default-tls" in arguments
    assert not [
        one
        for one in _arguments(stack_of(_with(EKS, {})), "nginx-ingress-public-controller", "nginx-ingress")
        if "-tls-secret=system" in one
    ]


def test_services_cannot_write_directives_of_nginx() -> None:
    assert "-enable-snippets=false" in _arguments(
        stack_of(_with(EKS, {})), "nginx-ingress-public-controller", "nginx-ingress"
    )


def test_proxy_settings_reach_nginx_by_keys_that_services_override() -> None:
    proxy = {
        "connect_timeout_seconds": 3,
        "read_timeout_seconds": 90,
        "send_timeout_seconds": 80,
        "body_size_mib": 25,
        "buffers": 16,
        "buffer_kib": 8,
    }
    settings = {"proxy": proxy, "tls": {"minimum_version": "1.3", "redirect": False}}
    entries = stack_of(_with(EKS, settings)).one("ConfigMap", "nginx-ingress-internal")["data"]
    assert {key: entries[key] for key in entries if key.startswith(("proxy-", "client-"))} == {
        "proxy-connect-timeout": "3s",
        "proxy-read-timeout": "90s",
        "proxy-send-timeout": "80s",
        "client-max-body-size": "25m",
        "proxy-buffers": "16 8k",
        "proxy-buffer-size": "8k",
        "proxy-protocol": "true",
    }
    assert (entries["ssl-protocols"], entries["ssl-redirect"]) == ("TLSv1.3", "false")


def test_headers_of_a_services_own_come_beside_the_standard_ones() -> None:
    """`add_header_inherit` is of NGINX 1.29.3: the controller's has it, the one of these tests may not."""
    assert stack_of(_with(EKS, {})).one("ConfigMap", "nginx-ingress-public")["data"]["add-header-inherit"] == "merge"


def test_hosts_that_nobody_serves_get_the_standard_page() -> None:
    objects = stack_of(_with(EKS, {}))
    for name in ("public", "internal"):
        rule = objects.one("Ingress", f"unknown-hosts-{name}", "system-ingress")["spec"]["rules"][0]
        assert "host" not in rule
        assert rule["http"]["paths"][0]["backend"]["service"]["name"] == "default-backend"
    arguments = _arguments(objects, "nginx-ingress-public-controller", "nginx-ingress")
    assert "-allow-empty-ingress-host=true" in arguments


def test_without_error_pages_there_is_no_default_backend() -> None:
    objects = stack_of(_with(GKE, {"error_pages": {"enabled": False}}))
    assert not [
        one for one in objects.part("ingress") if one["metadata"]["name"].startswith(("default-backend", "unknown"))
    ]


def test_the_default_backend_starts_anew_when_a_page_changes() -> None:
    pods = [
        stack_of(_with(EKS, settings)).one("Deployment", "default-backend")["spec"]["template"]["metadata"][
            "annotations"
        ]
        for settings in ({}, {"error_pages": {"company": "Another"}})
    ]
    assert pods[0] != pods[1]


def test_it_is_measured_where_there_is_somebody_to_read_it() -> None:
    deployment = "nginx-ingress-public-controller"
    read, unread = (
        stack_of(_with(GKE, {})),
        stack_of(_with(GKE.set("standard_stack.monitoring", {"enabled": False}), {})),
    )
    assert read.has("ServiceMonitor", deployment)
    assert "-enable-latency-metrics=true" in _arguments(read, deployment, "nginx-ingress")
    assert not unread.has("ServiceMonitor", deployment)
    assert "-enable-latency-metrics=false" in _arguments(unread, deployment, "nginx-ingress")


def test_turned_off_nothing_of_it_is_left() -> None:
    file = GKE.set("standard_stack.monitoring", {"enabled": False}).set(
        "standard_stack.bucket_gateway", {"enabled": False}
    )
    objects = stack_of(_with(file, {"enabled": False}))
    assert objects.part("ingress") == []


def test_traefik_passes_every_request_through_the_same_settings() -> None:
    objects = _traefik(response_headers={"X-Team": "platform", "X-XSS-Protection": None}, error_pages={"codes": [503]})
    for name in ("public", "internal"):
        arguments = _arguments(objects, f"traefik-{name}", f"traefik-{name}")
        assert f"--providers.kubernetesingress.ingressClass={name}" in arguments
        middlewares = next(one for one in arguments if one.startswith("--entryPoints.websecure.http.middlewares="))
        passed = middlewares.partition("=")[2].split(",")
        names = [one.removeprefix("system-ingress-").removesuffix("@kubernetescrd") for one in passed]
        assert names == ["standard-headers", "error-pages", "body-size"]
        assert all(objects.has("Middleware", one) for one in names)
    headers = objects.one("Middleware", "standard-headers")["spec"]["headers"]
    assert (
        headers["customResponseHeaders"].items()
        >= {"X-Team": "platform", "X-Content-Type-Options": "nosniff", "X-Powered-By": ""}.items()
    )
    assert "X-XSS-Protection" not in headers["customResponseHeaders"]
    assert headers["customRequestHeaders"]["X-Internal-User"] == ""
    assert (headers["stsSeconds"], headers["stsPreload"]) == (600, False)
    errors = objects.one("Middleware", "error-pages")["spec"]["errors"]
    assert (errors["status"], errors["query"]) == (["404", "503"], "/{status}")
    assert errors["service"]["name"] == "default-backend"


def test_traefik_redirects_to_tls_and_takes_no_old_tls() -> None:
    objects = _traefik(tls={"minimum_version": "1.3"}, proxy={"body_size_mib": 2, "connect_timeout_seconds": 3})
    web = next(one for one in _arguments(objects, "traefik-public", "traefik-public") if "web.http.middlewares" in one)
    assert web.endswith("system-ingress-redirect-to-https@kubernetescrd")
    assert objects.one("Middleware", "redirect-to-https")["spec"]["redirectScheme"]["scheme"] == "https"
    assert objects.one("TLSOption", "default")["spec"] == {"minVersion": "VersionTLS13"}
    assert objects.one("Middleware", "body-size")["spec"]["buffering"]["maxRequestBodyBytes"] == 2 * 1024 * 1024
    arguments = _arguments(objects, "traefik-public", "traefik-public")
    assert "--serversTransport.forwardingTimeouts.dialTimeout=3s" in arguments
    assert "--entryPoints.websecure.proxyProtocol.trustedIPs=10.20.0.0/16" in arguments


def test_traefik_answers_for_unknown_hosts_class_by_class_with_the_lowest_priority() -> None:
    objects = _traefik()
    for name in ("public", "internal"):
        route = objects.one("IngressRoute", f"unknown-hosts-{name}")
        assert route["metadata"]["annotations"] == {"kubernetes.io/ingress.class": name}
        assert route["spec"]["routes"][0]["priority"] == 1
        assert _service(objects, f"traefik-{name}")["metadata"]["annotations"][f"{_AWS}-type"] == "external"


def test_other_parts_know_the_controllers_pods_in_either_flavour() -> None:
    peer = controllers("internal")
    for objects, deployment in (
        (stack_of(_with(EKS, {})), "nginx-ingress-internal-controller"),
        (_traefik(), "traefik-internal"),
    ):
        labels = pod_labels(objects.one("Deployment", deployment))
        assert peer["podSelector"]["matchLabels"].items() <= labels.items()
        assert not controller_pods("public").items() <= labels.items()
        requests = objects.allowed("requests", "system-ingress")
        assert requests["podSelector"]["matchLabels"] == CONTROLLER_LABELS
        ports = {
            one["name"]
            for one in objects.container("Deployment", deployment, _only_container(objects, deployment))["ports"]
        }
        assert {one["port"] for one in requests["ingress"][0]["ports"]} <= ports


def _only_container(objects: Objects, deployment: str) -> str:
    return objects.one("Deployment", deployment)["spec"]["template"]["spec"]["containers"][0]["name"]


@pytest.mark.parametrize(
    ("file", "settings", "told"),
    [
        (EKS, {"public": {"replicas": 1}}, "expected: 2 or more"),
        (EKS, {"public": {"enabled": False}, "internal": {"enabled": False}}, "there is no ingress class left"),
        (EKS, {"default_class": "internal", "internal": {"enabled": False}}, "default_class: isn't enabled"),
        (EKS, {"hidden_response_headers": ["X-Internal-*"]}, "neither NGINX nor Traefik knows wildcards here"),
        (EKS, {"stripped_request_headers": ["X-Internal-*"]}, "neither NGINX nor Traefik knows wildcards here"),
        (EKS, {"response_headers": {"X-Evil": 'a"; return 200 "'}}, "a header's value on one line"),
        (EKS, {"response_headers": {"Strict-Transport-Security": "max-age=1"}}, "has settings of its own"),
        (EKS, {"response_headers": {"Content-Length": "1"}}, "response_headers: HTTP itself needs this header"),
        (EKS, {"stripped_request_headers": ["Host"]}, "stripped_request_headers: HTTP itself needs this header"),
        (EKS, {"error_pages": {"codes": [404, 499]}}, "error_pages.codes: nobody is left who could read the page"),
        (EKS, {"hsts": {"preload": True}}, "browsers' lists refuse this"),
        (EKS, {"error_pages": {"texts": {"503": {"title": "<b>", "message": "m"}}}}, "one line without < and >"),
        (EKS, {"error_pages": {"texts": {"418": {"title": "t", "message": "m"}}}}, "there is no page of this status"),
        (
            EKS,
            {"public": {"addresses": ["eipalloc-0a1"]}},
            "3 allocations of elastic addresses (eipalloc-…), one for each zone",
        ),
        (EKS, {"internal": {"addresses": ["10.20.0.300"] * 3}}, "not what a load balancer of this platform takes"),
        (GKE, {"public": {"addresses": ["eipalloc-0a1"]}}, "one address such as 10.40.15.10"),
        (GKE, {"public": {"address_pool": "office"}}, "a cloud's load balancers have no pool"),
        (EKS, {"flavour": "traefik", "proxy": {"buffers": 9}}, "proxy.buffers: Traefik can't do this"),
        (EKS, {"flavour": "traefik", "service_headers": []}, "service_headers: Traefik can't do this"),
        (
            EKS,
            {"flavour": "traefik", "error_pages": {"except_hosts": ["api.shop.example"]}},
            "except_hosts: Traefik can't do this",
        ),
    ],
)
def test_what_cannot_be_is_told_in_words(file: StackFile, settings: dict[str, Any], told: str) -> None:
    assert told in _with(file, settings).error()


def test_without_its_controller_aws_gives_internal_load_balancers_no_fixed_addresses() -> None:
    file = EKS.set("standard_stack.load_balancers", {"aws_controller": False})
    told = _with(file, {"internal": {"addresses": ["10.20.0.7", "10.20.1.7", "10.20.2.7"]}}).error()
    assert "ingress.internal.addresses: without AWS's controller" in told


def test_a_default_certificate_needs_cert_manager() -> None:
    file = METAL.set("standard_stack.certificates", {"enabled": False})
    wanted = {"tls": {"default_certificate": {"issuer": "vault", "hosts": ["shop.example"]}}}
    assert "ingress.tls.default_certificate: needs cert-manager" in _with(file, wanted).error()


def _latency(code: str, le: str | None, values: str) -> dict[str, str]:
    name = f"nginx_ingress_controller_upstream_server_response_latency_ms_{'bucket' if le else 'count'}"
    labels = f'class="public",resource_namespace="default",service="cart",code="{code}"' + (f',le="{le}"' if le else "")
    return {"series": f"{name}{{{labels}}}", "values": values}


def _available(deployment: str, values: str) -> dict[str, str]:
    labels = f'namespace="system-ingress",deployment="{deployment}"'
    return {"series": f"kube_deployment_status_replicas_available{{{labels}}}", "values": values}


def _alert(name: str, minute: int, labels: dict[str, str] | None) -> dict[str, Any]:
    """Whether an alert fires at a minute; its words are not compared."""
    expression = f'count by (alertname, service, deployment, pod) (ALERTS{{alertname="{name}",alertstate="firing"}})'
    samples = [] if labels is None else [{"labels": _selector({"alertname": name, **labels}), "value": 1}]
    return {"expr": expression, "eval_time": f"{minute}m", "exp_samples": samples}


def _selector(labels: dict[str, str]) -> str:
    return "{" + ",".join(f'{key}="{value}"' for key, value in labels.items()) + "}"


def test_alerts_fire_when_requests_fail_or_wait_or_nobody_answers() -> None:
    wrong = {
        "interval": "1m",
        "input_series": [
            _available("nginx-ingress-public-controller", "3 0x60"),
            _available("default-backend", "2 0x60"),
            _latency("200", None, "0+540x60"),
            _latency("503", None, "0+60x60"),
            _latency("200", "5000", "0+100x60"),
            _latency("200", "10000", "0+600x60"),
            _latency("200", "+Inf", "0+600x60"),
            {"series": 'nginx_ingress_controller_nginx_last_reload_status{class="public",pod="a"}', "values": "1 0x60"},
        ],
        "promql_expr_test": [
            _alert("IngressControllerDown", 40, {"deployment": "nginx-ingress-public-controller"}),
            _alert("IngressDefaultBackendDown", 40, {"deployment": "default-backend"}),
            _alert("IngressErrorRate", 40, {"service": "cart"}),
            _alert("IngressLatencyHigh", 40, {"service": "cart"}),
            _alert("IngressReloadFailing", 40, {"pod": "a"}),
        ],
    }
    right = {
        "interval": "1m",
        "input_series": [
            _available("nginx-ingress-public-controller", "1x60"),
            _available("default-backend", "1x60"),
            _latency("200", None, "0+600x60"),
            _latency("503", None, "0+6x60"),
            _latency("200", "5000", "0+606x60"),
            _latency("200", "+Inf", "0+606x60"),
            {"series": 'nginx_ingress_controller_nginx_last_reload_status{class="public",pod="a"}', "values": "1x60"},
        ],
        "promql_expr_test": [
            _alert(name, 40, None)
            for name in (
                "IngressControllerDown",
                "IngressDefaultBackendDown",
                "IngressErrorRate",
                "IngressLatencyHigh",
                "IngressReloadFailing",
            )
        ],
    }
    assert_rules(stack_of(_with(EKS, {})), "ingress", [wrong, right])


def test_traefiks_alerts_read_traefiks_measures() -> None:
    def requests(code: str, values: str) -> dict[str, str]:
        return {"series": f'traefik_service_requests_total{{service="cart",code="{code}"}}', "values": values}

    def took(le: str, values: str) -> dict[str, str]:
        return {
            "series": f'traefik_service_request_duration_seconds_bucket{{service="cart",code="200",le="{le}"}}',
            "values": values,
        }

    wrong = {
        "interval": "1m",
        "input_series": [
            requests("200", "0+540x60"),
            requests("502", "0+60x60"),
            took("5", "0+100x60"),
            took("+Inf", "0+600x60"),
            took("30", "0+600x60"),
            _available("traefik-internal", "0x60"),
        ],
        "promql_expr_test": [
            _alert("IngressErrorRate", 40, {"service": "cart"}),
            _alert("IngressLatencyHigh", 40, {"service": "cart"}),
            _alert("IngressControllerDown", 40, {"deployment": "traefik-internal"}),
        ],
    }
    right = {
        "interval": "1m",
        "input_series": [requests("200", "0+540x60"), took("5", "0+600x60"), took("+Inf", "0+600x60")],
        "promql_expr_test": [_alert("IngressErrorRate", 40, None), _alert("IngressLatencyHigh", 40, None)],
    }
    assert_rules(_traefik(), "ingress", [wrong, right])
