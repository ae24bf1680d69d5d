"""Prometheus, Alertmanager and what they measure with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from ..errors import Problem, shown
from ..model import Cidr, Secret, Settings
from ..pem import Pem
from ..text import Text
from .part import ContainerResources, Duration, HostName, PartSettings, StorageSize

if TYPE_CHECKING:
    from ..cluster import ClusterSettings

ControlPlanePart = Literal["controller_manager", "scheduler", "etcd", "proxy"]
ObjectName = Annotated[
    str, Text(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", "a name of small letters, digits, dashes and dots", 253)
]
Port = Annotated[int, Field(ge=1, le=65535)]
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800, "y": 31_536_000}
_LARGEST_SHARE = 0.9
"""Of a volume: Prometheus writes the log of the newest hours and compacts beside what `retention_size` counts."""


class PrometheusSettings(Settings):
    """Prometheus: replicas that each measure everything."""

    replicas: Annotated[int, Field(ge=1, le=5)] = 2
    """How many. Each measures everything, so with two the loss of one costs nothing."""
    scrape_interval: Duration = "30s"
    """How often everything is measured and rules are evaluated."""
    retention: Duration = "15d"
    """How long measurements are kept."""
    retention_size: StorageSize | None = None
    """How much is kept at most, whatever its age; 85 percent of `storage` unless given."""
    storage: StorageSize = "100Gi"
    """Size of each replica's volume."""
    resources: ContainerResources = ContainerResources(cpu="500m", memory="4Gi", memory_limit="8Gi")
    """Of each replica; memory grows with the number of series."""

    @property
    def retention_seconds(self) -> int:
        """How long measurements are kept."""
        number, unit = re.fullmatch(r"(\d+)(\w+)", self.retention).groups()  # type: ignore[union-attr]
        return int(int(number) * _SECONDS[unit])

    @property
    def retention_gib(self) -> int:
        """How much is kept at most."""
        return _gib(self.retention_size) if self.retention_size else _gib(self.storage) * 85 // 100

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        largest = int(_gib(self.storage) * _LARGEST_SHARE)
        if self.retention_size and _gib(self.retention_size) > largest:
            yield Problem(
                path=("retention_size",),
                message="the volume has no room for this beside Prometheus's log",
                found=shown(self.retention_size),
                expected=f"at most {largest}Gi, 90 percent of storage",
            )


class AlertmanagerSettings(Settings):
    """Alertmanager: who is told what. Without a configuration alerts can be looked at, and reach nobody."""

    replicas: Annotated[int, Field(ge=1, le=5)] = 3
    """How many; they tell each other what was sent."""
    configuration: Secret | None = None
    """The whole alertmanager.yaml, encrypted: it holds the receivers' keys."""
    existing_secret: ObjectName | None = None
    """Instead: a Kubernetes secret of the namespace system-monitoring, such as Vault writes it, with the key alertmanager.yaml."""
    receiver_cidrs: Annotated[tuple[Cidr, ...], Field(strict=False, min_length=1)] = (IPv4Network("0.0.0.0/0"),)
    """Where receivers are: `[10.40.0.0/20]` for a relay of your own; anywhere unless given."""
    receiver_ports: Annotated[tuple[Port, ...], Field(strict=False, min_length=1)] = (443,)
    """Ports of receivers; 587 or 25 for mail."""
    storage: StorageSize = "2Gi"
    """Size of each replica's volume: silences, and what was sent."""
    resources: ContainerResources = ContainerResources(cpu="20m", memory="64Mi", memory_limit="128Mi")
    """Of each replica."""

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        if self.configuration and self.existing_secret:
            yield Problem(path=("existing_secret",), message="there is a configuration too", expected="one of the two")


