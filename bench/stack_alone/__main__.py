"""The standard stack of a stack file by itself, in a cluster that is there: with its CRDs, or where these are already."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pulumi

import config
from components import standard_stack
from components.identity.rights import Rights, WorkloadIdentity
from components.lean_sdk import leave_out_stack_traces, wait_for_calls_first

leave_out_stack_traces()
wait_for_calls_first()
import pulumi_kubernetes as kubernetes  # noqa: E402 - lean since the standard stack is there

given = json.loads(Path("given.json").read_text())


class Cluster:
    """The one that is there; what a cloud would grant is left out."""

    name = pulumi.get_stack()
    kubeconfig = pulumi.Output.from_input(json.dumps(given["kubeconfig"]))
    provider = kubernetes.Provider("cluster", kubeconfig=kubeconfig)

    def grant(self, rights: Rights, namespace: str, service_account: str) -> WorkloadIdentity:
        """Nothing, and nothing to wait for."""
        return WorkloadIdentity()


def cluster_in_place_of_bundle(name: str, args: Any, opts: object) -> pulumi.Resource:
    """Objects depend on this one as they would on the bundle, so that all else is the same."""
    return args.cluster


settings = config.load(pulumi.get_stack(), pulumi.Config("kuber").require_object("cluster"))
stack = standard_stack.rendered(pulumi.get_stack(), settings)
if given["bundles"]:
    standard_stack.install(stack, Cluster())
else:
    with patch("components.standard_stack.stack.CrdBundle", cluster_in_place_of_bundle):
        standard_stack.install(stack, Cluster())
