"""A review as a comment: complete within its length, and safe whatever names and values hold."""

from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kuber.review.grouping import groups
from kuber.review.markdown import LONGEST, code, markdown, text
from kuber.review.model import Danger, Manifest, Property, Unknown
from tests.review.samples import POOL, change, many, sample


def test_the_comment_begins_with_the_verdict_and_then_the_dangers_the_worst_first() -> None:
    told = markdown(sample())
    headline, dangers, changes = (told.index(one) for one in ("2 of 4 clusters change", "### Dangers", "### Changes"))
    assert headline < dangers < changes
    assert told.index("🔴 high | Node pool system is replaced") < told.index("🟡 low | Deployment system-ingress")


def test_each_cluster_s_verdict_is_in_the_table_and_a_broken_one_with_its_error() -> None:
    told = markdown(sample())
    assert "| **prod-eks** | 1 deleted, 1 replaced, 2 updated" in told
    assert "6" in told and "EUR 400–800 → 800–1,600" in told
    assert (
        "**colo-london can't be planned:**\n\n```text\nPulumi.colo-london.yaml:12: pools.workers.mni: unknown key\n```"
        in told
    )
    assert "No change: stage-eks." in told


def test_a_property_is_shown_before_and_after_and_what_replaces_is_marked() -> None:
    told = markdown(sample())
    assert '`instanceTypes[0]`: `"m7g.xlarge"` → `"m7g.2xlarge"`, **this replaces it**' in told


def test_noise_is_counted_and_not_listed() -> None:
    told = markdown(sample())
    assert "Folded: 1 change says nothing by itself" in told
    assert "helm.sh/chart" not in told


def test_what_only_an_apply_tells_and_what_a_rehearsal_saw_are_told() -> None:
    told = markdown(sample())
    assert "NodeGroup: subnetIds (1 resource): prod-eks" in told
    assert "**prod-eks**: **something broke**; 1 problem in 68 s" in told
    assert "Deployment x: 0 of 2 pods" in told
    assert "stand-ins: the cloud" in told


def test_the_page_is_linked_where_there_is_one() -> None:
    assert "https://ci.example/review.html" not in markdown(sample())
    assert "[The whole review](https://ci.example/review.html)" in markdown(
        sample(), page_url="https://ci.example/review.html"
    )


@pytest.mark.parametrize("longest", [LONGEST, 30_000, 5_000])
def test_a_large_review_fits_and_counts_what_it_leaves_out(longest: int) -> None:
    review = many(5_000)
    told = markdown(review, longest=longest, page_url="https://ci.example/review.html")
    assert len(told) <= longest
    dangers = told.count("\n| 🔴") + told.count("\n| 🟠") + told.count("\n| 🟡")
    assert f"… and {len(review.dangers) - dangers:,} more dangers that don't fit here." in told
    assert told.endswith("[The whole review](https://ci.example/review.html)\n")
    shown = [one for one in groups(review) if f"<b>{one.component.replace('›', '›')}</b>" in told]
    assert len(shown) == 20 or f"… and {20 - len(shown)} more component" in told


def test_names_and_values_are_no_markup_and_call_nobody() -> None:
    evil = "</summary><script>alert(1)</script> @everyone #12 | `x` **b** [a](http://x) \x1b[31m \u202e"
    danger = Danger(
        rule="x", level="high", what=evil, where=evil, reason=evil, advice=evil, urn=POOL.urn, stacks=("prod-eks",)
    )
    one = change(
        "update", evil, Property(path=evil, kind="update", before=evil, after={"a": evil}), component=(f"Part {evil}",)
    )
    review = sample(
        dangers=(danger,),
        entries=(replace(sample().entries[0], component=evil, change=one),),
        manifests=(Manifest(what=evil, operation="update", stacks=("prod-eks",), diff=f"+```\n+{evil}\n"),),
    )
    told = markdown(review)
    outside = outside_code(told)
    assert "<script" not in outside
    assert "@everyone" not in outside
    assert "\x1b" not in told and "\u202e" not in told
    rows = [line for line in told.splitlines() if line.startswith("| 🔴")]
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [6]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_no_text_leaves_its_code(value: str) -> None:
    shown = code(value)
    fence = re.match(r"`+", shown)
    assert fence and shown.endswith(fence[0])
    inside = shown[len(fence[0]) : -len(fence[0])]
    assert fence[0] not in re.findall(r"`+", inside)
    assert "\n" not in shown


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_no_text_is_markup(value: str) -> None:
    shown = text(value)
    assert "\n" not in shown
    assert not re.search(r"(?<!\\)(?:\\\\)*[<>|`*\[\]]", shown)
    assert not re.search(r"(?<!\w)[@#]\w", html.unescape(shown))


def test_a_change_that_nobody_can_tell_is_counted_as_unknown() -> None:
    told = markdown(
        sample(clusters=(replace(sample().clusters[0], unknown=(Unknown(kind="A", properties=("b",), resources=3),)),))
    )
    assert "A: b (3 resources): prod-eks" in told


def test_high_dangers_are_kept_when_there_is_little_room() -> None:
    review = many(2_000)
    dangers = sorted(review.dangers, key=lambda one: ("high", "medium", "low").index(one.level))
    told = markdown(replace(review, dangers=tuple(dangers)), longest=8_000)
    assert "🔴" in told and "🟡 low |" not in told.split("### Changes")[0].split("### Dangers")[1]


def outside_code(told: str) -> str:
    """What isn't in a block or a span of code."""
    without_blocks = re.sub(r"(?ms)^(`{3,})[a-z]*\n.*?^\1$", "", told)
    return re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", without_blocks)
