"""What a stack file says of the standard stack, a module for each part."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from ..errors import Problem, shown
from ..model import Name, Settings
from ..text import Text
from .autoscaling import AutoscalingSettings
from .base import BaseSettings
from .bucket_gateway import BucketGatewaySettings
from .certificates import CertificatesSettings
from .descheduler import DeschedulerSettings
from .dns import DnsSettings
from .ingress import IngressSettings
from .load_balancers import LoadBalancersSettings
from .logging import LoggingSettings
from .mesh import MeshSettings
from .metrics_api import MetricsApiSettings
from .monitoring import MonitoringSettings
from .part import CrdName, PartSettings
from .secrets import SecretsSettings
from .storage import StorageSettings

if TYPE_CHECKING:
    from ..cluster import ClusterSettings

_SYSTEM_POOL = "system"


class StandardStackSettings(Settings):
    """The parts that every cluster has, each with settings of its own."""

    image_mirror: Annotated[str, Text(r"([a-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)*)?", "a registry's name and path")] = ""
    """Prefix of a registry that holds all images under their whole names, for clusters without the internet."""
    system_pool: Name | None = None
    """The on-demand pool that carries what may not be interrupted; the pool `system` unless given."""
    remove_crds: list[CrdName] = []
    """CRDs to be deleted that no part brings any more, by name; refused while there are objects of theirs."""
    base: BaseSettings = BaseSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    logging: LoggingSettings = LoggingSettings()
    ingress: IngressSettings = IngressSettings()
    bucket_gateway: BucketGatewaySettings = BucketGatewaySettings()
    certificates: CertificatesSettings = CertificatesSettings()
    secrets: SecretsSettings = SecretsSettings()
    mesh: MeshSettings = MeshSettings()
    autoscaling: AutoscalingSettings = AutoscalingSettings()
    metrics_api: MetricsApiSettings = MetricsApiSettings()
    dns: DnsSettings = DnsSettings()
    load_balancers: LoadBalancersSettings = LoadBalancersSettings()
    storage: StorageSettings = StorageSettings()
    descheduler: DeschedulerSettings = DeschedulerSettings()

    def parts(self) -> dict[str, PartSettings]:
        """Settings of the parts that are enabled, by name."""
        found = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: one for name, one in found.items() if isinstance(one, PartSettings) and one.enabled}

    def issuers(self) -> frozenset[str]:
        """ClusterIssuers that the stack makes."""
        if not self.certificates.enabled:
            return frozenset()
        public = ("letsencrypt", "letsencrypt-staging") if self.certificates.acme else ()
        internal = ("vault",) if self.secrets.enabled and self.secrets.pki else ()
        return frozenset((*public, *internal))

    def needed_by(self, name: str) -> list[str]:
        """Parts that a part needs, and those that they need in turn; in order of their names."""
        found: set[str] = set()
        waiting = [name]
        while waiting:
            new = {*type(getattr(self, waiting.pop())).needs} - found
            found |= new
            waiting += new
        return sorted(found & self.parts().keys())

    def system_pool_of(self, cluster: ClusterSettings) -> str | None:
        """The pool that carries the stack; None where a cluster of own machines names none."""
        return self.system_pool or (_SYSTEM_POOL if _SYSTEM_POOL in cluster.pools else None)

    def problems_on(self, cluster: ClusterSettings) -> Iterator[Problem]:
        """Problems of the parts with each other, and with the rest of the cluster's settings."""
        yield from self._pool_problems(cluster)
        enabled = self.parts()
        for name, part in enabled.items():
            for needed in sorted(set(part.needs) - enabled.keys()):
                yield Problem(
                    path=(needed, "enabled"),
                    message=f"{name} needs {needed}",
                    hint=f"or leave {name} out: `enabled: false`",
                )
            yield from (problem.below(name) for problem in part.problems_on(cluster))

    def _pool_problems(self, cluster: ClusterSettings) -> Iterator[Problem]:
        pool_name = self.system_pool_of(cluster)
        pool = cluster.pools.get(pool_name) if pool_name else None
        if pool_name is None:
            if cluster.has_spot:
                yield Problem(
                    path=("system_pool",),
                    message="no pool is named for what may not be interrupted",
                    expected="an on-demand pool, or a pool of the name `system`",
                )
        elif pool is None or pool.capacity != "on_demand":
            yield Problem(
                path=("system_pool",),
                message="not an on-demand pool of this cluster",
                found=shown(pool_name),
                expected=f"one of {', '.join(n for n, p in cluster.pools.items() if p.capacity == 'on_demand')}",
            )
