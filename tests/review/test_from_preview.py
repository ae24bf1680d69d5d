"""The review of a preview: the engine's verdicts, with our own beside them where they differ, and never a secret."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from kuber.review import wording
from kuber.review.comparison import Measure
from kuber.review.from_preview import cluster_of_preview, review_of_preview, review_of_previews
from kuber.review.markdown import markdown
from kuber.review.model import Change, ClusterReview, Review
from kuber.review.page import page
from kuber.review.prices import PriceList
from kuber.review.terminal import show
from tests.review.previews import (
    DEFAULT_PROVIDER,
    SECRET,
    STACK,
    UNKNOWN,
    preview,
    replace,
    root,
    same,
    state,
    step,
    update,
    urn,
)

MEASURE = Measure(day=date(2026, 11, 22))
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
POOL_COMPONENT = "kuber:node_pools:ManagedNodeGroup"
CLUSTER = "aws:eks/cluster:Cluster"
BUCKET = "aws:s3/bucket:Bucket"
CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
SECRET_TYPE = "kubernetes:core/v1:Secret"
PROVIDER = "pulumi:providers:kubernetes"
EKS_COMPONENT = state("kuber:eks:EksCluster", "prod-eks")
POOL = state(POOL_COMPONENT, "prod-eks-system", parent=EKS_COMPONENT["urn"])


def bucket(name: str = "logs", **inputs: Any) -> dict[str, Any]:
    return state(BUCKET, name, {"bucket": name, **inputs})


def node_group(machine_type: str = "m7g.large", most: int = 6, **others: Any) -> dict[str, Any]:
    inputs = {
        "instanceTypes": [machine_type],
        "labels": {"kuber.dev/pool": "system", "kuber.dev/capacity": "on_demand"},
        "scalingConfig": {"minSize": 3, "maxSize": most},
        **others,
    }
    return state(NODE_GROUP, "prod-eks-system", inputs, parent=POOL["urn"])


def config_map(**data: Any) -> dict[str, Any]:
    return state(
        CONFIG_MAP,
        "x/settings",
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "x"}, "data": data},
    )


def reviewed(*steps: dict[str, Any], **others: Any) -> ClusterReview:
    return cluster_of_preview(preview(*steps, **others), MEASURE)


def change(*steps: dict[str, Any], **others: Any) -> Change:
    (found,) = reviewed(*steps, **others).changes
    return found


def properties(one: Change) -> dict[str, tuple[Any, Any, bool]]:
    return {told.path: (told.before, told.after, told.replaces) for told in one.properties}


def shown(review: Review) -> str:
    """All that anybody gets to see."""
    terminal = io.StringIO()
    show(review, terminal, diffs=True)
    return "\n".join([terminal.getvalue(), markdown(review), page(review), json.dumps(review.document())])


def test_the_review_says_what_it_is_of_and_that_the_engine_sees_it_so() -> None:
    review = review_of_preview(preview(update(bucket(), bucket(tags={"a": "b"}), "tags")), MEASURE)
    assert wording.compared(review) == "what is there → the preview of prod-eks, as the engine sees it"
    assert (review.source, [one.stack for one in review.clusters]) == ("engine", [STACK])
    assert [one.change.label for one in review.entries] == ["Bucket logs"]


def test_where_nothing_changes_the_cluster_is_the_same() -> None:
    review = review_of_preview(preview(same(bucket()), same(node_group())), MEASURE)
    assert (review.clusters[0].status, review.changes_something) == ("same", False)
    assert wording.headline(review) == wording.NO_CHANGE


def test_a_verdict_that_is_ours_too_needs_no_word() -> None:
    found = change(replace(node_group(), node_group("m7g.xlarge"), "instanceTypes[0]"))
    assert (found.operation, found.engine, found.because) == ("replace", None, "")
    assert properties(found) == {"instanceTypes[0]": ("m7g.large", "m7g.xlarge", True)}


def test_the_engines_replacement_stands_and_ours_beside_it() -> None:
    found = change(replace(node_group(), node_group(most=9), "scalingConfig.maxSize"))
    assert found.operation == "replace"
    assert (
        found.engine == "replace, because of scalingConfig.maxSize; by kuber's own facts it would be updated in place"
    )
    assert properties(found) == {"scalingConfig.maxSize": (6, 9, True)}
    assert f"the engine says: {found.engine}" in wording.remarks(found)


def test_where_the_engine_updates_what_we_would_replace_nothing_is_said_to_replace() -> None:
    found = change(update(node_group(), node_group("m7g.xlarge"), "instanceTypes"))
    assert (found.operation, found.deletes_first) == ("update", False)
    assert found.engine == "update; by kuber's own facts it would be replaced, because of instanceTypes[0]"
    assert properties(found) == {"instanceTypes[0]": ("m7g.large", "m7g.xlarge", False)}


def test_what_its_provider_leaves_as_it_is_changes_nothing_and_is_told() -> None:
    review = reviewed(same(node_group()) | {"newState": node_group("m7g.xlarge")})
    assert (review.status, review.changes) == ("same", [])
    assert review.notes == [
        "their inputs differ, and the engine leaves them as they are: "
        "NodeGroup prod-eks-system (by kuber's own facts replaced)"
    ]


def test_what_follows_a_replacement_that_the_engine_does_not_make_does_not_follow() -> None:
    follower = state(
        BUCKET,
        "copy",
        {"bucket": "copy", "policy": "a"},
        propertyDependencies={"policy": [urn(NODE_GROUP, "prod-eks-system")]},
    )
    unknown = follower | {
        "inputs": {"bucket": "copy", "policy": UNKNOWN},
        "dependencies": [urn(NODE_GROUP, "prod-eks-system")],
    }

    def because(pool: dict[str, Any]) -> str:
        (found,) = [one for one in reviewed(pool, update(follower, unknown, "policy")).changes if one.name == "copy"]
        return found.because

    new = node_group("m7g.xlarge")
    assert (
        because(replace(node_group(), new, "instanceTypes")) == "follows the replacement of NodeGroup prod-eks-system"
    )
    assert because(update(node_group(), new, "instanceTypes")) == ""


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("id", "the engine was told to replace it"),
        ("provider", "its provider becomes another"),
        ("replaceWith", "it is replaced together with what its `replaceWith` names"),
    ],
)
def test_a_replacement_for_no_property_says_why(key: str, told: str) -> None:
    found = change(step("replace", bucket(), bucket(), replaceReasons=[key]))
    assert (found.operation, found.because, found.properties) == ("replace", told, [])
    assert found.engine == "replace; by kuber's own facts it would be left as it is"


def test_a_replacement_without_any_reason_says_so() -> None:
    assert change(step("replace", bucket(), bucket())).because == "the engine doesn't say why"


def test_what_was_not_ready_is_updated_again_for_that() -> None:
    found = change(step("update", bucket(), bucket(), diffReasons=["#initerror"]))
    assert (found.because, found.properties) == ("it wasn't ready after its last change", [])


def test_a_property_called_like_a_reason_is_a_property() -> None:
    found = change(replace(bucket(provider="a"), bucket(provider="b"), "provider"))
    assert (found.because, properties(found)) == ("", {"provider": ("a", "b", True)})


def test_which_comes_first_is_the_engines_word_where_it_tells() -> None:
    old, new = config_map(a="1"), config_map(a="2")
    by_steps = [
        step("create-replacement", old, new, replacing=["data"]),
        step("replace", old, new),
        step("delete-replaced", old),
    ]
    assert change(replace(old, new, "data.a")).deletes_first  # both would have one name
    renamed = new | {"inputs": new["inputs"] | {"metadata": {"name": "better-settings", "namespace": "x"}}}
    assert not change(replace(old, renamed, "metadata.name")).deletes_first
    assert not change(*by_steps).deletes_first


def test_what_the_world_has_otherwise_than_the_inputs_say_is_told_from_there() -> None:
    old = bucket(acl="private") | {"outputs": {"bucket": "logs", "acl": "public"}}
    assert properties(change(update(old, bucket(acl="private"), "acl"))) == {"acl": ("public", "private", False)}


def test_what_differs_only_in_the_world_is_told_from_there() -> None:
    old = bucket() | {"outputs": {"bucket": "logs", "versioning": {"enabled": False}}}
    found = change(update(old, bucket(), "versioning.enabled"))
    assert properties(found) == {"versioning.enabled": (False, "<unknown>", False)}
    assert found.engine == "update, because of versioning.enabled; by kuber's own facts it would be left as it is"


def test_names_that_a_provider_chose_are_left_out_until_they_differ() -> None:
    old = bucket("a") | {"inputs": {"bucket": "logs-0a1b2c3", "acl": "private", "__defaults": ["bucket", "acl"]}}
    new = bucket("a") | {
        "inputs": {
            "bucket": "logs-0a1b2c3",
            "acl": "public",
            "tags": {"a": "b", "__defaults": []},
            "__defaults": ["bucket", "acl"],
        }
    }
    found = change(update(old, new, "tags", "acl"))
    assert {*properties(found)} == {"tags", "acl"}
    assert properties(found)["acl"] == ("private", "public", False)
    assert found.inputs("after") == {"tags": {"a": "b"}}


def test_what_only_an_apply_tells_is_unknown() -> None:
    review = reviewed(update(bucket(policy="a"), bucket(policy=UNKNOWN), "policy"))
    assert properties(review.changes[0]) == {"policy": ("a", "<unknown>", False)}
    assert [(one.kind, list(one.properties), one.resources) for one in review.unknown] == [("Bucket", ["policy"], 1)]


@pytest.mark.parametrize("secret", ["[secret]", SECRET])
def test_a_secret_that_changes_is_told_to_change_and_no_more(secret: Any) -> None:
    found = change(update(bucket(key=secret), bucket(key=secret), "key"))
    assert (properties(found), found.engine) == ({"key": ("[secret]", "[secret]", False)}, None)
    assert wording.lines(found)[0].values == ["[secret, changed]"]


def test_within_a_structure_that_is_secret_as_a_whole_the_secret_is_all_there_is() -> None:
    old, new = (state(SECRET_TYPE, "x/keys", {"kind": "Secret", "data": SECRET}) for _ in range(2))
    assert properties(change(update(old, new, "data.password"))) == {"data.password": ("[secret]", "[secret]", False)}


def test_no_secret_is_ever_shown_declared_or_not() -> None:
    def holding(number: int) -> list[dict[str, Any]]:
        return [
            bucket(
                url=f"https://me:hunter{number}-in-url@host/",
                key=f"-----BEGIN PRIVATE KEY-----\nhunter{number}\n-----END PRIVATE KEY-----",
            ),
            state(
                SECRET_TYPE,
                "x/keys",
                {"kind": "Secret", "metadata": {"name": "keys"}, "stringData": {"a": f"hunter{number}-in-data"}},
            ),
            config_map(
                settings=f"password: hunter{number}-in-text",
                env=[{"name": "DB_PASSWORD", "value": f"hunter{number}-in-env"}],
            ),
            state(
                PROVIDER,
                "prod-eks",
                {
                    "kubeconfig": json.dumps({"users": [{"user": {"password": f"hunter{number}-in-json"}}]}),
                    "token": f"hunter{number}",
                },
            ),
        ]

    changes = [
        update(old | {"outputs": {"was": "https://me:hunter3-in-outputs@host"}}, new, *new["inputs"], "was")
        for old, new in zip(holding(1), holding(2), strict=True)
    ]
    come_and_go = [
        step("create", None, bucket("new", url="https://me:hunter4@host")),
        step("delete", bucket("old", url="https://me:hunter5@host")),
    ]
    said = [{"severity": "warning", "message": "warning: https://me:hunter6@host is slow"}]
    outputs = {"password": "[secret]", "url": "https://me:hunter7@host"}
    review = review_of_preview(preview(root(outputs=outputs), *changes, *come_and_go, diagnostics=said), MEASURE)
    assert len(review.clusters[0].changes) == 6
    assert "hunter" not in shown(review)


def test_a_secret_that_nobody_declared_is_seen_to_change_or_stay() -> None:
    old, new = (
        bucket(url=f"https://me:{password}@host/", tags={"a": tag})
        for password, tag in (("one-password", "1"), ("other-password", "2"))
    )
    assert {*properties(change(update(old, new, "url", "tags.a")))} == {"url", "tags.a"}
    kept = old | {"inputs": {**old["inputs"], "tags": {"a": "2"}}}
    assert {*properties(change(update(old, kept, "tags.a")))} == {"tags.a"}


def test_a_stack_that_is_made_is_a_new_cluster() -> None:
    review = reviewed(root("create"), step("create", None, EKS_COMPONENT), step("create", None, bucket()))
    assert (review.status, review.counts, review.notes) == ("new", {"create": 1}, [])


def test_a_stack_that_is_destroyed_loses_what_is_in_it() -> None:
    review = reviewed(root("delete"), step("delete", bucket()), step("delete", node_group()))
    assert (review.status, review.counts) == ("changed", {"delete": 2})
    assert {one.rule for one in review.dangers} == {"pool-removed"}


def test_what_is_forgotten_and_not_deleted_is_told_so() -> None:
    found = change(step("delete", bucket() | {"retainOnDelete": True}))
    assert (found.operation, found.retained) == ("delete", True)


def test_what_is_imported_is_not_made() -> None:
    found = change(step("import", None, bucket() | {"importID": "logs"}))
    assert (found.operation, found.engine) == ("create", "import; it is there already, and only comes into the state")


def test_protection_that_is_lifted_is_seen_though_the_resource_stays() -> None:
    review = reviewed(same(bucket() | {"protect": True}) | {"newState": bucket()})
    (found,) = review.changes
    assert (found.operation, found.engine) == ("update", "same; only what it notes of it changes")
    assert [one.rule for one in review.dangers] == ["protection-lifted"]


def test_a_renamed_resource_is_one_resource() -> None:
    old, new = bucket("logs"), bucket("logs") | {"urn": urn(BUCKET, "better-logs"), "aliases": [urn(BUCKET, "logs")]}
    renamed = change(same(new) | {"oldState": old})
    assert (wording.verb(renamed), renamed.renamed_from, renamed.engine) == ("rename", old["urn"], None)
    changed = new | {"inputs": {**new["inputs"], "tags": {"a": "b"}}, "aliases": None}
    found = change(update(old, changed, "tags"))
    assert (found.operation, found.renamed_from, {*properties(found)}) == ("update", old["urn"], {"tags"})


def test_a_provider_that_is_updated_is_a_change() -> None:
    old, new = (
        state(PROVIDER, "prod-eks", {"kubeconfig": config, "version": "4.34.2", "__internal": {}}) for config in "ab"
    )
    assert properties(change(update(old, new, "kubeconfig"))) == {"kubeconfig": ("a", "b", False)}


def test_the_engines_own_providers_and_what_it_only_reads_are_no_change() -> None:
    read = step("read", None, bucket() | {"external": True})
    default = [
        step(op, *pair)
        for op, pair in (
            ("create", (None, state("pulumi:providers:aws", "default_7_12_0"))),
            ("delete", (state("pulumi:providers:aws", "default_7_11_0"),)),
        )
    ]
    assert reviewed(read, *default).status == "same"


def test_a_resource_of_the_engines_own_provider_has_none_as_in_a_plan() -> None:
    old, new = (bucket(tags={"a": one}) | {"provider": f"{DEFAULT_PROVIDER}::0a1b"} for one in "12")
    found = change(update(old, new, "tags.a"))
    assert found.after and found.after["provider"] is None


def test_a_component_is_no_change_but_where_the_change_is() -> None:
    part = state("kuber:standard_stack:Part", "ingress", {"charts": {"nginx": "1"}})
    moved = part | {"inputs": {"charts": {"nginx": "2"}}}
    old, new = (config_map(a=one) | {"parent": part["urn"]} for one in "12")
    found = change(update(part, moved, "charts"), update(old, new, "data.a"))
    assert (found.label, list(found.component)) == ("ConfigMap x/settings", ["Part ingress"])


def test_without_what_stays_the_report_says_what_it_lacks() -> None:
    told = update(node_group(), node_group(most=9), "scalingConfig.maxSize")
    short = reviewed(told, changeSummary={"same": 41, "update": 1})
    assert list(short.changes[0].component) == ["ManagedNodeGroup prod-eks-system"]
    assert short.notes == [
        "40 resources stay as they are, of which this preview says no more: components, pools and what they cost are "
        "those of what changes alone (`pulumi preview --json --show-sames` tells all)"
    ]
    whole = reviewed(same(EKS_COMPONENT), same(POOL), told)
    assert list(whole.changes[0].component) == ["EksCluster prod-eks", "ManagedNodeGroup prod-eks-system"]
    assert whole.notes == []


def test_a_refresh_makes_up_for_what_stays_and_is_not_told_of() -> None:
    labels = {"kuber.dev/pool": "workers", "kuber.dev/capacity": "on_demand"}
    other = node_group(labels=labels) | {"urn": urn(NODE_GROUP, "prod-eks-workers")}
    looked_at = [step("refresh", one, one) for one in (root()["oldState"], EKS_COMPONENT, POOL, node_group(), other)]
    told = update(node_group(), node_group(most=9), "scalingConfig.maxSize")
    review = reviewed(*looked_at, root(), told, changeSummary={"same": 4, "update": 1})
    assert wording.nodes(review) == "nodes 6–12 → 6–15"
    assert list(review.changes[0].component) == ["EksCluster prod-eks", "ManagedNodeGroup prod-eks-system"]
    assert review.notes == []


def test_what_a_refresh_found_is_told() -> None:
    edited = bucket(tags={"by": "hand"})
    looked_at = [step("refresh", one, one) for one in (root()["oldState"], bucket(), bucket("gone"))]
    review = reviewed(*looked_at, root(), update(edited, bucket(), "tags"), step("create", None, bucket("gone")))
    assert review.notes == [
        "gone, as the refresh found, and made anew if the program still wants them: Bucket gone",
        "other than the state has them, as the refresh found: Bucket logs",
    ]
    assert review.counts == {"create": 1, "update": 1}


def test_leftovers_of_a_replacement_are_told_though_nothing_else_changes() -> None:
    review = reviewed(same(bucket()), step("delete-replaced", bucket() | {"delete": True}))
    assert (review.status, list(review.changes)) == ("changed", [])
    assert review.notes == ["an earlier replacement was cut off, and left old ones that are deleted now: Bucket logs"]


def test_a_long_list_in_a_note_is_cut() -> None:
    looked_at = [
        step("refresh", one, one) for one in (root()["oldState"], *(bucket(f"b{number:02}") for number in range(12)))
    ]
    (note,) = reviewed(*looked_at, root()).notes
    assert note.endswith("Bucket b08, Bucket b09 and 2 more")


def test_what_the_engine_warns_of_is_a_note() -> None:
    said = [{"severity": "warning", "message": "warning: the state may be stale"}]
    review = reviewed(same(bucket()), diagnostics=said, maybeCorrupt=True)
    assert review.notes == [
        "the engine says that the state may be damaged: look at it (`pulumi stack export`) before anything else",
        "the engine warns: the state may be stale",
    ]


def test_pools_money_and_dangers_are_those_of_any_review() -> None:
    prices = PriceList.model_validate({"currency": "EUR", "machine_types": {"m7g.large": {"on_demand": 0.1}}})
    told = update(node_group(), node_group(most=4), "scalingConfig.maxSize")
    review = cluster_of_preview(preview(told), Measure(day=MEASURE.day, prices=prices))
    assert wording.pool_changes(review) == [("system", "nodes 3–6 → 3–4")]
    assert wording.money(review, "EUR") == "EUR 219–438 → 219–292 a month"
    assert [one.rule for one in review.dangers] == ["pool-capped"]


def test_a_version_that_is_skipped_is_seen_without_the_stacks_outputs() -> None:
    old, new = (state(CLUSTER, "prod-eks", {"version": version}) for version in ("1.33", "1.35"))
    review = reviewed(root(outputs={"kubernetesVersion": "1.33"}), update(old, new, "version"))
    assert "minor-skipped" in {one.rule for one in review.dangers}


def test_an_objects_manifest_is_diffed() -> None:
    review = review_of_preview(preview(replace(config_map(a="1"), config_map(a="2"), "data.a")), MEASURE)
    (manifest,) = review.manifests
    assert '-  a: "1"' in manifest.diff.replace("'", '"') and manifest.operation == "replace"


def test_every_form_of_the_report_holds_the_engines_word() -> None:
    review = review_of_preview(preview(replace(node_group(), node_group(most=9), "scalingConfig.maxSize")), MEASURE)
    terminal = io.StringIO()
    show(review, terminal)
    for text in (terminal.getvalue(), markdown(review), page(review), json.dumps(review.document())):
        assert "it would be updated in place" in " ".join(text.replace("&#39;", "'").split())


@pytest.mark.parametrize("path", ["\x1b[31mred", "<script>alert(1)</script>", "a](http://x)"])
def test_names_that_would_do_harm_are_shown_as_text(path: str) -> None:
    review = review_of_preview(
        preview(replace(bucket(tags={path: 1}), bucket(tags={path: 2}), f"tags[{json.dumps(path)}]")), MEASURE
    )
    terminal = io.StringIO()
    show(review, terminal)
    assert "\x1b" not in terminal.getvalue() + markdown(review) + page(review)
    assert "<script>alert" not in page(review)


def test_several_previews_are_one_review() -> None:
    told = update(bucket(), bucket(tags={"a": "b"}), "tags")
    eks = cluster_of_preview(preview(told), MEASURE)
    gke = cluster_of_preview(preview(told).replace(STACK, "prod-gke"), MEASURE)
    review = review_of_previews([eks, gke], MEASURE)
    assert [list(one.stacks) for one in review.entries] == [["prod-eks", "prod-gke"]]
    assert review.head == "the previews of prod-eks, prod-gke"


def test_the_changes_are_sorted_as_in_any_review() -> None:
    names = ["c", "a", "b"]
    steps: Sequence[dict[str, Any]] = [step("create", None, bucket(name)) for name in names]
    found = reviewed(*steps).changes
    assert [one.name for one in found] == sorted(names)
