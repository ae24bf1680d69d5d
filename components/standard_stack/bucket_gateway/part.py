"""Single-page apps out of object-storage buckets: an NGINX of our own, behind the ingress."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from components.charts.manifests import Manifest

from ..alerts import Alert, alerts
from ..ingress.classes import IngressClass, controllers
from ..network import addresses, allow, allow_cloud, allow_scraping
from ..part import Part
from ..site import Site
from .nginx import CONFIG_FOLDER, HTTP_PORT, SCRATCH_FOLDER, SIGNER_PORT, STATUS_PORT, nginx_conf
from .sites import Origin, origins, rights

NAMESPACE = "system-bucket-gateway"
_NAME = "bucket-gateway"
_LABELS = {"app.kubernetes.io/name": _NAME}
_SCRIPT = Path(__file__).with_name("bucket_gateway.js")
_LOCKED_DOWN = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def bucket_gateway(site: Site) -> Part:
    """The gateway, and an Ingress for each of its sites."""
    found = origins(site)
    may_read = rights(found)
    return Part(
        name="bucket_gateway",
        namespace=NAMESPACE,
        objects=[
            {
                "apiVersion": "v1",
                "kind": "ServiceAccount",
                "metadata": {"name": _NAME},
                "automountServiceAccountToken": False,
            },
            _configuration(found),
            _deployment(site, found),
            _service(),
            *(_ingress(one) for one in found),
            *_policies(site, found),
            _monitor(),
            _alerts(),
        ],
        rights={_NAME: may_read} if may_read else {},
    )


def _configuration(found: list[Origin]) -> Manifest:
    data = {"nginx.conf": nginx_conf(found), "gateway.js": _SCRIPT.read_text(encoding="utf-8")}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": _NAME}, "data": data}


def _deployment(site: Site, found: list[Origin]) -> Manifest:
    settings = site.stack.bucket_gateway
    regions = sorted({one.region for one in found if one.signed and one.region})
    pod = {
        "serviceAccountName": _NAME,
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 60,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 101,
            "runAsGroup": 101,
            "fsGroup": 101,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_gateway(site), *(_signer(site, region) for region in regions)],
        "volumes": [
            {"name": "config", "configMap": {"name": _NAME}},
            {"name": "scratch", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}},  # holds tokens: never on a disk
        ],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": _NAME, "labels": _LABELS},
        "spec": {
            "replicas": settings.replicas,
            "selector": {"matchLabels": _LABELS},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {"metadata": {"labels": _LABELS}, "spec": pod},
        },
    }


def _gateway(site: Site) -> dict[str, Any]:
    return {
        "name": "nginx",
        "image": site.image("nginx"),
        "command": ["nginx", "-c", f"{CONFIG_FOLDER}/nginx.conf", "-g", "daemon off;"],
        "ports": [{"name": "http", "containerPort": HTTP_PORT}, {"name": "status", "containerPort": STATUS_PORT}],
        "readinessProbe": {"httpGet": {"path": "/healthz", "port": "status"}, "periodSeconds": 5},
        "livenessProbe": {
            "httpGet": {"path": "/healthz", "port": "status"},
            "periodSeconds": 20,
            "failureThreshold": 3,
        },
        "lifecycle": _goes_after(seconds=10),
        "resources": site.stack.bucket_gateway.resources.manifest(),
        "securityContext": _LOCKED_DOWN,
        "volumeMounts": [
            {"name": "config", "mountPath": CONFIG_FOLDER, "readOnly": True},
            {"name": "scratch", "mountPath": SCRATCH_FOLDER},
        ],
    }


def _signer(site: Site, region: str) -> dict[str, Any]:
    """Signs requests to private buckets in S3, with credentials of Pod Identity."""
    return {
        "name": "signer",
        "image": site.image("aws-sigv4-proxy"),
        "args": ["--name=s3", f"--region={region}", f"--port=127.0.0.1:{SIGNER_PORT}"],
        "lifecycle": _goes_after(seconds=25),  # NGINX needs it to the end
        "resources": site.stack.bucket_gateway.signer.manifest(),
        "securityContext": _LOCKED_DOWN,
    }


def _goes_after(seconds: int) -> dict[str, Any]:
    """Endpoints are told of a pod's end while it still answers; the signal comes then, by which NGINX finishes what it has begun."""
    return {"preStop": {"sleep": {"seconds": seconds}}}


def _service() -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": _NAME, "labels": _LABELS},
        "spec": {"selector": _LABELS, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    }


def _ingress(one: Origin) -> Manifest:
    settings = one.settings
    backend = {"service": {"name": _NAME, "port": {"name": "http"}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": one.name, "annotations": {"cert-manager.io/cluster-issuer": settings.certificate_issuer}},
        "spec": {
            "ingressClassName": settings.ingress_class,
            "tls": [{"hosts": [settings.host], "secretName": f"{one.name}-tls"}],
            "rules": [
                {"host": settings.host, "http": {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}}
            ],
        },
    }


def _policies(site: Site, found: list[Origin]) -> list[Manifest]:
    classes: list[IngressClass] = sorted({one.settings.ingress_class for one in found})
    policies = [
        allow("ingress", pods=_LABELS, ingress_from=[controllers(one) for one in classes], ports=[HTTP_PORT]),
        allow_scraping([STATUS_PORT], _LABELS),
    ]
    if any(one.settings.private for one in found):
        policies += allow_cloud(site, _LABELS)
    if not all(one.settings.private for one in found):
        buckets = addresses("0.0.0.0/0", but=["169.254.0.0/16"])
        policies.append(allow("buckets", pods=_LABELS, egress_to=buckets, ports=[443]))
    return policies


def _monitor() -> Manifest:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": {"name": _NAME},
        "spec": {
            "selector": {"matchLabels": _LABELS},
            "podMetricsEndpoints": [{"port": "status", "path": "/metrics", "interval": "60s", "scrapeTimeout": "30s"}],
        },
    }


def _alerts() -> Manifest:
    deployment = f'{{namespace="{NAMESPACE}",deployment="{_NAME}"}}'
    return alerts(
        "bucket_gateway",
        Alert(
            name="BucketSiteUnreadable",
            expression="max by (site) (bucket_gateway_site_up) == 0",
            pending="5m",
            severity="critical",
            summary="The index.html of {{ $labels.site }} can't be read from its bucket",
            action="The gateway's log tells what the bucket answers: bucket_status.",
        ),
        Alert(
            name="BucketGatewayDown",
            expression=f"kube_deployment_status_replicas_available{deployment} == 0",
            pending="2m",
            severity="critical",
            summary="No bucket gateway answers: all its sites are down",
            action=f"`kubectl -n {NAMESPACE} describe pods` says why none is ready.",
        ),
        Alert(
            name="BucketGatewayDegraded",
            expression=f"kube_deployment_status_replicas_unavailable{deployment} > 0",
            pending="30m",
            severity="warning",
            summary="{{ $value }} bucket gateways aren't available",
            action=f"`kubectl -n {NAMESPACE} get pods -o wide` shows which, and on which nodes.",
        ),
    )
