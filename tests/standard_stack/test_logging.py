"""Logging: filebeat on every node."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest
import yaml

from tests.standard_stack.filebeat_keys import undocumented
from tests.standard_stack.promtool import assert_rules
from tests.standard_stack.rendered import Objects, stack_of
from tests.support import EKS, GKE, METAL, StackFile

HOSTS = ["logs-1.shop.example", "logs-2.shop.example:6044"]
AUTHORITY: str = METAL.value()["provisioner"]["certificate_authority"]


def logging(file: StackFile, **settings: Any) -> StackFile:
    logstash = {"hosts": HOSTS} | settings.pop("logstash", {})
    return file.set("standard_stack", {"logging": {"logstash": logstash, **settings}})


OTHERWISE = logging(
    EKS,
    logstash={
        "cidrs": ["10.40.16.0/24"],
        "certificate_authority": AUTHORITY,
        "client_certificate": {"secret": "shipper"},
        "workers": 4,
        "bulk_max_size": 512,
        "compression_level": 6,
    },
    queue_size="25Gi",
    host_path="/data/filebeat",
    registry_flush="5s",
    formats={"plain-text": {}, "stack-traces": {"multiline": {"pattern": "^ ", "max_lines": 99, "timeout": "9s"}}},
    drop=[{"namespace": "batch", "container": "proxy", "message": "GET /healthz"}, {"message": "^DEBUG"}],
    drop_fields=["agent.version"],
    fields={"team": "shop"},
    max_unavailable="3",
    resources={"cpu": "1", "memory": "1Gi"},
)


def filebeat(objects: Objects) -> dict[str, Any]:
    return yaml.safe_load(objects.one("ConfigMap", "filebeat")["data"]["filebeat.yml"])


def pod(objects: Objects) -> dict[str, Any]:
    return objects.one("DaemonSet", "filebeat")["spec"]["template"]["spec"]


def volume(objects: Objects, name: str) -> dict[str, Any]:
    [found] = [one for one in pod(objects)["volumes"] if one["name"] == name]
    return found


def provider(objects: Objects) -> dict[str, Any]:
    [found] = filebeat(objects)["filebeat.autodiscover"]["providers"]
    return found


def egress(objects: Objects) -> dict[str, Any]:
    [rule] = objects.allowed("logstash", "system-logging")["egress"]
    return rule


@pytest.mark.parametrize("file", [logging(EKS), OTHERWISE], ids=["as it comes", "otherwise"])
def test_each_key_of_filebeat_s_configuration_is_one_that_its_reference_has(file: StackFile) -> None:
    assert undocumented(filebeat(stack_of(file))) == []


def test_a_key_that_the_reference_has_not_would_be_found() -> None:
    wrong = {
        "queue.disk": {"maxsize": 1},
        "processors": [{"drop_event": {"when": {"equal": {"a": 1}}}}, {"drop_field": {"fields": ["a"]}}],
        "filebeat.autodiscover": {"providers": [{"templates": [{"config": [{"path": ["/x"]}]}]}]},
    }
    assert undocumented(wrong) == [
        "queue.disk.maxsize",
        "processors.drop_event.when.equal.a",
        "processors.drop_field.fields",
        "filebeat.autodiscover.providers.templates.config.path",
    ]


def test_all_hosts_are_sent_to_at_once_with_a_certificate_of_the_internal_authority() -> None:
    objects = stack_of(logging(EKS))
    output = filebeat(objects)["output.logstash"]
    assert output["hosts"] == ["logs-1.shop.example:5044", "logs-2.shop.example:6044"]
    assert output["loadbalance"] and output["ssl.enabled"] and output["ssl.verification_mode"] == "full"
    certificate = objects.one("Certificate", "filebeat-logstash")["spec"]
    assert certificate["issuerRef"] == {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": "vault"}
    assert certificate["dnsNames"] == ["filebeat.prod-eks"] and "client auth" in certificate["usages"]
    assert volume(objects, "certificate")["secret"]["secretName"] == certificate["secretName"]
    assert "ssl.certificate_authorities" not in output


def test_another_issuer_signs_the_certificate() -> None:
    objects = stack_of(logging(GKE, logstash={"client_certificate": {"issuer": "letsencrypt"}}))
    assert objects.one("Certificate", "filebeat-logstash")["spec"]["issuerRef"]["name"] == "letsencrypt"


def test_a_certificate_that_is_there_is_used_as_it_is() -> None:
    objects = stack_of(OTHERWISE)
    assert not objects.has("Certificate", "filebeat-logstash")
    assert volume(objects, "certificate")["secret"]["secretName"] == "shipper"


def test_files_that_filebeat_is_told_of_are_mounted() -> None:
    for file in (logging(EKS), OTHERWISE):
        objects = stack_of(file)
        configuration = filebeat(objects)
        mounts = {one["mountPath"] for one in objects.container("DaemonSet", "filebeat", "filebeat")["volumeMounts"]}
        output = configuration["output.logstash"]
        files = [output["ssl.certificate"], output["ssl.key"], *output.get("ssl.certificate_authorities", [])]
        inputs = [one["config"][0]["paths"][0] for one in provider(objects)["templates"]]
        folders = {path.rpartition("/")[0] for path in [*files, *inputs, configuration["queue.disk"]["path"]]}
        assert folders | {configuration["path.data"]} <= mounts
    assert stack_of(OTHERWISE).one("ConfigMap", "logstash-authority")["data"]["ca.crt"] == AUTHORITY


def test_what_logstash_is_sent_can_be_tuned() -> None:
    output = filebeat(stack_of(OTHERWISE))["output.logstash"]
    assert (output["worker"], output["bulk_max_size"], output["compression_level"]) == (4, 512, 6)


def test_the_queue_and_the_registry_are_on_the_node_and_survive_the_pod() -> None:
    configuration = filebeat(stack_of(OTHERWISE))
    assert configuration["queue.disk"]["max_size"] == "25GiB"
    assert configuration["filebeat.registry.flush"] == "5s"
    assert configuration["queue.disk"]["path"].startswith(f"{configuration['path.data']}/")
    state = volume(stack_of(OTHERWISE), "state")
    assert state["hostPath"]["path"] == "/data/filebeat"
    mounts = stack_of(OTHERWISE).container("DaemonSet", "filebeat", "filebeat")["volumeMounts"]
    [mount] = [one for one in mounts if one["name"] == "state"]
    assert mount["mountPath"] == configuration["path.data"] and not mount.get("readOnly")


def test_the_node_s_logs_are_mounted_to_be_read_alone_and_nothing_else_of_the_node() -> None:
    objects = stack_of(logging(EKS))
    mounts = {one["name"]: one for one in objects.container("DaemonSet", "filebeat", "filebeat")["volumeMounts"]}
    on_node = {one["hostPath"]["path"]: mounts[one["name"]] for one in pod(objects)["volumes"] if "hostPath" in one}
    assert on_node.keys() == {"/var/log/containers", "/var/log/pods", "/var/lib/filebeat"}
    assert [path for path, mount in on_node.items() if not mount.get("readOnly")] == ["/var/lib/filebeat"]
    assert "hostNetwork" not in pod(objects)


def test_it_runs_on_every_node_whatever_its_taints_and_goes_last() -> None:
    objects = stack_of(OTHERWISE)
    assert pod(objects)["tolerations"] == [{"operator": "Exists"}]
    assert pod(objects)["priorityClassName"] == "system-node-critical"
    assert "nodeSelector" not in pod(objects)
    assert objects.one("DaemonSet", "filebeat")["spec"]["updateStrategy"]["rollingUpdate"] == {"maxUnavailable": 3}
    share = stack_of(logging(EKS)).one("DaemonSet", "filebeat")["spec"]["updateStrategy"]["rollingUpdate"]
    assert share == {"maxUnavailable": "10%"}


def test_resources_reach_filebeat() -> None:
    container = stack_of(OTHERWISE).container("DaemonSet", "filebeat", "filebeat")
    assert container["resources"] == {"requests": {"cpu": "1", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}


def test_an_event_says_where_it_comes_from() -> None:
    assert filebeat(stack_of(logging(METAL)))["fields"] == {
        "cluster": "colo-london",
        "environment": "production",
        "platform": "bare_metal",
    }
    assert filebeat(stack_of(OTHERWISE))["fields"]["team"] == "shop"


@pytest.mark.parametrize(
    ("annotation", "parsers"),
    [
        (None, ["container"]),
        ("json", ["container", "ndjson"]),
        ("java", ["container", "multiline"]),
        ("misspelt", ["container"]),
        ("none", None),
    ],
)
def test_a_pod_picks_a_log_format_by_its_annotation(annotation: str | None, parsers: list[str] | None) -> None:
    event = {"kubernetes.annotations.kuber.dev/log-format": annotation} if annotation else {}
    templates = provider(stack_of(logging(EKS)))["templates"]
    taken = [one["config"][0] for one in templates if holds(one["condition"], event)]
    assert [[next(iter(parser)) for parser in one["parsers"]] for one in taken] == ([parsers] if parsers else [])


def holds(condition: dict[str, Any], event: dict[str, str]) -> bool:
    """A condition, judged as filebeat's reference says ("Conditions")."""
    [(kind, value)] = condition.items()
    match kind:
        case "not":
            return not holds(value, event)
        case "or":
            return any(holds(one, event) for one in value)
        case _:
            [(field, wanted)] = value.items()
            return event.get(field) == wanted


