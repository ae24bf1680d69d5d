"""A cluster of a few resources: some whose names are unique in the cloud, some that only their ids tell apart, and some objects.

It starts quickly, since it imports no cloud's SDK.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import pulumi

ROLE = "arn:aws:iam::111122223333:role/cluster"


class Resource(pulumi.CustomResource):
    """A resource of any type."""

    @property
    @pulumi.getter
    def endpoint(self) -> pulumi.Output[str]:
        """Of a cluster."""
        return pulumi.get(self, "endpoint")

    @property
    @pulumi.getter(name="certificateAuthority")
    def authority(self) -> pulumi.Output[Any]:
        """Of a cluster."""
        return pulumi.get(self, "certificateAuthority")


def resource(
    token: str, name: str, properties: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None
) -> Resource:
    """A resource, with room for what this program reads of clusters."""
    outputs = {"endpoint": None, "certificateAuthority": None} if token == "aws:eks/cluster:Cluster" else {}
    return Resource(token, name, {**properties, **outputs}, opts)


def kubeconfig(endpoint: str, authority: Mapping[str, str]) -> str:
    """As the project's own: the token comes from a credential plugin."""
    access = {"apiVersion": "client.authentication.k8s.io/v1", "command": "aws", "args": ["eks", "get-token"]}
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "it", "cluster": {"server": endpoint, "certificate-authority-data": authority["data"]}}
            ],
            "users": [{"name": "me", "user": {"exec": {**access, "interactiveMode": "Never"}}}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": "me"}}],
            "current-context": "it",
        }
    )


class Network(pulumi.ComponentResource):
    """A VPC with two subnets: nothing but their ids tells them from others."""

    def __init__(self, name: str) -> None:
        super().__init__("small:index:Network", name)
        child = pulumi.ResourceOptions(parent=self)
        self.vpc = resource("aws:ec2/vpc:Vpc", f"{name}-vpc", {"cidrBlock": "10.0.0.0/16"}, child)
        self.subnets = [
            resource("aws:ec2/subnet:Subnet", f"{name}-{zone}", {"vpcId": self.vpc.id, **place}, child)
            for zone, place in {
                "a": {"cidrBlock": "10.0.1.0/24", "availabilityZone": "eu-west-1a"},
                "b": {"cidrBlock": "10.0.2.0/24", "availabilityZone": "eu-west-1b"},
            }.items()
        ]
        self.register_outputs({})


greeting = pulumi.Config().require("greeting")
network = Network("net")
resource("aws:s3/bucket:Bucket", "pages", {"bucket": "small-pages", "tags": {"greeting": greeting}})
cluster = resource(
    "aws:eks/cluster:Cluster",
    "cluster",
    {"name": "small", "roleArn": ROLE, "vpcConfig": {"subnetIds": [subnet.id for subnet in network.subnets]}},
)
configuration = pulumi.Output.all(cluster.endpoint, cluster.authority).apply(lambda known: kubeconfig(*known))


class Kubernetes(pulumi.ProviderResource):
    """The provider of the cluster's objects."""

    def __init__(self, name: str) -> None:
        taking_over = os.environ.get("PULUMI_K8S_UPSERT_EXISTING_OBJECTS")  # as the SDK reads it
        properties = {"kubeconfig": configuration, "clusterIdentifier": "small", "upsertExistingObjects": taking_over}
        super().__init__("kubernetes", name, properties)


inside = pulumi.ResourceOptions(provider=Kubernetes("objects"))
red = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "colours"}, "data": {"roof": "red"}}
colours = resource("kubernetes:core/v1:ConfigMap", "colours", red, inside)
text = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "greeting"}, "data": {"text": greeting}}
after = pulumi.ResourceOptions.merge(inside, pulumi.ResourceOptions(depends_on=[colours]))
resource("kubernetes:core/v1:ConfigMap", "greeting", text, after)
important = {
    "apiVersion": "scheduling.k8s.io/v1",
    "kind": "PriorityClass",
    "metadata": {"name": "important"},
    "value": 1000,
}
resource("kubernetes:scheduling.k8s.io/v1:PriorityClass", "important", important, inside)
if pulumi.Config().get_bool("scaled"):
    labels = {"app": "shop"}
    shop = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "shop",
            "annotations": {"pulumi.com/skipAwait": "true"},
        },  # no pod gets ready without a node
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "shop", "image": "shop"}]}},
        },
    }
    scaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "shop"},
        "spec": {
            "minReplicas": 1,
            "maxReplicas": 9,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
        },
    }
    resource("kubernetes:apps/v1:Deployment", "shop", shop, inside)
    resource("kubernetes:autoscaling/v2:HorizontalPodAutoscaler", "shop-scaler", scaler, inside)
pulumi.export("endpoint", cluster.endpoint)
