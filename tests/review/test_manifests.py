"""What becomes of objects' manifests, as unified diffs that any tool could apply."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kuber.plan.registration import SECRET
from kuber.review.manifests import difference, manifests
from kuber.review.model import Change, ClusterReview, Operation, Property
from kuber.review.object_yaml import yaml_lines

DEPLOYMENT = "kubernetes:apps/v1:Deployment"
HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
ONE, OTHER = "[secret 0f3a11223344]", "[secret 77aa11223344]"

KEYS = st.sampled_from("abcdefghij")
VALUES = st.recursive(
    st.integers(0, 3)
    | st.sampled_from(["x", "one\ntwo\nthree\n", "one\ntwo\n2\n3\n4\n5\n6\n7\n8\nthree\n", "-- x", "++ x", "@@ x"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=30,
)
OBJECTS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=8)


def change(
    before: dict[str, Any] | None,
    after: dict[str, Any] | None,
    *properties: Property,
    stack: str = "prod",
    name: str = "web",
) -> Change:
    operation: Operation = "create" if before is None else "delete" if after is None else "update"
    return Change(
        stack=stack,
        urn=f"urn:pulumi:{stack}::kuber::{DEPLOYMENT}::{name}",
        type=DEPLOYMENT,
        name=name,
        component=(),
        operation=operation,
        properties=properties,
        before=None if before is None else {"inputs": before},
        after=None if after is None else {"inputs": after},
    )


def cluster(stack: str, *changes: Change, status: Any = "changed") -> ClusterReview:
    return ClusterReview(stack=stack, status=status, changes=changes)


def applied(diff: str, before: list[str]) -> list[str]:
    """A text with a unified diff applied to it, as strictly as `patch --fuzz=0`."""
    after: list[str] = []
    at = 0
    first, second, *lines = diff.splitlines()
    assert first.startswith("--- ") and second.startswith("+++ ")
    assert lines and lines[0].startswith("@@ ")
    counts = [0, 0]
    for line in lines:
        if found := HUNK.fullmatch(line):
            assert counts == [0, 0], f"the hunk before {line} is shorter than it says"
            counts = [int(found[2] or 1), int(found[4] or 1)]
            start = int(found[1]) - (1 if counts[0] else 0)
            after += before[at:start]
            at = start
            assert len(after) == int(found[3]) - (1 if counts[1] else 0)
            continue
        sign, text = line[0], line[1:]
        if sign in " -":
            assert before[at] == text
            at += 1
            counts[0] -= 1
        if sign in " +":
            after.append(text)
            counts[1] -= 1
    assert counts == [0, 0]
    return after + before[at:]


@given(OBJECTS, OBJECTS)
@settings(max_examples=150, deadline=None)
def test_the_diff_makes_of_the_manifest_before_that_of_afterwards(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    diff = difference(change(before, after))
    if before == after:
        assert diff == ""
    else:
        assert applied(diff, yaml_lines(before)) == yaml_lines(after)


@given(OBJECTS, KEYS, VALUES)
@settings(max_examples=150, deadline=None)
def test_a_small_difference_in_a_large_manifest_is_a_small_diff(before: dict[str, Any], key: str, value: Any) -> None:
    filler = {f"filler-{number}": number for number in range(40)}
    diff = difference(change({**filler, **before}, {**filler, **before, key: value}))
    if diff:
        assert applied(diff, yaml_lines({**filler, **before})) == yaml_lines({**filler, **before, key: value})
        assert "filler-20" not in diff


@given(OBJECTS)
@settings(max_examples=100, deadline=None)
def test_what_comes_or_goes_is_shown_whole(value: dict[str, Any]) -> None:
    comes, goes = difference(change(None, value)), difference(change(value, None))
    assert applied(comes, []) == yaml_lines(value)
    assert applied(goes, yaml_lines(value)) == []
    assert comes.startswith("--- /dev/null\n+++ after\n") and goes.startswith("--- before\n+++ /dev/null\n")


def test_a_secret_is_seen_to_change_and_never_seen() -> None:
    before = {"stringData": {"a": ONE, "b": ONE}, "url": f"https://me:{ONE}@host/"}
    after = {"stringData": {"a": OTHER, "b": ONE}, "url": f"https://me:{OTHER}@host/"}
    told = difference(change(before, after))
    assert [line for line in told.splitlines()[3:] if line[0] in "+-"] == [
        f'-  a: "{SECRET}"',
        '+  a: "[secret, changed]"',
        f'-url: "https://me:{SECRET}@host/"',
        '+url: "https://me:[secret, changed]@host/"',
    ]
    for diff in (told, difference(change(None, after)), difference(change(before, None))):
        assert "0f3a11223344" not in diff and "77aa11223344" not in diff


def test_what_is_the_same_on_several_clusters_is_there_once() -> None:
    def on(stack: str, replicas: int = 3) -> ClusterReview:
        before = {"replicas": 2, "cluster": stack, "host": f"web.{stack}.example"}
        return cluster(stack, change(before, {**before, "replicas": replicas}, stack=stack))

    (shared, own) = manifests([on("eks"), on("gke"), on("colo", replicas=5)])
    assert (shared.what, shared.stacks, own.stacks) == ("Deployment web", ("eks", "gke"), ("colo",))
    assert "+replicas: 3" in shared.diff and "+replicas: 5" in own.diff
    assert "web.{cluster}.example" in shared.diff and "web.colo.example" in own.diff


def test_where_nothing_in_it_is_a_clusters_own_the_diff_is_to_the_letter() -> None:
    both = [cluster(stack, change({"a": 1}, {"a": 2}, stack=stack)) for stack in ("eks", "gke")]
    (one,) = manifests(both)
    assert (one.stacks, one.diff) == (("eks", "gke"), "--- before\n+++ after\n@@ -1 +1 @@\n-a: 1\n+a: 2\n")


def test_of_a_whole_cluster_that_comes_or_goes_and_of_noise_there_are_none() -> None:
    noise = Property(path="metadata.labels.chart", kind="update", before="a-1", after="a-2", noise=True)
    assert manifests([cluster("new", change(None, {"a": 1}), status="new")]) == []
    assert manifests([cluster("gone", change({"a": 1}, None), status="removed")]) == []
    assert manifests([cluster("prod", change({"a": 1}, {"a": 2}, noise))]) == []
    assert len(manifests([cluster("prod", change({"a": 1}, {"a": 2}))])) == 1


def test_manifests_are_in_the_order_of_their_names() -> None:
    changes = [change({"a": 1}, {"a": 2}, name=name) for name in ("c", "a", "b")]
    assert [one.what for one in manifests([cluster("prod", *changes)])] == [
        "Deployment a",
        "Deployment b",
        "Deployment c",
    ]
