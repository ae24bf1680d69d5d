"""The real plugin of the Kubernetes provider is found and used where a machine has it.

There is none to test with, so a program of that name serves the stand-in and tells its port, as a plugin does: what is shown is the
way to a plugin, not what the real one does.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
from pathlib import Path

import pytest

from kuber.rehearsal.control_plane import ControlPlane
from kuber.rehearsal.kubernetes_provider import real_plugin
from kuber.rehearsal.provider import StandInProvider
from tests.rehearsal.kubernetes_objects import Objects, config_map

PLUGIN = "pulumi-resource-kubernetes"
PROJECT = Path(__file__).parents[2]


def stand_in_plugin(folder: Path) -> Path:
    """A program that is a plugin to an engine, with the stand-in behind it."""
    folder.mkdir(parents=True)
    program = folder / PLUGIN
    program.write_text(
        f"""#!{sys.executable}
import sys, time
sys.path.insert(0, {str(PROJECT)!r})
from kuber.rehearsal.kubernetes_provider import KubernetesStandIn
from kuber.rehearsal.provider import StandInServers

open({str(folder / "started")!r}, "a").close()
with StandInServers([KubernetesStandIn()]) as servers:
    print(servers.debug_providers.rpartition(":")[2], flush=True)
    time.sleep(600)
""",
        encoding="utf-8",
    )
    program.chmod(0o755)
    return program


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without plugins, and a PATH without any."""
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    return tmp_path


def test_a_machine_without_the_plugin_has_none(nowhere: Path) -> None:
    assert real_plugin() is None


def test_the_plugin_is_found_on_path_and_in_the_home_of_the_users_engine(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = importlib.metadata.version("pulumi_kubernetes")
    stand_in_plugin(nowhere / "home" / "plugins" / "resource-kubernetes-v0.0.1")
    assert real_plugin() is None, "that of another version is another provider"
    downloaded = stand_in_plugin(nowhere / "home" / "plugins" / f"resource-kubernetes-v{version}")
    assert real_plugin() == downloaded
    on_path = stand_in_plugin(nowhere / "bin")
    monkeypatch.setenv("PATH", f"{nowhere / 'bin'}:/usr/bin:/bin")
    assert real_plugin() == on_path


def test_an_engine_uses_the_plugin_on_its_path_when_no_stand_in_is_attached(
    tmp_path: Path, control_plane: ControlPlane
) -> None:
    program = stand_in_plugin(tmp_path / "bin")
    environment = {"PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}"}
    objects = Objects(tmp_path, control_plane, providers=[StandInProvider("aws")], environment=environment)
    with objects.engine:
        objects.says(config_map("by-plugin", "default", level="info"))
        assert objects.up() == {"by-plugin": ["create"]}
        assert control_plane.api.get(("v1", "ConfigMap"), "default", "by-plugin")
        assert (program.parent / "started").exists()
        assert objects.destroyed() == {"by-plugin": ["delete"]}
