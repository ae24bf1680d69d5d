"""Prometheus, Alertmanager and what they measure with."""

from __future__ import annotations

from typing import Any

from components.charts.manifests import Manifest
from components.charts.rendering import Chart
from config.standard_stack.monitoring import ControlPlanePart

from ..house_rules import PRIORITY_SYSTEM
from ..part import Part
from ..site import Site
from ..storage import default_storage_class
from .access import grafana_access
from .alerts import own_alerts
from .network import policies
from .routes import CONFIGURATION, configuration_secret

NAMESPACE = "system-monitoring"
NODE_LABELS = ("kuber.dev/pool", "kuber.dev/capacity", "topology.kubernetes.io/zone")
"""Labels of nodes that metrics of kube_node_labels carry."""
_COLLECTORS = [
    "certificatesigningrequests",
    "configmaps",
    "cronjobs",
    "daemonsets",
    "deployments",
    "endpointslices",
    "horizontalpodautoscalers",
    "ingresses",
    "jobs",
    "leases",
    "limitranges",
    "mutatingwebhookconfigurations",
    "namespaces",
    "networkpolicies",
    "nodes",
    "persistentvolumeclaims",
    "persistentvolumes",
    "poddisruptionbudgets",
    "pods",
    "replicasets",
    "replicationcontrollers",
    "resourcequotas",
    "services",
    "statefulsets",
    "storageclasses",
    "validatingwebhookconfigurations",
    "volumeattachments",
]
"""What kube-state-metrics reads: all that it can but Secrets."""
_RESTRICTED = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
_CONTROL_PLANE: dict[ControlPlanePart, str] = {
    "controller_manager": "kubeControllerManager",
    "scheduler": "kubeScheduler",
    "etcd": "kubeEtcd",
    "proxy": "kubeProxy",
}


def monitoring(site: Site) -> Part:
    """The Prometheus Operator with Prometheus, Alertmanager, kube-state-metrics and node-exporter."""
    chart = Chart(
        name="kube-prometheus-stack",
        values={
            "fullnameOverride": "monitoring",
            "kubeTargetVersionOverride": f"{site.settings.kubernetes.version}.0",
            "kubeVersionOverride": f"{site.settings.kubernetes.version}.0",
            "grafana": {"enabled": False},  # one for all clusters is elsewhere
            "prometheusOperator": _operator(site),
            "prometheus": _prometheus(site),
            "alertmanager": _alertmanager(site),
            "kube-state-metrics": _state_metrics(site),
            "prometheus-node-exporter": _node_exporter(site),
            **_kubernetes(site),
        },
        free_form=["alertmanager.alertmanagerSpec.configSecret", "kube-state-metrics.fullnameOverride"],
    )
    return Part(
        name="monitoring",
        namespace=NAMESPACE,
        pod_security="privileged",
        pod_security_reason="node-exporter reads the node's file systems, processes and network",
        charts=[chart],
        objects=[*configuration_secret(site), *own_alerts(site), *policies(site), *grafana_access(site)],
    )


def _operator(site: Site) -> Manifest:
    return {
        "resources": site.stack.monitoring.operator_resources.manifest(),
        "prometheusConfigReloader": {
            "resources": {"requests": {"cpu": "10m", "memory": "32Mi"}, "limits": {"memory": "64Mi"}}
        },
        "admissionWebhooks": {
            "failurePolicy": "Ignore",  # a rule that isn't checked is better than a deployment that waits for the operator
            "patch": {"enabled": False},
            "certManager": {"enabled": True},
        },
        "kubeletEndpointsEnabled": False,  # Endpoints are deprecated since Kubernetes 1.33
        "kubeletEndpointSliceEnabled": True,
    }


def _prometheus(site: Site) -> Manifest:
    settings = site.stack.monitoring.prometheus
    spec: Manifest = {
        "replicas": settings.replicas,
        "externalLabels": {
            "cluster": site.name,
            "environment": site.environment,
            "platform": site.settings.platform,
        },
        "scrapeInterval": settings.scrape_interval,
        "evaluationInterval": settings.scrape_interval,
        "serviceDiscoveryRole": "EndpointSlice",
        "retention": settings.retention,
        "retentionSize": f"{settings.retention_gib}GiB",
        "resources": settings.resources.manifest(),
        "storageSpec": _volume(site, settings.storage),
        **{
            f"{kind}SelectorNilUsesHelmValues": False  # so that everybody's are read, and not the chart's own alone
            for kind in ("serviceMonitor", "podMonitor", "probe", "rule", "scrapeConfig")
        },
        **_placement(site, {"app.kubernetes.io/name": "prometheus"}, settings.replicas),
    }
    return {
        "podDisruptionBudget": _budget(settings.replicas),
        "service": {"sessionAffinity": "ClientIP"},  # replicas differ by what each has missed: one reader, one replica
        "prometheusSpec": spec,
    }


