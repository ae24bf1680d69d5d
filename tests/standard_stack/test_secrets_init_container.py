"""A service's secrets as files, by an init container."""

from __future__ import annotations

import copy
import json
import os
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest

from components.standard_stack.secrets.init_container import SecretFile, VaultLogin, vault_login, with_secrets
from components.standard_stack.site import Site
from config.release import read_release
from tests.standard_stack.alone import alone
from tests.support import EKS, METAL, StackFile

LOGIN = VaultLogin(cluster="prod-eks", address="https://vault.shop.example:8200", image="vault:2")
FILES = [
    SecretFile(name="all.json", path="default/checkout"),
    SecretFile(name="smtp-password", path="shared/smtp", key="password"),
]
POD: dict[str, Any] = {
    "serviceAccountName": "checkout",
    "initContainers": [{"name": "migrate", "image": "checkout:1"}],
    "containers": [{"name": "checkout", "image": "checkout:1"}, {"name": "proxy", "image": "proxy:1"}],
    "volumes": [{"name": "cache", "emptyDir": {}}],
}
CA = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"


def agent(pod: dict[str, Any]) -> dict[str, Any]:
    return next(one for one in pod["initContainers"] if one["name"] == "vault-agent")


def environment(pod: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in agent(pod)["env"]}


def config(pod: dict[str, Any]) -> dict[str, Any]:
    return json.loads(environment(pod)["AGENT_CONFIG"])


def volume(pod: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in pod["volumes"] if one["name"] == name)


def site(file: StackFile) -> Site:
    settings = file.read()
    return Site(name=file.stack, settings=settings, release=read_release(settings.release))


def test_the_agent_runs_before_everything_else_and_every_container_sees_the_files() -> None:
    pod = with_secrets(POD, FILES, LOGIN)
    assert [one["name"] for one in pod["initContainers"]] == ["vault-agent", "migrate"]
    for container in pod["containers"]:
        assert container["volumeMounts"] == [{"name": "vault-secrets", "mountPath": "/vault/secrets", "readOnly": True}]


def test_the_pod_that_is_given_stays_as_it_is() -> None:
    before = copy.deepcopy(POD)
    with_secrets(POD, FILES, LOGIN)
    assert before == POD


def test_it_logs_in_as_the_pod_s_service_account_writes_the_files_and_ends() -> None:
    written = config(with_secrets(POD, FILES, LOGIN, role="checkout"))
    assert written["exit_after_auth"] is True
    method = written["auto_auth"]["method"]
    assert (method["type"], method["mount_path"]) == ("kubernetes", "auth/k8s-prod-eks")
    assert method["config"] == {"role": "checkout", "token_path": "/var/run/secrets/vault/token"}
    assert [one["destination"] for one in written["template"]] == [
        "/vault/secrets/all.json",
        "/vault/secrets/smtp-password",
    ]
    assert [one["contents"] for one in written["template"]] == [
        '{{ with secret "kv/data/prod-eks/default/checkout" }}{{ .Data.data | toJSON }}{{ end }}',
        '{{ with secret "kv/data/prod-eks/shared/smtp" }}{{ index .Data.data "password" }}{{ end }}',
    ]


def test_a_pod_that_can_t_have_its_secrets_doesn_t_start() -> None:
    written = config(with_secrets(POD, FILES, LOGIN))
    assert written["auto_auth"]["method"]["exit_on_err"] is True
    assert written["template_config"]["exit_on_retry_failure"] is True
    assert all(one["error_on_missing_key"] for one in written["template"])


def test_secrets_are_in_memory_alone_and_the_token_is_of_use_for_vault_alone() -> None:
    pod = with_secrets(POD, FILES, LOGIN)
    for name in ("vault-secrets", "vault-agent"):
        assert volume(pod, name)["emptyDir"]["medium"] == "Memory"
    token = volume(pod, "vault-token")["projected"]["sources"][0]["serviceAccountToken"]
    assert token == {"path": "token", "audience": "vault", "expirationSeconds": 600}
    seen = {mount["name"] for container in pod["containers"] for mount in container["volumeMounts"]}
    assert "vault-token" not in seen and "vault-agent" not in seen


