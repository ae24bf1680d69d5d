"""Linkerd, for services that ask for it."""

from __future__ import annotations

from typing import Any

from components.charts.manifests import Manifest
from components.charts.rendering import Chart
from config.standard_stack.part import ContainerResources

from ..network import allow, allow_api_server, allow_scraping, allow_webhooks, everywhere_in_the_cluster, same_namespace
from ..part import Part
from ..site import Site
from .alerts import mesh_alerts
from .identity import WEBHOOKS, identity, webhook_certificate
from .routes import routes, test_namespaces

NAMESPACE = "system-mesh"
_CREATED_BY = {"cliVersion": "kuber"}
"""Charts note on each object who made it, with their version: a release would touch them all."""
_CNI_BIN_FOLDERS = {"gke": "/home/kubernetes/bin"}
_REASONS = {
    "cni": "the network plugin is written to the nodes' disks",
    "init": "containers that lead traffic through the proxy need NET_ADMIN",
}
_PROXY_IN, _PROXY_ADMIN = 4143, 4191
_IDENTITY, _DESTINATION, _POLICY = 8080, 8086, 8090
_ADMIN_PORTS = [9990, 9995, 9996, 9997, _PROXY_ADMIN]
_WEBHOOK_PORTS = [8443, 9443]


def mesh(site: Site) -> Part:
    """Linkerd's control plane, the plugin that leads traffic through proxies, and routes of services."""
    settings = site.stack.mesh
    with_cni = settings.injection == "cni"
    level = site.stack.base.default_namespace.pod_security
    return Part(
        name="mesh",
        namespace=NAMESPACE,
        pod_security="privileged",
        pod_security_reason=_REASONS[settings.injection],
        charts=[_crds(), *([_cni(site)] if with_cni else []), _control_plane(site)],
        crds=["gateway-api"],
        objects=[
            *identity(NAMESPACE, settings.further_trust_anchors),
            *_policies(site),
            *(route for name, service in settings.services.items() for route in routes(name, service)),
            *test_namespaces(settings.services, level),
            mesh_alerts(),
        ],
    )


def _crds() -> Chart:
    return Chart(name="linkerd-crds", values=_CREATED_BY, free_form=list(_CREATED_BY))


def _cni(site: Site) -> Chart:
    """The plugin on each node, with what starts pods anew that were there sooner than it."""
    settings = site.stack.mesh
    resources = _resources(settings.cni)
    values = {
        **_CREATED_BY,
        "destCNIBinDir": settings.cni_bin_folder or _CNI_BIN_FOLDERS.get(site.settings.platform, "/opt/cni/bin"),
        "resources": resources,
        "repairController": {"enabled": True, "resources": resources},
    }
    return Chart(name="linkerd2-cni", values=values, free_form=list(_CREATED_BY))


def _control_plane(site: Site) -> Chart:
    settings = site.stack.mesh
    injector, profiles, policies = (
        {"externalSecret": True, "injectCaFrom": f"{NAMESPACE}/{webhook_certificate(name)}"} for name in WEBHOOKS
    )
    proxy, proxy_tag = _image(site, "linkerd-proxy")
    controller, controller_tag = _image(site, "linkerd-controller")
    controllers = {
        f"{name}Resources": _resources(settings.controller)
        for name in ("destination", "identity", "proxyInjector", "spValidator")
    }
    values = {
        **_CREATED_BY,
        **controllers,
        "policyController": {"resources": _resources(settings.controller)},
        "controllerReplicas": settings.replicas,
        "controllerImage": controller,
        "controllerImageVersion": controller_tag,
        "deploymentStrategy": {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 1}},
        "disableHeartBeat": True,
        "cniEnabled": settings.injection == "cni",
        "identity": {"externalCA": True, "issuer": {"scheme": "kubernetes.io/tls"}},
        "proxyInjector": {**injector, "namespaceSelector": {"matchExpressions": _NOT_THE_SYSTEM}},
        "profileValidator": profiles,
        "policyValidator": policies,
        "webhookFailurePolicy": settings.webhook_failure_policy.capitalize(),
        "proxy": {"image": {"name": proxy, "version": proxy_tag}, "resources": _resources(settings.proxy)},
        "podMonitor": {
            "enabled": site.stack.monitoring.enabled,
            "scrapeInterval": "30s",
            "serviceMirror": {"enabled": False},
        },
    }
    return Chart(name="linkerd-control-plane", values=values, free_form=[*_CREATED_BY, *controllers])


_NOT_THE_SYSTEM = [
    {"key": "config.linkerd.io/admission-webhooks", "operator": "NotIn", "values": ["disabled"]},
    {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system"]},
    {"key": "kuber.dev/part", "operator": "DoesNotExist"},
]
"""The injector is asked about applications' pods only, so that no failure of it keeps a part of the system from starting."""


def _image(site: Site, name: str) -> tuple[str, str]:
    """Repository and tag, as the injector puts them together in pods that no house rule sees."""
    tag = site.release.images[name].tag
    repository, _, digest = site.image(name).partition(f":{tag}")
    return repository, f"{tag}{digest}"


def _resources(settings: ContainerResources) -> dict[str, Any]:
    """As Linkerd's charts have it."""
    found = settings.manifest()
    return {
        "cpu": {"request": found["requests"]["cpu"]},
        "memory": {"request": found["requests"]["memory"], "limit": found["limits"]["memory"]},
    }


def _policies(site: Site) -> list[Manifest]:
    called = [_IDENTITY, _DESTINATION, _POLICY, _PROXY_IN]
    return [
        allow_api_server(site),
        allow_webhooks(site, _WEBHOOK_PORTS),
        allow_scraping(_ADMIN_PORTS),
        allow("proxies", ingress_from=[everywhere_in_the_cluster()], ports=called),
        allow("control-plane", egress_to=[same_namespace()], ports=called),
    ]
