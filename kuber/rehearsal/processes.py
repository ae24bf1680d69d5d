"""Runs a command so that nothing of it is left behind, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

GRACE_SECONDS = 5.0
"""How long a command may take to end by itself once interrupted."""


def run(
    command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], timeout_seconds: float
) -> subprocess.CompletedProcess[str]:
    """Run a command in a session of its own and capture what it writes.

    The engine puts its plugins into process groups of their own, so a signal to its group doesn't reach them; the
    session they all share does. When this returns or raises (Ctrl-C included), no process of it is left.

    Raises:
        subprocess.TimeoutExpired: it took longer than `timeout_seconds`.
        OSError: it can't be started.
    """
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    try:
        stdout, stderr = process.communicate(timeout=timeout_seconds)
        return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)
    finally:
        _end(process)


def session_members(session: int) -> list[int]:
    """The ids of all processes of a session, the plugins of an engine that is gone included."""
    return [pid for pid in process_ids() if _session_of(pid) == session]


def _end(process: subprocess.Popen[str]) -> None:
    """Interrupt the command if it still runs, then kill what is left of its session."""
    try:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=GRACE_SECONDS)
    finally:
        for pid in session_members(process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def process_ids() -> Iterator[int]:
    """The ids of all processes on the machine."""
    proc = Path("/proc")
    if (proc / "self").exists():
        return (int(entry.name) for entry in proc.iterdir() if entry.name.isdigit())
    listed = subprocess.run(["ps", "-A", "-o", "pid="], capture_output=True, text=True, check=True)
    return (int(pid) for pid in listed.stdout.split())


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return None
