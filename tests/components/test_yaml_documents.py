"""Manifests are read as kubectl reads them."""

from __future__ import annotations

import json
import subprocess

import pytest
import yaml

from components.charts.yaml_documents import manifests, mapping
from tests.requirements import helm

ODD = """
words: [yes, No, on, OFF, y, "yes"]
numbers: [0, 12, -7, +3, 0644, 0x1F, 1e3, 1.5, .5, 1_000, 1:30, 0o17]
texts: [2026-01-01, "12", =, 1.2.3, 08, "0644", null-ish, 12Gi]
nothing: [~, null, ]
"""


def test_plain_scalars_are_what_helm_and_kubectl_take_them_for(tmp_path: object) -> None:
    """Held against Go's reader itself: helm reads values with the same library as kubectl reads manifests."""
    from pathlib import Path

    chart = Path(str(tmp_path), "probe")
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: probe\nversion: 1.0.0\n")
    (chart / "values.yaml").write_text("odd:\n" + "\n".join(f"  {line}" for line in ODD.splitlines()))
    (chart / "templates/probe.yaml").write_text("kind: Probe\nread: |\n  {{ toJson .Values.odd }}\n")
    done = subprocess.run([helm(), "template", "probe", str(chart)], capture_output=True, text=True, check=True)
    [probe] = manifests(done.stdout)
    assert mapping(ODD) == json.loads(probe["read"])


def test_lists_of_objects_are_taken_apart_and_empty_documents_passed_over() -> None:
    text = "---\n# nothing\n---\nkind: List\nitems: [{kind: A}, {kind: B}]\n---\nkind: C\n"
    assert [one["kind"] for one in manifests(text)] == ["A", "B", "C"]


@pytest.mark.parametrize("text", ["just text", "- a\n- b", "name: no kind"])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(yaml.YAMLError, match="not a Kubernetes object"):
        list(manifests(text))
