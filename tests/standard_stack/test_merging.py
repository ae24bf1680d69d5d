"""Objects that can be one are one, and say what they said."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.charts.errors import ChartError
from components.charts.manifests import Manifest, identity
from components.standard_stack.merging import merged
from components.standard_stack.network import addresses, allow, default_deny, everywhere_in_the_cluster, namespace
from tests.standard_stack.policy_flows import Flow, Pod, flows, passes
from tests.standard_stack.rendered import rendered, stack_of
from tests.support import EKS, SHIPPED, StackFile

LARGEST_RULES_BYTES = 512 * 1024 // 2
"""Half of what prometheus-operator takes as one file of rules (`maxConfigMapDataSize`, half of a ConfigMap's 1 MiB)."""

PEERS = [
    namespace("other"),
    namespace("other", {"app": "a"}),
    everywhere_in_the_cluster(),
    *addresses("10.0.0.0/8", "0.0.0.0/0", but=["10.1.0.0/16"]),
]
policies = st.lists(
    st.builds(
        lambda pods, ways, peers, ports, protocol: (pods, ways, peers, ports, protocol),
        st.sampled_from([None, {"app": "a"}, {"app": "b"}, {"app": "a", "tier": "x"}]),
        st.sampled_from(["ingress_from", "egress_to"]),
        st.lists(st.sampled_from(PEERS), max_size=2),
        st.lists(st.sampled_from([80, 443]), min_size=1, max_size=2),
        st.sampled_from(["TCP", "UDP"]),
    ),
    max_size=6,
)


@given(policies, st.booleans())
@settings(max_examples=60, deadline=None)
def test_policies_of_the_same_pods_become_one_and_let_pass_what_they_let_pass(ways: list[Any], denied: bool) -> None:
    before = [
        in_namespace(allow(f"way-{at}", pods=pods, **{way: peers}, ports=ports, protocol=protocol))
        for at, (pods, way, peers, ports, protocol) in enumerate(ways)
    ] + [in_namespace(default_deny())] * denied
    after = merged("web", before)
    assert_same_flows(before, after)
    assert len(after) == len({str(pods) for pods, *_ in ways}) + denied


def test_a_flow_that_changed_would_be_found() -> None:
    before = [in_namespace(one) for one in (default_deny(), allow("a", egress_to=[namespace("other")], ports=[80]))]
    wider = [before[0], in_namespace(allow("a", egress_to=[everywhere_in_the_cluster()], ports=[80]))]
    changed = [flow for flow in flows([*before, *wider]) if passes(before, flow) != passes(wider, flow)]
    assert Flow("egress", Pod("system-web", ()), Pod("elsewhere", ()), "TCP", 80) in changed
    assert not [flow for flow in changed if isinstance(flow.peer, str) or flow.port != 80]


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stack)
def test_a_stack_lets_pass_what_its_parts_say(file: StackFile) -> None:
    before, after = unmerged(file), stack_of(file).stack.objects
    for one in {policy["metadata"]["namespace"] for policy in before if policy["kind"] == "NetworkPolicy"}:
        assert_same_flows(of_namespace(before, one), of_namespace(after, one))


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stack)
def test_a_stack_has_the_rules_that_its_parts_bring_in_one_object_for_each_namespace(file: StackFile) -> None:
    before, after = unmerged(file), stack_of(file).stack.objects
    assert groups(after) == groups(before)
    rules = [one for one in after if one["kind"] == "PrometheusRule"]
    assert len({one["metadata"]["namespace"] for one in rules}) == len(rules)
    assert max(len(json.dumps(one["spec"])) for one in rules) < LARGEST_RULES_BYTES


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stack)
def test_nothing_else_of_a_stack_is_touched(file: StackFile) -> None:
    assert others(stack_of(file).stack.objects) == others(unmerged(file))


def test_prometheus_reads_rules_whatever_their_labels_are() -> None:
    """Those of a chart have labels that the merged object has not."""
    spec = stack_of(EKS).one("Prometheus", "monitoring-prometheus")["spec"]
    assert (spec["ruleSelector"], spec["ruleNamespaceSelector"]) == ({}, {})


def test_a_policy_says_what_each_of_its_rules_is_for() -> None:
    pods = {"app.kubernetes.io/name": "web", "app.kubernetes.io/component": "Front"}
    ways = [
        allow("metrics", pods=pods, ingress_from=[namespace("system-monitoring")], ports=[9090]),
        allow("database", pods=pods, egress_to=addresses("10.0.0.1/32"), ports=[5432]),
        allow("requests", pods=pods, ingress_from=[namespace("system-ingress")], ports=[8080]),
    ]
    [policy] = merged("web", [in_namespace(one) for one in ways])
    assert policy["metadata"] == {
        "name": "front-web",
        "namespace": "system-web",
        "annotations": {"kuber.dev/ingress": "metrics, requests", "kuber.dev/egress": "database"},
    }
    assert [rule["ports"][0]["port"] for rule in policy["spec"]["ingress"]] == [9090, 8080]


def test_a_policy_of_all_pods_leaves_the_one_that_denies_alone() -> None:
    deny = in_namespace(default_deny())
    made = merged("web", [deny, in_namespace(allow("metrics", ingress_from=[namespace("a")], ports=[80]))])
    assert [one["metadata"]["name"] for one in made] == ["default-deny", "all-pods"]
    assert made[0] == deny


def test_groups_of_rules_of_one_name_are_refused() -> None:
    with pytest.raises(
        ChartError, match="two groups of rules are called node: PrometheusRule a/one, PrometheusRule a/two"
    ):
        merged("monitoring", [rules("one", "node"), rules("two", "node")])


def assert_same_flows(before: Sequence[Manifest], after: Sequence[Manifest]) -> None:
    changed = [flow for flow in flows([*before, *after]) if passes(before, flow) != passes(after, flow)]
    assert changed == []


def unmerged(file: StackFile) -> list[Manifest]:
    rendering = sys.modules["components.standard_stack.rendered"]  # its name is a function's in the package
    with patch.object(rendering, "merged", lambda _part, objects: objects):
        return rendered(file).objects


def of_namespace(objects: Sequence[Manifest], name: str) -> list[Manifest]:
    return [one for one in objects if one["kind"] == "NetworkPolicy" and one["metadata"]["namespace"] == name]


def groups(objects: Sequence[Manifest]) -> list[str]:
    return sorted(
        f"{one['metadata']['namespace']} {json.dumps(group, sort_keys=True)}"
        for one in objects
        if one["kind"] == "PrometheusRule"
        for group in one["spec"]["groups"]
    )


def others(objects: Sequence[Manifest]) -> dict[tuple[str, str, str], Manifest]:
    return {identity(one): one for one in objects if one["kind"] not in ("NetworkPolicy", "PrometheusRule")}


def in_namespace(one: Manifest) -> Manifest:
    return {**one, "metadata": {**one["metadata"], "namespace": "system-web"}}


def rules(name: str, group: str) -> Manifest:
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": name, "namespace": "a"},
        "spec": {"groups": [{"name": group, "rules": []}]},
    }
