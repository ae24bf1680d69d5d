"""A bundle of CRDs under the real engine and its host for dynamic resources, against a stand-in for an API server."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.charts.cache import ChartCache, Entry, digest_of
from components.charts.rendering import crds_of_file
from config.release import CrdPin
from kuber.plan.registration import UNKNOWN
from kuber.rehearsal.engine import Engine, EngineError
from kuber.rehearsal.provider import StandInProvider
from tests.stand_in_api_server import StandInApiServer, credential_plugin

CRD = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: things.shop.example
  annotations: {from: VERSION}
spec:
  group: shop.example
  names: {plural: things, kind: Thing}
  scope: Namespaced
  versions:
    - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, description: the body of it all}}}
"""
OLDER_VERSION = "    - {name: v1alpha1, served: true, storage: false}\n"
BUNDLE = "urn:pulumi:dev::crds::pulumi-python:dynamic/charts:CrdBundle::operator"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[StandInApiServer]:
    server = StandInApiServer(tmp_path)
    yield server
    server.stop()


class Project:
    """A project with one bundle in one cluster, and what its program says of them."""

    def __init__(self, folder: Path, kubeconfig: str) -> None:
        self.folder = folder
        self.cluster = "the first one"
        self.kubeconfig = kubeconfig
        shutil.copytree(Path(__file__).parent / "crd_program", folder)
        (folder / ".venv").symlink_to(sys.prefix, target_is_directory=True)

    def brings(self, version: str, crd: str = CRD) -> None:
        """The CRD of this version, which is then in the cache."""
        file = self.folder / "crds.yaml"
        file.write_text(crd.replace("VERSION", version), encoding="utf-8")
        entry = Entry(
            name="operator", version=version, digest=digest_of(file.read_bytes()), source=str(file), verified=True
        )
        ChartCache().add("manifests", entry, file)
        pin = CrdPin(version=version, url="https://shop.example/crds.yaml", api_versions=("shop.example/v1",))
        crds, _ = crds_of_file("operator", pin, ChartCache())
        bundle = {
            "version": version,
            "crds": {name: dataclasses.asdict(facts) for name, facts in crds.items()},
            "cluster": self.cluster,
            "kubeconfig": self.kubeconfig,
        }
        (self.folder / "bundle.json").write_text(json.dumps(bundle), encoding="utf-8")


@pytest.fixture
def project(api: StandInApiServer, engine_tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("KUBER_TOOLS_BIN", str(engine_tools))
    return Project(tmp_path / "crds", api.kubeconfig(credential_plugin(tmp_path / "get-token")))


def test_the_life_of_a_bundle(api: StandInApiServer, project: Project) -> None:
    project.brings("v1.0.0", CRD + OLDER_VERSION)
    with Engine(project.folder) as engine:
        first = engine.preview("dev")
        assert first.operations[BUNDLE] == "create"
        (registered,) = [one for one in first.resources if one["urn"] == BUNDLE]
        assert registered["inputs"]["kubeconfig"] == UNKNOWN
        assert api.asked == []

        engine.up("dev")
        assert api.applied() == ["things.shop.example"]
        assert BUNDLE not in engine.preview("dev").operations
        api.next_answers = [(403, {}, "viewer cannot get resource customresourcedefinitions")]
        assert BUNDLE not in engine.preview("dev").operations
        assert api.next_answers == []

        state = engine.state("dev")
        assert "things.shop.example" in state
        assert "the body of it all" not in state

        project.brings("v1.1.0", CRD + OLDER_VERSION)
        changed = engine.preview("dev")
        assert changed.operations[BUNDLE] == "update"
        (step,) = [one for one in changed.steps if (one["urn"], one["op"]) == (BUNDLE, "update")]
        assert sorted(step["detailedDiff"]) == ['crds["things.shop.example"].digest', "version"]
        engine.up("dev")
        assert len(api.applied()) == 2
        assert api.crds["things.shop.example"]["metadata"]["annotations"] == {"from": "v1.1.0"}

        del api.crds["things.shop.example"]
        assert engine.preview("dev").operations[BUNDLE] == "update"
        engine.up("dev")
        assert "things.shop.example" in api.crds

        told = engine.destroy("dev").text
        assert "CRDs stay in the cluster, and so do their objects: things.shop.example" in told
        assert BUNDLE not in engine.state("dev")
        assert "things.shop.example" in api.crds


def test_what_can_not_be_applied_is_told_in_the_preview(api: StandInApiServer, project: Project) -> None:
    project.brings("v1.0.0", CRD + OLDER_VERSION)
    with Engine(project.folder) as engine:
        engine.up("dev")
        api.crds["things.shop.example"]["status"]["storedVersions"] = ["v1alpha1", "v1"]
        project.brings("v2.0.0", CRD)
        with pytest.raises(EngineError, match=r"stored in v1alpha1, which v2\.0\.0 doesn't have any more"):
            engine.preview("dev")
        shutil.rmtree(ChartCache().folder / "crds")
        with pytest.raises(EngineError, match="`kuber charts fetch`"):
            engine.preview("dev")
        assert len(api.applied()) == 1


def test_a_cluster_that_is_made_anew_gets_its_crds(api: StandInApiServer, project: Project, tmp_path: Path) -> None:
    class Cloud(StandInProvider):
        def replacing_properties(self, resource_type: str) -> frozenset[str]:
            return frozenset({"description"})

    project.brings("v1.0.0")
    with Engine(project.folder, providers=[Cloud("aws")]) as engine:
        engine.up("dev")
        api.stop()
        other = StandInApiServer(tmp_path)
        project.cluster, project.kubeconfig = "another one", other.kubeconfig(tmp_path / "get-token")
        project.brings("v1.0.0")
        assert engine.preview("dev").operations[BUNDLE] == "update"
        engine.up("dev")
        assert other.applied() == ["things.shop.example"]
        other.stop()
