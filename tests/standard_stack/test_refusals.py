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
from tests.chart_cache import chart_cache
from tests.requirements import helm
from tests.support import EKS, PROJECT


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
    refused = plan("--strict", cache=chart_cache().folder.parent)
    assert refused.returncode == 1
    assert "nothing tells whether these are the published charts" in refused.stderr
    allowed = plan("--strict", cache=chart_cache().folder.parent, env={absence.UNVERIFIED_ALLOWED: "allow"})
    assert allowed.returncode == 0, allowed.stderr


def test_all_charts_that_nobody_vouches_for_are_in_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(absence.UNVERIFIED_ALLOWED, raising=False)
    with pytest.raises(ChartError, match=r"published charts: traefik 1, vault 2"):
        absence.judge([], [], ["traefik 1", "vault 2"])


def test_a_plan_says_that_its_release_is_not_locked(tmp_path: Path) -> None:
    done = plan("--json", "-", cache=tmp_path)
    assert "release 2026.11 isn't locked: 40 images, " in done.stderr
    assert "`kuber charts lock 2026.11`" in done.stderr


def plan(*arguments: str, cache: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """`kuber plan` of prod-eks, with the charts of a cache."""
    without = {name: value for name, value in os.environ.items() if name != absence.UNVERIFIED_ALLOWED}
    return subprocess.run(
        [sys.executable, "-m", "kuber", "plan", EKS.stack, *arguments],
        cwd=PROJECT,
        env={
            **without,
            "XDG_CACHE_HOME": str(cache),
            "PATH": f"{os.environ['PATH']}:{Path(helm_folder())}",
            **(env or {}),
        },
        capture_output=True,
        text=True,
    )


def helm_folder() -> str:
    """Where the tests' helm is, whatever the cache."""
    from tools import build

    try:
        return str(build.find(build.HELM).parent)
    except build.BuildError:
        return ""
