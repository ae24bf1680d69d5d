"""What reports say of a change, whatever its names and values are."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kuber.plain_text import plain
from kuber.plan.registration import SECRET, UNKNOWN
from kuber.review import wording
from kuber.review.model import Change, ClusterReview, Property, Review

HOSTILE = st.text(st.characters(), max_size=30)


def change(*properties: Property, **others: Any) -> Change:
    given: dict[str, Any] = {
        "stack": "prod",
        "urn": "urn:a",
        "type": "a:b:C",
        "name": "c",
        "component": (),
        "operation": "update",
    }
    return Change(properties=properties, **{**given, **others})


def line(before: Any, after: Any, kind: Any = "update", **others: Any) -> wording.Line:
    (one,) = wording.lines(change(Property(path="a.b", kind=kind, before=before, after=after, **others)))
    return one


def test_a_value_is_told_with_the_one_before() -> None:
    assert line(3, 2).values == ["3", "2"]
    assert line("a", UNKNOWN).values == ['"a"', "known after apply"]
    assert (line(None, {"a": 1}, "add").values, line(None, 1, "add").sign) == (['{"a": 1}'], "added")
    assert (line([1], None, "delete").values, line(1, None, "delete").sign) == (["[1]"], "removed")
    assert line(1, 2, replaces=True).remark == "this replaces it"


def test_of_two_long_values_the_first_difference_is_seen() -> None:
    old, new = line("x" * 500 + "old" + "y" * 500, "x" * 500 + "new" + "y" * 500).values
    assert "old" in old and "new" in new
    assert old.startswith("…") and max(len(old), len(new)) <= wording.VALUE_LENGTH + 1


def test_a_secret_is_told_to_change_in_one_word() -> None:
    assert line(SECRET, SECRET).values == ["[secret, changed]"]


def test_many_properties_are_cut_and_counted() -> None:
    many = [Property(path=f"a{number}", kind="update", before=1, after=2) for number in range(25)]
    quiet = Property(path="label", kind="update", before=1, after=2, noise=True)
    told = wording.lines(change(*many, quiet))
    assert len(told) == 22
    assert told[-2].values == ["and 5 more properties"]
    assert told[-1].values[0].startswith("and 1 that says nothing")


def test_a_change_that_is_but_another_name_is_called_so() -> None:
    renamed = change(renamed_from="urn:pulumi:prod::kuber::a:b:C::old")
    assert wording.verb(renamed) == "rename"
    assert wording.remarks(renamed) == ["was called old; the resource itself stays"]
    assert wording.verb(change(Property(path="a", kind="update", before=1, after=2), renamed_from="urn:a")) == "update"


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["a"], "a"),
        (["a", "b"], "a, b"),
        (["a", "b", "c", "d", "e", "f"], "all 6 clusters"),
        (["a", "b", "c", "d", "e"], "all 6 clusters but f"),
        (["a", "elsewhere"], "a, elsewhere"),
    ],
)
def test_clusters_are_named_as_shortly_as_can_be(names: list[str], told: str) -> None:
    clusters = [ClusterReview(stack=one, status="changed") for one in "abcdef"]
    assert wording.stacks(names, Review(base="x", head="y", clusters=clusters)) == told


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE)
def test_no_name_or_value_brings_in_what_a_terminal_obeys(path: str, before: str, after: str, name: str) -> None:
    told = wording.lines(
        change(
            Property(path=path, kind="update", before=before, after={after: [after]}),
            Property(path=path, kind="add", before=None, after=after),
            Property(path=path, kind="delete", before=before, after=None),
            renamed_from=f"urn:pulumi:prod::kuber::a:b:C::{name}",
            because=name,
            engine=name,
        )
    )
    for one in told:
        for text in (one.path, one.sign, one.remark, *one.values):
            assert plain(text) == text
