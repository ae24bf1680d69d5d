"""`kuber fleet grafana`: data sources of all clusters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.kuber.conftest import Kuber
from tests.support import SHIPPED, StackFile, shipped

SECRET = "v1:3q2+7w=="


def rewrite(project: Path, file: StackFile) -> None:
    project.joinpath(f"Pulumi.{file.stack}.yaml").write_text(file.text, encoding="utf-8")


def data_sources(text: str) -> dict[str, dict[str, Any]]:
    document = YAML(typ="safe", pure=True).load(text)
    assert document["apiVersion"] == 1
    return {one["name"]: one for one in document["datasources"]}


@pytest.fixture
def with_password(project: Path) -> Path:
    file = shipped("prod-eks").set(
        "standard_stack.monitoring.grafana_access",
        {"host": "metrics.shop.example", "source_cidrs": ["10.40.12.0/24"], "basic_auth": {"secure": SECRET}},
    )
    rewrite(project, file)
    return project


def test_each_cluster_that_lets_grafana_read_is_a_data_source(kuber: Kuber) -> None:
    done = kuber("fleet", "grafana")
    found = data_sources(done.out)
    assert (done.code, list(found)) == (0, sorted(file.stack for file in SHIPPED))
    london = found["colo-london"]
    assert (london["type"], london["url"]) == ("prometheus", "https://prometheus.colo-london.shop.example")
    assert london["jsonData"]["tlsAuth"] and london["jsonData"]["timeInterval"] == "30s"
    assert len({one["uid"] for one in found.values()}) == len(found)


def test_a_data_source_keeps_its_uid_whatever_else_changes(kuber: Kuber, with_password: Path) -> None:
    changed = data_sources(kuber("fleet", "grafana").out)["prod-eks"]
    rewrite(with_password, shipped("prod-eks"))
    before = data_sources(kuber("fleet", "grafana").out)["prod-eks"]
    assert changed["url"] != before["url"] and changed["uid"] == before["uid"]


def test_credentials_are_named_and_never_written(kuber: Kuber, with_password: Path) -> None:
    done = kuber("fleet", "grafana")
    found = data_sources(done.out)
    assert found["prod-eks"]["basicAuth"] is True
    assert found["prod-eks"]["basicAuthUser"] == "${KUBER_PROD_EKS_USER}"
    assert found["prod-eks"]["secureJsonData"]["basicAuthPassword"] == "${KUBER_PROD_EKS_PASSWORD}"
    assert all(
        value.startswith("${KUBER_") and value.endswith("}")
        for one in found.values()
        for value in one["secureJsonData"].values()
    )
    assert SECRET not in done.out and "BEGIN" not in done.out
    assert "#   KUBER_PROD_EKS_PASSWORD\n" in done.out


def test_the_internal_authority_is_trusted_where_it_signs(kuber: Kuber) -> None:
    found = data_sources(kuber("fleet", "grafana").out)
    assert found["prod-eks"]["secureJsonData"]["tlsCACert"] == "${KUBER_INTERNAL_CA}"
    assert "tlsAuthWithCACert" not in found["prod-gke"]["jsonData"]


def test_a_cluster_that_lets_nobody_read_is_left_out(kuber: Kuber, project: Path) -> None:
    rewrite(project, shipped("prod-gke").without("standard_stack.monitoring.grafana_access"))
    rewrite(project, shipped("prod-eks").set("standard_stack.monitoring.enabled", False))
    assert list(data_sources(kuber("fleet", "grafana").out)) == ["colo-london"]


def test_the_file_is_written_whole_in_place_of_the_old_one(kuber: Kuber, project: Path) -> None:
    file = project / "sources.yaml"
    file.write_text("old")
    done = kuber("fleet", "grafana", "--output", file)
    assert (done.code, done.out) == (0, "")
    assert file.read_text() == kuber("fleet", "grafana").out
    assert [one.name for one in project.iterdir() if "sources" in one.name] == ["sources.yaml"]


def test_where_nobody_may_read_nothing_is_written(kuber: Kuber, project: Path) -> None:
    for file in SHIPPED:
        rewrite(project, file.without("standard_stack.monitoring.grafana_access"))
    done = kuber("fleet", "grafana", "--output", project / "sources.yaml")
    assert done.code == 1 and "lets Grafana read" in done.err
    assert not (project / "sources.yaml").exists()


def test_two_clusters_are_not_read_at_one_address(kuber: Kuber, project: Path) -> None:
    host = "standard_stack.monitoring.grafana_access.host"
    rewrite(project, shipped("prod-gke").set(host, "prometheus.prod-eks.shop.example"))
    done = kuber("fleet", "grafana")
    assert (done.code, done.out) == (1, "")
    assert "prod-eks and prod-gke are to be read at the same address" in done.err


def test_a_broken_stack_file_leaves_what_was_there(kuber: Kuber, project: Path) -> None:
    output = project / "sources.yaml"
    output.write_text("old")
    (project / "Pulumi.prod-eks.yaml").write_text("config: [\n")
    done = kuber("fleet", "grafana", "--output", output)
    assert done.code == 1 and "Pulumi.prod-eks.yaml:1: not YAML" in done.err
    assert output.read_text() == "old"


def test_a_folder_is_no_file(kuber: Kuber, project: Path) -> None:
    done = kuber("fleet", "grafana", "--output", project)
    assert done.code == 2 and "is a folder" in done.err


def test_a_folder_that_is_not_there_is_told(kuber: Kuber, project: Path) -> None:
    done = kuber("fleet", "grafana", "--output", project / "nowhere" / "sources.yaml")
    assert done.code == 1 and "No such file or directory" in done.err
