"""Runs helm, as a template engine and as the one who gets archives; never as an installer."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .cache import cache_folder
from .errors import NotCachedError

_HOW_TO_GET_HELM = "install Helm 3 (https://helm.sh/docs/intro/install), or `make tools` builds it"


def find_helm() -> Path | None:
    """The helm on PATH, else the one that `make tools` built."""
    found = shutil.which("helm")
    built = cache_folder() / "tools" / "bin" / "helm"
    return Path(found) if found else built if os.access(built, os.X_OK) else None


def helm(arguments: Sequence[str], *, stdin: str = "", timeout_seconds: float | None = None) -> subprocess.CompletedProcess[str]:
    """Run helm, apart from the user's own plugins and repositories; its registry log-ins are the user's.

    Raises:
        NotCachedError: there is no helm.
        subprocess.TimeoutExpired: it took too long.
    """
    program = find_helm()
    if program is None:
        raise NotCachedError("helm", "is needed, and isn't on this machine", _HOW_TO_GET_HELM)
    with tempfile.TemporaryDirectory(prefix="kuber-helm-") as folder:
        own = {
            "HELM_PLUGINS": f"{folder}/plugins",
            "HELM_REPOSITORY_CONFIG": f"{folder}/repositories.yaml",
            "HELM_REPOSITORY_CACHE": f"{folder}/repository",
        }
        return subprocess.run(
            [program, *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            env={**os.environ, **own},
        )
