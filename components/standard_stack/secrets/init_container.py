"""A service's secrets as files, by an init container: plain data in, plain data out, for any pod.

    before: containers of the service
    after:  vault-agent, which logs in as the pod's service account, writes the files into memory and ends;
            then the containers of the service, which read them

Nothing of it is a webhook: what is in the manifest is what runs, and a pod that can't have its secrets doesn't start.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..site import Site
from .policies import auth_path

CONTAINER = "vault-agent"
SECRETS_FOLDER = "/vault/secrets"
"""Where containers of the service find the files."""
_AGENT_FOLDER, _TOKEN_FOLDER = "/vault/agent", "/var/run/secrets/vault"
_SECRETS, _AGENT, _TOKEN = "vault-secrets", "vault-agent", "vault-token"
_USER, _GROUP = 100, 1000
"""Those of the image `vault`."""
_START = """umask 077
printf '%s' "$AGENT_CONFIG" > {folder}/agent.json
[ -z "$VAULT_CA" ] || printf '%s' "$VAULT_CA" > {folder}/ca.pem
exec vault agent -config={folder}/agent.json
"""


@dataclass(frozen=True, kw_only=True)
class VaultLogin:
    """How pods of a cluster get at Vault.

    Attributes:
        cluster: The cluster's name.
        address: Vault's, https://….
        image: Of the agent, as the release has it.
        mount: Where the KV engine is mounted.
        audience: Of the tokens that Vault takes.
        certificate_authority: Of Vault's certificate, PEM; none where the public ones know it.
        vault_namespace: Within Vault Enterprise.
    """

    cluster: str
    address: str
    image: str
    mount: str = "kv"
    audience: str = "vault"
    certificate_authority: str | None = None
    vault_namespace: str | None = None


def vault_login(site: Site) -> VaultLogin:
    """How pods of a cluster get at Vault, as its stack file has it.

    Raises:
        ValueError: the cluster has no Vault.
    """
    settings = site.stack.secrets
    if not settings.enabled or settings.address is None:
        raise ValueError(f"{site.name} has no Vault: its stack file leaves the part `secrets` out")
    return VaultLogin(
        cluster=site.name,
        address=settings.address,
        image=site.image("vault"),
        mount=settings.mount,
        audience=settings.audience,
        certificate_authority=settings.certificate_authority,
        vault_namespace=settings.vault_namespace,
    )


@dataclass(frozen=True, kw_only=True)
class SecretFile:
    """One file for the service.

    Attributes:
        name: Of the file, below `/vault/secrets`.
        path: Of the secret below the cluster's: "default/checkout" is that of the service account `checkout` in `default`.
        key: The one key whose value the file holds; all of the secret as a JSON object where none is given.
    """

    name: str
    path: str
    key: str | None = None


def with_secrets(
    pod: Mapping[str, Any], files: Sequence[SecretFile], login: VaultLogin, *, role: str = "workload"
) -> dict[str, Any]:
    """A pod's spec that has its secrets before its containers start.

    The files are readable to all containers of the pod, by its `fsGroup`, and are gone with the pod. A secret that changes
    reaches the next pod: restart the workload.

    Args:
        pod: The spec, as in a Deployment's template; it isn't changed.
        files: What the containers need.
        login: How pods of the cluster get at Vault.
        role: The role in Vault: `workload`, or the service's own where it reads more than its own path.

    Raises:
        ValueError: the pod has such a container or volume already, or two files are of one name.
    """
    made = copy.deepcopy(dict(pod))
    there = {one["name"] for key in ("initContainers", "containers", "volumes") for one in made.get(key) or []}
    if clash := sorted(there & {CONTAINER, _SECRETS, _AGENT, _TOKEN}):
        raise ValueError(f"the pod has {', '.join(clash)} already")
    names = [one.name for one in files]
    if not names or len(names) != len(set(names)):
        raise ValueError("each file has a name of its own, and there is at least one")

    security = made.setdefault("securityContext", {})
    security.setdefault("fsGroup", _GROUP)
    made["initContainers"] = [_agent(files, login, role, security), *(made.get("initContainers") or [])]
    for container in made["containers"]:
        mounts = container.setdefault("volumeMounts", [])
        mounts.append({"name": _SECRETS, "mountPath": SECRETS_FOLDER, "readOnly": True})
    made["volumes"] = [*(made.get("volumes") or []), *_volumes(login)]
    return made


def agent_config(files: Sequence[SecretFile], login: VaultLogin, role: str) -> dict[str, Any]:
    """The agent's configuration: log in, write the files, end (Vault's documentation, "Vault Agent")."""
    vault: dict[str, Any] = {"address": login.address, "retry": {"num_retries": 10}}
    if login.certificate_authority:
        vault["ca_cert"] = f"{_AGENT_FOLDER}/ca.pem"
    method: dict[str, Any] = {
        "type": "kubernetes",
        "mount_path": f"auth/{auth_path(login.cluster)}",
        "config": {"role": role, "token_path": f"{_TOKEN_FOLDER}/token"},
        "exit_on_err": True,
    }
    return {
        "exit_after_auth": True,
        "vault": vault,
        "auto_auth": {"method": method},
        "template_config": {"exit_on_retry_failure": True},
        "template": [
            {
                "destination": f"{SECRETS_FOLDER}/{one.name}",
                "contents": _template(one, login),
                "perms": "0440",
                "error_on_missing_key": True,
            }
            for one in files
        ],
    }


def _template(one: SecretFile, login: VaultLogin) -> str:
    path = json.dumps(f"{login.mount}/data/{login.cluster}/{one.path}")
    value = f"index .Data.data {json.dumps(one.key)}" if one.key else ".Data.data | toJSON"
    return f"{{{{ with secret {path} }}}}{{{{ {value} }}}}{{{{ end }}}}"


def _agent(
    files: Sequence[SecretFile], login: VaultLogin, role: str, pod_security: Mapping[str, Any]
) -> dict[str, Any]:
    environment = {
        "AGENT_CONFIG": json.dumps(agent_config(files, login, role), sort_keys=True),
        "VAULT_CA": login.certificate_authority or "",
        "HOME": _AGENT_FOLDER,
    }
    if login.vault_namespace:
        environment["VAULT_NAMESPACE"] = login.vault_namespace
    own_user = {} if "runAsUser" in pod_security else {"runAsUser": _USER, "runAsGroup": _GROUP}
    return {
        "name": CONTAINER,
        "image": login.image,
        "command": ["/bin/sh", "-ec", _START.format(folder=_AGENT_FOLDER)],
        "env": [{"name": name, "value": value} for name, value in environment.items()],
        "resources": {"requests": {"cpu": "25m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": {
            **own_user,
            "runAsNonRoot": True,
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "volumeMounts": [
            {"name": _SECRETS, "mountPath": SECRETS_FOLDER},
            {"name": _AGENT, "mountPath": _AGENT_FOLDER},
            {"name": _TOKEN, "mountPath": _TOKEN_FOLDER, "readOnly": True},
        ],
    }


def _volumes(login: VaultLogin) -> list[dict[str, Any]]:
    """Two in memory, which no disk ever sees; and a token that is of use for Vault alone, for ten minutes."""
    token = {"path": "token", "audience": login.audience, "expirationSeconds": 600}
    return [
        {"name": _SECRETS, "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        {"name": _AGENT, "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        {"name": _TOKEN, "projected": {"sources": [{"serviceAccountToken": token}], "defaultMode": 0o440}},
    ]
