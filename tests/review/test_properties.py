"""What differs between two values is told as deep as it goes, as people read it, and nothing of it is lost."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kuber.plan.registration import SECRET, UNKNOWN
from kuber.review.properties import (
    Difference,
    Place,
    concealed,
    concealed_beside,
    differences,
    is_within,
    steps_of_path,
)

ONE, OTHER = "[secret 0f3a11223344]", "[secret 77aa11223344]"


def told(before: Any, after: Any) -> dict[str, tuple[str, Any, Any]]:
    return {one.shown: (one.kind, one.before, one.after) for one in differences({"a": before}, {"a": after})}


def test_a_difference_is_told_where_it_is_and_no_higher() -> None:
    before = {"spec": {"replicas": 3, "paused": True}, "metadata": {"labels": {"app": "web"}}}
    after = {"spec": {"replicas": 2, "minReadySeconds": 5}, "metadata": {"labels": {"app": "web"}}}
    assert differences(before, after) == [
        Difference(("spec", "minReadySeconds"), "spec.minReadySeconds", "add", None, 5),
        Difference(("spec", "paused"), "spec.paused", "delete", True, None),
        Difference(("spec", "replicas"), "spec.replicas", "update", 3, 2),
    ]


def test_what_comes_or_goes_as_a_whole_is_one_difference() -> None:
    assert told(None, {"b": 1, "c": [2]}) == {"a": ("add", None, {"b": 1, "c": [2]})}
    assert told({"b": 1, "c": [2]}, None) == {"a": ("delete", {"b": 1, "c": [2]}, None)}
    assert told({"b": 1}, ["b"]) == {"a": ("update", {"b": 1}, ["b"])}


def test_a_key_that_is_no_word_stands_in_brackets_and_quotes() -> None:
    assert list(told({"helm.sh/chart": "a"}, {"helm.sh/chart": "b"})) == ['a["helm.sh/chart"]']
    assert list(told({"some-key_1": "a"}, {"some-key_1": "b"})) == ["a.some-key_1"]


@pytest.mark.parametrize("nothing", [None, [], {}])
def test_an_empty_list_or_object_is_as_good_as_none(nothing: Any) -> None:
    assert differences({"a": nothing}, {}) == differences({}, {"a": nothing}) == []


@pytest.mark.parametrize("name", ["name", "key", "containerPort", "mountPath", "cidrBlock", "alert"])
def test_items_of_a_list_are_known_by_their_names_wherever_they_stand(name: str) -> None:
    before = [{name: "x", "v": 1}, {name: "y", "v": 1}]
    after = [{name: "w", "v": 1}, {name: "x", "v": 1}, {name: "y", "v": 2}]
    assert told(before, after) == {
        f"a[{name}=w]": ("add", None, {name: "w", "v": 1}),
        f"a[{name}=y].v": ("update", 1, 2),
    }


def test_an_item_that_goes_is_told_by_its_name() -> None:
    before = [{"name": "x"}, {"name": "y"}]
    assert told(before, [{"name": "y"}]) == {"a[name=x]": ("delete", {"name": "x"}, None)}


def test_another_order_of_named_items_is_told_once() -> None:
    before, after = [{"name": "x"}, {"name": "y"}], [{"name": "y"}, {"name": "x"}]
    assert told(before, after) == {"a (order)": ("update", ["x", "y"], ["y", "x"])}


def test_items_whose_names_are_not_their_own_are_told_by_number() -> None:
    before = [{"name": "x", "v": 1}, {"name": "x", "v": 2}]
    after = [{"name": "x", "v": 1}, {"name": "x", "v": 3}, {"name": "z"}]
    assert told(before, after) == {"a[1].v": ("update", 2, 3), "a[2]": ("add", None, {"name": "z"})}


def test_of_a_list_of_plain_values_what_comes_and_goes_is_told() -> None:
    found = [(one.kind, one.before, one.after) for one in differences({"a": ["a", "b"]}, {"a": ["a", "c", "d"]})]
    assert found == [("delete", "b", None), ("add", None, "c"), ("add", None, "d")]


def test_one_plain_value_in_the_place_of_another_is_an_update() -> None:
    assert told(["a", "b", "c"], ["a", "x", "c"]) == {"a[1]": ("update", "b", "x")}


def test_another_order_of_plain_values_is_told_as_such() -> None:
    assert told(["a", "b"], ["b", "a"]) == {"a": ("update", ["a", "b"], ["b", "a"])}
    assert told(["a"], ["a", "a"]) == {"a": ("update", ["a"], ["a", "a"])}


def test_texts_that_hold_json_are_told_by_what_they_mean() -> None:
    before, after = {"Statement": [{"Sid": "a", "Action": ["x"]}]}, {"Statement": [{"Sid": "a", "Action": ["x", "y"]}]}
    assert told(json.dumps(before), json.dumps(after)) == {"a:.Statement[0].Action[]": ("add", None, "y")}


def test_json_that_is_only_written_otherwise_is_one_difference_that_says_so() -> None:
    before, after = '{"a": 1, "b": [1]}', '{"b":[1],"a":1}'
    (one,) = differences({"policy": before}, {"policy": after})
    assert (one.shown, one.before, one.after, one.same_meaning) == ("policy (spelling)", before, after, True)


def test_a_text_that_only_looks_like_json_is_a_text() -> None:
    assert told("{a", "{b") == {"a": ("update", "{a", "{b")}
    assert told("[1]", '{"b": 1}') == {"a": ("update", "[1]", '{"b": 1}')}


def test_what_becomes_unknown_is_told_and_what_stays_unknown_is_not() -> None:
    assert told("arn", UNKNOWN) == {"a": ("update", "arn", UNKNOWN)}
    assert told({"b": UNKNOWN}, {"b": UNKNOWN}) == {}


def test_a_secret_is_seen_to_change_by_its_fingerprint_alone() -> None:
    assert told(ONE, OTHER) == {"a": ("update", ONE, OTHER)}
    assert told(ONE, ONE) == {}
    assert told(SECRET, ONE) == told(ONE, SECRET) == {}  # nobody can tell
    assert told("open", ONE) == {"a": ("update", "open", ONE)}


def test_a_fingerprint_is_never_shown() -> None:
    value = {"a": [ONE, f"https://me:{ONE}@host"], "b": SECRET}
    assert concealed(value) == {"a": [SECRET, f"https://me:{SECRET}@host"], "b": SECRET}
    beside = concealed_beside({"a": [OTHER, f"https://me:{ONE}@old"]}, value)
    assert beside == {"a": ["[secret, changed]", f"https://me:{SECRET}@host"], "b": SECRET}
    assert concealed_beside("open", ONE) == SECRET


@pytest.mark.parametrize(
    ("path", "pattern", "within"),
    [
        ("spec.replicas", "spec.replicas", True),
        ("spec.template.spec", "spec.template", True),
        ("spec", "spec.template", False),
        ("spec.containers[2].image", "spec.containers[*].image", True),
        ("spec.containers[2].image", "spec.containers[1].image", False),
        ('metadata.annotations["a.b/c"]', 'metadata.annotations["a.b/c"]', True),
        ('metadata.annotations["a.b/c"]', "metadata.annotations.a", False),
    ],
)
def test_a_place_is_within_what_a_path_names(path: str, pattern: str, within: bool) -> None:
    assert is_within(steps_of_path(path), steps_of_path(pattern)) is within


KEYS = st.sampled_from(["name", "key", "a", "b.c", "data"])
PLAIN = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "x", "y", UNKNOWN, '{"a": 1}', "[1, 2]"])
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(KEYS, inner, max_size=3)
        | st.lists(st.fixed_dictionaries({"name": st.sampled_from("xyz"), "a": inner}), max_size=3)
        | st.dictionaries(KEYS, inner, max_size=2).map(json.dumps)
    ),
    max_leaves=10,
)
INPUTS = st.dictionaries(KEYS, VALUES, max_size=4)
PAIRS = st.tuples(INPUTS, INPUTS) | st.builds(
    lambda value, key, other: (value, {**copy.deepcopy(value), key: other}), INPUTS, KEYS, VALUES
)


@given(INPUTS)
@settings(max_examples=200, deadline=None)
def test_nothing_differs_from_itself(value: dict[str, Any]) -> None:
    assert differences(value, copy.deepcopy(value)) == []


@given(PAIRS)
@settings(max_examples=500, deadline=None)
def test_two_values_differ_exactly_where_they_are_unequal_but_for_nothing_values(pair: tuple[Any, Any]) -> None:
    before, after = pair
    found = differences(before, after)
    if without_nothing(before) == without_nothing(after):
        assert found == []
    if found == []:
        assert without_empty(before) == without_empty(after)
    assert all(one.before != one.after for one in found)


@given(PAIRS)
@settings(max_examples=500, deadline=None)
def test_each_difference_is_found_at_its_place(pair: tuple[Any, Any]) -> None:
    before, after = pair
    for one in differences(before, after):
        if one.shown.endswith(" (order)"):
            continue  # told by the names alone
        if one.kind != "delete":
            assert one.after in list(at(after, one.place))
        if one.kind != "add":  # of a list's items by any number: they may have moved
            assert one.before in list(at(before, one.place, moved=True))
        if one.kind == "delete" and isinstance(one.place[-1], str):
            assert not any(at(after, one.place))


@given(PAIRS)
@settings(max_examples=200, deadline=None)
def test_what_comes_one_way_goes_the_other(pair: tuple[Any, Any]) -> None:
    before, after = pair
    there = sorted((one.kind, repr(one.before), repr(one.after)) for one in differences(before, after))
    turned: Mapping[str, str] = {"add": "delete", "delete": "add", "update": "update"}
    back = sorted((turned[one.kind], repr(one.after), repr(one.before)) for one in differences(after, before))
    assert there == back


def without_nothing(value: Any) -> Any:
    """A value without keys that hold nothing."""
    if isinstance(value, Mapping):
        return {key: without_nothing(one) for key, one in value.items() if one is not None and one not in ([], {})}
    return [without_nothing(one) for one in value] if isinstance(value, list) else value


def without_empty(value: Any) -> Any:
    """A value without all that holds nothing but nothing."""
    if isinstance(value, str) and value[:1] in ("{", "["):
        return json.dumps(without_empty(json.loads(value))) if without_empty(json.loads(value)) else value
    if isinstance(value, Mapping):
        told = {key: without_empty(one) for key, one in value.items()}
        return {key: one for key, one in told.items() if one is not None and one not in ([], {})}
    if isinstance(value, list):
        told = [without_empty(one) for one in value]
        return [one for one in told if one is not None and one not in ([], {})]
    return value


def at(value: Any, place: Place, *, moved: bool = False) -> Iterator[Any]:
    """What stands at a place; with `moved`, whatever the numbers in lists are."""
    if not place:
        yield value
        return
    step, *rest = place
    if isinstance(value, str) and value[:1] in ("{", "["):
        yield from at(json.loads(value), place, moved=moved)
    elif isinstance(value, Mapping) and step in value:
        yield from at(value[step], tuple(rest), moved=moved)
    elif isinstance(value, list) and isinstance(step, int):
        for item in value if moved else value[step : step + 1]:
            yield from at(item, tuple(rest), moved=moved)


def test_an_empty_item_of_a_list_is_an_item() -> None:
    before, after = {"ingress": [{"from": []}]}, {"ingress": [{"from": []}, {}]}
    (found,) = differences(before, after)
    assert (found.place, found.kind, found.after) == (("ingress", 1), "add", {})
    (found,) = differences(after, before)
    assert (found.place, found.kind, found.before) == (("ingress", 1), "delete", {})
