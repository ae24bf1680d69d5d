"""Bundles of CRDs, and CRDs to be removed, as the program registers them."""

from __future__ import annotations

import pytest

from components.charts.crd_bundle import PROVIDER
from components.charts.errors import ChartError
from tests.plans import plan_with_charts
from tests.standard_stack.rendered import rendered
from tests.support import METAL


def test_a_plan_shows_versions_and_digests_and_needs_no_pickling() -> None:
    planned = plan_with_charts(METAL)
    bundles = [one for one in planned.resources.values() if one.type.endswith(":CrdBundle")]
    assert {"prometheus-operator", "cert-manager"} <= {one.name for one in bundles}
    assert {one.inputs["__provider"] for one in bundles} == {PROVIDER}
    crds = {name: facts for one in bundles for name, facts in one.inputs["crds"].items()}
    assert crds["prometheuses.monitoring.coreos.com"]["versions"].startswith("v1 (stored)")
    assert all(len(facts["digest"]) == 64 and facts.keys() == {"versions", "digest"} for facts in crds.values())


def test_crds_to_be_removed_are_one_resource() -> None:
    file = METAL.set("standard_stack.remove_crds", ["widgets.shop.example"])
    (removed,) = [one for one in plan_with_charts(file).resources.values() if one.name == "removed-crds"]
    assert (removed.inputs["crds"], removed.inputs["remove"]) == ({}, ["widgets.shop.example"])


def test_a_crd_that_a_part_brings_can_not_be_removed() -> None:
    file = METAL.set("standard_stack.remove_crds", ["prometheuses.monitoring.coreos.com"])
    with pytest.raises(ChartError, match="part of prometheus-operator, which monitoring brings"):
        rendered(file)


def test_what_is_no_name_of_a_crd_can_not_be_removed() -> None:
    assert (
        "a name such as prometheuses.monitoring.coreos.com"
        in METAL.set("standard_stack.remove_crds", ["Prometheus"]).error()
    )
