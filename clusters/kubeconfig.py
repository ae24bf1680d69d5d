"""Kubeconfigs that get a token by running a command. None holds a secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi


def exec_kubeconfig(
    *,
    cluster: str,
    server: pulumi.Input[str],
    certificate_authority_data: pulumi.Input[str],
    command: str,
    args: Sequence[str] = (),
    env: Mapping[str, str] | None = None,
    install_hint: str = "",
) -> pulumi.Output[str]:
    """A kubeconfig as JSON.

    Args:
        cluster: Name of cluster, context and user.
        server: Address of the API server, https://….
        certificate_authority_data: The API server's authority, PEM in base64.
        command: Credential plugin (Kubernetes documentation, "Authenticating", client-go credential plugins).
        args: Its arguments.
        env: Its environment.
        install_hint: Shown by kubectl where the command is missing.
    """
    plugin: dict[str, object] = {
        "apiVersion": "client.authentication.k8s.io/v1beta1",
        "command": command,
        "args": list(args),
        "env": [{"name": key, "value": value} for key, value in sorted((env or {}).items())],
        "interactiveMode": "IfAvailable",
        "provideClusterInfo": True,
    }
    if install_hint:
        plugin["installHint"] = install_hint
    return pulumi.Output.json_dumps(
        {
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
    )
