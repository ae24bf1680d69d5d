"""`kuber rehearse`: wrong use, and what is missing, told before anything is started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from components.standard_stack.absence import UNVERIFIED_ALLOWED
from kuber.cli import rehearse as command
from kuber.rehearsal.chaos import Interruption
from kuber.rehearsal.rehearsal import Request
from kuber.rehearsal.result import Problem, Result
from tests.chart_cache import chart_cache
from tests.engine.trees import charts_of
from tests.kuber.conftest import Kuber
from tests.rehearsal.running import processes_in
from tests.support import METAL, PROJECT

WRONG = {
    "an unknown stack": (["prod-ekz"], "did you mean prod-eks?"),
    "an unknown pool": (
        ["prod-eks", "--interrupt-pool", "worker"],
        "expected: one of workers-spot, workers-spot-memory",
    ),
    "a pool that isn't spot": (["prod-eks", "--interrupt-pool", "workers"], "workers is no spot pool"),
    "no spot pool at all": (["colo-london", "--interrupt-pool", "general"], "the stack has no spot pool"),
    "a share above all": (["prod-eks", "--interrupt-pool", "workers-spot:101%"], "NAME:50% with 1 to 100"),
    "a share of nothing": (["prod-eks", "--interrupt-pool", "workers-spot:0%"], "NAME:50% with 1 to 100"),
    "a share that is none": (["prod-eks", "--interrupt-pool", "workers-spot:half"], "NAME:50% with 1 to 100"),
    "an unknown zone": (["prod-eks", "--lose-zone", "us-east-1a"], "one of eu-west-1a, eu-west-1b, eu-west-1c"),
    "an unknown rack": (["colo-london", "--lose-zone", "rack-z"], "one of rack-a, rack-b, rack-c"),
    "an unknown base": (["prod-eks", "--base", "nowhere"], "--base nowhere: "),
    "a kill before any step": (["prod-eks", "--kill-engine-at", "0"], "greater than or equal to 1"),
    "a page in no folder": (["prod-eks", "--html", "nowhere/page.html"], "there is no folder"),
    "a result that is a folder": (["prod-eks", "--json", "."], "can't be written"),
}


@pytest.mark.parametrize(("arguments", "told"), WRONG.values(), ids=WRONG.keys())
def test_wrong_use_is_told_at_once(kuber: Kuber, arguments: list[str], told: str) -> None:
    ended = kuber("rehearse", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.err


def test_a_base_without_the_stack_is_told(kuber: Kuber, project: Path) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@shop.example"]
    for words in (["init", "-q"], ["add", "Pulumi.yaml"], [*identity, "commit", "-qm", "first"]):
        subprocess.run(["git", *words], cwd=project, check=True, capture_output=True)
    ended = kuber("rehearse", "prod-eks", "--base", "HEAD")
    assert ended.code == 2
    assert "Pulumi.prod-eks.yaml isn't in it" in ended.err
    assert "leave --base out" in ended.err


def _real(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "kuber", "rehearse", *arguments, "--project", str(PROJECT)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_charts_that_are_not_here_are_told_with_what_to_do(tmp_path: Path) -> None:
    ended = _real("prod-eks", XDG_CACHE_HOME=str(tmp_path))
    assert ended.returncode == 1
    assert "kuber charts fetch" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_programs_that_are_not_here_are_told_with_what_to_do(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / "kuber").mkdir()
    for name in ("charts", "manifests", "crds", "renderings"):
        found = chart_cache().folder / name
        if found.exists():
            (cache / "kuber" / name).symlink_to(found)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("helm", "git"):
        found = [Path(folder, name) for folder in os.environ["PATH"].split(os.pathsep) if Path(folder, name).exists()]
        if found:
            (programs / name).symlink_to(found[0])
    hidden = {"KUBEBUILDER_ASSETS": "", "KUBER_TOOLS_BIN": "", UNVERIFIED_ALLOWED: "allow"}
    ended = _real("colo-london", XDG_CACHE_HOME=str(cache), PATH=str(programs), **hidden)
    assert ended.returncode == 1
    assert "make tools" in ended.stderr
    assert "Traceback" not in ended.stderr


def _result(problems: list[Problem]) -> Result:
    return Result(
        stack="prod-eks",
        base="",
        change="the working tree",
        chaos=(),
        started="2026-11-22 10:00 UTC",
        seconds=1,
        kubernetes_provider="a stand-in",
        stand_ins=["the clouds"],
        real=["the engine"],
        steps=(),
        problems=problems,
    )


def test_what_is_asked_for_is_what_is_rehearsed(kuber: Kuber, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Request] = []
    monkeypatch.setattr("kuber.rehearsal.rehearsal.rehearse", lambda request, _: asked.append(request) or _result([]))
    monkeypatch.setattr(command, "_planned_resources", lambda *_: 3)
    chaos = ["--interrupt-pool", "workers-spot:50%", "--lose-zone", "eu-west-1a", "--kill-engine-at", "40"]
    assert kuber("rehearse", "prod-eks", *chaos).code == 0
    (request,) = asked
    assert (request.stack, request.base, request.resources) == ("prod-eks", None, 3)
    assert request.interrupt == [Interruption("workers-spot", 50)]
    assert (request.lose_zone, request.kill_engine_at) == ("eu-west-1a", 40)


@pytest.mark.parametrize("broken", [False, True])
def test_exit_code_and_files_tell_what_came_of_it(
    kuber: Kuber, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, broken: bool
) -> None:
    """The rehearsal itself is stood in for here; tests/rehearsal has whole ones."""
    problem = Problem(step="apply", what="rejected by the API server", where="Deployment web", told="no such field")
    monkeypatch.setattr("kuber.rehearsal.rehearsal.rehearse", lambda *_: _result([problem] if broken else []))
    monkeypatch.setattr(command, "_planned_resources", lambda *_: 3)
    page, document = tmp_path / "page.html", tmp_path / "result.json"
    ended = kuber("rehearse", "prod-eks", "--html", page, "--json", document)
    assert ended.code == broken
    assert ("no such field" in ended.out, "nothing broke" in ended.out) == (broken, not broken)
    assert "Stand-ins: the clouds" in ended.out
    assert "a stand-in" in page.read_text(encoding="utf-8")
    assert json.loads(document.read_text(encoding="utf-8"))["fine"] is not broken
    piped = kuber("rehearse", "prod-eks", "--json", "-")
    assert json.loads(piped.out)["kubernetes_provider"] == "a stand-in"


@pytest.mark.parametrize("after", ["raise the stage…", "bring up the working tree…"])
def test_ctrl_c_leaves_nothing_behind(after: str) -> None:
    with tempfile.TemporaryDirectory(prefix="k-") as temporary:  # sockets' paths may have 107 characters
        _interrupted(after, Path(temporary))


def _interrupted(after: str, folder: Path) -> None:
    with charts_of(METAL):
        environment = {**os.environ, "TMPDIR": str(folder)}
    words = [sys.executable, "-m", "kuber", "rehearse", "colo-london", "--project", str(PROJECT)]
    with subprocess.Popen(
        words, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stderr
        for line in process.stderr:
            if line.strip() == after:
                break
        time.sleep(1.0 if "stage" in after else 3.0)
        process.send_signal(signal.SIGINT)
        told = process.stderr.read()
        assert process.wait(timeout=30) == 130, told
    assert "interrupted; nothing was changed" in told
    assert "Traceback" not in told
    assert list(folder.iterdir()) == []
    assert processes_in(folder) == []
