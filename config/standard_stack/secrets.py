"""Vault: how workloads get their secrets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from ..errors import Problem
from ..model import Name, Settings
from ..pem import Pem
from ..text import Text
from .base import NamespaceName
from .part import ContainerResources, PartSettings

VaultPath = Annotated[
    str,
    Text(
        r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*",
        "a path such as shared/smtp: no slash at its ends, no wildcards",
        200,
    ),
]
ServiceAccountName = Annotated[str, Text(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", "the name of a service account", 253)]
Minutes = Annotated[int, Field(ge=1, le=24 * 60)]

WORKLOAD_ROLE, CERTIFICATES_ROLE = "workload", "cert-manager"
"""Roles in Vault that each cluster has, by what logs in with them."""


class VaultPki(Settings):
    """Where certificates of the internal authority are signed."""

    path: VaultPath = "pki"
    """Where the PKI secrets engine is mounted; the engine isn't made here."""
    role: Annotated[str, Text(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?", "the name of a role of the engine")]
    """The engine's role, which says for what names certificates are signed."""


class VaultService(Settings):
    """A service that reads more than the path of its own service account, or runs in another namespace than `namespaces` say."""

    namespace: NamespaceName = "default"
    """Where its pods run."""
    service_accounts: Annotated[tuple[ServiceAccountName, ...], Field(strict=False, min_length=1)]
    """Who logs in as the service: the service accounts of its pods."""
    paths: Annotated[tuple[VaultPath, ...], Field(strict=False)] = ()
    """What it reads beside its own path, below the cluster's: `[shared/smtp]`."""
    token_ttl_minutes: Minutes | None = None
    """How long a login lasts; that of all workloads unless given."""


class VaultInjector(Settings):
    """Vault's own way: a webhook adds an agent to pods with its annotations. The init container does without."""

    enabled: bool = False
    """Whether it is there."""
    replicas: Annotated[int, Field(ge=1, le=5)] = 2
    """How many; without any, pods start without their secrets."""
    resources: ContainerResources = ContainerResources(cpu="50m", memory="64Mi", memory_limit="128Mi")
    """Of each."""


class SecretsSettings(PartSettings):
    """Secrets from the company's Vault, which runs outside the cluster: who may read and write what, and how workloads log in.

    The engine reads the token for Vault from the environment: `VAULT_TOKEN`.
    """

    enabled: bool = False
    """Whether the cluster has a place in Vault."""
    address: (
        Annotated[str, Text(r"https://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d+)?", "https://, a host and perhaps a port")]
        | None
    ) = None
    """Vault's: `https://vault.shop.example:8200`. Pods and the machine that runs the engine reach it there."""
    certificate_authority: Pem | None = None
    """The authority of Vault's certificate; none where the public ones know it. The engine's machine has it in `VAULT_CACERT`."""
    vault_namespace: VaultPath | None = None
    """Namespace within Vault Enterprise."""
    mount: VaultPath = "kv"
    """Where the KV secrets engine, version 2, is mounted. All clusters share it, each with a path of its own."""
    make_mount: bool = False
    """Make the mount too: for a cluster that has one for itself."""
    namespaces: Annotated[tuple[NamespaceName, ...], Field(strict=False, min_length=1)] = ("default",)
    """Namespaces in which each service account may log in and read its own path, `<mount>/<cluster>/<namespace>/<account>`."""
    services: dict[Name, VaultService] = {}
    """What reads more than that; each is a role in Vault of its name."""
    audience: Annotated[str, Text(r"[a-z0-9][a-z0-9./:-]*", "an audience such as vault", 100)] = "vault"
    """Of the tokens that workloads log in with: one that was meant for another service is of no use here."""
    token_ttl_minutes: Minutes = 60
    """How long a login lasts."""
    developers_list_names: bool = False
    """Developers see which secrets there are; never what they hold."""
    pki: VaultPki | None = None
    """Lets cert-manager sign certificates by Vault."""
    injector: VaultInjector = VaultInjector()
    """Vault's webhook, for pods with its annotations."""

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        if self.enabled and self.address is None:
            yield Problem(
                path=("address",),
                message="`address` is missing",
                expected="Vault's address, such as https://vault.shop.example:8200",
            )
        for name in self.services:
            if name in (WORKLOAD_ROLE, CERTIFICATES_ROLE):
                yield Problem(
                    path=("services", name), message="each cluster has a role of this name", expected="another name"
                )
