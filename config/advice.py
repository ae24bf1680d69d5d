"""What is allowed, but what a careful person would want to be told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from .cluster import ClusterSettings
from .kubernetes import minor_number, version_table

_SUPPORT_NOTICE_DAYS = 90


def advice(settings: ClusterSettings, today: date | None = None) -> Iterator[str]:
    """Warnings about a cluster, a sentence each, for `pulumi preview` and `kuber plan` alike.

    Args:
        settings: A cluster that may be made.
        today: The day for which support is judged.
    """
    today = today or date.today()
    production = settings.environment == "production"
    yield from _about_support(settings, today)
    if production and not settings.protect:
        yield "protect is false: nothing keeps this production cluster from being destroyed"
    zones = getattr(settings, "zones", None)
    if production and zones is not None and len(zones) < 3:
        yield f"only {len(zones)} zones: with three, losing one leaves two thirds of the cluster"
    network = getattr(settings, "network", None)
    if production and getattr(network, "nat", None) == "single":
        yield "nat is single: when its zone fails, no zone reaches the internet"
    endpoint = getattr(settings, "endpoint", None)
    if public := getattr(endpoint, "public_cidrs", None):
        yield f"the API server is reachable from the internet, by {', '.join(sorted(public))}"
    yield from _about_pools(settings)


def _about_support(settings: ClusterSettings, today: date) -> Iterator[str]:
    kubernetes = settings.kubernetes
    release = version_table(settings.version_source).minors.get(kubernetes.version)
    end = release.standard_support_until if release else None
    if end and today > end:
        yield f"standard support of Kubernetes {kubernetes.version} ended on {end}: plan the upgrade"
    elif end and (end - today).days <= _SUPPORT_NOTICE_DAYS:
        yield f"standard support of Kubernetes {kubernetes.version} ends on {end}, in {(end - today).days} days"
    exception = kubernetes.early_adoption
    if exception and exception.version == kubernetes.version and exception.expires >= today:
        yield f"Kubernetes {kubernetes.version} is adopted early until {exception.expires}, by {exception.approved_by}"


def _about_pools(settings: ClusterSettings) -> Iterator[str]:
    for name, pool in getattr(settings, "pools", {}).items():
        capacity = getattr(pool, "capacity", "on_demand")
        if settings.platform == "eks" and capacity == "spot" and len(pool.machine_types) < 3:
            yield f"pool {name}: {len(pool.machine_types)} machine types for spot; the more there are, the rarer an interruption"
        version = getattr(pool, "version", None)
        if version and minor_number(version) < minor_number(settings.kubernetes.version):
            yield f"pool {name} stays at {version}, behind the control plane's {settings.kubernetes.version}"