def test_formats_are_those_of_the_stack_file() -> None:
    templates = provider(stack_of(OTHERWISE))["templates"]
    multiline = [
        parser["multiline"] for one in templates for parser in one["config"][0]["parsers"] if "multiline" in parser
    ]
    assert multiline == [
        {"type": "pattern", "pattern": "^ ", "negate": False, "match": "after", "max_lines": 99, "timeout": "9s"}
    ]
    assert len(templates) == 3


def test_a_container_s_log_is_read_by_an_input_of_its_own_from_its_first_byte() -> None:
    for template in provider(stack_of(logging(EKS)))["templates"]:
        [reads] = template["config"]
        assert (
            "${data.kubernetes.container.id}" in reads["id"] and "${data.kubernetes.container.id}" in reads["paths"][0]
        )
        assert "file_identity.native" in reads and reads["prospector.scanner.fingerprint.enabled"] is False


def test_who_may_annotate_a_pod_can_not_have_filebeat_read_other_files() -> None:
    assert provider(stack_of(logging(EKS)))["hints.enabled"] is False


def test_what_shall_not_be_sent_is_dropped() -> None:
    assert filebeat(stack_of(OTHERWISE))["processors"] == [
        {
            "drop_event": {
                "when": {
                    "and": [
                        {"equals": {"kubernetes.namespace": "batch"}},
                        {"equals": {"kubernetes.container.name": "proxy"}},
                        {"regexp": {"message": "GET /healthz"}},
                    ]
                }
            }
        },
        {"drop_event": {"when": {"regexp": {"message": "^DEBUG"}}}},
        {"drop_fields": {"fields": ["agent.version"], "ignore_missing": True}},
    ]


