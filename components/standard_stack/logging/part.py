"""filebeat on every node, which ships logs to Logstash."""

from __future__ import annotations

from typing import Any

import yaml

from components.charts.manifests import Manifest
from config.standard_stack.logging import LoggingSettings

from ..network import addresses, allow, allow_api_server, allow_scraping
from ..part import Part
from ..site import Site
from . import alerts as logging_alerts
from .filebeat import AUTHORITY_FILE, CERTIFICATE_FOLDER, STATE_FOLDER, STATS_PORT, filebeat_yml
from .metrics import EXPORTER_PORT, exporter, exporter_configuration, monitor

NAMESPACE = "system-logging"
CERTIFICATE_SECRET = "filebeat-logstash"
_NAME = "filebeat"
_LABELS = {"app.kubernetes.io/name": _NAME}
_CONFIG_FOLDER = "/etc/filebeat/config"
_LOGS = ("/var/log/containers", "/var/log/pods")
"""Where container runtimes write, and where kubelet links to it."""
_ANYWHERE, _LINK_LOCAL = "0.0.0.0/0", "169.254.0.0/16"


def logging(site: Site) -> Part:
    """filebeat as a DaemonSet, with a disk queue and its registry on the node."""
    return Part(
        name="logging",
        namespace=NAMESPACE,
        pod_security="privileged",
        pod_security_reason="filebeat reads the containers' logs on the node, and keeps its queue there: hostPath volumes",
        objects=[
            *_identity(),
            *_configuration(site),
            *_certificate(site),
            _daemon_set(site),
            *_policies(site),
            *([monitor(_LABELS), logging_alerts.rules()] if site.stack.monitoring.enabled else []),
        ],
    )


def _identity() -> list[Manifest]:
    """filebeat tells from the API server which pods its node has, and labels of the node."""
    rule = {"apiGroups": [""], "resources": ["pods", "nodes"], "verbs": ["get", "list", "watch"]}
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": _NAME},
            "automountServiceAccountToken": False,
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "metadata": {"name": f"{NAMESPACE}-{_NAME}"},
            "rules": [rule],
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": f"{NAMESPACE}-{_NAME}"},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": f"{NAMESPACE}-{_NAME}",
            },
            "subjects": [{"kind": "ServiceAccount", "name": _NAME, "namespace": NAMESPACE}],
        },
    ]


def _configuration(site: Site) -> list[Manifest]:
    maps = {_NAME: {"filebeat.yml": _yaml(filebeat_yml(site))}}
    if site.stack.monitoring.enabled:
        maps["filebeat-exporter"] = {"config.yml": _yaml(exporter_configuration())}
    if authority := site.stack.logging.logstash.certificate_authority:
        maps["logstash-authority"] = {"ca.crt": authority}
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}
        for name, data in maps.items()
    ]


def _yaml(value: dict[str, Any]) -> str:
    return yaml.safe_dump(value, sort_keys=False, width=120)


def _certificate(site: Site) -> list[Manifest]:
    client = site.stack.logging.logstash.client_certificate
    if client.secret:
        return []
    name = f"{_NAME}.{site.name}"
    spec = {
        "secretName": CERTIFICATE_SECRET,
        "commonName": name,
        "dnsNames": [name],
        "usages": ["digital signature", "key encipherment", "client auth"],
        "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
        "issuerRef": {"group": "cert-manager.io", "kind": "ClusterIssuer", "name": client.issuer},
    }
    return [
        {
            "apiVersion": "cert-manager.io/v1",
            "kind": "Certificate",
            "metadata": {"name": CERTIFICATE_SECRET},
            "spec": spec,
        }
    ]


