"""What several clusters have alike is told once, and nothing of any cluster is lost by that."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kuber.review.folding import fold
from kuber.review.grouping import groups
from kuber.review.model import Change, ClusterReview, Danger, Entry, Property, Review

STACKS = ("prod-eks", "prod-gke", "stage", "prod")
TYPE = "kubernetes:apps/v1:Deployment"


def prop(before: Any, after: Any, path: str = "spec.replicas", **others: Any) -> Property:
    return Property(path=path, kind="update", before=before, after=after, **others)


def change(stack: str, name: str = "web", *properties: Property, **others: Any) -> Change:
    given: dict[str, Any] = {
        "stack": stack,
        "urn": f"urn:pulumi:{stack}::kuber::{TYPE}::{name}",
        "type": TYPE,
        "name": name,
        "component": (f"StandardStack {stack}-standard-stack", "Part ingress"),
        "operation": "update",
        "properties": properties or (prop(3, 2),),
    }
    return Change(**{**given, **others})


def cluster(stack: str, *changes: Change, dangers: Any = (), status: Any = "changed") -> ClusterReview:
    return ClusterReview(stack=stack, status=status, changes=changes, dangers=dangers)


def entries(*clusters: ClusterReview) -> list[Entry]:
    return list(fold(clusters).entries)


def test_the_same_change_on_several_clusters_is_one_entry_that_names_them() -> None:
    (one,) = entries(*(cluster(stack, change(stack)) for stack in STACKS))
    assert (one.component, one.stacks) == ("StandardStack › Part ingress", STACKS)
    assert one.change.name == "web"


def test_clusters_own_names_are_left_out_of_what_they_share() -> None:
    clusters = [
        cluster(
            stack, change(stack, f"{stack}-web", prop(f"a.{stack}.example", f"b.{stack}.example", f"hosts[{stack}]"))
        )
        for stack in ("prod-eks", "stage")
    ]
    (one,) = entries(*clusters)
    (told,) = one.change.properties
    assert (one.stacks, one.change.name) == (("prod-eks", "stage"), "{cluster}-web")
    assert (told.path, told.before, told.after) == ("hosts[{cluster}]", "a.{cluster}.example", "b.{cluster}.example")


def test_a_name_within_another_word_is_no_clusters_name() -> None:
    found = entries(*(cluster(one, change(one, "web", prop(f"x{one}", "b"))) for one in ("eks", "gke")))
    assert [entry.stacks for entry in found] == [("eks",), ("gke",)]


def test_the_names_of_one_cluster_alone_stay() -> None:
    (one,) = entries(cluster("prod-eks", change("prod-eks", "prod-eks-web")))
    assert one.change.name == "prod-eks-web"


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_name_of_another_cluster_is_not_a_clusters_own(order: tuple[int, ...]) -> None:
    """Two have the first one's name in it, two have their own."""
    clusters = [
        cluster(stack, change(stack, name))
        for stack, name in (("prod", "prod-a"), ("prod-gke", "prod-a"), ("stage", "stage-a"))
    ]
    for entry in entries(*(clusters[at] for at in order)):
        there = {"prod": "prod-a", "prod-gke": "prod-a", "stage": "stage-a"}
        assert all(entry.change.name in (there[one], there[one].replace(one, "{cluster}")) for one in entry.stacks)


def test_other_values_are_another_entry() -> None:
    found = entries(
        cluster("prod-eks", change("prod-eks", "web", prop(3, 2))),
        cluster("prod-gke", change("prod-gke", "web", prop(3, 1))),
        cluster("stage", change("stage", "web", prop(3, 2))),
    )
    assert [(one.stacks, one.change.properties[0].after) for one in found] == [
        (("prod-eks", "stage"), 2),
        (("prod-gke",), 1),
    ]


def test_what_replaces_on_one_cluster_and_updates_on_another_is_told_apart() -> None:
    found = entries(
        cluster("prod-eks", change("prod-eks", operation="replace")),
        cluster("prod-gke", change("prod-gke")),
        cluster("stage", change("stage", because="follows the replacement of Role a")),
    )
    assert {tuple(one.stacks) for one in found} == {("prod-eks",), ("prod-gke",), ("stage",)}


def test_pools_are_known_without_the_fingerprints_in_their_names() -> None:
    def pool(stack: str, fingerprint: str) -> Change:
        name = f"{stack}-system-{fingerprint}"
        component = (f"EksCluster {stack}", f"ManagedNodeGroup {name}")
        return change(
            stack, name, type="aws:eks/nodeGroup:NodeGroup", component=component, operation="delete", properties=()
        )

    (one,) = entries(cluster("prod-eks", pool("prod-eks", "0c1500")), cluster("stage", pool("stage", "ac8691")))
    assert (one.component, one.change.name) == ("EksCluster › ManagedNodeGroup system", "{cluster}-system")


def test_what_a_cluster_has_twice_stays_twice() -> None:
    twice = [change("prod-eks"), change("prod-eks")]
    found = entries(cluster("prod-eks", *twice), cluster("stage", change("stage")))
    assert [one.stacks for one in found] == [("prod-eks", "stage"), ("prod-eks",)]


def test_noise_is_told_apart_and_folded_alike() -> None:
    label = prop("a-1", "a-2", 'metadata.labels["helm.sh/chart"]', noise=True)
    folded = fold(
        [cluster(stack, change(stack, "web", label), change(stack, "api")) for stack in ("prod-eks", "stage")]
    )
    assert [(one.change.name, one.stacks) for one in folded.noise] == [("web", ("prod-eks", "stage"))]
    assert [(one.change.name, one.stacks) for one in folded.entries] == [("api", ("prod-eks", "stage"))]


