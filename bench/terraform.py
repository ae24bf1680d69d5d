"""Terraform as the bench uses it: a folder that is ready to plan, and what its plan holds."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PLAN = ("plan", "-input=false", "-out=planfile")
"""What a person runs, and a pipeline: the state is empty, so that nothing is refreshed."""
_PLUGIN_DIR = "TF_PLUGIN_DIR"


class TerraformMissingError(Exception):
    """There is no Terraform, or no provider for it."""


def environment() -> dict[str, str]:
    """The environment without Terraform's look for newer versions of itself, which is network and no plan."""
    return {**os.environ, "CHECKPOINT_DISABLE": "1"}


def command() -> str:
    """Where Terraform is.

    Raises:
        TerraformMissingError: it is not on PATH.
    """
    found = shutil.which("terraform")
    if found is None:
        raise TerraformMissingError("no `terraform` on PATH")
    return found


def initialise(folder: Path) -> None:
    """`terraform init`, with the provider from the folder in TF_PLUGIN_DIR if that is set.

    Raises:
        TerraformMissingError: Terraform or the provider can't be had.
    """
    plugins = os.environ.get(_PLUGIN_DIR)
    arguments = ["init", "-input=false", "-no-color", *([f"-plugin-dir={plugins}"] if plugins else [])]
    done = subprocess.run(
        [command(), *arguments], cwd=folder, env=environment(), check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        said = next((line for line in done.stderr.splitlines() if line.startswith("Error:")), done.stderr)
        raise TerraformMissingError(f"`terraform init` can't get the provider: {said}")


def versions(folder: Path) -> dict[str, str]:
    """Terraform and its providers, in a folder that is initialised."""
    said = _json(folder, "version", "-json")
    providers: Mapping[str, str] = said["provider_selections"]
    return {
        "Terraform": said["terraform_version"],
        **{f"Provider {source.rpartition('/')[2]}": version for source, version in providers.items()},
    }


def planned(folder: Path) -> dict[str, Any]:
    """The plan that was saved last."""
    return _json(folder, "show", "-json", "planfile")


def _json(folder: Path, *arguments: str) -> dict[str, Any]:
    done = subprocess.run(
        [command(), *arguments], cwd=folder, env=environment(), check=True, stdout=subprocess.PIPE, text=True
    )
    return json.loads(done.stdout)
