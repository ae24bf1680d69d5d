"""The values that parts give to charts, held against what upstream's own charts know at the pinned versions."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema

from components.charts.rendering import Chart
from components.charts.values import unknown_values
from components.charts.yaml_documents import mapping
from components.standard_stack.parts import parts
from components.standard_stack.site import Site
from config.release import read_release
from tests import requirements
from tests.standard_stack.test_every_object import every_stack
from tests.support import StackFile

SUBCHARTS = {
    "kube-prometheus-stack": (
        "kube-state-metrics",
        "prometheus-node-exporter",
        "grafana",
        "prometheus-windows-exporter",
    ),
    "metallb": ("frr-k8s",),
    "linkerd-crds": ("partials",),
    "linkerd-control-plane": ("partials",),
}
"""Charts within charts, whose values stand below their names."""

WITHOUT_UPSTREAM = {"aws-load-balancer-controller", "kube-vip", "linkerd2-cni", "local-path-provisioner"}
"""Charts of which there are no upstream values here to hold against."""


@every_stack
def test_upstream_s_charts_know_every_value(file: StackFile) -> None:
    upstream = requirements.shared("upstream/charts")
    unknown = {
        f"{chart.name}: {value}"
        for chart in charts_of(file)
        if chart.name not in WITHOUT_UPSTREAM
        for value in unknown_values(chart.values, known_values(upstream, chart.name), chart.free_form)
    }
    assert not unknown


@every_stack
def test_upstream_s_schemas_take_every_value(file: StackFile) -> None:
    upstream, pins = requirements.shared("upstream/charts"), read_release(file.read().release).charts
    told = [
        f"{chart.name}: {'.'.join(map(str, error.path))}: {error.message}"
        for chart in charts_of(file)
        if (schema := upstream / chart.name / "values.schema.json").exists() and not pins[chart.name].schema_skipped
        for error in errors(json.loads(schema.read_text(encoding="utf-8")), upstream, chart)
    ]
    assert told == []


def test_a_value_of_another_kind_is_told() -> None:
    """So that the schemas are ones that refuse something."""
    upstream = requirements.shared("upstream/charts")
    schema = json.loads((upstream / "cert-manager" / "values.schema.json").read_text(encoding="utf-8"))
    assert errors(schema, upstream, Chart(name="cert-manager", values={"webhook": {"timeoutSeconds": "ten"}}))


def test_the_tests_own_charts_know_no_value_that_upstream_s_don_t() -> None:
    upstream = requirements.shared("upstream/charts")
    own = Path(__file__).parents[1] / "charts"
    unknown = {
        f"{folder.name}: {value}"
        for folder in sorted(own.iterdir())
        if folder.is_dir() and folder.name not in WITHOUT_UPSTREAM
        for value in unknown_values(
            mapping((folder / "values.yaml").read_text(encoding="utf-8")), known_values(upstream, folder.name), ()
        )
    }
    assert not unknown


def charts_of(file: StackFile) -> list[Chart]:
    """The charts of a stack, each with its values."""
    settings = file.read()
    site = Site(name=file.stack, settings=settings, release=read_release(settings.release))
    found = [chart for part in parts(site) for chart in part.charts]
    assert found
    return found


def errors(schema: Mapping[str, Any], upstream: Path, chart: Chart) -> list[jsonschema.ValidationError]:
    """What a chart's schema says of upstream's own values with those of the part over them, as helm hands them over."""
    own = mapping((upstream / chart.name / "values.yaml").read_text(encoding="utf-8"))
    given = json.loads(json.dumps(together(own, chart.values), default=str))
    return list(jsonschema.Draft7Validator(schema).iter_errors(given))


def known_values(upstream: Path, name: str) -> dict[str, Any]:
    """A chart's values as upstream has them, with its subcharts'; `global` is every chart's."""
    values = mapping((upstream / name / "values.yaml").read_text(encoding="utf-8"))
    for subchart in SUBCHARTS.get(name, ()):
        own = mapping((upstream / subchart / "values.yaml").read_text(encoding="utf-8"))
        values[subchart] = together(own, values.get(subchart) or {})
    return {**values, "global": values.get("global") or {}}


def together(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """All keys of two mappings, at any depth; where both have one, the other's value."""
    both = {
        key: together(one[key], other[key])
        for key in one.keys() & other.keys()
        if isinstance(one[key], Mapping) and isinstance(other[key], Mapping)
    }
    return {**one, **other, **both}
