"""Small objects, as many as the stack says, each on its own."""

import pulumi

from components.lean_sdk import leave_out_stack_traces, wait_for_calls_first

leave_out_stack_traces()
wait_for_calls_first()
for number in range(pulumi.Config().require_int("objects")):
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"object-{number}", "namespace": "default"},
        "data": {"number": str(number)},
    }
    pulumi.CustomResource("kubernetes:core/v1:ConfigMap", f"default/object-{number}", manifest)
