"""Programs that charts and images need: where they are, and running them so that they end when told."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from .cache import cache_folder

_STOP_SECONDS = 0.1
"""How soon a program ends that is to stop."""


def find_program(name: str) -> Path | None:
    """The program of that name on PATH, else the one that `make tools` built."""
    found = shutil.which(name)
    built = cache_folder() / "tools" / "bin" / name
    return Path(found) if found else built if os.access(built, os.X_OK) else None


def run_program(
    command: Sequence[str],
    *,
    stdin: str = "",
    timeout_seconds: float | None = None,
    environment: Mapping[str, str] | None = None,
    stop: threading.Event | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end.

    Args:
        command: The program, and its arguments.
        stdin: What it reads.
        timeout_seconds: When to end it.
        environment: All of its environment; this process's unless given.
        stop: Ends it too, when set from another thread.

    Raises:
        subprocess.TimeoutExpired: it took too long.
    """
    until = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    pipe = subprocess.PIPE
    unread: str | None = stdin
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=environment) as process:
        try:
            while True:
                left = math.inf if until is None else max(until - time.monotonic(), 0)
                wait = left if stop is None else min(left, _STOP_SECONDS)
                try:
                    out, err = process.communicate(unread, timeout=None if wait == math.inf else wait)
                    return subprocess.CompletedProcess(command, process.returncode, out, err)
                except subprocess.TimeoutExpired:
                    unread = None  # what isn't read yet is remembered
                    if until is not None and time.monotonic() >= until:
                        raise
                    if stop is not None and stop.is_set():
                        process.kill()
        except BaseException:
            process.kill()
            raise
