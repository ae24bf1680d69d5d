"""What the settings of all parts of the standard stack have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import TYPE_CHECKING, Annotated, ClassVar

from ..errors import Problem
from ..model import Settings
from ..text import Text

if TYPE_CHECKING:
    from ..cluster import ClusterSettings

Cpu = Annotated[str, Text(r"\d+m|\d+(\.\d+)?", "processors such as 250m or 2")]
"""Processors: "250m" is a quarter of one."""
Memory = Annotated[str, Text(r"\d+(Mi|Gi)", "memory such as 512Mi or 4Gi")]
StorageSize = Annotated[str, Text(r"\d+(Gi|Ti)", "a size such as 50Gi")]
Duration = Annotated[str, Text(r"\d+(ms|s|m|h|d|w|y)", "a time such as 30s, 15m or 10d")]
HostName = Annotated[
    str,
    Text(
        r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?",
        "a name such as logs.shop.example",
        253,
    ),
]
DnsZone = HostName
CrdName = Annotated[
    str, Text(r"[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+)+", "a name such as prometheuses.monitoring.coreos.com", 253)
]


class ContainerResources(Settings):
    """What a container asks for and may use at most. There is no limit of processor time: it would slow what has room."""

    cpu: Cpu
    """Processor time that it asks for."""
    memory: Memory
    """Memory that it asks for, and its limit unless `memory_limit` says more."""
    memory_limit: Memory | None = None

    def manifest(self) -> dict[str, dict[str, str]]:
        """As Kubernetes has it."""
        return {
            "requests": {"cpu": self.cpu, "memory": self.memory},
            "limits": {"memory": self.memory_limit or self.memory},
        }


class PartSettings(Settings):
    """One part of the standard stack.

    Attributes:
        needs: Parts that must be there too; they come first, and go last.
    """

    needs: ClassVar[tuple[str, ...]] = ()

    enabled: bool = True
    """Whether the cluster has this part; without it, nothing of it is there."""

    def problems_on(self, cluster: ClusterSettings) -> Iterator[Problem]:
        """Problems with the rest of the cluster's settings, such as a platform without the part; asked where it is enabled."""
        yield from ()

    def issuers_asked(self) -> Mapping[str, str]:
        """ClusterIssuers that the part's own certificates come from, by what each certificate is for."""
        return {}

    def advice(self, cluster: ClusterSettings, day: date) -> Iterator[str]:
        """What is allowed, but what a careful person would want to be told, on a day; asked where it is enabled."""
        yield from ()
