"""Commands in a session of their own."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from kuber.rehearsal import processes

IS_DEAF = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"


def test_a_command_hears_interrupts_even_if_we_were_started_deaf_to_them(tmp_path: Path) -> None:
    """As behind `&` in a script: the engine ends its language host by an interrupt, and would wait 5 s for it in each command."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        done = processes.run([sys.executable, "-c", IS_DEAF], cwd=tmp_path, env=os.environ, timeout_seconds=30)
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
    assert done.stdout == "False\n"
