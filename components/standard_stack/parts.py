"""All parts that there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .autoscaling.part import autoscaling
from .base import base
from .bucket_gateway.part import bucket_gateway
from .certificates.part import certificates
from .descheduler import descheduler
from .dns import dns
from .ingress.part import ingress
from .load_balancers.part import load_balancers
from .logging.part import logging
from .mesh.part import mesh
from .metrics_api import metrics_api
from .monitoring.part import monitoring
from .part import Part
from .secrets.part import secrets
from .site import Site
from .storage import storage

_PARTS: Mapping[str, Callable[[Site], Part | None]] = {
    "base": base,
    "monitoring": monitoring,
    "logging": logging,
    "ingress": ingress,
    "bucket_gateway": bucket_gateway,
    "certificates": certificates,
    "secrets": secrets,
    "mesh": mesh,
    "autoscaling": autoscaling,
    "metrics_api": metrics_api,
    "dns": dns,
    "load_balancers": load_balancers,
    "storage": storage,
    "descheduler": descheduler,
}
"""What makes each part, by the name that it has in a stack file."""


def parts(site: Site) -> list[Part]:
    """The parts that a cluster has: those that are enabled, less what the platform brings."""
    made = [_PARTS[name](site) for name in site.stack.parts()]
    return [part for part in made if part is not None]
