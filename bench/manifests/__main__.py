"""The objects of a file, each after its namespace."""

import json
from pathlib import Path

import pulumi

from components.lean_sdk import leave_out_stack_traces, make_lean, wait_for_calls_first
from components.standard_stack.registration import object_resource

leave_out_stack_traces()
wait_for_calls_first()
make_lean("pulumi_kubernetes")
import pulumi_kubernetes as kubernetes  # noqa: E402 - lean from here on

config = pulumi.Config()
cluster = kubernetes.Provider("cluster", kubeconfig=Path(config.require("kubeconfig")).read_text())
namespaces: dict[str, pulumi.Resource] = {}
for manifest in json.loads(Path(config.require("file")).read_text())["items"]:
    needed = namespaces.get(manifest["metadata"].get("namespace", ""))
    opts = pulumi.ResourceOptions(provider=cluster, depends_on=[needed] if needed else None)
    made = object_resource(manifest, opts)
    if manifest["kind"] == "Namespace":
        namespaces[manifest["metadata"]["name"]] = made
