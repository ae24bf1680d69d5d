"""A run that may not go without a chart, or with one that nobody vouches for, refuses before anything is registered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.charts.errors import ChartError
from components.standard_stack import absence
from components.standard_stack.rendered import RenderedStack
from config.release import Release, read_release
from tests.chart_cache import fixture_cache
from tests.requirements import helm
from tests.support import EKS, PROJECT

REGISTERED = Path(__file__).with_name("registered.py")


def test_a_strict_plan_without_charts_names_all_of_them_and_plans_nothing(tmp_path: Path) -> None:
    result = tmp_path / "plan.json"
    done = plan("--strict", "--json", str(result), cache=tmp_path)
    assert done.returncode == 1
    assert "nothing can be planned, and nothing was changed" in done.stderr
    assert all(chart in done.stderr for chart in ("kube-prometheus-stack 88.5.3", "cert-manager v1.21.1"))
    assert "kuber charts fetch" in done.stderr
    assert not result.exists()


def test_a_plan_goes_without_charts_and_says_which_parts_lack_objects(tmp_path: Path) -> None:
    done = plan("--json", "-", cache=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "not rendered" in done.stderr
    assert {"monitoring", "ingress", "certificates"} <= set(json.loads(done.stdout)["incomplete"])


def test_a_strict_plan_refuses_charts_that_nobody_vouches_for_unless_told_otherwise() -> None:
    helm()
    refused = plan("--strict", cache=unverified())
    assert refused.returncode == 1
    assert "nothing tells whether these are the published charts" in refused.stderr
    allowed = plan("--strict", cache=unverified(), env={absence.UNVERIFIED_ALLOWED: "allow"})
    assert allowed.returncode == 0, allowed.stderr


def test_without_charts_the_program_registers_nothing_as_under_an_engine(tmp_path: Path) -> None:
    error, registered = run_as_under_an_engine(tmp_path)
    assert "not in the cache" in error
    assert registered == []


def test_with_charts_that_nobody_vouches_for_it_registers_nothing_either_unless_told_otherwise() -> None:
    helm()
    error, registered = run_as_under_an_engine(unverified())
    assert "nothing tells whether these are the published charts" in error
    assert registered == []
    error, registered = run_as_under_an_engine(unverified(), {absence.UNVERIFIED_ALLOWED: "allow"})
    assert error == ""
    assert "aws:eks/cluster:Cluster" in registered


def test_all_charts_that_nobody_vouches_for_are_in_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(absence.UNVERIFIED_ALLOWED, raising=False)
    with pytest.raises(ChartError, match=r"published charts: traefik 1, vault 2"):
        absence.judge([], [], ["traefik 1", "vault 2"])


def test_a_plan_says_once_that_its_release_is_not_locked(tmp_path: Path) -> None:
    release = read_release(EKS.read().release)
    done = plan("--json", "-", cache=tmp_path)
    told = [line for line in done.stderr.splitlines() if "isn't locked" in line]
    assert len(told) == (1 if release.unlocked else 0)


def test_what_is_not_locked_is_told_in_numbers_with_the_command_that_locks_it() -> None:
    release = of_digests("")
    files = [one for one in release.crds.values() if one.url]
    assert stack(release).warnings == [
        f"release 2026.11 isn't locked: {len(release.images)} images, {len(release.charts)} charts, "
        f"{len(files)} file of CRDs without a digest (`kuber charts lock 2026.11` asks for them)"
    ]


def test_a_release_with_all_digests_is_not_warned_of() -> None:
    assert stack(of_digests(f"sha256:{'0' * 64}")).warnings == []


def of_digests(digest: str) -> Release:
    """The release with this digest everywhere; CRDs out of charts have none of their own."""
    release = read_release("2026.11")
    return release.model_copy(
        update={
            "charts": {name: pin.model_copy(update={"digest": digest}) for name, pin in release.charts.items()},
            "images": {name: pin.model_copy(update={"digest": digest}) for name, pin in release.images.items()},
            "crds": {
                name: pin.model_copy(update={"digest": digest}) if pin.url else pin
                for name, pin in release.crds.items()
            },
        }
    )


def stack(release: Release) -> RenderedStack:
    """A stack of a release, without anything in it that could be warned of."""
    return RenderedStack(
        parts=[], bundles=[], needs={}, not_rendered=[], unverified=[], removed_crds=[], release=release
    )


def unverified() -> Path:
    """A user's cache with charts that were packed from folders."""
    return fixture_cache().folder.parent


def run_as_under_an_engine(cache: Path, env: dict[str, str] | None = None) -> tuple[str, list[str]]:
    """The program of prod-eks, run as an engine runs it: why it ended, and the types that it registered below its stack."""
    done = subprocess.run(
        [sys.executable, REGISTERED, EKS.stack, PROJECT], env=environment(cache, env), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    return told["error"], told["registered"]


def plan(*arguments: str, cache: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """`kuber plan` of prod-eks, with the charts of a cache."""
    return subprocess.run(
        [sys.executable, "-m", "kuber", "plan", EKS.stack, *arguments],
        cwd=PROJECT,
        env=environment(cache, env),
        capture_output=True,
        text=True,
    )


def environment(cache: Path, more: dict[str, str] | None) -> dict[str, str]:
    """This process's, with another cache."""
    here = {name: value for name, value in os.environ.items() if name != absence.UNVERIFIED_ALLOWED}
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), helm_folder()])
    return {**here, "XDG_CACHE_HOME": str(cache), "PATH": path, "PYTHONPATH": str(PROJECT), **(more or {})}


def helm_folder() -> str:
    """Where the tests' helm is, whatever the cache."""
    from tools import build

    try:
        return str(build.find(build.HELM).parent)
    except build.BuildError:
        return ""
