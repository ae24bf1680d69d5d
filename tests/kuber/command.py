"""Runs `kuber` as a user does: a process of its own, its output and exit code."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]
STACKS = ("colo-london", "prod-eks", "prod-gke")


def kuber(*arguments: str, cwd: Path = PROJECT, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """What `python -m kuber …` prints and returns. `env` is added to the environment."""
    return subprocess.run(
        [sys.executable, "-m", "kuber", *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(PROJECT), "COLUMNS": "200"} | (env or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def copy_of_the_project(folder: Path, *stacks: str) -> Path:
    """A folder in which the program runs, with copies of some stack files that a test may change."""
    for name in ("clusters", "components", "config"):
        (folder / name).symlink_to(PROJECT / name)
    for name in ("Pulumi.yaml", "__main__.py", *(f"Pulumi.{stack}.yaml" for stack in stacks)):
        shutil.copy(PROJECT / name, folder / name)
    return folder
