"""Vault: what of it is in the cluster, and what of the cluster is in it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from components.charts.manifests import identity
from tests.plans import RUNNER, Plan, plan, plan_program
from tests.standard_stack.alone import alone
from tests.standard_stack.promtool import assert_rules, rule_groups
from tests.standard_stack.rendered import stack_of
from tests.standard_stack.vault_acl import Acl, Kv, Login
from tests.support import EKS, METAL, PROJECT, StackFile

ADDRESS = "https://vault.shop.example:8200"
CA = METAL.value()["provisioner"]["certificate_authority"]
AUTH = "vault:index/authBackend:AuthBackend"
CONFIG = "vault:kubernetes/authBackendConfig:AuthBackendConfig"
ROLE = "vault:kubernetes/authBackendRole:AuthBackendRole"
POLICY = "vault:index/policy:Policy"


def vault(file: StackFile, **settings: Any) -> StackFile:
    return alone(file, secrets={"enabled": True, "address": ADDRESS, **settings})


PLAIN = vault(METAL)
FULL = vault(
    METAL,
    mount="team/kv",
    make_mount=True,
    vault_namespace="shop",
    namespaces=["default", "batch"],
    token_ttl_minutes=30,
    audience="shop-vault",
    developers_list_names=True,
    pki={"path": "pki-internal", "role": "kubernetes"},
    services={
        "checkout": {"service_accounts": ["checkout", "checkout-worker"], "paths": ["shared/smtp"]},
        "reports": {"namespace": "reporting", "service_accounts": ["reports"], "token_ttl_minutes": 5},
    },
)
INJECTED = vault(
    EKS,
    certificate_authority=CA,
    vault_namespace="shop",
    services={"reports": {"namespace": "reporting", "service_accounts": ["reports"]}},
    injector={"enabled": True, "replicas": 3, "resources": {"cpu": "70m", "memory": "96Mi"}},
)
MEASURED = alone(EKS, secrets={"enabled": True, "address": ADDRESS, "injector": {"enabled": True}}, monitoring={})


def roles(of: Plan) -> dict[str, Any]:
    return {one.inputs["roleName"]: one.inputs for one in of.all(ROLE)}


def policies(of: Plan) -> dict[str, str]:
    return {one.inputs["name"]: one.inputs["policy"] for one in of.all(POLICY)}


def made(file: StackFile) -> Plan:
    """A plan of a cluster that is there already: what Vault has answered is known."""
    return plan_program(file, (PROJECT / "__main__.py").read_text())


def test_a_cluster_has_a_login_of_its_own_which_vault_checks_with_the_cluster() -> None:
    found = plan(PLAIN)
    assert found.one(AUTH).inputs["path"] == "k8s-colo-london"
    config = found.one(CONFIG)
    assert config.inputs["kubernetesHost"] == METAL.value()["provisioner"]["server"]
    assert config.inputs["kubernetesCaCert"] == CA
    assert config.inputs["tokenReviewerJwt"] == "[secret]"
    assert "system-secrets/vault-token-review" in found.names_before(config)


def test_who_checks_logins_may_check_logins_and_nothing_else() -> None:
    objects = stack_of(PLAIN).part("secrets")
    bindings = [one for one in objects if one["kind"] in ("ClusterRoleBinding", "RoleBinding")]
    assert [one["roleRef"]["name"] for one in bindings] == ["system:auth-delegator"]
    account = {"kind": "ServiceAccount", "name": "vault-token-review", "namespace": "system-secrets"}
    assert bindings[0]["subjects"] == [account]


def test_the_token_s_account_is_there_first_or_the_cluster_would_take_the_token_away() -> None:
    found = plan(PLAIN)
    name = "system-secrets/vault-token-review"
    account = found.one("kubernetes:core/v1:ServiceAccount", name)
    assert account in found.before(found.one("kubernetes:core/v1:Secret", name))


def test_what_the_cluster_writes_into_a_secret_is_secret() -> None:
    secret = plan(PLAIN).one("kubernetes:core/v1:Secret", "system-secrets/vault-token-review")
    assert secret.options["additionalSecretOutputs"] == ["data", "stringData"]


def test_the_provider_is_told_the_address_and_no_token() -> None:
    assert plan(FULL).one("pulumi:providers:vault").inputs == {
        "address": ADDRESS,
        "namespace": "shop",
        "maxLeaseTtlSeconds": "1200",
        "maxRetries": "2",
        "skipChildToken": "true",
        "skipTlsVerify": "false",
    }


def test_what_the_environment_says_of_vault_is_the_provider_s_and_not_the_program_s() -> None:
    said = {
        "VAULT_TOKEN": "hvs.not-to-be-seen",
        "VAULT_ADDR": "https://elsewhere.example",
        "VAULT_NAMESPACE": "elsewhere",
        "VAULT_SKIP_VERIFY": "true",
        "VAULT_MAX_RETRIES": "9",
        "TERRAFORM_VAULT_MAX_TTL": "60",
    }
    with FULL.folder() as folder:
        (folder / "__main__.py").write_text((PROJECT / "__main__.py").read_text())
        command = [sys.executable, RUNNER, folder, FULL.stack, "-"]
        plans = [
            subprocess.run(
                command, env={"PATH": os.defpath, "PYTHONPATH": str(PROJECT), **more}, capture_output=True, check=True
            )
            for more in ({}, said)
        ]
    assert plans[0].stdout == plans[1].stdout


def test_every_service_account_of_the_namespaces_logs_in_by_one_role() -> None:
    role = roles(plan(PLAIN))["workload"]
    assert role["boundServiceAccountNames"] == ["*"]
    assert role["boundServiceAccountNamespaces"] == ["default"]
    assert role["audience"] == "vault"
    assert (role["tokenTtl"], role["tokenMaxTtl"]) == (3600, 3600)
    assert role["tokenPolicies"] == ["k8s-colo-london-workload"]


def test_settings_reach_the_roles() -> None:
    found = roles(plan(FULL))
    assert set(found) == {"workload", "cert-manager", "checkout", "reports"}
    assert found["workload"]["boundServiceAccountNamespaces"] == ["default", "batch"]
    assert {role["audience"] for name, role in found.items() if name != "cert-manager"} == {"shop-vault"}
    assert found["workload"]["tokenTtl"] == 1800 and found["reports"]["tokenTtl"] == 300
    checkout = found["checkout"]
    assert checkout["boundServiceAccountNames"] == ["checkout", "checkout-worker"]
    assert checkout["tokenPolicies"] == ["k8s-colo-london-workload", "k8s-colo-london-service-checkout"]
    reports = found["reports"]
    assert reports["boundServiceAccountNamespaces"] == ["reporting"]
    assert reports["tokenPolicies"] == ["k8s-colo-london-workload"]


def test_cert_manager_logs_in_with_the_tokens_that_it_asks_for_its_issuer() -> None:
    role = roles(plan(FULL))["cert-manager"]
    assert role["boundServiceAccountNames"] == ["vault-issuer"]
    assert role["boundServiceAccountNamespaces"] == ["system-certificates"]
    assert role["audience"] == "vault://vault"
    assert role["tokenPolicies"] == ["k8s-colo-london-cert-manager"]
    assert "cert-manager" not in roles(plan(PLAIN)), "without `pki` there is nothing to sign"


def test_the_policies_that_are_registered_let_each_do_its_own() -> None:
    found = policies(made(FULL))
    login = Login("auth_kubernetes_made", "default", "checkout")
    workload = Kv(Acl([found["k8s-colo-london-workload"]], login), "team/kv")
    assert workload.allowed("colo-london/default/checkout") == {"get"}
    assert workload.allowed("colo-london/default/catalogue") == set()
    assert workload.allowed("prod-eks/default/checkout") == set()
    service = Kv(Acl([found["k8s-colo-london-service-checkout"]], login), "team/kv")
    assert service.allowed("colo-london/shared/smtp") == {"get"}
    developer = Kv(Acl([found["k8s-colo-london-developer"]]), "team/kv")
    assert developer.allowed("colo-london/default/checkout") == {"put", "list"}
    assert Acl([found["k8s-colo-london-cert-manager"]]).allows("update", "pki-internal/sign/kubernetes")


def test_the_engine_for_secrets_is_made_only_where_the_stack_file_says_so() -> None:
    mount = plan(FULL).one("vault:index/mount:Mount")
    assert (mount.inputs["path"], mount.inputs["type"], mount.inputs["options"]) == ("team/kv", "kv", {"version": "2"})
    assert mount.protected
    assert plan(PLAIN).none("vault:index/mount:Mount")


def test_the_sdk_is_loaded_only_where_there_is_a_vault() -> None:
    assert "pulumi_vault" in plan(PLAIN).packages
    assert "pulumi_vault" not in plan(alone(METAL)).packages


def test_without_the_injector_no_pod_of_ours_runs() -> None:
    kinds = {one["kind"] for one in stack_of(PLAIN).part("secrets")}
    assert kinds == {"Namespace", "NetworkPolicy", "ServiceAccount", "Secret", "ClusterRoleBinding"}


def test_turned_off_nothing_of_it_is_left() -> None:
    assert [at for at in stack_of(alone(METAL)).identities if at[1] == "system-secrets" or "vault" in at[2]] == []
    assert plan(alone(METAL)).none(AUTH)


def test_settings_reach_the_injector() -> None:
    objects = stack_of(INJECTED)
    assert objects.one("Deployment", "vault-agent-injector")["spec"]["replicas"] == 3
    container = objects.container("Deployment", "vault-agent-injector", "sidecar-injector")
    assert container["resources"] == {"requests": {"cpu": "70m", "memory": "96Mi"}, "limits": {"memory": "96Mi"}}
    environment = {one["name"]: one.get("value") for one in container["env"]}
    assert environment["AGENT_INJECT_VAULT_ADDR"] == ADDRESS
    assert environment["AGENT_INJECT_VAULT_AUTH_PATH"] == "auth/k8s-prod-eks"
    assert environment["AGENT_INJECT_VAULT_CACERT_BYTES"] == CA
    assert environment["AGENT_INJECT_VAULT_NAMESPACE"] == "shop"
    assert environment["AGENT_INJECT_VAULT_IMAGE"] == "docker.io/hashicorp/vault:2.0.4"


def test_pods_start_without_the_injector_and_those_of_other_namespaces_don_t_ask_it() -> None:
    webhook = stack_of(INJECTED).one("MutatingWebhookConfiguration", "vault-agent-injector-cfg")["webhooks"][0]
    assert webhook["failurePolicy"] == "Ignore"
    namespaces = {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["default", "reporting"]}
    assert webhook["namespaceSelector"] == {"matchExpressions": [namespaces]}


def test_the_certificate_that_the_injector_makes_itself_is_left_to_it() -> None:
    part = next(one.part for one in stack_of(INJECTED).stack.parts if one.part.name == "secrets")
    there = {f"{one['kind']}/{one['metadata']['name']}" for one in stack_of(INJECTED).part("secrets")}
    assert set(part.ignored) <= there
    assert part.ignored["MutatingWebhookConfiguration/vault-agent-injector-cfg"] == [
        "webhooks[0].clientConfig.caBundle"
    ]


def test_the_injector_brings_no_second_account_that_may_check_logins() -> None:
    bindings = [
        identity(one)[2]
        for one in stack_of(INJECTED).part("secrets")
        if one["kind"] == "ClusterRoleBinding" and one["roleRef"]["name"] == "system:auth-delegator"
    ]
    assert bindings == ["vault-token-review"]


def test_the_injector_is_measured_where_there_is_somebody_to_read_it() -> None:
    assert stack_of(MEASURED).has("ServiceMonitor", "vault-agent-injector")
    assert not [one for one in stack_of(INJECTED).part("secrets") if one["kind"] == "ServiceMonitor"]


def fires(name: str, at: str, labels: dict[str, str], **filled: str) -> dict[str, Any]:
    """What promtool is to see of an alert, its own texts included, with what is filled into them."""
    group = rule_groups(stack_of(MEASURED), "secrets")[0]
    rule = next(one for one in group["rules"] if one["alert"] == name)
    texts = {
        key: text.replace("{{ $labels.namespace }}", filled.get("namespace", ""))
        for key, text in rule["annotations"].items()
    }
    return {
        "eval_time": at,
        "alertname": name,
        "exp_alerts": [{"exp_labels": {**labels, **rule["labels"]}, "exp_annotations": texts}],
    }


def silent(name: str, at: str) -> dict[str, Any]:
    return {"eval_time": at, "alertname": name, "exp_alerts": []}


def test_alerts_on_an_injector_that_is_down_and_on_injections_that_fail() -> None:
    of = {"namespace": "system-secrets", "deployment": "vault-agent-injector"}
    available = (
        f'kube_deployment_status_replicas_available{{namespace="{of["namespace"]}", deployment="{of["deployment"]}"}}'
    )
    failed = 'vault_agent_injector_failed_injections_by_namespace_total{namespace="default", pod="a"}'
    down, failing = "VaultInjectorDown", "VaultInjectionsFailing"
    tests: list[dict[str, Any]] = [
        {
            "interval": "1m",
            "input_series": [{"series": available, "values": "1x10 0x20"}],
            "alert_rule_test": [silent(down, "10m"), fires(down, "20m", of)],
        },
        {
            "interval": "1m",
            "input_series": [{"series": failed, "values": "0x30 1+1x20"}],
            "alert_rule_test": [
                silent(failing, "30m"),
                fires(failing, "45m", {"namespace": "default"}, namespace="default"),
            ],
        },
    ]
    assert_rules(stack_of(MEASURED), "secrets", tests)


def test_vault_without_an_address_is_told() -> None:
    error = alone(METAL, secrets={"enabled": True}).error()
    assert "standard_stack.secrets.address: `address` is missing" in error
    assert "https://vault.shop.example:8200" in error


@pytest.mark.parametrize("address", ["http://vault.shop.example:8200", "vault.shop.example", f"{ADDRESS}/v1"])
def test_an_address_that_isn_t_https_and_a_host_is_told(address: str) -> None:
    assert "standard_stack.secrets.address: not of the right form" in vault(METAL, address=address).error()


@pytest.mark.parametrize(
    "path", ["shared/*", "shared/+", "/shared", "shared/", "../prod-gke", "{{identity.entity.id}}"]
)
def test_a_path_that_would_reach_further_is_refused(path: str) -> None:
    services = {"checkout": {"service_accounts": ["checkout"], "paths": [path]}}
    assert "services.checkout.paths[0]: not of the right form" in vault(METAL, services=services).error()


@pytest.mark.parametrize("account", ["*", "check*", "a/b"])
def test_service_accounts_of_a_service_are_named(account: str) -> None:
    services = {"checkout": {"service_accounts": [account]}}
    assert "services.checkout.service_accounts[0]: not of the right form" in vault(METAL, services=services).error()


@pytest.mark.parametrize("name", ["workload", "cert-manager"])
def test_a_service_can_t_have_the_name_of_a_role_that_each_cluster_has(name: str) -> None:
    error = vault(METAL, services={name: {"service_accounts": ["checkout"]}}).error()
    assert f"standard_stack.secrets.services.{name}: each cluster has a role of this name" in error
