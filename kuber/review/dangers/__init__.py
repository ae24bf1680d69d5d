"""What a reviewer must know before saying yes: one rule a kind of danger, each over a cluster's plans before and after."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kuber.review.model import LEVELS, Danger

from . import (
    admission,
    cloud_rights,
    cluster_rights,
    exposure,
    guards,
    hardening,
    headers,
    load_balancers,
    loss,
    network_policies,
    nodes,
    pods,
    vault_rights,
    versions,
    watching,
    workloads,
)
from .case import Case, of_cluster

Rule = Callable[[Case], Iterator[Danger]]

RULES: tuple[Rule, ...] = (
    loss.namespaces,
    loss.losses,
    loss.protection,
    loss.renames,
    load_balancers.load_balancers,
    nodes.pools,
    nodes.machines,
    versions.control_plane,
    versions.support,
    versions.crds,
    versions.charts,
    exposure.endpoints,
    exposure.ranges,
    exposure.narrowed,
    network_policies.network_policies,
    hardening.hardening,
    hardening.traffic,
    watching.watching,
    watching.keys,
    watching.alerts,
    headers.headers,
    guards.guards,
    guards.pod_security,
    guards.budgets,
    admission.admission,
    cloud_rights.cloud_rights,
    vault_rights.vault_rights,
    cluster_rights.cluster_rights,
    pods.pods,
    workloads.restarts,
    workloads.replicas,
    workloads.refused,
    workloads.volumes,
)


def dangers(case: Case) -> list[Danger]:
    """All dangers of a cluster's change, the worst first. Of a new cluster only what a version's support tells: it is what it is."""
    if not case.after:
        return [_removed(case)]
    found = [one for rule in RULES for one in rule(case)] if case.before else list(versions.support(case))
    return sorted(found, key=lambda one: (LEVELS.index(one.level), one.what, one.where))


def _removed(case: Case) -> Danger:
    protected = sum(bool(one["options"].get("protect")) for one in case.before.values())
    return of_cluster(
        case,
        "cluster-removed",
        "high",
        f"The stack file of {case.stack} is removed",
        f"nothing destroys the cluster by that: its {len(case.before)} resources stay, and nobody manages them"
        + (f"; {protected} of them are protected" if protected else ""),
        "Destroy the cluster first (docs/getting-started.md), and remove the file when its stack is empty.",
    )


__all__ = ["RULES", "Case", "dangers"]
