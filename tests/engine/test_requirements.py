"""What is missing skips a test and says how to get it; where everything is required, it fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import requirements
from tests.requirements import missing
from tools import build


def test_what_is_missing_skips_and_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBER_REQUIRE_ALL", raising=False)
    with pytest.raises(pytest.skip.Exception, match="the engine is missing: run `make tools`"):
        missing("the engine", "run `make tools`")


def test_what_is_missing_fails_where_everything_is_required(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBER_REQUIRE_ALL", "1")
    with pytest.raises(pytest.fail.Exception, match="the engine is missing: run `make tools`"):
        missing("the engine", "run `make tools`")


@pytest.fixture
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing but this folder on PATH, where nothing has been built."""
    monkeypatch.delenv("KUBER_REQUIRE_ALL", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("tool", [requirements.helm, requirements.kubeconform, requirements.crane])
def test_a_tool_that_is_not_built_skips(tool: Callable[[], Path], bare_machine: Path) -> None:
    name = tool.__name__
    with pytest.raises(pytest.skip.Exception, match=f"{name} is missing: no {name} is on PATH, .* run `make tools`"):
        tool()


def test_a_control_plane_that_is_not_built_skips(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    with pytest.raises(
        pytest.skip.Exception, match=r"a real control plane is missing: no etcd is on PATH, .* `make tools`"
    ):
        requirements.control_plane()


def test_a_tool_that_is_built_is_found(bare_machine: Path) -> None:
    built = build.build_folder(build.HELM) / "bin" / "helm"
    built.parent.mkdir(parents=True)
    built.touch()
    assert requirements.helm() == built


@pytest.mark.parametrize("tool", [requirements.promtool, requirements.amtool])
def test_a_program_of_the_system_is_found_or_named_with_its_package(
    tool: Callable[[], Path], bare_machine: Path
) -> None:
    name = tool.__name__
    with pytest.raises(pytest.skip.Exception, match=f"no {name} is on PATH: install it, in Debian the package prom"):
        tool()
    (bare_machine / name).touch(mode=0o755)
    assert tool() == bare_machine / name


def test_shared_facts_are_found_or_skip(bare_machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requirements, "SHARED", bare_machine)
    with pytest.raises(pytest.skip.Exception, match="upstream/charts is missing: it is not in the folder"):
        requirements.shared("upstream/charts")
    (bare_machine / "upstream" / "charts").mkdir(parents=True)
    assert requirements.shared("upstream/charts") == bare_machine / "upstream" / "charts"