def test_it_may_reach_the_api_server_and_logstash_s_ports_and_nothing_else() -> None:
    objects = stack_of(OTHERWISE)
    assert egress(objects)["to"] == [{"ipBlock": {"cidr": "10.40.16.0/24"}}]
    assert [one["port"] for one in egress(objects)["ports"]] == [5044, 6044]
    assert objects.purposes("system-logging") == ["api-server", "logstash", "metrics"]


def test_hosts_that_are_names_may_be_anywhere_and_those_that_are_addresses_only_there() -> None:
    assert egress(stack_of(logging(EKS)))["to"] == [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}}]
    addresses = stack_of(logging(METAL, logstash={"hosts": ["10.40.3.1", "10.40.3.2:5045"]}))
    assert [one["ipBlock"]["cidr"] for one in egress(addresses)["to"]] == ["10.40.3.1/32", "10.40.3.2/32"]


def test_it_may_read_pods_and_nodes_and_change_nothing() -> None:
    [rule] = stack_of(logging(EKS)).one("ClusterRole", "system-logging-filebeat")["rules"]
    assert rule == {"apiGroups": [""], "resources": ["pods", "nodes"], "verbs": ["get", "list", "watch"]}


DOCUMENTED_STATS = {
    "filebeat": {"events": {"active": 5, "added": 52, "done": 49}, "harvester": {"open_files": 6, "running": 6}},
    "libbeat": {
        "output": {"events": {"acked": 48, "active": 0, "batches": 6, "failed": 0, "dropped": 0, "total": 48}},
        "pipeline": {
            "clients": 15,
            "queue": {
                "max_bytes": 0,
                "filled": {"events": 5, "bytes": 6425, "pct": 0.0014},
                "added": {"events": 52, "bytes": 65702},
                "removed": {"events": 48, "bytes": 59277},
            },
        },
    },
}
"""What filebeat answers at /stats, as far as it is used ("Understand metrics in Filebeat logs", read for 9.5)."""


def test_the_exporter_measures_what_filebeat_says_and_all_that_alerts_ask_for() -> None:
    objects = stack_of(logging(EKS))
    configuration = yaml.safe_load(objects.one("ConfigMap", "filebeat-exporter")["data"]["config.yml"])
    [(module, settings)] = configuration["modules"].items()
    for metric in settings["metrics"]:
        keys = metric["path"].strip("{} .").split(".")
        assert isinstance(reduce(lambda below, key: below[key], keys, DOCUMENTED_STATS), int | float), metric["name"]
    [endpoint] = objects.one("PodMonitor", "filebeat")["spec"]["podMetricsEndpoints"]
    stats_port = filebeat(objects)["http"]["port"]
    assert endpoint["params"] == {"module": [module], "target": [f"http://127.0.0.1:{stats_port}/stats"]}
    rules = [one for one in objects.part("logging") if one["kind"] == "PrometheusRule"]
    text = str(rules)
    assert [one["name"] for one in settings["metrics"] if one["name"] in text] == [
        "filebeat_queue_filled_ratio",
        "filebeat_queue_added_events_total",
        "filebeat_output_acked_events_total",
        "filebeat_output_dropped_events_total",
    ]


