"""What the cluster's namespaces rely on: priorities, the rules of the namespace `default`, image pull secrets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from ..errors import Problem, shown
from ..model import Name, NamedCidrs, Secret, Settings
from ..text import Text
from .part import Cpu, Memory, PartSettings, StorageSize

NamespaceName = Annotated[
    str, Text(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", "a namespace: at most 63 small letters, digits and dashes")
]
RegistryAddress = Annotated[
    str, Text(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d+)?(/[a-z0-9._/-]+)?", "a registry such as registry.shop.example")
]


class RegistryCredentials(Settings):
    """Who pulls images from a registry."""

    address: RegistryAddress
    """As images begin: `registry.shop.example`, with a path where the registry gives out credentials by path."""
    username: Annotated[str, Field(min_length=1)]
    """Who pulls."""
    password: Secret
    """Encrypted: `pulumi config set --secret --path`."""


class DefaultRequests(Settings):
    """What a container asks for that says nothing itself. There is no limit among them: it would kill what has run well."""

    cpu: Cpu = "100m"
    """Processor time."""
    memory: Memory = "128Mi"
    """Memory."""


class Quota(Settings):
    """The most that the namespace may hold; what isn't given is without bound."""

    requests_cpu: Cpu | None = None
    """Processors that its pods ask for together."""
    requests_memory: Memory | None = None
    """Memory that its pods ask for together."""
    requests_storage: StorageSize | None = None
    """Storage of its volume claims together."""
    pods: Annotated[int, Field(ge=1)] | None = None
    """Pods that haven't ended."""
    persistent_volume_claims: Annotated[int, Field(ge=0)] | None = None
    """Volume claims."""
    load_balancers: Annotated[int, Field(ge=0)] | None = None
    """Services of the type LoadBalancer: each costs money, and opens a way in."""

    def hard(self) -> dict[str, str]:
        """As a ResourceQuota has it."""
        given = {
            "requests.cpu": self.requests_cpu,
            "requests.memory": self.requests_memory,
            "requests.storage": self.requests_storage,
            "pods": self.pods,
            "persistentvolumeclaims": self.persistent_volume_claims,
            "services.loadbalancers": self.load_balancers,
        }
        return {key: str(value) for key, value in given.items() if value is not None}


class DefaultNamespace(Settings):
    """Rules of the namespace `default`, where applications run."""

    network_policy: Literal["default_deny", "none"] = "default_deny"
    """With default_deny, pods are reached from their own namespace, the ingress, Prometheus and what the two settings below name, and
    from nowhere else; where they may go isn't restricted. A Service of the type LoadBalancer needs its clients in
    `reachable_from_cidrs`."""
    reachable_from_namespaces: Annotated[tuple[NamespaceName, ...], Field(strict=False)] = ()
    """Namespaces whose pods reach the applications, beside those with the label `kuber.dev/reaches-default: "true"`."""
    reachable_from_cidrs: NamedCidrs = {}
    """Ranges that reach the applications other than through the ingress: `{offices: 10.250.0.0/20}`."""
    pod_security: Literal["restricted", "baseline", "privileged"] = "baseline"
    """Level of Kubernetes' Pod Security Standards that is enforced; what isn't `restricted` is warned of in any case."""
    default_requests: DefaultRequests | None = DefaultRequests()
    """Of containers that ask for nothing, so that the scheduler and the autoscaler know of them; null for none."""
    quota: Quota | None = None
    """Bounds of all that runs there; none unless given."""

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        if self.quota and not self.default_requests and (self.quota.requests_cpu or self.quota.requests_memory):
            yield Problem(
                path=("default_requests",),
                message="with a quota of requests, pods without requests are refused",
                expected="default requests, or a quota without requests_cpu and requests_memory",
            )
        if self.network_policy == "none" and (self.reachable_from_namespaces or self.reachable_from_cidrs):
            yield Problem(
                path=("network_policy",),
                message="everything reaches the applications already",
                found="none",
                expected="default_deny, or nothing in reachable_from_namespaces and reachable_from_cidrs",
            )


class BaseSettings(PartSettings):
    """What the cluster's namespaces rely on: priority classes, the rules of the namespace `default`, image pull secrets."""

    application_is_default_priority: bool = True
    """Pods that name no priority class have `application`. False where the cluster has a default of its own: there can be one."""
    default_namespace: DefaultNamespace = DefaultNamespace()
    """The namespace `default`, where applications run."""
    registries: dict[Name, RegistryCredentials] = {}
    """Registries that images in `default` are pulled from with a password, by any name: `{own: {address: …, …}}`."""

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        if not self.enabled:
            yield Problem(
                path=("enabled",),
                message="this part can't be left out: the others use its priority classes",
                found="false",
                expected="true",
            )
        owners: dict[str, str] = {}
        for name, registry in self.registries.items():
            if (other := owners.setdefault(registry.address, name)) != name:
                yield Problem(
                    path=("registries", name, "address"),
                    message=f"the same registry as {other}",
                    found=shown(registry.address),
                    expected="each registry once",
                )
