"""A cluster's place in Vault: where its service accounts log in, and what they and its developers may do."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_vault as vault

from config.standard_stack.secrets import CERTIFICATES_ROLE, WORKLOAD_ROLE, SecretsSettings

from . import policies

_LEASE_SECONDS, _RETRIES = 1200, 2
"""The provider's own defaults; said so that no variable of the environment changes what is registered."""


@dataclass(frozen=True, kw_only=True)
class VaultAccessArgs:
    """What a cluster's place in Vault depends on.

    Attributes:
        cluster: The cluster's name.
        settings: What the stack file says of Vault.
        issuer_namespace: Namespace of the service account that cert-manager logs in for.
        issuer_account: Its name.
        issuer_audience: Audience of its tokens.
        kubeconfig: Tells the API server's address and authority.
        reviewer_token: Token of the service account that Vault has tokens reviewed by; base64, as in a Secret.
    """

    cluster: str
    settings: SecretsSettings
    issuer_namespace: str
    issuer_account: str
    issuer_audience: str
    kubeconfig: pulumi.Output[str]
    reviewer_token: pulumi.Output[str]


class VaultAccess(pulumi.ComponentResource):
    """Logins of a cluster's service accounts, checked with the cluster itself; policies that stay within its own path."""

    def __init__(self, name: str, args: VaultAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._name, self._args, self._settings = name, args, args.settings
        provider = vault.Provider(
            f"{name}-vault",
            address=args.settings.address,
            namespace=args.settings.vault_namespace,
            skip_child_token=True,  # the token that is given needs no right to make others
            skip_tls_verify=False,
            max_lease_ttl_seconds=_LEASE_SECONDS,
            max_retries=_RETRIES,
            opts=opts,
        )
        providers = pulumi.ResourceOptions(providers=[provider])
        super().__init__("kuber:standard_stack:VaultAccess", name, None, pulumi.ResourceOptions.merge(opts, providers))
        self._child = pulumi.ResourceOptions(parent=self)
        self._mount()
        self._backend = self._auth_method()
        self._policies()
        self.register_outputs({})

    def _mount(self) -> None:
        if self._settings.make_mount:
            vault.Mount(
                f"{self._name}-mount",
                path=self._settings.mount,
                type="kv",
                options={"version": "2"},
                description=f"Secrets of {self._args.cluster}",
                opts=pulumi.ResourceOptions(parent=self, protect=True),  # to take it away is to take the secrets away
            )

    def _auth_method(self) -> vault.AuthBackend:
        """Vault asks the cluster who a token belongs to, as a service account that may ask that and nothing else."""
        cluster = self._args.cluster
        backend = vault.AuthBackend(
            f"{self._name}-auth",
            type="kubernetes",
            path=policies.auth_path(cluster),
            description=f"Service accounts of {cluster}",
            opts=self._child,
        )
        server = self._args.kubeconfig.apply(_cluster_of)
        vault.kubernetes.AuthBackendConfig(
            f"{self._name}-auth",
            backend=backend.path,
            kubernetes_host=server.apply(lambda one: one["server"]),
            kubernetes_ca_cert=server.apply(lambda one: base64.b64decode(one["certificate-authority-data"]).decode()),
            token_reviewer_jwt=self._args.reviewer_token.apply(lambda one: base64.b64decode(one).decode()),
            disable_local_ca_jwt=True,  # Vault isn't in the cluster: its own files are no part of this
            opts=self._child,
        )
        return backend

    def _policies(self) -> None:
        settings, cluster = self._settings, self._args.cluster
        self._policy(
            "developer", policies.developer(settings.mount, cluster, list_names=settings.developers_list_names)
        )
        own = self._backend.accessor.apply(
            lambda accessor: policies.document(policies.workload(settings.mount, cluster, accessor))
        )
        workload = self._policy(WORKLOAD_ROLE, own)
        self._role(WORKLOAD_ROLE, ["*"], settings.namespaces, [workload])
        for name, service in sorted(settings.services.items()):
            reading = policies.service(settings.mount, cluster, service.paths)
            extra = [self._policy(f"service-{name}", reading)] if reading else []
            minutes = service.token_ttl_minutes or settings.token_ttl_minutes
            self._role(name, service.service_accounts, [service.namespace], [workload, *extra], minutes=minutes)
        if settings.pki:
            signing = self._policy(CERTIFICATES_ROLE, policies.certificates(settings.pki.path, settings.pki.role))
            account, namespace = self._args.issuer_account, self._args.issuer_namespace
            self._role(CERTIFICATES_ROLE, [account], [namespace], [signing], audience=self._args.issuer_audience)

    def _policy(self, of: str, rules: policies.Rules | pulumi.Output[str]) -> pulumi.Output[str]:
        """The name of a policy that is then there."""
        return vault.Policy(
            f"{self._name}-{of}",
            name=policies.policy_name(self._args.cluster, of),
            policy=policies.document(rules) if isinstance(rules, Mapping) else rules,
            opts=self._child,
        ).name

    def _role(
        self,
        name: str,
        accounts: Sequence[str],
        namespaces: Sequence[str],
        policy_names: Sequence[pulumi.Output[str]],
        *,
        minutes: int | None = None,
        audience: str | None = None,
    ) -> None:
        seconds = (minutes or self._settings.token_ttl_minutes) * 60
        vault.kubernetes.AuthBackendRole(
            f"{self._name}-{name}",
            backend=self._backend.path,
            role_name=name,
            bound_service_account_names=list(accounts),
            bound_service_account_namespaces=list(namespaces),
            audience=audience or self._settings.audience,
            token_policies=list(policy_names),
            token_ttl=seconds,
            token_max_ttl=seconds,
            opts=self._child,
        )


def _cluster_of(kubeconfig: str) -> dict[str, str]:
    return json.loads(kubeconfig)["clusters"][0]["cluster"]
