"""Kubeconfigs that get a token by running a command. None holds a secret.

Importing this takes no SDK, so that a command which only reaches a cluster starts at once.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from config.bare_metal import KubeconfigProvisioner

if TYPE_CHECKING:
    import pulumi


def kubeconfig_document(
    *,
    cluster: str,
    server: pulumi.Input[str],
    certificate_authority_data: pulumi.Input[str],
    command: str,
    args: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    api_version: str = "client.authentication.k8s.io/v1beta1",
    install_hint: str = "",
) -> dict[str, object]:
    """A kubeconfig as a document; what of it is an output stays one.

    Args:
        cluster: Name of cluster, context and user.
        server: Address of the API server, https://….
        certificate_authority_data: The API server's authority, PEM in base64.
        command: Credential plugin (Kubernetes documentation, "Authenticating", client-go credential plugins).
        args: Its arguments.
        env: Its environment.
        api_version: What the command speaks; those of both clouds speak v1beta1.
        install_hint: Shown by kubectl where the command is missing.
    """
    plugin: dict[str, object] = {
        "apiVersion": api_version,
        "command": command,
        "args": list(args),
        "env": [{"name": key, "value": value} for key, value in sorted((env or {}).items())],
        "interactiveMode": "IfAvailable",
        "provideClusterInfo": True,
    }
    if install_hint:
        plugin["installHint"] = install_hint
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": cluster,
                "cluster": {"server": server, "certificate-authority-data": certificate_authority_data},
            }
        ],
        "users": [{"name": cluster, "user": {"exec": plugin}}],
        "contexts": [{"name": cluster, "context": {"cluster": cluster, "user": cluster}}],
        "current-context": cluster,
    }


def machines_kubeconfig(cluster: str, provisioner: KubeconfigProvisioner) -> dict[str, object]:
    """The kubeconfig of a cluster that exists already: all of it stands in the stack file."""
    return kubeconfig_document(
        cluster=cluster,
        server=provisioner.server,
        certificate_authority_data=base64.b64encode(provisioner.certificate_authority.encode()).decode(),
        command=provisioner.exec.command,
        args=provisioner.exec.args,
        env=provisioner.exec.env,
        api_version=provisioner.exec.api_version,
        install_hint=f"kubectl needs {provisioner.exec.command} to get a token for {cluster}",
    )


def as_json(kubeconfig: Mapping[str, object]) -> pulumi.Output[str]:
    """A kubeconfig as JSON, once the cloud has told what of it is an output."""
    import pulumi

    return pulumi.Output.json_dumps(kubeconfig)
