"""The review's page as text: what is in it without a browser."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from kuber.review.folding import fold
from kuber.review.model import ClusterReview, Danger, Entry, Pool, Property, Range, Review, Unknown
from kuber.review.page import change_anchor, page
from tests.review.samples import GONE, HIGH, LABELLED, POOL, REPLICAS, change, many, sample


def _data(text: str) -> dict[str, Any]:
    """What the page's script is given."""
    [found] = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    return json.loads(found)


def _words(text: str) -> str:
    """What a reader reads without a script."""
    body = re.sub(r"(?s)<(script|style).*?</\1>", "", text.partition("<body>")[2])
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body)).replace("&#39;", "'").strip()


def test_the_verdict_of_each_cluster_is_there_without_a_script() -> None:
    words = _words(page(sample()))
    assert "2 of 4 clusters change; 1 can't be planned; highest danger: high" in words
    assert "origin/main (0a1b2c3) → the working tree" in words
    assert "prod-eks high deleted 1 replaced 1 created 0 updated 2 nodes 3–6 a month EUR 400–800 → 800–1,600" in words
    assert "Pulumi.colo-london.yaml:12: pools.workers.mni: unknown key" in words
    assert "no change stage-eks" in words


def test_each_danger_is_there_with_its_reason_and_what_to_do() -> None:
    words = _words(page(sample()))
    for told in (HIGH.what, HIGH.where, HIGH.reason, HIGH.advice):
        assert told in words
    assert "What Why it is dangerous What to do Clusters" in words


def test_what_is_unknown_noted_and_rehearsed_is_there_without_a_script() -> None:
    review = sample()
    noted = replace(review.clusters[1], notes=["charts that aren't here: nginx-ingress 2.6.4"])
    words = _words(page(replace(review, clusters=(review.clusters[0], noted, *review.clusters[2:]))))
    assert "NodeGroup: subnetIds (1 resource)" in words
    assert "charts that aren't here: nginx-ingress 2.6.4 prod-gke" in words
    assert "something broke 1 problem in 68 s Deployment x: 0 of 2 pods" in words


def test_every_change_with_its_values_is_given_to_the_script() -> None:
    data = _data(page(sample()))
    assert [one["name"] for one in data["entries"]] == [POOL.name, GONE.name, REPLICAS.name]
    assert [one["name"] for one in data["noise"]] == [LABELLED.name]
    pool, gone, replicas = data["entries"]
    assert pool["properties"] == [
        {"path": "instanceTypes[0]", "before": "m7g.xlarge", "after": "m7g.2xlarge", "replaces": True}
    ]
    assert "properties" not in gone
    assert [data["clusters"][one] for one in replicas["stacks"]] == ["prod-eks", "prod-gke"]
    assert [data["dangers"][one]["what"] for one in pool["dangers"]] == [HIGH.what]


def test_a_value_that_is_empty_is_another_than_none() -> None:
    emptied = change("update", "x", Property(path="args", kind="update", before=[], after=False))
    [entry] = _data(page(sample(entries=[Entry(component="C", stacks=("prod-eks",), change=emptied)])))["entries"]
    assert entry["properties"] == [{"path": "args", "before": [], "after": False}]


def test_a_manifest_and_its_change_lead_to_each_other() -> None:
    data = _data(page(sample()))
    [manifest] = data["manifests"]
    [replicas] = [one for one in data["entries"] if one["name"] == REPLICAS.name]
    assert manifest["change"] == replicas["id"] == change_anchor(REPLICAS.urn)
    assert replicas["manifest"] == manifest["id"]


def test_a_folded_change_is_found_by_its_urn_on_each_cluster() -> None:
    on_eks, on_gke = (
        change("delete", f"{stack}-vault", stack=stack, component=(f"StandardStack {stack}-standard-stack",))
        for stack in ("prod-eks", "prod-gke")
    )
    clusters = [
        ClusterReview(stack=one.stack, status="changed", counts={"delete": 1}, changes=[one])
        for one in (on_eks, on_gke)
    ]
    folded = fold(clusters)
    review = Review(base="a", head="b", clusters=clusters, entries=folded.entries)
    [entry] = _data(page(review))["entries"]
    assert entry["name"] == "{cluster}-vault"
    assert {entry["id"], *entry["aliases"]} == {change_anchor(on_eks.urn), change_anchor(on_gke.urn)}


def test_pools_that_change_say_what_they_were() -> None:
    small = Pool(name="web", nodes=Range(least=1, most=3), machine_types=("m7g.large",), capacity="on_demand")
    large = replace(small, nodes=Range(least=1, most=9), machine_types=("m7g.xlarge",))
    kept = replace(small, name="kept")
    cluster = ClusterReview(stack="prod-eks", status="changed", pools_before=[small, kept], pools_after=[kept, large])
    words = _words(page(sample(clusters=[cluster])))
    assert "nodes 2–6 → 2–12 web 1–3 → 1–9; m7g.large → m7g.xlarge" in words
    assert "kept" not in words


def test_many_clusters_are_named_at_once() -> None:
    stacks = [f"shop-{number}" for number in range(30)]
    dangers = [replace(HIGH, stacks=stacks)]
    clusters = [
        ClusterReview(
            stack=one,
            status="changed",
            dangers=dangers,
            unknown=[Unknown(kind="Role", properties=("arn",), resources=1)],
        )
        for one in stacks
    ]
    text = page(sample(clusters=clusters, dangers=dangers, entries=[]))
    assert _words(text).count("all 30 clusters") == 2
    assert _data(text)["dangers"][0]["chips"] == ["all 30 clusters"]


def test_a_review_without_a_change_says_so_and_has_no_empty_sections() -> None:
    nothing = Review(base="a", head="b", clusters=[ClusterReview(stack="prod-eks", status="same")])
    words = _words(page(nothing))
    assert "No change on any cluster" in words
    assert "<script" not in page(nothing) and "Filter" not in words
    for section in ("Dangers", "Noise", "Rendered manifests", "Unknown until apply", "Rehearsals"):
        assert section not in words


def test_of_many_dangers_the_worst_are_open() -> None:
    text = page(many(1000))
    opened = re.findall(r'<details class="folded level"( open)?>\s*<summary><h3><span class="badge (\w+)">', text)
    assert opened == [(" open", "high"), ("", "medium"), ("", "low")]
    few = re.findall(r'<details class="folded level"( open)?>', page(sample()))
    assert few == [" open", " open"]


def test_what_can_not_be_seen_is_written_out() -> None:
    turned = Danger(rule="r", level="low", what="a\u202eb", where="", reason="c\x1b[31m", advice="d\ud800")
    text = page(sample(dangers=[turned], head="e\u200bf"))
    assert "a\\u202eb" in _words(text) and "c\\x1b[31m" in _words(text) and "e\\u200bf" in _words(text)
    assert _data(text)["dangers"][0]["what"] == "a\\u202eb"
    assert not re.search("[\u202e\u200b\x1b\ud800]", text)
    text.encode()
