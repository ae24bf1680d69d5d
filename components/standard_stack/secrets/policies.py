"""What Vault lets whom do, as documents: developers, workloads, services, cert-manager.

A policy is of the form that Vault takes beside HCL: JSON. What isn't allowed is denied (Vault's documentation, "Policies").
Paths of the KV engine, version 2: secrets are at `data/`, their names and versions at `metadata/`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Literal

Capability = Literal["create", "read", "update", "list"]
Rules = Mapping[str, Sequence[Capability]]
"""Capabilities by path."""


def auth_path(cluster: str) -> str:
    """Where a cluster's service accounts log in."""
    return f"k8s-{cluster}"


def policy_name(cluster: str, of: str) -> str:
    """What a cluster's policy is called: `k8s-prod-eks-developer`."""
    return f"k8s-{cluster}-{of}"


def developer(mount: str, cluster: str, *, list_names: bool) -> Rules:
    """May put a secret where none is, and nothing else.

    The engine tells `create` from `update`: writing where a secret is, or where a deleted one has left its metadata, is an update.
    """
    rules: dict[str, Sequence[Capability]] = {f"{mount}/data/{cluster}/*": ["create"]}
    if list_names:
        rules |= {f"{mount}/metadata/{cluster}/*": ["list"]}
    return rules


def workload(mount: str, cluster: str, accessor: str) -> Rules:
    """Reads what is its service account's: Vault fills in namespace and name of whoever has logged in.

    Args:
        mount: Where the KV engine is mounted.
        cluster: Whose workloads.
        accessor: Of the auth method in which they log in.
    """
    of = f"identity.entity.aliases.{accessor}.metadata"
    own = f"{cluster}/{{{{{of}.service_account_namespace}}}}/{{{{{of}.service_account_name}}}}"
    return _reading(mount, own)


def service(mount: str, cluster: str, paths: Sequence[str]) -> Rules:
    """Reads paths below the cluster's."""
    return {path: rule for one in paths for path, rule in _reading(mount, f"{cluster}/{one}").items()}


def certificates(pki_path: str, pki_role: str) -> Rules:
    """Has certificates signed under one role of the PKI engine; to Vault that is an update."""
    return {f"{pki_path}/sign/{pki_role}": ["update"]}


def document(rules: Rules) -> str:
    """The policy as Vault takes it."""
    return json.dumps({"path": {path: {"capabilities": list(rules[path])} for path in sorted(rules)}}, indent=1)


def _reading(mount: str, path: str) -> Rules:
    return {f"{mount}/data/{path}": ["read"], f"{mount}/data/{path}/*": ["read"]}
