"""What a platform can do, and what it brings along; known before any cluster is there."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

ObjectStorage = Literal["gcs", "s3"]
"""Google Cloud Storage, and Amazon S3."""


class Capability(StrEnum):
    """What a platform can do. Asking a cluster for what it can't is an error, never ignored."""

    AUTOSCALING = "autoscaling"
    SPOT = "spot"
    WORKLOAD_IDENTITY = "workload_identity"
    CLOUD_LOAD_BALANCER = "cloud_load_balancer"


class Feature(StrEnum):
    """What a platform brings along, so that the standard stack leaves its own part out and says so."""

    AUTOSCALER = "autoscaler"
    METRICS_API = "metrics_api"
    CLUSTER_DNS = "cluster_dns"
    NETWORK_POLICIES = "network_policies"
    BLOCK_STORAGE = "block_storage"
