"""Runs helm, as a template engine and as the one who gets archives; never as an installer."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Sequence

from .errors import NotCachedError
from .programs import find_program, run_program

_HOW_TO_GET_HELM = "install Helm 3 (https://helm.sh/docs/intro/install), or `make tools` builds it"


def helm(
    arguments: Sequence[str],
    *,
    stdin: str = "",
    timeout_seconds: float | None = None,
    stop: threading.Event | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run helm, apart from the user's own plugins and repositories; its registry log-ins are the user's.

    Args:
        arguments: Its command line.
        stdin: What it reads.
        timeout_seconds: When to end it.
        stop: Ends it too, when set from another thread.

    Raises:
        NotCachedError: there is no helm.
        subprocess.TimeoutExpired: it took too long.
    """
    program = find_program("helm")
    if program is None:
        raise NotCachedError("helm", "is needed, and isn't on this machine", _HOW_TO_GET_HELM)
    with tempfile.TemporaryDirectory(prefix="kuber-helm-") as folder:
        own = {
            "HELM_PLUGINS": f"{folder}/plugins",
            "HELM_REPOSITORY_CONFIG": f"{folder}/repositories.yaml",
            "HELM_REPOSITORY_CACHE": f"{folder}/repository",
        }
        command = [str(program), *arguments]
        environment = {**os.environ, **own}
        return run_program(command, stdin=stdin, timeout_seconds=timeout_seconds, environment=environment, stop=stop)
