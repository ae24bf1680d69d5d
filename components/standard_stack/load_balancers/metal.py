"""Addresses of services on own machines by MetalLB, and the API's virtual address by kube-vip."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from components.charts.manifests import Manifest
from components.charts.rendering import Chart
from config.bare_metal import BareMetalCluster
from config.node_pools import POOL_LABEL
from config.standard_stack.load_balancers import ApiAddress, LoadBalancersSettings

from ..alerts import Alert
from ..site import Site

CONTROLLER = {"app.kubernetes.io/name": "metallb", "app.kubernetes.io/component": "controller"}
WEBHOOK_PORT, METRICS_PORT = 9443, 9120
_POOL = "services"
_SECCOMP = {"seccompProfile": {"type": "RuntimeDefault"}}


def _announcing(settings: LoadBalancersSettings, cluster: BareMetalCluster) -> Sequence[str]:
    return settings.announced_by or tuple(cluster.pools)


def metallb(site: Site, cluster: BareMetalCluster, namespace: str) -> Chart:
    """The controller, which gives addresses, and a speaker on each machine, which announces them, without a router's software."""
    settings = site.stack.load_balancers
    taints = {
        (taint.key, taint.effect): {"key": taint.key, "operator": "Equal", "value": taint.value, "effect": taint.effect}
        for name in _announcing(settings, cluster)
        for taint in cluster.pools[name].taints
    }
    values = {
        "frrk8s": {"enabled": False},
        "prometheus": {
            "rbacPrometheus": False,
            "namespace": namespace,
            "serviceMonitor": {"enabled": site.stack.monitoring.enabled},
        },
        "controller": {
            "resources": settings.resources.manifest(),
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65534, "fsGroup": 65534, **_SECCOMP},
        },
        "speaker": {
            "tolerateMaster": False,
            "tolerations": list(taints.values()),
            "resources": settings.resources.manifest(),
            "securityContext": dict(_SECCOMP),
        },
    }
    return Chart(name="metallb", values=values)


def addresses(settings: LoadBalancersSettings, cluster: BareMetalCluster) -> list[Manifest]:
    """Which addresses there are, and who is told of them."""
    machines = [{"matchLabels": {POOL_LABEL: name}} for name in _announcing(settings, cluster)]
    pool = _metallb(
        "v1beta1",
        "IPAddressPool",
        _POOL,
        {
            "addresses": [str(cluster.network.load_balancers_cidr)],
            "avoidBuggyIPs": settings.avoid_network_addresses,
        },
    )
    announced = {"ipAddressPools": [_POOL], "nodeSelectors": machines}
    if settings.mode == "l2":
        return [pool, _metallb("v1beta1", "L2Advertisement", _POOL, announced)]
    peers = [
        _metallb(
            "v1beta2",
            "BGPPeer",
            f"router-{str(peer.address).replace('.', '-')}",
            {
                "peerAddress": str(peer.address),
                "peerASN": peer.asn,
                "myASN": peer.my_asn,
                "nodeSelectors": machines,
            },
        )
        for peer in settings.peers
    ]
    return [pool, _metallb("v1beta1", "BGPAdvertisement", _POOL, announced), *peers]


def _metallb(version: str, kind: str, name: str, spec: dict[str, Any]) -> Manifest:
    return {"apiVersion": f"metallb.io/{version}", "kind": kind, "metadata": {"name": name}, "spec": spec}


def kube_vip(site: Site, api: ApiAddress, cluster: BareMetalCluster, namespace: str) -> Chart:
    """The API's address, on the control-plane machine that leads; services are MetalLB's."""
    values = {
        "image": {"tag": site.release.images["kube-vip"].tag},
        "config": {"address": str(api.address)},
        "env": {
            "vip_interface": api.interface,
            "vip_arp": "true",
            "vip_subnet": "32",
            "vip_leaderelection": "true",
            "cp_enable": "true",
            "cp_namespace": namespace,
            "svc_enable": "false",
            "lb_enable": "false",
            "port": str(urlsplit(cluster.provisioner.server).port or 443),
        },
        "resources": site.stack.load_balancers.resources.manifest(),
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [
                        {"matchExpressions": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}]}
                    ]
                }
            }
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"add": ["NET_ADMIN", "NET_RAW"], "drop": ["ALL"]},
            **_SECCOMP,
        },
    }
    return Chart(name="kube-vip", values=values, free_form=["env", "image.tag"])


def metallb_alerts(settings: LoadBalancersSettings) -> list[Alert]:
    """What tells that addresses run out, or that machines don't announce them."""
    rules = [
        Alert(
            name="LoadBalancerAddressesRunOut",
            expression=(
                "sum by (pool) (metallb_allocator_addresses_in_use_total) / sum by (pool) (metallb_allocator_addresses_total) > 0.85"
            ),
            pending="15m",
            severity="warning",
            summary="{{ $value | humanizePercentage }} of the load balancers' addresses are taken",
            action="Widen `network.load_balancers_cidr`, or take away services of type LoadBalancer that nobody uses.",
        ),
        Alert(
            name="LoadBalancerConfigurationIsStale",
            expression="max by (pod) (metallb_k8s_client_config_stale_bool) == 1",
            pending="15m",
            severity="warning",
            summary="{{ $labels.pod }} goes on with an old configuration: the new one can't be used",
            action="Its log says what is wrong with the addresses or peers.",
        ),
    ]
    if settings.mode == "bgp":
        rules.append(
            Alert(
                name="BgpSessionIsDown",
                expression="min by (instance, peer) (metallb_bgp_session_up) == 0",
                pending="5m",
                severity="critical",
                summary="{{ $labels.instance }} has no session with the router {{ $labels.peer }}",
                action="Ask the router: is the machine a neighbour, are both autonomous systems right, is TCP port 179 open?",
            )
        )
    return rules


def api_address_alerts(namespace: str) -> list[Alert]:
    """What tells that the API's address hangs on few machines."""
    return [
        Alert(
            name="ApiAddressIsUnguarded",
            expression=(
                f'kube_daemonset_status_number_ready{{namespace="{namespace}",daemonset="kube-vip"}}'
                f' < kube_daemonset_status_desired_number_scheduled{{namespace="{namespace}",daemonset="kube-vip"}}'
            ),
            pending="10m",
            severity="critical",
            summary="kube-vip runs on {{ $value }} control-plane machines only: the API's address may be lost with the next one",
            action="Look at the pods of kube-vip in system-load-balancers, and at the machines without a ready one.",
        )
    ]
