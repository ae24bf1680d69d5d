"""What is allowed, but what a careful person would want to be told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from .cluster import CloudClusterSettings, ClusterSettings
from .kubernetes import minor_number, version_table
from .today import today

_SUPPORT_NOTICE_DAYS = 90


def advice(settings: ClusterSettings, day: date | None = None) -> Iterator[str]:
    """Warnings about a cluster, a sentence each, for `pulumi preview` and `kuber plan` alike.

    Args:
        settings: A cluster that may be made.
        day: The day for which support is judged; today unless given.
    """
    day = day or today()
    production = settings.environment == "production"
    yield from _about_support(settings, day)
    yield from _about_the_stack(settings, day)
    if isinstance(settings, CloudClusterSettings):
        if production and not settings.protect:
            yield "protect is false: nothing keeps this production cluster from being destroyed"
        if production and len(settings.zones) < 3:
            yield f"only {len(settings.zones)} zones: with three, losing one leaves two thirds of the cluster"
        if production and getattr(getattr(settings, "network", None), "nat", None) == "single":
            yield "nat is single: when its zone fails, no zone reaches the internet"
        if public := settings.endpoint.public_cidrs:
            yield f"the API server is reachable from the internet, by {', '.join(sorted(public))}"
        if public and settings.platform == "eks" and settings.endpoint.private_cidrs:
            yield "with a public endpoint EKS's name gives the public address everywhere but in the VPC: private_cidrs no longer help"
        yield from _about_pools(settings)


def _about_the_stack(settings: ClusterSettings, day: date) -> Iterator[str]:
    stack = settings.standard_stack
    for name, part in stack.parts().items():
        yield from part.advice(settings, day)
        for purpose, issuer in part.issuers_asked().items():
            if issuer not in stack.issuers():
                yield (
                    f"{name}: the certificate for {purpose} comes from the issuer {issuer}, which the stack doesn't make: "
                    "letsencrypt needs certificates.acme, vault needs secrets.pki, and another must be there"
                )


def _about_support(settings: ClusterSettings, day: date) -> Iterator[str]:
    kubernetes = settings.kubernetes
    release = version_table(settings.version_source).minors.get(kubernetes.version)
    end = release.standard_support_until if release else None
    if end and day > end:
        yield f"standard support of Kubernetes {kubernetes.version} ended on {end}; {settings.after_standard_support()}"
    elif end and (end - day).days <= _SUPPORT_NOTICE_DAYS:
        days = (end - day).days
        yield (
            f"standard support of Kubernetes {kubernetes.version} ends on {end}, in {days} days; "
            f"{settings.after_standard_support()}"
        )
    exception = kubernetes.early_adoption
    if exception and exception.version == kubernetes.version and exception.expires >= day:
        yield f"Kubernetes {kubernetes.version} is adopted early until {exception.expires}, by {exception.approved_by}"


def _about_pools(settings: CloudClusterSettings) -> Iterator[str]:
    for name, pool in settings.pools.items():
        types = len(pool.machine_types)
        if settings.platform == "eks" and pool.capacity == "spot" and types < 3:
            yield f"pool {name}: {types} machine types for spot; the more there are, the rarer an interruption"
        if pool.version and minor_number(pool.version) < minor_number(settings.kubernetes.version):
            yield f"pool {name} stays at {pool.version}, behind the control plane's {settings.kubernetes.version}"
