"""The cluster autoscaler, where the platform has none of its own, and headroom."""

from __future__ import annotations

import json

from components.charts.rendering import Chart
from components.identity.rights import AwsStatement, Rights
from config.eks import EksCluster
from config.node_pools import POOL_LABEL
from config.platforms import Feature
from config.standard_stack.autoscaling import AutoscalingSettings, autoscaler_image

from ..alerts import Alert, alerts
from ..network import allow_api_server, allow_cloud, allow_scraping
from ..part import Part
from ..site import Site
from .headroom import headroom, headroom_alerts

NAMESPACE = "system-autoscaling"
_ACCOUNT = "cluster-autoscaler"
_PODS = {"app.kubernetes.io/name": "aws-cluster-autoscaler"}
_PORT = 8085
_LAUNCH_TEMPLATE = ("eks.amazonaws.com/sourceLaunchTemplateId", "eks.amazonaws.com/sourceLaunchTemplateVersion")


def autoscaling(site: Site) -> Part | None:
    """The cluster autoscaler on EKS, and placeholders on either cloud; own machines have neither."""
    held_ready = headroom(site, NAMESPACE)
    if isinstance(site.settings, EksCluster) and not site.brings(Feature.AUTOSCALER):
        return Part(
            name="autoscaling",
            namespace=NAMESPACE,
            charts=[_autoscaler(site, site.settings)],
            objects=[
                allow_api_server(site, _PODS),
                *allow_cloud(site, _PODS),
                allow_scraping([_PORT], _PODS),
                *held_ready,
                alerts("autoscaling", *_alerts(), *(headroom_alerts(NAMESPACE) if held_ready else ())),
            ],
            rights={_ACCOUNT: _rights(site, site.settings)},
        )
    if not held_ready:
        return None
    rules = alerts("autoscaling", *headroom_alerts(NAMESPACE))
    return Part(name="autoscaling", namespace=NAMESPACE, objects=[*held_ready, rules])


def _autoscaler(site: Site, cluster: EksCluster) -> Chart:
    settings = site.stack.autoscaling
    values = {
        "fullnameOverride": "cluster-autoscaler",
        "cloudProvider": "aws",
        "awsRegion": cluster.region,
        "autoDiscovery": {"clusterName": site.name},
        "image": {"tag": site.release.images[autoscaler_image(cluster) or ""].tag},
        "replicaCount": settings.replicas,
        "resources": settings.resources.manifest(),
        "rbac": {"serviceAccount": {"name": _ACCOUNT}},
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65534,
            "runAsGroup": 65534,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containerSecurityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "serviceMonitor": {
            "enabled": site.stack.monitoring.enabled,
            "namespace": NAMESPACE,
            "interval": "30s",
            "selector": {"release": None},
        },
        "expanderPriorities": _priorities(settings, cluster),
        "extraArgs": _arguments(settings),
        # What tells two pools' nodes apart and yet makes no difference to pods. The capacity does make one: were it ignored too, a
        # scale-up that the priorities give to spot would be shared out over on-demand pools of the same machines.
        "customArgs": [f"--balancing-ignore-label={label}" for label in (POOL_LABEL, *_LAUNCH_TEMPLATE)],
    }
    return Chart(name="cluster-autoscaler", values=values, free_form=["extraArgs"])


def _arguments(settings: AutoscalingSettings) -> dict[str, object]:
    """Flags of the cluster autoscaler (its FAQ, "What are the parameters to CA?")."""
    scale_down = settings.scale_down
    return {
        "logtostderr": True,
        "v": 2,
        "expander": "priority,least-waste",
        "balance-similar-node-groups": True,
        "emit-per-nodegroup-metrics": True,
        "max-node-provision-time": settings.max_node_provision_time,
        "scale-down-enabled": scale_down.enabled,
        "scale-down-utilization-threshold": f"{scale_down.utilization_percent / 100:g}",
        "scale-down-unneeded-time": scale_down.unneeded_time,
        "scale-down-delay-after-add": scale_down.delay_after_add,
        "ignore-daemonsets-utilization": True,
        "skip-nodes-with-system-pods": False,
        # An emptyDir is lost with any pod that moves; to keep nodes for those would be to keep nearly all nodes.
        "skip-nodes-with-local-storage": False,
        "cordon-node-before-terminating": True,  # load balancers stop sending requests before the node goes
    }


