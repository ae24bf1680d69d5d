"""Output for people: in colour and as wide as the terminal, or plain and wide where it is piped."""

from __future__ import annotations

from typing import TextIO

from rich.console import Console

_PIPED_WIDTH = 200
"""Characters; wide enough that no table is broken for a program that reads lines."""


def console_for(file: TextIO) -> Console:
    """A console that writes to a file, usually standard output."""
    return Console(file=file, highlight=False, width=None if file.isatty() else _PIPED_WIDTH)
