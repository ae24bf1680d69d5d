"""A stack file is a cluster: read it, build the cluster, install the standard stack, export what others need to know of it."""

import pulumi

import clusters
import config
from components import standard_stack

try:
    settings = config.load(pulumi.get_stack(), pulumi.Config().require_object("cluster"))
    stack = standard_stack.rendered(pulumi.get_stack(), settings)
except (config.StackFileError, standard_stack.ChartError) as error:
    raise pulumi.RunError(f"nothing can be planned, and nothing was changed\n{error}") from None
for warning in [*config.advice(settings), *stack.warnings]:
    pulumi.log.warn(warning)

cluster = clusters.create(pulumi.get_stack(), settings)
standard_stack.install(stack, cluster)
for name, value in cluster.outputs.items():
    pulumi.export(name, value)
