"""What holds for all rules: nothing is dangerous where nothing changes, and no value breaks one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kuber.plan.registration import SECRET, UNKNOWN
from kuber.review.model import LEVELS
from tests.review.cases import Cluster, found, whole
from tests.support import EKS, GKE, METAL, StackFile

VALUES: list[Any] = [
    UNKNOWN,
    SECRET,
    "[secret 0123abcd]",
    "",
    "other",
    0,
    7,
    True,
    [],
    ["other"],
    [{}],
    {},
    {"other": 1},
]
BY_FILE = {one.stack: one for one in (EKS, GKE, METAL)}


def paths(value: Any, above: str = "") -> Iterator[str]:
    """The paths of all that is in a value, as `Cluster.set` takes them."""
    if isinstance(value, dict):
        for key, item in value.items():
            step = f'["{key}"]' if not key.isalnum() else f".{key}" if above else key
            yield above + step
            yield from paths(item, above + step)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield f"{above}[{index}]"
            yield from paths(item, f"{above}[{index}]")


def with_another(cluster: Cluster, number: int, at: int, value: Any) -> Cluster:
    """A cluster where one of its resources has another value somewhere."""
    resources = sorted(cluster.resources.values(), key=lambda one: one["urn"])
    resources = [one for one in resources if one["inputs"]]
    chosen = resources[number % len(resources)]
    places = [one for one in paths(chosen["inputs"]) if one != "metadata"]  # without names nothing is an object
    return cluster.edited(chosen, "inputs", places[at % len(places)], value)


@pytest.mark.parametrize("file", BY_FILE.values(), ids=BY_FILE)
def test_nothing_is_dangerous_where_nothing_changes_and_a_new_cluster_is_what_it_is(file: StackFile) -> None:
    assert found(whole(file), whole(file)) == []
    assert found(None, whole(file)) == []


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    file=st.sampled_from(sorted(BY_FILE)),
    number=st.integers(0, 10**6),
    at=st.integers(0, 10**6),
    value=st.sampled_from(VALUES),
)
def test_whatever_a_property_becomes_the_dangers_of_it_can_be_told(file: str, number: int, at: int, value: Any) -> None:
    before = whole(BY_FILE[file])
    after = with_another(before, number, at, value)
    for one in [*found(before, after), *found(after, before)]:
        assert one.level in LEVELS
        assert one.what and one.where and one.reason and one.advice
        assert one.stacks == (before.stack,)
