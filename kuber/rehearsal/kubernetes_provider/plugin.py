"""The real plugin of the Kubernetes provider, where the user's machine has it."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
from pathlib import Path

_PROGRAM = "pulumi-resource-kubernetes"


def real_plugin() -> Path | None:
    """The program of the real provider: on PATH, or the one of the installed SDK's version that the user's engine downloaded.

    An engine keeps its plugins in `plugins` of PULUMI_HOME, which is ~/.pulumi if not set. One with another home, as a rehearsal has,
    finds the program on its PATH, if PULUMI_DEBUG_PROVIDERS names no stand-in for `kubernetes`.
    """
    if on_path := shutil.which(_PROGRAM):
        return Path(on_path).resolve()
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    program = home / "plugins" / f"resource-kubernetes-v{_version()}" / _PROGRAM
    return program.resolve() if program.is_file() else None


def _version() -> str:
    return importlib.metadata.version("pulumi_kubernetes")
