"""Vault: how workloads get their secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from components.charts.manifests import Manifest
from components.charts.rendering import Chart
from components.lean_sdk import make_lean
from config.standard_stack.secrets import SecretsSettings

from ..alerts import Alert, alerts
from ..network import allow_api_server, allow_scraping, allow_webhooks
from ..part import Around, Part
from ..site import Site
from .policies import auth_path

if TYPE_CHECKING:
    import pulumi

NAMESPACE = "system-secrets"
TOKEN_REVIEW = "vault-token-review"
"""The service account that Vault calls the cluster as, and the Secret with its token."""

ISSUER = "vault"
"""The ClusterIssuer that signs by Vault."""
ISSUER_NAMESPACE = "system-certificates"
ISSUER_ACCOUNT = "vault-issuer"
"""The service account that cert-manager logs in for."""
ISSUER_AUDIENCE = f"vault://{ISSUER}"
"""Audience of the tokens that cert-manager asks for a ClusterIssuer (its documentation, "Vault", serviceAccountRef)."""

_INJECTOR = "vault-agent-injector"
_PODS = {"app.kubernetes.io/name": _INJECTOR}
_PORT = 8080


def secrets(site: Site) -> Part:
    """What Vault needs of the cluster, and the cluster of Vault; the injector where it is wanted."""
    injector = site.stack.secrets.injector.enabled
    return Part(
        name="secrets",
        namespace=NAMESPACE,
        charts=[_chart(site)] if injector else [],
        objects=[*_token_review(), *(_around_injector(site) if injector else [])],
        ignored={
            f"MutatingWebhookConfiguration/{_INJECTOR}-cfg": ["webhooks[0].clientConfig.caBundle"],
            "Secret/vault-injector-certs": ["data"],
        },
        elsewhere=lambda around, opts: _in_vault(site, around, opts),
    )


def _token_review() -> list[Manifest]:
    account = {"kind": "ServiceAccount", "name": TOKEN_REVIEW, "namespace": NAMESPACE}
    return [
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": TOKEN_REVIEW},
            "automountServiceAccountToken": False,
        },
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": TOKEN_REVIEW, "annotations": {"kubernetes.io/service-account.name": TOKEN_REVIEW}},
            "type": "kubernetes.io/service-account-token",
        },
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRoleBinding",
            "metadata": {"name": TOKEN_REVIEW},
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io",
                "kind": "ClusterRole",
                "name": "system:auth-delegator",
            },
            "subjects": [account],
        },
    ]


def _in_vault(site: Site, around: Around, opts: pulumi.ResourceOptions) -> None:
    make_lean("pulumi_vault")
    from .vault import VaultAccess, VaultAccessArgs

    token = around.object("Secret", NAMESPACE, TOKEN_REVIEW)
    args = VaultAccessArgs(
        cluster=site.name,
        settings=site.stack.secrets,
        issuer_namespace=ISSUER_NAMESPACE,
        issuer_account=ISSUER_ACCOUNT,
        issuer_audience=ISSUER_AUDIENCE,
        kubeconfig=around.kubeconfig,
        reviewer_token=token.data.apply(lambda data: data["token"]),  # pyright: ignore[reportAttributeAccessIssue]
    )
    VaultAccess(site.name, args, opts)


def _chart(site: Site) -> Chart:
    settings = site.stack.secrets
    environment = {
        "AGENT_INJECT_VAULT_CACERT_BYTES": settings.certificate_authority,
        "AGENT_INJECT_VAULT_NAMESPACE": settings.vault_namespace,
    }
    confined: dict[str, Any] = {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    values = {
        "global": {"externalVaultAddr": settings.address, "tlsDisable": False},
        # For a Vault elsewhere the chart makes an account that may review tokens, for which there is one already.
        "server": {"enabled": False, "serviceAccount": {"create": False}, "authDelegator": {"enabled": False}},
        "injector": {
            "enabled": True,
            "replicas": settings.injector.replicas,
            "authPath": f"auth/{auth_path(site.name)}",
            "affinity": "",  # replicas are spread as the house has it; the chart's own would want a node for each
            "metrics": {"enabled": True},
            "webhook": {"failurePolicy": "Ignore", "namespaceSelector": _namespaces(settings)},
            "resources": settings.injector.resources.manifest(),
            "extraEnvironmentVars": {key: value for key, value in environment.items() if value},
            "securityContext": {
                "pod": {**confined, "runAsUser": 100, "runAsGroup": 1000, "fsGroup": 1000},
                "container": {
                    "allowPrivilegeEscalation": False,
                    "readOnlyRootFilesystem": True,
                    "capabilities": {"drop": ["ALL"]},
                },
            },
        },
    }
    return Chart(name="vault", values=values)


def _namespaces(settings: SecretsSettings) -> dict[str, Any]:
    """Where pods may log in: of others the webhook isn't asked, so that their pods don't wait for it."""
    names = {*settings.namespaces, *(service.namespace for service in settings.services.values())}
    return {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": sorted(names)}]}


def _around_injector(site: Site) -> list[Manifest]:
    return [
        allow_webhooks(site, [_PORT], _PODS),
        allow_api_server(site, _PODS),
        allow_scraping([_PORT], _PODS),
        {
            "apiVersion": "monitoring.coreos.com/v1",
            "kind": "ServiceMonitor",
            "metadata": {"name": _INJECTOR},
            "spec": {
                "selector": {"matchLabels": _PODS},
                # The injector's certificate is its own, known to the API server alone.
                "endpoints": [{"port": "https", "scheme": "https", "tlsConfig": {"insecureSkipVerify": True}}],
            },
        },
        alerts(
            "secrets",
            Alert(
                name="VaultInjectorDown",
                expression=f'kube_deployment_status_replicas_available{{namespace="{NAMESPACE}", deployment="{_INJECTOR}"}} == 0',
                pending="5m",
                severity="critical",
                summary="No pod of the Vault injector is ready: new pods start without their secrets.",
                action="See why its pods aren't ready; hold back deployments of services that use its annotations until they are.",
            ),
            Alert(
                name="VaultInjectionsFailing",
                expression="sum by (namespace) (increase(vault_agent_injector_failed_injections_by_namespace_total[15m])) > 0",
                pending="5m",
                severity="warning",
                summary="Pods in {{ $labels.namespace }} get no Vault agent: their annotations can't be followed.",
                action="Read the injector's log: it names the pod and the annotation.",
            ),
        ),
    ]