def test_nothing_is_measured_where_nobody_reads_it() -> None:
    objects = stack_of(logging(EKS).set("standard_stack.monitoring", {"enabled": False}))
    assert [one["name"] for one in pod(objects)["containers"]] == ["filebeat"]
    assert not objects.has("ConfigMap", "filebeat-exporter") and not objects.has("PodMonitor", "filebeat")


def test_turned_off_nothing_of_it_is_left() -> None:
    objects = stack_of(EKS.set("standard_stack", {"logging": {"enabled": False}}))
    assert not [at for at in objects.identities if "filebeat" in at[2] or at[1] == "system-logging"]


def test_alerts_fire_for_logs_that_do_not_arrive_and_stay_silent_otherwise() -> None:
    node = '{node="node-1"}'

    def series(name: str, values: str, labels: str = node) -> dict[str, str]:
        return {"series": f"{name}{labels}", "values": values}

    def alert(name: str, *expected: dict[str, Any]) -> dict[str, Any]:
        return {"eval_time": "60m", "alertname": name, "exp_alerts": list(expected)}

    workload = '{namespace="system-logging",daemonset="filebeat"}'
    every = ("LogsNotShipped", "LogQueueFilling", "LogQueueFull", "LogEventsDropped", "LogShipperMissing")
    well = {
        "interval": "1m",
        "input_series": [
            series("filebeat_queue_added_events_total", "0+100x60"),
            series("filebeat_output_acked_events_total", "0+100x60"),
            series("filebeat_output_dropped_events_total", "7x60"),
            series("filebeat_queue_filled_ratio", "0.1x60"),
            series("kube_daemonset_status_desired_number_scheduled", "9x60", workload),
            series("kube_daemonset_status_number_ready", "9x60", workload),
        ],
        "alert_rule_test": [alert(name) for name in every],
    }
    badly = {
        "interval": "1m",
        "input_series": [
            series("filebeat_queue_added_events_total", "0+120x60"),
            series("filebeat_output_acked_events_total", "500x60"),
            series("filebeat_output_dropped_events_total", "0x50 3x10"),
            series("filebeat_queue_filled_ratio", "0.95x60"),
            series("kube_daemonset_status_desired_number_scheduled", "9x60", workload),
            series("kube_daemonset_status_number_ready", "7x60", workload),
        ],
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertstate="firing",alertname="{name}"}})',
                "eval_time": "60m",
                "exp_samples": [{"value": 1}],
            }
            for name in every
        ],
    }
    assert_rules(stack_of(logging(EKS)), "logging", [well, badly])


@pytest.mark.parametrize(
    ("file", "path", "told"),
    [
        (logging(EKS, logstash={"hosts": []}), "standard_stack.logging.logstash.hosts", "logs need somewhere to go"),
        (logging(EKS, logstash={"hosts": ["a.example", "a.example:5044"]}), "logstash.hosts[1]", "named twice"),
        (logging(EKS, logstash={"hosts": ["10.40.3.999"]}), "logstash.hosts[0]", "not an address"),
        (logging(EKS, logstash={"hosts": ["a.example:99999"]}), "logstash.hosts[0]", "no such port"),
        (logging(EKS, logstash={"certificate_authority": "not one"}), "certificate_authority", "not a certificate"),
        (logging(EKS, drop=[{}]), "logging.drop[0]", "would drop everything"),
        (logging(EKS, drop=[{"message": "("}]), "logging.drop[0].message", "not a regular expression"),
        (logging(EKS, drop=[{"message": "(?!a)b"}]), "logging.drop[0].message", "can't look around"),
        (logging(EKS, formats={"none": {}}), "logging.formats.none", "aren't shipped"),
        (
            logging(EKS, formats={"both": {"json_lines": True, "multiline": {"pattern": "^ "}}}),
            "logging.formats.both.multiline",
            "a line of JSON is a whole event",
        ),
        (logging(EKS, fields={"cluster": "other"}), "logging.fields.cluster", "sets this field itself"),
    ],
)
def test_settings_that_can_not_be_are_told(file: StackFile, path: str, told: str) -> None:
    error = file.error()
    assert path in error and told in error
    assert error.count("Pulumi.prod-eks.yaml:") == 1


def test_it_needs_certificates() -> None:
    error = logging(EKS).set("standard_stack.certificates", {"enabled": False}).error()
    assert "standard_stack.certificates.enabled: logging needs certificates" in error