def _daemon_set(site: Site) -> Manifest:
    settings = site.stack.logging
    monitored = site.stack.monitoring.enabled
    pod = {
        "serviceAccountName": _NAME,
        "automountServiceAccountToken": True,
        "terminationGracePeriodSeconds": 30,
        "tolerations": [{"operator": "Exists"}],  # logs of nodes that are tainted, or in trouble, are wanted most
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [_filebeat(site), *([exporter(site)] if monitored else [])],
        "volumes": _volumes(settings, monitored),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": _NAME, "labels": _LABELS},
        "spec": {
            "selector": {"matchLabels": _LABELS},
            "updateStrategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": _number_or_share(settings.max_unavailable)},
            },
            "template": {"metadata": {"labels": _LABELS}, "spec": pod},
        },
    }


def _number_or_share(text: str) -> int | str:
    return text if text.endswith("%") else int(text)


def _filebeat(site: Site) -> Manifest:
    settings = site.stack.logging
    mounts = [
        {"name": "config", "mountPath": _CONFIG_FOLDER, "readOnly": True},
        {"name": "certificate", "mountPath": CERTIFICATE_FOLDER, "readOnly": True},
        *({"name": _volume_name(path), "mountPath": path, "readOnly": True} for path in _LOGS),
        {"name": "state", "mountPath": STATE_FOLDER},
        {"name": "scratch", "mountPath": "/usr/share/filebeat/logs"},
    ]
    if settings.logstash.certificate_authority:
        folder = AUTHORITY_FILE.rpartition("/")[0]
        mounts.append({"name": "authority", "mountPath": folder, "readOnly": True})
    return {
        "name": _NAME,
        "image": site.image("filebeat"),
        "args": ["-e", "-c", f"{_CONFIG_FOLDER}/filebeat.yml"],
        "env": [{"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
        "ports": [{"name": "stats", "containerPort": STATS_PORT}],
        "livenessProbe": {
            "httpGet": {"path": "/", "port": "stats"},
            "initialDelaySeconds": 30,
            "periodSeconds": 30,
            "timeoutSeconds": 10,
            "failureThreshold": 5,
        },
        "readinessProbe": {"httpGet": {"path": "/", "port": "stats"}, "periodSeconds": 10, "timeoutSeconds": 5},
        "resources": settings.resources.manifest(),
        "securityContext": {
            "runAsUser": 0,  # logs are root's, and readable by nobody else
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": mounts,
    }


def _volumes(settings: LoggingSettings, monitored: bool) -> list[dict[str, Any]]:
    secret = settings.logstash.client_certificate.secret or CERTIFICATE_SECRET
    volumes: list[dict[str, Any]] = [
        {"name": "config", "configMap": {"name": _NAME}},
        {"name": "certificate", "secret": {"secretName": secret}},
        *({"name": _volume_name(path), "hostPath": {"path": path, "type": "DirectoryOrCreate"}} for path in _LOGS),
        {"name": "state", "hostPath": {"path": settings.host_path, "type": "DirectoryOrCreate"}},
        {"name": "scratch", "emptyDir": {"sizeLimit": "64Mi"}},
    ]
    if settings.logstash.certificate_authority:
        volumes.append({"name": "authority", "configMap": {"name": "logstash-authority"}})
    if monitored:
        volumes.append({"name": "exporter", "configMap": {"name": "filebeat-exporter"}})
    return volumes


def _volume_name(path: str) -> str:
    return path.strip("/").replace("/", "-")


def _policies(site: Site) -> list[Manifest]:
    logstash = site.stack.logging.logstash
    ports = sorted({port for _, port in logstash.addresses()})
    policies = [
        allow_api_server(site, _LABELS),
        allow("logstash", pods=_LABELS, egress_to=_logstash_peers(site), ports=ports),
    ]
    return [*policies, allow_scraping([EXPORTER_PORT], _LABELS)] if site.stack.monitoring.enabled else policies


def _logstash_peers(site: Site) -> list[dict[str, Any]]:
    logstash = site.stack.logging.logstash
    literal = [f"{name}/32" for name, _ in logstash.addresses() if name.replace(".", "").isdigit()]
    if logstash.cidrs or len(literal) == len(logstash.hosts):
        return addresses(*logstash.cidrs, *literal)
    return addresses(_ANYWHERE, but=[_LINK_LOCAL])