def _alertmanager(site: Site) -> Manifest:
    settings = site.stack.monitoring.alertmanager
    spec: Manifest = {
        "replicas": settings.replicas,
        "useExistingSecret": True,
        "configSecret": settings.existing_secret or CONFIGURATION,
        "resources": settings.resources.manifest(),
        "storage": _volume(site, settings.storage),
        "automountServiceAccountToken": False,
        **_placement(site, {"app.kubernetes.io/name": "alertmanager"}, settings.replicas),
    }
    return {"podDisruptionBudget": _budget(settings.replicas), "alertmanagerSpec": spec}


def _state_metrics(site: Site) -> Manifest:
    return {
        "fullnameOverride": "kube-state-metrics",
        "resources": site.stack.monitoring.state_metrics_resources.manifest(),
        "collectors": _COLLECTORS,
        "metricLabelsAllowlist": [f"nodes=[{','.join(NODE_LABELS)}]"],
    }


def _node_exporter(site: Site) -> Manifest:
    return {
        "fullnameOverride": "node-exporter",
        "resources": site.stack.monitoring.node_exporter_resources.manifest(),
        "tolerations": [{"operator": "Exists"}],
        "updateStrategy": {"rollingUpdate": {"maxUnavailable": "20%"}},
        "service": {"listenOnAllInterfaces": False},
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "containerSecurityContext": _RESTRICTED,
    }


def _kubernetes(site: Site) -> Manifest:
    """What is measured of Kubernetes itself; rules about the rest are left out with it."""
    machines = getattr(site.settings, "machines", {})
    wanted = site.stack.monitoring.control_plane_metrics
    measured = (tuple(_CONTROL_PLANE) if wanted is None else wanted) if machines else ()
    values: Manifest = {key: {"enabled": part in measured} for part, key in _CONTROL_PLANE.items()}
    addresses = sorted(str(one.address) for one in machines.values() if one.role == "control_plane")
    for part in ("controller_manager", "scheduler", "etcd"):
        if part in measured and addresses:
            values[_CONTROL_PLANE[part]]["endpoints"] = addresses
    own_dns = site.settings.platform == "gke"
    return values | {"coreDns": {"enabled": not own_dns}, "kubeDns": {"enabled": own_dns}}


def _volume(site: Site, size: str) -> Manifest:
    name = site.stack.monitoring.storage_class or default_storage_class(site)
    spec = {
        "storageClassName": name,
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": size}},
    }
    return {"volumeClaimTemplate": {"spec": spec}}


def _placement(site: Site, pods: dict[str, str], replicas: int) -> Manifest:
    """Where the operator's pods run: house rules reach no pods that an operator makes."""
    return {
        **site.system_placement.values(),
        "priorityClassName": PRIORITY_SYSTEM,
        "podAntiAffinity": "",
        "topologySpreadConstraints": _spread(site, pods, replicas) if replicas > 1 else [],
    }


def _spread(site: Site, pods: dict[str, str], replicas: int) -> list[dict[str, Any]]:
    """Over zones, or over nodes where all are in one; a volume keeps its pod where it first ran, so this is decided once."""
    constraints = site.spread(pods)
    if site.stack.monitoring.zone_spread == "soft":
        return constraints
    zones = len(site.zones)
    first, *others = constraints if zones > 1 else reversed(constraints)
    hard = {**first, "whenUnsatisfiable": "DoNotSchedule", "nodeTaintsPolicy": "Honor"}
    if zones > 1 and site.is_cloud:
        hard["minDomains"] = min(replicas, zones)  # a zone without a node counts: the autoscaler makes one there
    return [hard, *others]


def _budget(replicas: int) -> Manifest:
    return {"enabled": replicas > 1, "minAvailable": max(replicas - 1, 1)}
