"""The metrics API."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .part import ContainerResources, PartSettings


class MetricsApiSettings(PartSettings):
    """What `kubectl top` and the horizontal autoscaler ask: metrics-server. GKE brings it."""

    replicas: Annotated[int, Field(ge=1, le=5)] = 2
    """How many; with one, autoscaling of pods stops while it moves."""
    resources: ContainerResources = ContainerResources(cpu="100m", memory="200Mi", memory_limit="400Mi")
    """Of each: 100m and 200Mi carry about 100 nodes (metrics-server's README, "Scaling")."""
