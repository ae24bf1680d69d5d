"""Reviews written by hand, for tests of what is made of them."""

from __future__ import annotations

from typing import Any

from kuber.review.model import (
    Change,
    ClusterReview,
    Danger,
    Entry,
    Manifest,
    Operation,
    Pool,
    Property,
    Range,
    Rehearsed,
    Review,
    Unknown,
)

PREFIX = "urn:pulumi:prod-eks::kuber::"


def change(operation: Operation, name: str, *properties: Property, **others: Any) -> Change:
    type_ = others.pop("type", "kubernetes:apps/v1:Deployment")
    stack = others.pop("stack", "prod-eks")
    component = others.pop("component", ("StandardStack prod-eks-standard-stack", "Part ingress"))
    urn = f"urn:pulumi:{stack}::kuber::{type_}::{name}"
    return Change(
        stack=stack,
        urn=urn,
        type=type_,
        name=name,
        component=component,
        operation=operation,
        properties=properties,
        **others,
    )


REPLICAS = change(
    "update",
    "system-ingress/nginx-ingress",
    Property(path="spec.replicas", kind="update", before=3, after=2),
    Property(path="spec.template.spec.containers[name=nginx].image", kind="update", before="nginx:1", after="nginx:2"),
)
POOL = change(
    "replace",
    "prod-eks-system-ac8691",
    Property(path="instanceTypes[0]", kind="update", before="m7g.xlarge", after="m7g.2xlarge", replaces=True),
    type="aws:eks/nodeGroup:NodeGroup",
    component=("EksCluster prod-eks", "ManagedNodeGroup prod-eks-system-ac8691"),
    deletes_first=True,
)
GONE = change(
    "delete",
    "system-dns",
    type="kubernetes:core/v1:Namespace",
    component=("StandardStack prod-eks-standard-stack", "Part dns"),
)
LABELLED = change(
    "update",
    "system-ingress/labelled",
    Property(path='metadata.labels["helm.sh/chart"]', kind="update", before="a-1", after="a-2", noise=True),
)
HIGH = Danger(
    rule="pool-replaced",
    level="high",
    what="Node pool system is replaced",
    where="NodeGroup prod-eks-system-ac8691",
    reason="instanceTypes[0]: m7g.xlarge becomes m7g.2xlarge; 3 to 6 nodes are drained, and 24 pods of the standard stack move",
    advice="Let the new pool come up first: check quotas and disruption budgets, then apply in a quiet hour.",
    urn=POOL.urn,
    stacks=("prod-eks",),
)
LOW = Danger(
    rule="workload-restarts",
    level="low",
    what="Deployment system-ingress/nginx-ingress restarts",
    where="Deployment system-ingress/nginx-ingress",
    reason="its pod template changes; a disruption budget covers it",
    advice="Nothing, if a rolling restart is fine now.",
    urn=REPLICAS.urn,
    stacks=("prod-eks", "prod-gke"),
)
DIFF = "--- before\n+++ after\n@@ -1,3 +1,3 @@\n spec:\n-  replicas: 3\n+  replicas: 2\n"


def sample(**others: Any) -> Review:
    """Three clusters: one that changes, one that changes alike in part, one whose file is broken."""
    pools = (Pool(name="system", nodes=Range(least=3, most=6), machine_types=("m7g.xlarge",), capacity="on_demand"),)
    eks = ClusterReview(
        stack="prod-eks",
        status="changed",
        counts={"update": 2, "replace": 1, "delete": 1},
        changes=(POOL, GONE, LABELLED, REPLICAS),
        dangers=(HIGH, LOW),
        unknown=(Unknown(kind="NodeGroup", properties=("subnetIds",), resources=1),),
        pools_before=pools,
        pools_after=pools,
        money_before=Range(least=400.0, most=800.0),
        money_after=Range(least=800.0, most=1600.0),
    )
    gke = ClusterReview(stack="prod-gke", status="changed", counts={"update": 1}, changes=(REPLICAS,), dangers=(LOW,))
    broken = ClusterReview(
        stack="colo-london", status="broken", problem="Pulumi.colo-london.yaml:12: pools.workers.mni: unknown key"
    )
    same = ClusterReview(stack="stage-eks", status="same")
    given: dict[str, Any] = {
        "base": "origin/main (0a1b2c3)",
        "head": "the working tree",
        "clusters": (eks, gke, broken, same),
        "dangers": (HIGH, LOW),
        "entries": (
            Entry(component="EksCluster › ManagedNodeGroup system", stacks=("prod-eks",), change=POOL),
            Entry(component="StandardStack › Part dns", stacks=("prod-eks",), change=GONE),
            Entry(component="StandardStack › Part ingress", stacks=("prod-eks", "prod-gke"), change=REPLICAS),
        ),
        "noise": (Entry(component="StandardStack › Part ingress", stacks=("prod-eks",), change=LABELLED),),
        "manifests": (
            Manifest(
                what="Deployment system-ingress/nginx-ingress",
                operation="update",
                stacks=("prod-eks", "prod-gke"),
                diff=DIFF,
            ),
        ),
        "rehearsals": (
            Rehearsed(
                stack="prod-eks",
                fine=False,
                summary="1 problem in 68 s",
                problems=("Deployment x: 0 of 2 pods",),
                stand_ins=("the cloud",),
            ),
        ),
        "currency": "EUR",
    }
    return Review(**{**given, **others})


def many(number: int) -> Review:
    """A review of so many different changes, in 20 components of two clusters."""
    entries = tuple(
        Entry(
            component=f"StandardStack › Part part-{index % 20}",
            stacks=("prod-eks",) if index % 3 else ("prod-eks", "prod-gke"),
            change=change(
                ("create", "update", "replace", "delete")[index % 4],
                f"system-x/object-{index}",
                Property(
                    path="spec.some.thing",
                    kind="update",
                    before=f"old {index}",
                    after=f"new {index}",
                    replaces=index % 4 == 2,
                ),
                Property(path="spec.other[name=a].value", kind="add", before=None, after={"a": [1, 2, index]}),
            ),
        )
        for index in range(number)
    )
    manifests = tuple(
        Manifest(what=f"Deployment system-x/object-{index}", operation="update", stacks=("prod-eks",), diff=DIFF * 3)
        for index in range(number)
    )
    dangers = tuple(
        Danger(
            rule="workload-restarts",
            level=("high", "medium", "low")[index % 3],
            what=f"Deployment object-{index} restarts",
            where=f"Deployment system-x/object-{index}",
            reason="its pod template changes",
            advice="Nothing.",
            urn=entries[index].change.urn,
            stacks=("prod-eks",),
        )
        for index in range(0, number, 10)
    )
    changes = tuple(one.change for one in entries)
    clusters = tuple(
        ClusterReview(stack=stack, status="changed", counts={"update": number}, changes=changes, dangers=dangers)
        for stack in ("prod-eks", "prod-gke")
    )
    return sample(clusters=clusters, entries=entries, manifests=manifests, dangers=dangers)
