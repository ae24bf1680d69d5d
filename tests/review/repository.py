"""A copy of the project in a repository of its own, which tests change and have reviewed as a user does."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.charts.cache import ChartCache
from tests import requirements
from tests.chart_cache import fixture_cache
from tests.support import PROJECT

PROGRAM = ("clusters", "components", "config", "kuber", "releases")
FILES = (".gitignore", "Pulumi.yaml", "__main__.py", "requirements.txt")
STACKS = ("colo-london", "prod-eks", "prod-gke")

_COMMIT = re.compile(r"\([0-9a-f]{7,}\)")

Edit = Callable[[Path], None]
"""Changes something in a project's folder."""


@dataclass(frozen=True)
class Reviewed:
    """What a review said.

    Attributes:
        code: Exit code of the command.
        text: What it printed, without ids of commits.
        told: Progress and errors.
        document: Its JSON; none where it wrote none.
    """

    code: int
    text: str
    told: str
    document: Mapping[str, Any] = field(repr=False)

    def outcome(self, stack: str) -> str:
        """The verdict of a cluster: "1 deleted, 2 updated"."""
        return next(line for line in self.text.splitlines() if line.startswith(f"{stack}: ")).removeprefix(f"{stack}: ")

    @property
    def dangers(self) -> list[str]:
        """Level and rule of each danger, the worst first: "high endpoint-public"."""
        return [f"{one['level']} {one['rule']}" for one in self.document["dangers"]]


class Repository:
    """The project as git has it.

    Args:
        folder: Where to put it, and a cache beside it.
        charts: The charts in that cache; the tests' own unless given.
    """

    def __init__(self, folder: Path, charts: ChartCache | None = None) -> None:
        self.folder = folder / "project"
        self.cache = folder / "cache"
        shutil.copytree(
            PROJECT,
            self.folder,
            ignore=lambda path, names: [
                one
                for one in names
                if one == "__pycache__"
                or (Path(path) == PROJECT and one not in (*PROGRAM, *FILES) and not one.startswith("Pulumi."))
            ],
        )
        (self.cache / "kuber").mkdir(parents=True)
        cached = (charts or fixture_cache()).folder
        for name in ("charts", "manifests", "crds", "renderings"):
            (cached / name).mkdir(exist_ok=True)
            (self.cache / "kuber" / name).symlink_to(cached / name)
        self._git("init", "--quiet", "--initial-branch=main")
        self.commit("as it is")
        self._start = self._git("rev-parse", "HEAD").strip()

    def change(self, *edits: Edit) -> None:
        """Edit the working tree."""
        for one in edits:
            one(self.folder)

    def commit(self, message: str) -> None:
        """Commit all there is."""
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", f"--message={message}")

    def reset(self) -> None:
        """As it was at the start."""
        self._git("reset", "--quiet", "--hard", self._start)
        self._git("clean", "--quiet", "--force", "-d")

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables by which a command works on it."""
        return {
            **os.environ,
            "PATH": os.pathsep.join([str(requirements.helm().parent), os.environ["PATH"]]),
            "PYTHONPATH": str(self.folder),
            "XDG_CACHE_HOME": str(self.cache),
        }

    def forget_plans(self) -> None:
        """Have no plan in the cache."""
        shutil.rmtree(self.cache / "kuber" / "plans", ignore_errors=True)

    def review(self, *arguments: str, env: Mapping[str, str] | None = None) -> Reviewed:
        """What `kuber review` says of the working tree, on HEAD unless an argument says otherwise."""
        result = self.folder.parent / "review.json"
        result.unlink(missing_ok=True)
        base = () if "--base" in arguments or "-" in arguments else ("--base", "HEAD")
        done = subprocess.run(
            [sys.executable, "-m", "kuber", "review", *arguments, *base, "--json", str(result)],
            cwd=self.folder,
            env={**self.environment, "COLUMNS": "200", **(env or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        return Reviewed(
            code=done.returncode,
            text=_COMMIT.sub("(commit)", done.stdout),
            told=done.stderr,
            document=json.loads(result.read_text(encoding="utf-8")) if result.exists() else {},
        )

    def _git(self, *arguments: str) -> str:
        identity = ["-c", "user.name=Jane", "-c", "user.email=jane@shop.example", "-c", "commit.gpgsign=false"]
        done = subprocess.run(
            ["git", "-C", str(self.folder), *identity, *arguments], capture_output=True, text=True, check=True
        )
        return done.stdout


def replace(file: str, old: str, new: str) -> Edit:
    """Write one place of a file otherwise."""

    def edit(folder: Path) -> None:
        text = (folder / file).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        (folder / file).write_text(text.replace(old, new), encoding="utf-8")

    return edit


def everywhere(old: str, new: str, stacks: Sequence[str] = STACKS) -> list[Edit]:
    """Write one place of several stack files otherwise."""
    return [replace(f"Pulumi.{stack}.yaml", old, new) for stack in stacks]


def remove(file: str) -> Edit:
    """Remove a file."""
    return lambda folder: (folder / file).unlink()


def copy(file: str, to: str, *changed: tuple[str, str]) -> Edit:
    """Copy a file, each of some texts written otherwise everywhere in it."""

    def edit(folder: Path) -> None:
        text = (folder / file).read_text(encoding="utf-8")
        for old, new in changed:
            assert old in text, f"{old!r} isn't in {file}"
            text = text.replace(old, new)
        (folder / to).write_text(text, encoding="utf-8")

    return edit


EKS, GKE, METAL = (f"Pulumi.{stack}.yaml" for stack in ("prod-eks", "prod-gke", "colo-london"))

MORE_CLUSTERS = (
    copy(EKS, "Pulumi.stage-eks.yaml", ("prod-eks", "stage-eks"), ("10.20.", "10.60."), (": production", ": stage")),
    copy(
        GKE,
        "Pulumi.stage-gke.yaml",
        ("prod-gke", "stage-gke"),
        ("shop-production-7f3a", "shop-stage-1c2d"),
        ("10.30.", "10.70."),
        ("10.32.", "10.72."),
        (": production", ": stage"),
    ),
    copy(
        METAL,
        "Pulumi.colo-paris.yaml",
        ("colo-london", "colo-paris"),
        ("london", "paris"),
        ("lon-", "par-"),
        ("10.40.", "10.80."),
        ("10.43.", "10.83."),
        ("10.44.", "10.84."),
    ),
)
"""Stack files of three clusters more, as examples."""
