"""What holds for all tests."""

import os
import signal

import pytest

from config.today import VARIABLE
from tests.chart_cache import kind_of_charts
from tests.support import TODAY

os.environ[VARIABLE] = TODAY.isoformat()
"""Versions and their support are judged for one day, here and in each process that a test starts."""

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as behind `&` in a script; tests interrupt what they start
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which charts the standard stack was tested with."""
    kinds = {
        "real": "the real charts, from the user's cache",
        "fixture": "the project's own small charts, with the real ones' values",
    }
    terminalreporter.write_line(f"standard stack tested with {kinds[kind_of_charts()]}")