def test_entries_are_in_the_order_of_components_gravity_and_names() -> None:
    changes = [
        change("stage", "b"),
        change("stage", "a"),
        change("stage", "d", operation="create"),
        change("stage", "c", operation="delete"),
        change("stage", "e", operation="replace"),
        change("stage", "f", component=("EksCluster stage",)),
    ]
    assert [one.change.name for one in entries(cluster("stage", *changes))] == ["f", "c", "e", "d", "a", "b"]


def test_a_danger_of_several_clusters_is_told_once_and_the_worst_first() -> None:
    def danger(stack: str, level: Any, what: str) -> Danger:
        return Danger(rule="x", level=level, what=what, where=f"{stack}-web", reason="r", advice="a", stacks=(stack,))

    folded = fold(
        [
            cluster(
                "prod-eks", dangers=[danger("prod-eks", "low", "it restarts"), danger("prod-eks", "high", "it goes")]
            ),
            cluster("stage", dangers=[danger("stage", "low", "it restarts"), danger("stage", "low", "another")]),
        ]
    )
    assert [(one.what, one.stacks, one.where) for one in folded.dangers] == [
        ("it goes", ("prod-eks",), "prod-eks-web"),
        ("it restarts", ("prod-eks", "stage"), "{cluster}-web"),
        ("another", ("stage",), "stage-web"),
    ]


PROPERTIES = st.builds(
    prop,
    st.sampled_from([1, "prod", "x-prod-eks", "[secret]", ["prod-gke"]]),
    st.sampled_from([2, "stage", {"prod": 1}]),
    st.sampled_from(["a", "b.prod-eks"]),
    noise=st.booleans(),
)


def words(one: Change) -> str:
    """What a change says, but for its component."""
    return repr([one.type, one.operation, one.name, [vars(each) for each in one.properties]])


@st.composite
def reviews(draw: st.DrawFn) -> list[ClusterReview]:
    made = []
    for stack in draw(st.lists(st.sampled_from(STACKS), unique=True, min_size=1)):
        changes = [
            change(
                stack,
                draw(st.sampled_from(["web", f"{stack}-web", "prod-eks-web", "api"])),
                *draw(st.lists(PROPERTIES, min_size=1, max_size=2)),
                operation=draw(st.sampled_from(["create", "update", "replace", "delete"])),
                component=draw(st.sampled_from([(), (f"EksCluster {stack}",), (f"Part {stack}",)])),
            )
            for _ in range(draw(st.integers(0, 8)))
        ]
        made.append(cluster(stack, *changes, status=draw(st.sampled_from(["changed", "new"]))))
    return made


@given(reviews())
@settings(max_examples=150, deadline=None)
def test_each_change_of_each_cluster_is_in_one_entry(clusters: list[ClusterReview]) -> None:
    folded = fold(clusters)
    told = Counter(
        (stack, one.change.operation, one.change.noise, one.component.count("›"))
        for one in (*folded.entries, *folded.noise)
        for stack in one.stacks
    )
    there = Counter(
        (one.stack, one.operation, one.noise, max(0, len(one.component) - 1))
        for each in clusters
        for one in each.changes
    )
    assert told == there
    assert all(one.change.noise for one in folded.noise) and not any(one.change.noise for one in folded.entries)
    assert all(len({*one.stacks}) == len(one.stacks) for one in (*folded.entries, *folded.noise))


@given(reviews())
@settings(max_examples=150, deadline=None)
def test_an_entry_is_what_each_of_its_clusters_has_to_the_letter_or_but_for_its_own_name(
    clusters: list[ClusterReview],
) -> None:
    folded = fold(clusters)
    there = {(one.stack, words(change)) for one in clusters for change in one.changes}
    for entry in (*folded.entries, *folded.noise):
        told = words(entry.change)
        for stack in entry.stacks:
            assert (stack, told) in there or (stack, told.replace("{cluster}", stack)) in there


@given(reviews())
@settings(max_examples=100, deadline=None)
def test_groups_hold_each_entry_named_or_counted(clusters: list[ClusterReview]) -> None:
    folded = fold(clusters)
    review = Review(base="a", head="b", clusters=clusters, entries=folded.entries)
    numbers = Counter(itertools.chain.from_iterable(Counter(one.counts).elements() for one in groups(review)))
    assert numbers == Counter(one.change.operation for one in folded.entries)


def test_what_is_created_in_great_number_is_counted_by_kind() -> None:
    many = [change("stage", f"new-{number}", operation="create") for number in range(12)]
    folded = fold([cluster("stage", *many, change("stage", "web"))])
    (group,) = groups(Review(base="a", head="b", clusters=[cluster("stage")], entries=folded.entries))
    assert [one.change.name for one in group.entries] == ["web"]
    assert [(one.operation, one.number, one.kinds) for one in group.counted] == [("create", 12, {"Deployment": 12})]


def test_all_that_new_clusters_consist_of_is_one_group() -> None:
    clusters = [
        cluster("prod-eks", change("prod-eks")),
        cluster("stage", change("stage", operation="create"), change("stage", "api", operation="create"), status="new"),
    ]
    found = groups(Review(base="a", head="b", clusters=clusters, entries=fold(clusters).entries))
    assert [(one.component, one.counts) for one in found] == [
        ("StandardStack › Part ingress", {"update": 1}),
        ("New clusters", {"create": 2}),
    ]
