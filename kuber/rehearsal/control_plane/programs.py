"""Where the programs of a control plane are."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_BUILD = Path(__file__).parents[3] / "tools" / "build.py"


class ControlPlaneMissingError(Exception):
    """A program of the control plane isn't on this machine; the message says which and how to get it."""


@dataclass(frozen=True, kw_only=True)
class Programs:
    """The programs of a control plane, and kwok, which plays the kubelets."""

    etcd: Path
    kube_apiserver: Path
    kube_controller_manager: Path
    kube_scheduler: Path
    kwok: Path


def find_programs() -> Programs:
    """The programs of the pinned Kubernetes: in KUBEBUILDER_ASSETS, on PATH, or as `make tools` built them.

    Raises:
        ControlPlaneMissingError: one is missing.
    """
    names = [name.replace("_", "-") for name in Programs.__dataclass_fields__]
    found = subprocess.run([sys.executable, _BUILD, "--print", *names], capture_output=True, text=True)
    if found.returncode != 0:
        why = found.stderr.strip().removeprefix("error: ")
        raise ControlPlaneMissingError(
            f"{why}, or set KUBEBUILDER_ASSETS to a folder that has the programs of the control plane"
        )
    return Programs(**dict(zip(Programs.__dataclass_fields__, map(Path, found.stdout.splitlines()), strict=True)))
