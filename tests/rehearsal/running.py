"""What still runs when a rehearsal is over."""

from __future__ import annotations

import os
from pathlib import Path

from kuber.rehearsal.processes import process_ids


def processes_in(folder: Path) -> list[str]:
    """The command lines of processes that run in a folder or are told of it."""
    return [line for pid in process_ids() if pid != os.getpid() and (line := _line(pid, str(folder)))]


def _line(pid: int, folder: str) -> str:
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        place = os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""
    return line if folder in line or place.startswith(folder) else ""
