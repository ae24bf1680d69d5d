"""How a Kubernetes provider is configured, and what follows when that changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import kubeconfig
from .kubeconfig import KubeconfigError
from .values import UNKNOWN

_PREFIX = "kubernetes:config:"
_ADDRESSES = ("kubeconfig", "context", "cluster")
_NOT_HERE = ("renderYamlToDirectory", "helmReleaseSettings")

_SWITCHES = {
    "deleteUnreachable": "PULUMI_K8S_DELETE_UNREACHABLE",
    "skipUpdateUnreachable": "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE",
    "enableServerSideApply": "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY",
    "enablePatchForce": "PULUMI_K8S_ENABLE_PATCH_FORCE",
    "upsertExistingObjects": "PULUMI_K8S_UPSERT_EXISTING_OBJECTS",
    "enableConfigMapMutable": "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE",
    "enableSecretMutable": "PULUMI_K8S_ENABLE_SECRET_MUTABLE",
}
"""Switches of the provider, and the environment variables that stand in for one that isn't set."""


class ConfigurationError(Exception):
    """A configuration that this stand-in can't do."""


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """What the provider was told.

    Attributes:
        kubeconfig: Text or path; "" for none.
        context: A context other than the current one; "" for none.
        cluster: A cluster other than the context's; "" for none.
        namespace: For objects that name none; "" for the kubeconfig's.
        delete_unreachable: Objects of a cluster that can't be reached are forgotten.
        skip_update_unreachable: They stay as they are instead of failing.
        patch_force: All fields of others are taken over.
        upsert_existing_objects: A create of what is there already updates it.
        config_map_mutable: New data of a ConfigMap updates it, and doesn't replace it.
        secret_mutable: The same of a Secret.
    """

    kubeconfig: str
    context: str
    cluster: str
    namespace: str
    delete_unreachable: bool
    skip_update_unreachable: bool
    patch_force: bool
    upsert_existing_objects: bool
    config_map_mutable: bool
    secret_mutable: bool

    @classmethod
    def of(cls, variables: Mapping[str, str], environment: Mapping[str, str]) -> Configuration:
        """From the engine's variables ("kubernetes:config:kubeconfig"), and from the environment where one isn't given.

        Raises:
            ConfigurationError: something that the stand-in can't do.
        """
        given = {name.removeprefix(_PREFIX): value for name, value in variables.items() if value}
        for name in _NOT_HERE:
            if name in given:
                raise ConfigurationError(f"{name}: kuber's stand-in for the Kubernetes provider has no such thing")
        switches = {
            name: given.get(name, environment.get(variable, "true" if name == "enableServerSideApply" else ""))
            == "true"
            for name, variable in _SWITCHES.items()
        }
        if not switches["enableServerSideApply"]:
            raise ConfigurationError(
                "enableServerSideApply is false: kuber's stand-in for the Kubernetes provider only does server-side apply"
            )
        return cls(
            kubeconfig=given.get("kubeconfig", ""),
            context=given.get("context", ""),
            cluster=given.get("cluster", ""),
            namespace=given.get("namespace", ""),
            delete_unreachable=switches["deleteUnreachable"],
            skip_update_unreachable=switches["skipUpdateUnreachable"],
            patch_force=switches["enablePatchForce"],
            upsert_existing_objects=switches["upsertExistingObjects"],
            config_map_mutable=switches["enableConfigMapMutable"],
            secret_mutable=switches["enableSecretMutable"],
        )


def changed(olds: Mapping[str, Any], news: Mapping[str, Any]) -> tuple[list[str], list[str]]:
    """What differs between two configurations of a provider, and those of it that replace everything that the provider manages.

    A cluster identifier that is there and stays the same keeps everything; one that changes replaces; coming or going it does
    neither. Without one, another active cluster in the kubeconfig replaces, and so does an address that isn't known yet
    (pulumi-kubernetes: provider.go, DiffConfig).

    Args:
        olds: Inputs of the provider as they were, in the clear.
        news: The same as they shall be; may hold `UNKNOWN`.
    """
    names = sorted(name for name in {*olds, *news} if name != "version" and olds.get(name) != news.get(name))
    if not names:
        return [], []
    before, after = olds.get("clusterIdentifier"), news.get("clusterIdentifier")
    kept = bool(after) and before == after
    replaces = ["clusterIdentifier"] if before and after and before != after else []
    unknown = [name for name in _ADDRESSES if news.get(name) is UNKNOWN]
    if unknown:
        return unknown[:1], [] if kept else [*replaces, unknown[0]]
    if "renderYamlToDirectory" in names:
        replaces.append("renderYamlToDirectory")
    old_cluster, new_cluster = _active_cluster(olds), _active_cluster(news)
    if old_cluster and new_cluster and old_cluster != new_cluster:
        replaces += [name for name in _ADDRESSES if name in names]
    return names, [] if kept else replaces


def _active_cluster(inputs: Mapping[str, Any]) -> Mapping[str, Any] | None:
    given = inputs.get("kubeconfig")
    if not given:
        return None
    try:
        document = given if isinstance(given, dict) else kubeconfig.parse(given)
    except KubeconfigError:
        return None
    return kubeconfig.active_cluster(document, context=inputs.get("context") or "", cluster=inputs.get("cluster") or "")
