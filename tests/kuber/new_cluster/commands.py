"""Command lines of `kuber new-cluster` that work, the files they need, and what is to be seen afterwards."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from tests.support import StackFile

NEW_EKS = (
    *("new-cluster", "stage-eks", "--platform", "eks", "--environment", "stage", "--region", "us-east-1"),
    *("--account-id", "109876543210", "--admin", "platform-team=arn:aws:iam::109876543210:role/platform-admin"),
    *("--private-cidr", "office-vpn=10.250.0.0/20"),
)
NEW_GKE = (
    *("new-cluster", "stage-gke", "--platform", "gke", "--environment", "stage", "--region", "europe-west4"),
    *("--project-id", "shop-stage", "--project-number", "481516234299"),
    *("--admin", "platform-team=group:platform@shop.example", "--private-cidr", "office-vpn=10.250.0.0/20"),
)
MACHINES = """name,address,role,zone,pool
par-cp-1,10.60.0.11,control_plane,room-1,
par-worker-1,10.60.1.11,worker,room-1,general
par-gpu-1,10.60.1.12,,room-2,gpu
"""
AUTHORITY = "-----BEGIN CERTIFICATE-----\nMAkMB01JSUJwYXI=\n-----END CERTIFICATE-----\n"
PLUGIN = {"apiVersion": "client.authentication.k8s.io/v1", "command": "kubelogin"}


def kubeconfig(**changed: Any) -> dict[str, Any]:
    """A kubeconfig whose user logs in by a plugin; cluster and user can be given otherwise."""
    plugin = {**PLUGIN, "args": ["get-token"], "env": [{"name": "REALM", "value": "shop"}]}
    cluster = {
        "server": "https://10.60.0.10:6443",
        "certificate-authority-data": base64.b64encode(AUTHORITY.encode()).decode(),
    }
    return {
        "clusters": [{"name": "par", "cluster": changed.get("cluster", cluster)}],
        "users": [{"name": "me", "user": changed.get("user", {"exec": plugin})}],
        "contexts": [{"name": "paris", "context": {"cluster": "par", "user": "me"}}],
    }


FACTS = (
    "--inventory, --kubeconfig, --context, --kubernetes, --machines-cidr, --pods-cidr, --services-cidr, "
    "--load-balancers-cidr"
)
"""What only the cluster that is there can tell, whatever the pattern."""


def write(project: Path, stack_file: StackFile) -> None:
    """Put a stack file into the project, in place of the one of this name."""
    project.joinpath(f"Pulumi.{stack_file.stack}.yaml").write_text(stack_file.text, encoding="utf-8")


def stack_files(project: Path) -> dict[str, bytes]:
    """All that is in the project's folder, hidden files too."""
    return {path.name: path.read_bytes() for path in project.iterdir()}


def cluster_alone(text: str) -> str:
    """A stack file without its standard stack."""
    before, found, _ = text.partition("\n    standard_stack:\n")
    assert found, "the standard stack stands last"
    return before


def changed_lines(before: str, after: str) -> list[tuple[str, str]]:
    """The lines that differ between two texts of as many lines."""
    pairs = zip(before.splitlines(), after.splitlines(), strict=True)
    return [(one.strip(), other.strip()) for one, other in pairs if one != other]
