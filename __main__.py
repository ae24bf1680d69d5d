"""A stack file is a cluster: read it, build the cluster, export what others need to know of it."""

import pulumi

import clusters
import config

try:
    settings = config.load(pulumi.get_stack(), pulumi.Config().require_object("cluster"))
except config.StackFileError as error:
    raise pulumi.RunError(f"the stack file can't be used\n{error}") from None
for warning in config.advice(settings):
    pulumi.log.warn(warning)

cluster = clusters.create(pulumi.get_stack(), settings)
for name, value in cluster.outputs.items():
    pulumi.export(name, value)
