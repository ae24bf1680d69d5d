"""The steps with the real `kuber` and the real engine in the place of stand-ins."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kuber.rehearsal.engine import Engine
from tests import requirements
from tests.pipelines.workplace import PIPELINES
from tests.support import METAL, PROJECT

PROGRAM = '''"""Two notes, of which one has a name that is another in each preview."""

import secrets

from note import Note

Note("one", text="{text}")
Note("other", text=secrets.token_hex(8))
'''


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The project with one stack, on a branch that changes it; `kuber` is the real one, and gets no charts."""
    folder = tmp_path / "kuber"
    for name in ("clusters", "components", "config", "kuber", "releases", "pipelines"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("Pulumi.yaml", "__main__.py", "requirements.txt", ".gitignore", "Pulumi.colo-london.yaml"):
        shutil.copy(PROJECT / name, folder / name)
    programs(folder, folder)
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=base")
    git(folder, "switch", "--quiet", "--create=change")
    return folder


def programs(folder: Path, project: Path) -> None:
    """Put a `.venv` into a folder, with Python and with `kuber` as a project has it."""
    (folder / ".venv" / "bin").mkdir(parents=True)
    for name, arguments in (("python", ""), ("kuber", "-m kuber")):
        file = folder / ".venv" / "bin" / name
        file.write_text(
            f'#!/bin/bash\nPYTHONPATH="{project}" exec "{sys.executable}" {arguments} "$@"\n', encoding="utf-8"
        )
        file.chmod(0o755)


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=test", "-c", "user.email=test@shop.example", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def change(folder: Path, old: str, new: str) -> None:
    file = folder / "Pulumi.colo-london.yaml"
    file.write_text(METAL.replacing(old, new).text, encoding="utf-8")
    git(folder, "commit", "--quiet", "--all", "--message=change")


def review(folder: Path, **others: str) -> subprocess.CompletedProcess[str]:
    environment = {"XDG_CACHE_HOME": str(folder.parent / "cache"), "KUBER_BASE": "main", "COLUMNS": "200"}
    return subprocess.run(
        ["pipelines/steps/review"], cwd=folder, env=os.environ | environment | others, capture_output=True, text=True
    )


def test_a_change_is_validated_and_reviewed(checkout: Path) -> None:
    change(checkout, "labels: {workload: general}", "labels: {workload: general, tier: front}")
    done = review(checkout)
    assert done.returncode == 0, done.stderr
    assert "Pulumi.colo-london.yaml: fine" in done.stdout
    assert "colo-london" in (checkout / "build/review/review.md").read_text(encoding="utf-8")
    assert "tier" in (checkout / "build/review/index.html").read_text(encoding="utf-8")
    told = subprocess.run(["git", "status", "--porcelain"], cwd=checkout, capture_output=True, text=True)
    assert told.stdout == "", "what a review writes is no part of the change"


def test_a_broken_stack_file_fails_the_job_and_the_review_says_so(checkout: Path) -> None:
    change(checkout, "platform: bare_metal", "platfrm: bare_metal")
    done = review(checkout)
    assert done.returncode == 2
    told = "Pulumi.colo-london.yaml:4: platform: the platform is missing"
    assert told in done.stdout
    assert "the platform is missing" in (checkout / "build/review/review.md").read_text(encoding="utf-8")


@pytest.fixture
def notes(tmp_path: Path) -> Iterator[Notes]:
    """A project of two dynamic resources with the steps in it, and a stack of which nothing has been made yet."""
    requirements.engine_tools()
    folder = tmp_path / "notes"
    shutil.copytree(PIPELINES, folder / "pipelines")
    shutil.copy(PROJECT / "tests" / "engine" / "sample_program" / "note.py", folder)
    (folder / "Pulumi.yaml").write_text("name: notes\noptions: {refresh: always}\nruntime: python\n", encoding="utf-8")
    (folder / "Pulumi.dev.yaml").write_text("config: {}\n", encoding="utf-8")
    programs(folder, PROJECT)
    with Engine(folder) as engine:
        init, environment = engine.command("stack", "init", "dev")
        found = Notes(folder, environment)
        found.say("first")
        subprocess.run(init, cwd=folder, env=environment, check=True, capture_output=True)
        yield found


@dataclass(frozen=True)
class Notes:
    """The project, and the engine's environment."""

    folder: Path
    environment: dict[str, str]

    def say(self, text: str) -> None:
        """Have another text in the first note."""
        (self.folder / "__main__.py").write_text(PROGRAM.format(text=text), encoding="utf-8")

    def step(self, *words: str) -> subprocess.CompletedProcess[str]:
        """What a step prints and returns."""
        command = [f"pipelines/steps/{words[0]}", *words[1:]]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=300
        )

    def previewed(self) -> str:
        """The digest of a preview."""
        done = self.step("preview", "dev")
        assert done.returncode == 0, done.stderr + done.stdout
        return (self.folder / "build/deploy/dev.digest").read_text(encoding="utf-8").strip()


def test_what_was_approved_is_done_by_the_real_engine_and_nothing_else(notes: Notes) -> None:
    approved = notes.previewed()
    assert approved == notes.previewed() != "none", "the same, though a name in it is another"
    done = notes.step("up", "dev", approved)
    assert done.returncode == 0, done.stderr + done.stdout

    notes.say("second")
    refused = notes.step("up", "dev", approved)
    assert refused.returncode == 1
    assert "what would be done now isn't what was approved, so nothing was done" in refused.stderr
    assert (changed := notes.previewed()) not in (approved, "none")
    assert notes.step("up", "dev", changed).returncode == 0


def test_a_program_that_fails_is_told_and_leaves_nothing_to_approve(notes: Notes) -> None:
    (notes.folder / "__main__.py").write_text("raise ValueError('no such zone')\n", encoding="utf-8")
    done = notes.step("preview", "dev")
    assert done.returncode != 0
    assert "no such zone" in done.stdout + done.stderr
    assert not (notes.folder / "build/deploy/dev.digest").exists()