def _priorities(settings: AutoscalingSettings, cluster: EksCluster) -> str:
    """Pools by priority, as names of their auto scaling groups: EKS names them eks-<node group>-<UUID>."""
    by_priority: dict[int, list[str]] = {}
    for name, pool in cluster.pools.items():
        expression = f"^eks-{name}-[0-9a-f]{{6}}-[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}$"
        by_priority.setdefault(settings.priority(name, pool), []).append(expression)
    lines = []
    for priority, expressions in sorted(by_priority.items(), reverse=True):
        lines += [f"{priority}:", *(f"  - {json.dumps(one)}" for one in sorted(expressions))]
    return "\n".join(lines) + "\n"


def _rights(site: Site, cluster: EksCluster) -> Rights:
    """What the autoscaler asks of AWS (Cluster Autoscaler on AWS, "IAM Policy"); it changes groups of its own cluster alone."""
    groups = f"arn:aws:autoscaling:{cluster.region}:{cluster.account_id}:autoScalingGroup:*"
    node_groups = f"arn:aws:eks:{cluster.region}:{cluster.account_id}:nodegroup/{site.name}/*"
    owned = {"StringEquals": {f"aws:ResourceTag/k8s.io/cluster-autoscaler/{site.name}": "owned"}}
    return Rights(
        aws_statements=[
            AwsStatement(
                actions=[
                    "autoscaling:DescribeAutoScalingGroups",
                    "autoscaling:DescribeAutoScalingInstances",
                    "autoscaling:DescribeLaunchConfigurations",
                    "autoscaling:DescribeScalingActivities",
                    "autoscaling:DescribeTags",
                    "ec2:DescribeImages",
                    "ec2:DescribeInstanceTypes",
                    "ec2:DescribeLaunchTemplateVersions",
                    "ec2:GetInstanceTypesFromInstanceRequirements",
                ],
                resources=["*"],
            ),
            AwsStatement(
                actions=["autoscaling:SetDesiredCapacity", "autoscaling:TerminateInstanceInAutoScalingGroup"],
                resources=[groups],
                conditions=owned,
            ),
            AwsStatement(actions=["eks:DescribeNodegroup"], resources=[node_groups]),
        ]
    )


def _alerts() -> list[Alert]:
    return [
        Alert(
            name="ClusterAutoscalerAbsent",
            expression="absent(cluster_autoscaler_cluster_safe_to_autoscale)",
            pending="15m",
            severity="critical",
            summary="Nothing scales the node pools: the cluster autoscaler gives no metrics",
            action="Look at its pods in system-autoscaling: do they run, and can they reach the API server and AWS?",
        ),
        Alert(
            name="ClusterAutoscalerHasStopped",
            expression="max(cluster_autoscaler_cluster_safe_to_autoscale) == 0",
            pending="15m",
            severity="critical",
            summary="The cluster autoscaler does nothing: it finds too many nodes unready",
            action="Find out why nodes are not ready: `kubectl get nodes`, then the ConfigMap cluster-autoscaler-status.",
        ),
        Alert(
            name="PodsWaitForNodes",
            expression='max(cluster_autoscaler_unschedulable_pods_count{type="unschedulable"}) > 0',
            pending="30m",
            severity="warning",
            summary="{{ $value }} pods have waited half an hour for a node",
            action="`kubectl get pods -A --field-selector=status.phase=Pending`; their events say why no pool helps.",
        ),
        Alert(
            name="NodesDoNotCome",
            expression="sum by (reason) (increase(cluster_autoscaler_failed_scale_ups_total[1h])) > 5",
            pending="15m",
            severity="warning",
            summary="Nodes that were asked for didn't come: {{ $labels.reason }}",
            action="Look at the scaling activities of the auto scaling groups: no capacity, a quota, or a broken launch template.",
        ),
        Alert(
            name="NodePoolAtItsMaximum",
            expression=(
                "max by (node_group) (cluster_autoscaler_node_group_target_count)"
                " >= max by (node_group) (cluster_autoscaler_node_group_max_count) > 1"
            ),
            pending="30m",
            severity="warning",
            summary="The pool of {{ $labels.node_group }} has been at its maximum for half an hour",
            action="Raise `max` of the pool in the stack file if what runs there is wanted.",
        ),
    ]