class GrafanaAccess(Settings):
    """How a Grafana outside the cluster reads Prometheus: through the internal ingress, over TLS, and who may."""

    host: HostName
    """The name under which Prometheus is reached; its record points to the internal ingress."""
    source_cidrs: Annotated[tuple[Cidr, ...], Field(strict=False, min_length=1)]
    """Where Grafana calls from."""
    issuer: Literal["vault", "letsencrypt"] = "vault"
    """Who signs the ingress's certificate: the internal authority, or Let's Encrypt, by a DNS challenge."""
    basic_auth: Secret | None = None
    """Users and hashed passwords, encrypted: lines as `htpasswd -nB` writes them. This, or `client_authority`."""
    client_authority: Pem | None = None
    """The authority that signs Grafana's client certificate, PEM. This, or `basic_auth`."""

    def conflicts(self) -> Iterator[Problem]:
        yield from super().conflicts()
        if (self.basic_auth is None) == (self.client_authority is None):
            yield Problem(
                message="nothing says who may read" if self.basic_auth is None else "two ways to say who may read",
                expected="one of `basic_auth` and `client_authority`",
            )


class MonitoringSettings(PartSettings):
    """Prometheus, Alertmanager and what they measure with."""

    needs: ClassVar[tuple[str, ...]] = ("certificates", "storage")

    prometheus: PrometheusSettings = PrometheusSettings()
    alertmanager: AlertmanagerSettings = AlertmanagerSettings()
    storage_class: ObjectName | None = None
    """Class of the volumes; the cluster's default class unless given."""
    zone_spread: Literal["hard", "soft"] = "hard"
    """hard: replicas wait rather than share a zone that another should have. soft: they run where there is room."""
    grafana_access: GrafanaAccess | None = None
    """Lets a central Grafana read; `kuber fleet grafana` writes its data sources."""
    control_plane_metrics: Annotated[tuple[ControlPlanePart, ...], Field(strict=False)] | None = None
    """Parts of Kubernetes that are measured on own machines; all four unless given. They must listen on the machine's address."""
    operator_resources: ContainerResources = ContainerResources(cpu="50m", memory="128Mi", memory_limit="256Mi")
    """Of the Prometheus Operator."""
    state_metrics_resources: ContainerResources = ContainerResources(cpu="50m", memory="128Mi", memory_limit="512Mi")
    """Of kube-state-metrics; memory grows with the number of objects in the cluster."""
    node_exporter_resources: ContainerResources = ContainerResources(cpu="20m", memory="32Mi", memory_limit="128Mi")
    """Of node-exporter, on each node."""

    def problems_on(self, cluster: ClusterSettings) -> Iterator[Problem]:
        if self.control_plane_metrics is not None and not hasattr(cluster, "machines"):
            yield Problem(
                path=("control_plane_metrics",),
                message="the cloud runs the control plane and lets nobody measure it",
                expected="only on own machines",
            )
        if self.grafana_access:
            yield from (
                problem.below("grafana_access") for problem in self._access_problems(self.grafana_access, cluster)
            )

    def _access_problems(self, access: GrafanaAccess, cluster: ClusterSettings) -> Iterator[Problem]:
        stack = cluster.standard_stack
        if not (stack.ingress.enabled and "internal" in stack.ingress.classes):
            yield Problem(message="there is no internal ingress", expected="`ingress` with its class `internal`")
        missing = {
            "vault": None if stack.secrets.enabled and stack.secrets.pki else "`secrets` enabled, with `pki`",
            "letsencrypt": None if stack.certificates.acme else "`certificates` with `acme`",
        }
        if expected := missing[access.issuer]:
            yield Problem(path=("issuer",), message="there is no such issuer", found=access.issuer, expected=expected)

    def advice(self, cluster: ClusterSettings, day: date) -> Iterator[str]:
        if not (self.alertmanager.configuration or self.alertmanager.existing_secret):
            yield "alerts reach nobody: monitoring.alertmanager has neither a configuration nor an existing_secret"


def _gib(size: str) -> int:
    return int(size[:-2]) * {"Gi": 1, "Ti": 1024}[size[-2:]]
