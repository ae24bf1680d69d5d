"""A review on a terminal, or piped."""

from __future__ import annotations

import io
from dataclasses import replace

from kuber.review.model import Danger, Property
from kuber.review.terminal import show
from tests.review.samples import POOL, change, sample


def shown(**others: object) -> str:
    file = io.StringIO()
    diffs = bool(others.pop("diffs", False))
    show(sample(**others), file, diffs=diffs)
    return file.getvalue()


def test_piped_output_has_no_control_characters_and_begins_with_the_verdict() -> None:
    told = shown()
    assert told.splitlines()[0] == "2 of 4 clusters change; 1 can't be planned; highest danger: high"
    assert "\x1b" not in told


def test_dangers_have_their_reason_and_what_to_do() -> None:
    told = shown()
    assert "high   Node pool system is replaced (prod-eks)  NodeGroup prod-eks-system-ac8691\n" in told
    assert "    why:  instanceTypes[0]: m7g.xlarge becomes m7g.2xlarge" in told
    assert "    do:   Let the new pool come up first" in told


def test_a_property_is_shown_before_and_after() -> None:
    assert '      instanceTypes[0]: "m7g.xlarge" → "m7g.2xlarge"  this replaces it\n' in shown()


def test_manifests_are_counted_and_shown_when_asked_for() -> None:
    assert "Rendered manifests that differ: 1; --diff shows them" in shown()
    told = shown(diffs=True)
    assert "-  replicas: 3\n+  replicas: 2\n" in told
    assert "--diff" not in told


def test_what_says_nothing_by_itself_is_counted() -> None:
    told = shown()
    assert "Folded: 1 change says nothing by itself" in told
    assert "helm.sh/chart" not in told


def test_a_change_without_effect_is_one_line() -> None:
    same = tuple(replace(one, status="same", changes=(), dangers=(), problem="") for one in sample().clusters[:2])
    told = shown(clusters=same, dangers=(), entries=(), noise=(), manifests=(), rehearsals=())
    assert told.startswith("no change on any cluster\n")


def test_names_and_values_are_neither_markup_nor_control_characters() -> None:
    evil = "[bold]x[/bold] [/] \x1b[31mred\u202e\n"
    danger = Danger(
        rule="x", level="low", what=evil, where="w", reason=evil, advice=evil, stacks=("prod-eks",), urn=POOL.urn
    )
    entry = replace(
        sample().entries[0], change=change("update", evil, Property(path=evil, kind="update", before=evil, after=1))
    )
    told = shown(dangers=(danger,), entries=(entry,))
    assert "[bold]x[/bold] [/] \\x1b[31mred\\u202e\\n" in told
    assert not {"\x1b", "\u202e"} & set(told)
