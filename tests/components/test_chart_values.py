"""Values that a chart doesn't know are found, its subcharts' included."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from components.charts.values import chart_values, unknown_values
from tests.requirements import helm

KNOWN = {"replicas": 1, "image": {"tag": "v1"}, "extra": {}, "anything": None, "nodeSelector": {"os": "linux"}}


def test_a_misspelt_value_is_found_at_any_depth() -> None:
    assert list(unknown_values({"replica": 2, "image": {"tga": "v2"}}, KNOWN)) == ["replica", "image.tga"]


def test_what_the_chart_leaves_empty_takes_any_keys() -> None:
    assert list(unknown_values({"extra": {"a": {"b": 1}}, "anything": {"c": 1}}, KNOWN)) == []


def test_what_kubernetes_defines_is_not_the_chart_s_to_know() -> None:
    assert list(unknown_values({"nodeSelector": {"kuber.dev/pool": "system"}}, KNOWN)) == []
    assert list(unknown_values({"nodeSelecter": {}}, KNOWN)) == ["nodeSelecter"]


def test_what_templates_read_alone_is_named_by_the_part() -> None:
    assert list(unknown_values({"image": {"digest": "x"}}, KNOWN, free_form=["image.digest"])) == []


def test_subcharts_are_known_by_name_or_alias_packed_or_as_folders(tmp_path: Path) -> None:
    for name in ("inner", "other"):
        chart = tmp_path / name
        (chart / "templates").mkdir(parents=True)
        (chart / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: 1.0.0\n")
        (chart / "values.yaml").write_text(f"of_{name}: 1\nshared: {{a: 1}}\n")
    subprocess.run([helm(), "package", str(tmp_path / "inner"), "-d", str(tmp_path)], check=True, capture_output=True)
    dependencies = "dependencies: [{name: inner, version: 1.0.0, alias: renamed}, {name: other, version: 1.0.0}]\n"
    files = {
        "outer/Chart.yaml": f"apiVersion: v2\nname: outer\nversion: 1.0.0\n{dependencies}".encode(),
        "outer/values.yaml": b"own: 1\nother: {shared: {b: 2}}\n",
        "outer/charts/inner-1.0.0.tgz": (tmp_path / "inner-1.0.0.tgz").read_bytes(),
        "outer/charts/other/Chart.yaml": (tmp_path / "other/Chart.yaml").read_bytes(),
        "outer/charts/other/values.yaml": (tmp_path / "other/values.yaml").read_bytes(),
    }
    archive = tmp_path / "outer.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        for path, content in files.items():
            member = tarfile.TarInfo(path)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))

    known = chart_values(archive)
    assert list(unknown_values({"renamed": {"of_inner": 2}, "other": {"shared": {"a": 2, "b": 3}}}, known)) == []
    assert list(unknown_values({"inner": {}, "other": {"of_inner": 1}, "renamed": {"x": 1}}, known)) == [
        "inner",
        "other.of_inner",
        "renamed.x",
    ]