def test_other_users_of_the_pod_read_the_files_by_its_group() -> None:
    pod = with_secrets(POD, FILES, LOGIN)
    assert pod["securityContext"] == {"fsGroup": 1000}
    assert {one["perms"] for one in config(pod)["template"]} == {"0440"}
    assert agent(pod)["securityContext"]["runAsUser"] == 100


def test_a_pod_s_own_user_and_group_are_kept() -> None:
    security = {"runAsUser": 2000, "fsGroup": 3000}
    pod = with_secrets({**POD, "securityContext": security}, FILES, LOGIN)
    assert pod["securityContext"] == security
    assert "runAsUser" not in agent(pod)["securityContext"]


def test_the_agent_is_as_confined_as_a_restricted_namespace_wants() -> None:
    security = agent(with_secrets(POD, FILES, LOGIN))["securityContext"]
    assert security["runAsNonRoot"] and security["readOnlyRootFilesystem"] and not security["allowPrivilegeEscalation"]
    assert security["capabilities"] == {"drop": ["ALL"]} and security["seccompProfile"] == {"type": "RuntimeDefault"}


def test_vault_s_authority_and_namespace_are_used_where_there_are_some() -> None:
    plain = with_secrets(POD, FILES, LOGIN)
    assert "ca_cert" not in config(plain)["vault"] and "VAULT_NAMESPACE" not in environment(plain)
    login = VaultLogin(
        cluster="prod-eks", address="https://v", image="v", certificate_authority=CA, vault_namespace="shop"
    )
    other = with_secrets(POD, FILES, login)
    assert config(other)["vault"]["ca_cert"] == "/vault/agent/ca.pem"
    assert environment(other)["VAULT_CA"] == CA and environment(other)["VAULT_NAMESPACE"] == "shop"


@pytest.mark.parametrize("authority", ["", CA])
def test_what_the_container_starts_is_the_agent_with_its_configuration(tmp_path: Path, authority: str) -> None:
    login = VaultLogin(cluster="prod-eks", address="https://v", image="v", certificate_authority=authority or None)
    pod = with_secrets(POD, FILES, login)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "vault").write_text('#!/bin/sh\necho "$@"\n')
    (tmp_path / "bin" / "vault").chmod(0o755)
    shell, flags, script = agent(pod)["command"]
    done = subprocess.run(
        [shell, flags, script.replace("/vault/agent", str(tmp_path))],
        env={**environment(pod), "PATH": f"{tmp_path}/bin{os.pathsep}{os.defpath}"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["agent", f"-config={tmp_path}/agent.json"]
    assert json.loads((tmp_path / "agent.json").read_text()) == config(pod)
    assert stat.S_IMODE((tmp_path / "agent.json").stat().st_mode) == 0o600
    assert (tmp_path / "ca.pem").exists() == bool(authority)
    if authority:
        assert (tmp_path / "ca.pem").read_text() == authority


@pytest.mark.parametrize("name", ["vault-agent", "vault-secrets"])
def test_a_pod_that_has_them_already_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"the pod has {name} already"):
        with_secrets({**POD, "volumes": [{"name": name, "emptyDir": {}}]}, FILES, LOGIN)


def test_files_of_one_name_and_no_files_are_refused() -> None:
    for files in ([], [FILES[0], FILES[0]]):
        with pytest.raises(ValueError, match="each file has a name of its own"):
            with_secrets(POD, files, LOGIN)


def test_a_cluster_s_stack_file_says_how_its_pods_get_at_vault() -> None:
    settings = {
        "enabled": True,
        "address": "https://vault.shop.example:8200",
        "mount": "team/kv",
        "audience": "shop-vault",
    }
    login = vault_login(site(alone(EKS, secrets=settings)))
    assert (login.cluster, login.mount, login.audience) == ("prod-eks", "team/kv", "shop-vault")
    assert login.image == "docker.io/hashicorp/vault:2.0.4"
    with pytest.raises(ValueError, match="colo-london has no Vault"):
        vault_login(site(alone(METAL)))
