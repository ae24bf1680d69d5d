"""The AWS Load Balancer Controller: network load balancers for services that ask for one."""

from __future__ import annotations

from collections.abc import Mapping

from components.charts.rendering import Chart
from components.identity.rights import AwsStatement, Rights
from config.eks import EksCluster

from ..alerts import Alert
from ..site import Site

ACCOUNT = "aws-load-balancer-controller"
PODS = {"app.kubernetes.io/name": "aws-load-balancer-controller"}
WEBHOOK_PORT, METRICS_PORT = 9443, 8080
WEBHOOKS = (
    "MutatingWebhookConfiguration/aws-load-balancer-webhook",
    "ValidatingWebhookConfiguration/aws-load-balancer-webhook",
)
"""To which cert-manager adds its authority."""
_TAG = "elbv2.k8s.aws/cluster"
"""The controller's own tag, on all that it makes; its value is the cluster's name."""


def controller(site: Site, cluster: EksCluster) -> Chart:
    """The controller, for services alone: requests of HTTP come in by the ingress part."""
    settings = site.stack.load_balancers
    tags = {"kuber:cluster": site.name, "kuber:environment": site.environment, **cluster.tags}
    values = {
        "fullnameOverride": "aws-load-balancer-controller",
        "clusterName": site.name,
        "region": cluster.region,
        # Pods can't ask the machine which VPC they are in: the metadata service answers the machine alone. So it is found by the tags
        # that all of the cluster's things have.
        "vpcTags": {"kuber:cluster": site.name, "Name": site.name},
        "defaultTags": tags,
        "replicaCount": 2,
        "resources": settings.resources.manifest(),
        "serviceAccount": {"name": ACCOUNT},
        "podSecurityContext": {"fsGroup": 65534, "runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "securityContext": {"capabilities": {"drop": ["ALL"]}},
        "enableCertManager": True,
        "defaultTargetType": "ip",
        "createIngressClassResource": False,
        "ingressClassParams": {"create": False},
        # Webhooks that would refuse any service or ingress of the cluster while the controller is away. Who wants its load balancer
        # says so by `loadBalancerClass: service.k8s.aws/nlb`.
        "enableServiceMutatorWebhook": False,
        "webhookConfig": {"disableIngressValidation": True},
        "controllerConfig": {"featureGates": {"ALBGatewayAPI": False, "NLBGatewayAPI": False}},
        "enableShield": False,
        "enableWaf": False,
        "enableWafv2": False,
        "serviceMonitor": {"enabled": site.stack.monitoring.enabled},
    }
    return Chart(name="aws-load-balancer-controller", values=values)


def rights(site: Site, cluster: EksCluster) -> Rights:
    """What the controller asks of AWS for services ("IAM Permissions", its documentation); it changes what has the cluster's tag."""
    here = f"{cluster.region}:{cluster.account_id}"
    elb, groups = f"arn:aws:elasticloadbalancing:{here}", f"arn:aws:ec2:{here}:security-group/*"
    balancers, targets, listeners = f"{elb}:loadbalancer/*", f"{elb}:targetgroup/*", f"{elb}:listener/*"
    ours = {"StringEquals": {f"aws:ResourceTag/{_TAG}": site.name}}
    asked = {f"aws:RequestTag/{_TAG}": site.name}

    def may(
        service: str, actions: str, *resources: str, when: Mapping[str, Mapping[str, str]] | None = None
    ) -> AwsStatement:
        return AwsStatement(
            actions=[f"{service}:{action}" for action in actions.split()], resources=resources, conditions=when or {}
        )

    return Rights(
        aws_statements=[
            may(
                "iam",
                "CreateServiceLinkedRole",
                "*",
                when={"StringEquals": {"iam:AWSServiceName": "elasticloadbalancing.amazonaws.com"}},
            ),
            may(
                "ec2",
                "DescribeAccountAttributes DescribeAddresses DescribeAvailabilityZones DescribeInstances DescribeInternetGateways "
                "DescribeNetworkInterfaces DescribeRouteTables DescribeSecurityGroups DescribeSubnets DescribeTags "
                "DescribeVpcPeeringConnections DescribeVpcs GetSecurityGroupsForVpc",
                "*",
            ),
            may(
                "elasticloadbalancing",
                "DescribeCapacityReservation DescribeListenerAttributes DescribeListenerCertificates DescribeListeners "
                "DescribeLoadBalancerAttributes DescribeLoadBalancers DescribeRules DescribeSSLPolicies DescribeTags "
                "DescribeTargetGroupAttributes DescribeTargetGroups DescribeTargetHealth DescribeTrustStores",
                "*",
            ),
            may("acm", "DescribeCertificate ListCertificates", "*"),
            # Nodes let load balancers in by the cluster's own security group, to which EKS gives this tag.
            may(
                "ec2",
                "AuthorizeSecurityGroupIngress RevokeSecurityGroupIngress",
                groups,
                when={"StringEquals": {f"aws:ResourceTag/kubernetes.io/cluster/{site.name}": "owned"}},
            ),
            may("ec2", "CreateSecurityGroup", groups, f"arn:aws:ec2:{here}:vpc/*"),
            may(
                "ec2",
                "CreateTags",
                groups,
                when={"StringEquals": {"ec2:CreateAction": "CreateSecurityGroup", **asked}},
            ),
            may("ec2", "CreateTags DeleteTags", groups, when=ours),
            may(
                "ec2",
                "AuthorizeSecurityGroupIngress DeleteSecurityGroup RevokeSecurityGroupIngress",
                groups,
                when=ours,
            ),
            may(
                "elasticloadbalancing",
                "CreateLoadBalancer CreateTargetGroup",
                balancers,
                targets,
                when={"StringEquals": asked},
            ),
            *(
                may(
                    "elasticloadbalancing",
                    "AddTags",
                    resource,
                    when={"StringEquals": {"elasticloadbalancing:CreateAction": action, **asked}},
                )
                for action, resource in (("CreateLoadBalancer", balancers), ("CreateTargetGroup", targets))
            ),
            may("elasticloadbalancing", "AddTags RemoveTags", balancers, targets, when=ours),
            may(
                "elasticloadbalancing",
                "DeleteLoadBalancer DeleteTargetGroup DeregisterTargets ModifyCapacityReservation ModifyIpPools "
                "ModifyLoadBalancerAttributes ModifyTargetGroup ModifyTargetGroupAttributes RegisterTargets SetIpAddressType "
                "SetSecurityGroups SetSubnets",
                balancers,
                targets,
                when=ours,
            ),
            may(
                "elasticloadbalancing",
                "AddListenerCertificates AddTags CreateListener DeleteListener ModifyListener ModifyListenerAttributes "
                "RemoveListenerCertificates RemoveTags",
                balancers,
                listeners,
                when=ours,
            ),
            may(
                "elasticloadbalancing",
                "AddTags",
                listeners,
                when={"StringEquals": {"elasticloadbalancing:CreateAction": "CreateListener", **asked}},
            ),
        ]
    )


def alert_rules(namespace: str) -> list[Alert]:
    """What tells that load balancers aren't made or changed."""
    return [
        Alert(
            name="LoadBalancerControllerFails",
            expression=(
                f'sum by (controller) (increase(controller_runtime_reconcile_errors_total{{namespace="{namespace}"}}[15m])) > 3'
            ),
            pending="15m",
            severity="warning",
            summary="The AWS Load Balancer Controller can't bring about what {{ $labels.controller }} objects say",
            action="Its log in system-load-balancers names the object and AWS's answer.",
        ),
        Alert(
            name="LoadBalancerControllerAbsent",
            expression=(
                f'kube_deployment_status_replicas_available{{namespace="{namespace}",deployment="aws-load-balancer-controller"}} == 0'
            ),
            pending="10m",
            severity="critical",
            summary="No AWS Load Balancer Controller runs: load balancers don't learn of pods that come and go",
            action="Look at its pods and their events in system-load-balancers.",
        ),
    ]
