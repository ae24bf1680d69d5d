"""A small program with one of each thing that an engine treats in its own way."""

from __future__ import annotations

import pulumi
import pulumi_aws as aws
import pulumi_kubernetes as k8s
from note import Note

cluster_config = pulumi.Config().require_object("cluster")
if "name" not in cluster_config:
    raise pulumi.RunError("Pulumi.wrong.yaml:3: sample:cluster.nmae: unknown key; did you mean 'name'?")


class Keys(pulumi.ComponentResource):
    """The encryption key of a cluster, and its alias."""

    def __init__(self, name: str) -> None:
        super().__init__("sample:index:Keys", name, {"rotation": True})
        child = pulumi.ResourceOptions(parent=self)
        careful = pulumi.ResourceOptions(
            parent=self,
            protect=True,
            ignore_changes=["tags.touched"],
            delete_before_replace=False,
            aliases=[pulumi.Alias(name="former-key")],
            custom_timeouts=pulumi.CustomTimeouts(create="5m"),
        )
        self.key = aws.kms.Key(f"{name}-key", deletion_window_in_days=30, tags={"eks.io/owner": name}, opts=careful)
        aws.kms.Alias(f"{name}-alias", name="alias/small", target_key_id=self.key.key_id, opts=child)
        self.register_outputs({"keyArn": self.key.arn})


keys = Keys("keys")
cluster = aws.eks.Cluster(
    "cluster",
    role_arn="arn:aws:iam::111122223333:role/cluster",
    vpc_config={"subnet_ids": ["subnet-1", keys.key.arn], "endpoint_private_access": True},
    opts=pulumi.ResourceOptions(depends_on=[keys]),
)

not_yet = k8s.Provider("not-yet", kubeconfig=cluster.endpoint, cluster_identifier="small")
in_new_cluster = pulumi.ResourceOptions(provider=not_yet)
k8s.core.v1.Namespace("namespace", metadata={"name": "system-monitoring"}, opts=in_new_cluster)
prometheus = {
    "apiVersion": "monitoring.coreos.com/v1",
    "kind": "Prometheus",
    "metadata": {"name": "main", "annotations": {"eks.io/key": keys.key.arn}},
    "spec": {"replicas": 2, "ratio": 0.5, "bytes": 2**40, "absent": None, "empty": {}, "none": []},
}
pulumi.CustomResource("kubernetes:monitoring.coreos.com/v1:Prometheus", "prometheus", prometheus, in_new_cluster)

by_now = k8s.Provider("by-now", kubeconfig="apiVersion: v1")
password = pulumi.Output.secret("correct horse")
k8s.core.v1.ConfigMap(
    "config", metadata={"name": "config"}, data={"pw": password}, opts=pulumi.ResourceOptions(provider=by_now)
)

aws.s3.BucketObject("page", bucket="pages", key="404.html", source=pulumi.StringAsset("<h1>Not found</h1>"))
Note("note", text=cluster.endpoint)

pulumi.export("name", cluster_config["name"])
pulumi.export("endpoint", cluster.endpoint)
pulumi.export("password", password)
