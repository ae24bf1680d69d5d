"""Small objects, as many as the stack says, each on its own."""

import pulumi

from components.lean_sdk import spare_the_engine

spare_the_engine()
for number in range(pulumi.Config().require_int("objects")):
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": f"object-{number}", "namespace": "default"},
        "data": {"number": str(number)},
    }
    pulumi.CustomResource("kubernetes:core/v1:ConfigMap", f"default/object-{number}", manifest)
