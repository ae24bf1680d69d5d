"""Prometheus, Alertmanager and what they measure with."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from components.charts.manifests import Manifest, containers
from config.model import SecretText
from tests.requirements import amtool
from tests.standard_stack.alone import alone
from tests.standard_stack.rendered import Objects, stack_of
from tests.support import EKS, GKE, METAL, TODAY, StackFile

NAMESPACE = "system-monitoring"
AUTHORITY = METAL.read().provisioner.certificate_authority  # type: ignore[attr-defined]


def monitored(file: StackFile, **settings: Any) -> StackFile:
    """A cluster with monitoring, with these settings, and with the parts that it needs."""
    of_access = {"ingress": {}, "secrets": file.value()["standard_stack"].get("secrets", {})}
    return alone(file, monitoring=settings, **(of_access if "grafana_access" in settings else {}))


TUNED = monitored(
    EKS,
    prometheus={
        "replicas": 3,
        "scrape_interval": "15s",
        "retention": "4w",
        "retention_size": "800Gi",
        "storage": "1Ti",
        "resources": {"cpu": "2", "memory": "16Gi", "memory_limit": "24Gi"},
    },
    alertmanager={
        "replicas": 2,
        "existing_secret": "from-vault",
        "receiver_cidrs": ["10.40.0.0/20"],
        "receiver_ports": [587],
        "storage": "5Gi",
        "resources": {"cpu": "1", "memory": "1Gi"},
    },
    storage_class="fast",
    zone_spread="soft",
    operator_resources={"cpu": "1", "memory": "1Gi"},
    state_metrics_resources={"cpu": "2", "memory": "2Gi"},
    node_exporter_resources={"cpu": "3", "memory": "3Gi"},
    grafana_access={
        "host": "prometheus.prod-eks.shop.example",
        "source_cidrs": ["10.40.12.0/24", "10.40.13.0/24"],
        "client_authority": AUTHORITY,
    },
)
PLAIN = monitored(EKS)
MACHINES = monitored(METAL)
GUARDED_BY_PASSWORD = monitored(
    GKE,
    grafana_access={
        "host": "prometheus.prod-gke.shop.example",
        "source_cidrs": ["10.40.12.0/24"],
        "issuer": "letsencrypt",
        "basic_auth": {"secure": "v1:3q2+7w=="},
    },
    alertmanager={"configuration": {"secure": "v1:3q2+7w=="}},
)


def prometheus(objects: Objects) -> Manifest:
    return objects.one("Prometheus", "monitoring-prometheus")["spec"]


def alertmanager(objects: Objects) -> Manifest:
    return objects.one("Alertmanager", "monitoring-alertmanager")["spec"]


def policy(objects: Objects, name: str) -> Manifest:
    return objects.allowed(name, NAMESPACE)


def test_settings_of_prometheus_reach_it() -> None:
    spec = prometheus(stack_of(TUNED))
    assert spec["replicas"] == 3
    assert (spec["scrapeInterval"], spec["evaluationInterval"]) == ("15s", "15s")
    assert (spec["retention"], spec["retentionSize"]) == ("4w", "800GiB")
    assert spec["resources"] == {"requests": {"cpu": "2", "memory": "16Gi"}, "limits": {"memory": "24Gi"}}
    claim = spec["storage"]["volumeClaimTemplate"]["spec"]
    assert (claim["storageClassName"], claim["resources"]) == ("fast", {"requests": {"storage": "1Ti"}})


def test_settings_of_alertmanager_reach_it() -> None:
    spec = alertmanager(stack_of(TUNED))
    assert spec["replicas"] == 2
    assert spec["resources"] == {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}
    claim = spec["storage"]["volumeClaimTemplate"]["spec"]
    assert (claim["storageClassName"], claim["resources"]) == ("fast", {"requests": {"storage": "5Gi"}})
    assert policy(stack_of(TUNED), "receivers")["egress"] == [
        {"to": [{"ipBlock": {"cidr": "10.40.0.0/20"}}], "ports": [{"protocol": "TCP", "port": 587}]}
    ]


def test_what_the_others_use_can_be_set() -> None:
    objects = stack_of(TUNED)
    operator = objects.container("Deployment", "monitoring-operator", "kube-prometheus-stack")
    assert operator["resources"]["requests"] == {"cpu": "1", "memory": "1Gi"}
    state_metrics = objects.container("Deployment", "kube-state-metrics", "kube-state-metrics")
    assert state_metrics["resources"]["limits"] == {"memory": "2Gi"}
    node_exporter = objects.container("DaemonSet", "node-exporter", "node-exporter")
    assert node_exporter["resources"]["requests"] == {"cpu": "3", "memory": "3Gi"}
    assert "--config-reloader-memory-limit=64Mi" in operator["args"]


def test_unless_said_otherwise_two_prometheus_and_three_alertmanagers_keep_their_data_on_the_default_class() -> None:
    objects = stack_of(PLAIN)
    assert (prometheus(objects)["replicas"], alertmanager(objects)["replicas"]) == (2, 3)
    classes = {
        spec["storage"]["volumeClaimTemplate"]["spec"]["storageClassName"]
        for spec in (prometheus(objects), alertmanager(objects))
    }
    default = [
        one["metadata"]["name"]
        for one in objects.all("StorageClass")
        if one["metadata"]["annotations"]["storageclass.kubernetes.io/is-default-class"] == "true"
    ]
    assert sorted(classes) == default
    assert prometheus(stack_of(MACHINES))["storage"]["volumeClaimTemplate"]["spec"]["storageClassName"] == "local-path"


def test_blocks_leave_room_on_the_volume() -> None:
    assert prometheus(stack_of(PLAIN))["retentionSize"] == "85GiB"
    told = monitored(EKS, prometheus={"storage": "100Gi", "retention_size": "95Gi"}).error()
    assert "monitoring.prometheus.retention_size: the volume has no room" in told
    assert "at most 90Gi" in told


@pytest.mark.parametrize("file", [PLAIN, monitored(GKE), MACHINES], ids=lambda file: file.stack)
def test_every_sample_that_leaves_the_cluster_tells_where_it_is_from(file: StackFile) -> None:
    platform = file.value()["platform"]
    assert prometheus(stack_of(file))["externalLabels"] == {
        "cluster": file.stack,
        "environment": "production",
        "platform": platform,
    }


def test_replicas_wait_rather_than_share_a_zone() -> None:
    for spec, replicas in ((prometheus(stack_of(PLAIN)), 2), (alertmanager(stack_of(PLAIN)), 3)):
        hard = [one for one in spec["topologySpreadConstraints"] if one["whenUnsatisfiable"] == "DoNotSchedule"]
        assert [(one["topologyKey"], one["maxSkew"]) for one in hard] == [("topology.kubernetes.io/zone", 1)]
        assert hard[0]["minDomains"] == replicas
        assert "affinity" not in spec


def test_a_soft_spread_lets_them_run_where_there_is_room() -> None:
    spec = prometheus(stack_of(TUNED))
    assert {one["whenUnsatisfiable"] for one in spec["topologySpreadConstraints"]} == {"ScheduleAnyway"}


def test_machines_of_one_rack_are_told_apart_instead_of_zones() -> None:
    text = MACHINES.text.replace("zone: rack-b", "zone: rack-a").replace("zone: rack-c", "zone: rack-a")
    spec = prometheus(stack_of(StackFile(METAL.stack, text)))
    hard = [
        one["topologyKey"] for one in spec["topologySpreadConstraints"] if one["whenUnsatisfiable"] == "DoNotSchedule"
    ]
    assert hard == ["kubernetes.io/hostname"]


def test_pods_that_the_operator_makes_run_where_the_house_s_rules_put_others() -> None:
    for spec in (prometheus(stack_of(PLAIN)), alertmanager(stack_of(PLAIN))):
        assert spec["nodeSelector"] == {"kuber.dev/pool": "system"}
        assert [one["key"] for one in spec["tolerations"]] == ["CriticalAddonsOnly"]
        assert spec["priorityClassName"] == "cluster-service"


def test_one_of_them_may_be_away_at_a_time() -> None:
    budgets = {one["metadata"]["name"]: one["spec"] for one in stack_of(PLAIN).all("PodDisruptionBudget", NAMESPACE)}
    assert budgets["monitoring-prometheus"]["minAvailable"] == 1
    assert budgets["monitoring-alertmanager"]["minAvailable"] == 2


def test_everybody_s_monitors_and_rules_are_read() -> None:
    spec = prometheus(stack_of(PLAIN))
    for kind in ("serviceMonitor", "podMonitor", "probe", "rule", "scrapeConfig"):
        assert spec[f"{kind}Selector"] == {} and spec[f"{kind}NamespaceSelector"] == {}


def test_node_exporter_runs_on_every_node_whatever_its_taints() -> None:
    template = stack_of(PLAIN).one("DaemonSet", "node-exporter")["spec"]["template"]["spec"]
    assert template["tolerations"] == [{"operator": "Exists"}]
    assert template["priorityClassName"] == "system-node-critical"


def test_on_gke_a_quota_lets_node_exporter_have_its_priority() -> None:
    quota = stack_of(GUARDED_BY_PASSWORD).one("ResourceQuota", "critical-pods", NAMESPACE)["spec"]
    assert quota["scopeSelector"]["matchExpressions"][0]["values"] == ["system-node-critical"]
    assert not stack_of(PLAIN).has("ResourceQuota", "critical-pods")


def test_pools_and_capacity_of_nodes_are_measured_and_secrets_are_not_read() -> None:
    objects = stack_of(PLAIN)
    arguments = objects.container("Deployment", "kube-state-metrics", "kube-state-metrics")["args"]
    allowed = next(one for one in arguments if one.startswith("--metric-labels-allowlist="))
    assert "kuber.dev/pool" in allowed and "kuber.dev/capacity" in allowed
    role = objects.one("ClusterRole", "kube-state-metrics")
    assert "secrets" not in {resource for rule in role["rules"] for resource in rule["resources"]}


def measured(objects: Objects) -> set[str]:
    """Parts of Kubernetes that have a ServiceMonitor, and those that rules are about."""
    parts = ("coredns", "kube-dns", "kube-controller-manager", "kube-scheduler", "kube-etcd", "kube-proxy")
    return {part for part in parts if objects.has("ServiceMonitor", f"monitoring-{part}")}


def rules_about(objects: Objects) -> set[str]:
    text = str([one["spec"] for one in objects.all("PrometheusRule", NAMESPACE)])
    return {one for one in ("kube-controller-manager", "kube-scheduler", "kube-proxy", "etcd") if one in text}


def test_on_clouds_nothing_is_measured_that_the_cloud_keeps_to_itself() -> None:
    assert measured(stack_of(PLAIN)) == {"coredns"}
    assert measured(stack_of(GUARDED_BY_PASSWORD)) == {"kube-dns"}
    assert rules_about(stack_of(PLAIN)) == set()


def test_on_own_machines_the_control_plane_is_measured_at_the_inventory_s_addresses() -> None:
    objects = stack_of(MACHINES)
    assert measured(objects) == {"coredns", "kube-controller-manager", "kube-scheduler", "kube-etcd", "kube-proxy"}
    assert len(rules_about(objects)) == 4
    for part in ("kube-controller-manager", "kube-scheduler", "kube-etcd"):
        addresses = objects.one("Endpoints", f"monitoring-{part}")["subsets"][0]["addresses"]
        assert [one["ip"] for one in addresses] == ["10.40.0.11", "10.40.0.12", "10.40.0.13"]


def test_parts_of_the_control_plane_can_be_left_out_and_not_asked_for_on_clouds() -> None:
    objects = stack_of(monitored(METAL, control_plane_metrics=["etcd"]))
    assert measured(objects) == {"coredns", "kube-etcd"} and rules_about(objects) == {"etcd"}
    told = monitored(EKS, control_plane_metrics=["etcd"]).error()
    assert "monitoring.control_plane_metrics: the cloud runs the control plane" in told


def test_rules_are_checked_with_cert_manager_s_certificate_and_never_stand_in_the_way() -> None:
    objects = stack_of(PLAIN)
    for kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"):
        configuration = objects.one(kind, "monitoring-admission")
        assert {one["failurePolicy"] for one in configuration["webhooks"]} == {"Ignore"}
        certificate = configuration["metadata"]["annotations"]["cert-manager.io/inject-ca-from"]
        assert objects.has("Certificate", certificate.rpartition("/")[2])
    assert not [one for one in objects.part("monitoring") if one["kind"] == "Job"]


def test_without_a_configuration_alerts_reach_nobody_and_that_is_said(tmp_path: Path) -> None:
    objects = stack_of(PLAIN)
    secret = objects.one("Secret", alertmanager(objects)["configSecret"], NAMESPACE)
    written = tmp_path / "alertmanager.yaml"
    written.write_text(secret["stringData"]["alertmanager.yaml"])
    checked = subprocess.run([amtool(), "check-config", written], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    for alert, receiver in (("Watchdog", "watchdog"), ("ManyPodsPending", "nobody")):
        routed = [amtool(), "config", "routes", "test", "--config.file", written, f"alertname={alert}"]
        assert subprocess.run(routed, capture_output=True, text=True).stdout.strip() == receiver
    assert [
        one
        for one in PLAIN.read().standard_stack.monitoring.advice(PLAIN.read(), TODAY)
        if "alerts reach nobody" in one
    ]
    assert not list(TUNED.read().standard_stack.monitoring.advice(TUNED.read(), TODAY))


def test_a_configuration_from_the_stack_file_becomes_a_secret() -> None:
    objects = stack_of(GUARDED_BY_PASSWORD)
    secret = objects.one("Secret", alertmanager(objects)["configSecret"], NAMESPACE)
    assert secret["stringData"] == {"alertmanager.yaml": SecretText(None)}


def test_a_secret_that_somebody_else_brings_is_named_alone() -> None:
    objects = stack_of(TUNED)
    assert alertmanager(objects)["configSecret"] == "from-vault"
    assert not objects.has("Secret", "from-vault")
    told = monitored(EKS, alertmanager={"existing_secret": "x", "configuration": {"secure": "v1:3q2+7w=="}}).error()
    assert "monitoring.alertmanager.existing_secret: there is a configuration too" in told


def test_grafana_with_a_client_certificate_gets_to_prometheus_and_nobody_else_does() -> None:
    objects = stack_of(TUNED)
    server = objects.one("VirtualServer", "grafana-access", NAMESPACE)["spec"]
    assert (server["ingressClassName"], server["host"]) == ("internal", "prometheus.prod-eks.shop.example")
    policies = [objects.one("Policy", one["name"], NAMESPACE)["spec"] for one in server["policies"]]
    assert policies[0]["accessControl"] == {"allow": ["10.40.12.0/24", "10.40.13.0/24"]}
    authority = objects.one("Secret", policies[1]["ingressMTLS"]["clientCertSecret"], NAMESPACE)
    assert policies[1]["ingressMTLS"]["verifyClient"] == "on"
    assert (authority["type"], authority["stringData"]["ca.crt"]) == ("nginx.org/ca", AUTHORITY)
    certificate = objects.one("Certificate", "grafana-access", NAMESPACE)["spec"]
    assert certificate["secretName"] == server["tls"]["secret"]
    assert certificate["dnsNames"] == [server["host"]]
    assert certificate["issuerRef"]["name"] == "vault"
    upstream = server["upstreams"][0]
    assert objects.one("Service", upstream["service"], NAMESPACE)["spec"]["ports"][0]["port"] == upstream["port"]
    assert [one["path"] for one in server["routes"]] == ["/api/v1/"]


def test_grafana_with_a_password_is_asked_for_it() -> None:
    objects = stack_of(GUARDED_BY_PASSWORD)
    policies = [one["spec"] for one in objects.all("Policy", NAMESPACE)]
    (secret_name,) = [one["basicAuth"]["secret"] for one in policies if "basicAuth" in one]
    secret = objects.one("Secret", secret_name, NAMESPACE)
    assert (secret["type"], secret["stringData"]) == ("nginx.org/htpasswd", {"htpasswd": SecretText(None)})


def test_the_same_reader_is_answered_by_the_same_replica() -> None:
    objects = stack_of(TUNED)
    assert objects.one("VirtualServer", "grafana-access")["spec"]["upstreams"][0]["lb-method"] == "ip_hash"
    assert objects.one("Service", "monitoring-prometheus", NAMESPACE)["spec"]["sessionAffinity"] == "ClientIP"


def test_only_the_internal_ingress_reaches_prometheus_and_only_where_grafana_may_read() -> None:
    (rule,) = policy(stack_of(TUNED), "grafana")["ingress"]
    assert rule["from"][0]["podSelector"]["matchLabels"]["kuber.dev/ingress-class"] == "internal"
    assert [one["port"] for one in rule["ports"]] == [9090]
    assert "grafana" not in stack_of(PLAIN).purposes(NAMESPACE)


@pytest.mark.parametrize(
    ("credentials", "told"),
    [
        ({}, "monitoring.grafana_access: nothing says who may read"),
        (
            {"basic_auth": {"secure": "v1:3q2+7w=="}, "client_authority": AUTHORITY},
            "monitoring.grafana_access: two ways to say who may read",
        ),
    ],
)
def test_grafana_shows_one_credential(credentials: dict[str, Any], told: str) -> None:
    access = {"host": "prometheus.shop.example", "source_cidrs": ["10.40.12.0/24"], **credentials}
    assert told in monitored(EKS, grafana_access=access).error()


def test_what_grafana_s_way_in_needs_is_asked_for() -> None:
    without_vault = TUNED.set("standard_stack.secrets.enabled", False)
    assert "monitoring.grafana_access.issuer: there is no such issuer" in without_vault.error()
    without_ingress = TUNED.set("standard_stack.ingress", {"internal": {"enabled": False}})
    assert "monitoring.grafana_access: there is no internal ingress" in without_ingress.error()
    certificate = stack_of(GUARDED_BY_PASSWORD).one("Certificate", "grafana-access", NAMESPACE)
    assert certificate["spec"]["issuerRef"]["name"] == "letsencrypt"


def test_with_traefik_the_same_holds() -> None:
    file = TUNED.set("standard_stack.ingress", {"flavour": "traefik"})
    objects = stack_of(file)
    (route,) = objects.one("IngressRoute", "grafana-access", NAMESPACE)["spec"]["routes"]
    assert route["match"] == "Host(`prometheus.prod-eks.shop.example`) && PathPrefix(`/api/v1/`)"
    (sources,) = [objects.one("Middleware", one["name"], NAMESPACE)["spec"] for one in route["middlewares"]]
    assert sources["ipAllowList"]["sourceRange"] == ["10.40.12.0/24", "10.40.13.0/24"]
    clients = objects.one("TLSOption", "grafana-access", NAMESPACE)["spec"]["clientAuth"]
    assert clients["clientAuthType"] == "RequireAndVerifyClientCert"
    assert objects.one("TLSOption", "grafana-access", NAMESPACE)["spec"]["minVersion"] == "VersionTLS12"
    assert objects.has("Secret", clients["secretNames"][0])
    assert not objects.has("VirtualServer", "grafana-access")


def test_prometheus_reads_pods_and_nodes_and_is_open_to_nobody() -> None:
    objects = stack_of(PLAIN)
    (pods,) = policy(objects, "scrape-pods")["egress"]
    assert pods["to"] == [{"namespaceSelector": {}}] and not pods["ports"]
    (nodes,) = policy(objects, "scrape-nodes")["egress"]
    assert nodes["to"] == [{"ipBlock": {"cidr": "10.20.0.0/16"}}]
    assert [one["port"] for one in nodes["ports"]] == [10250, 9100]
    (on_metal,) = policy(stack_of(MACHINES), "scrape-nodes")["egress"]
    assert {10257, 10259, 2381} <= {one["port"] for one in on_metal["ports"]}


def test_exporters_in_the_machines_own_network_are_reached() -> None:
    balanced = alone(METAL, monitoring={}, load_balancers=METAL.value()["standard_stack"].get("load_balancers", {}))
    objects = stack_of(balanced)
    (nodes,) = policy(objects, "scrape-nodes")["egress"]
    listening = {
        port["containerPort"]
        for one in objects.all("DaemonSet")
        if one["spec"]["template"]["spec"].get("hostNetwork")
        for container in containers(one)
        for port in container.get("ports", [])
        if "metrics" in port["name"]
    }
    assert listening and listening <= {one["port"] for one in nodes["ports"]}


def test_alertmanagers_talk_to_each_other_alone() -> None:
    objects = stack_of(PLAIN)
    for protocol in ("TCP", "UDP"):
        for name, direction, peers in (("in", "ingress", "from"), ("out", "egress", "to")):
            (rule,) = policy(objects, f"gossip-{protocol.lower()}-{name}")[direction]
            assert rule[peers] == [{"podSelector": {"matchLabels": {"app.kubernetes.io/name": "alertmanager"}}}]
            assert rule["ports"] == [{"protocol": protocol, "port": 9094}]


def test_turned_off_nothing_of_it_is_left_and_nobody_s_rules_either() -> None:
    objects = stack_of(monitored(EKS, enabled=False))
    assert not [at for at in objects.identities if at[1] == NAMESPACE or at[0].startswith("monitoring.coreos.com/")]
